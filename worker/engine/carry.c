/*
 * The documents that reach beyond their slice. Knows their first and last time
 * after it, and no rows.
 */
#include "worker/engine/carry.h"

#include <stdlib.h>
#include <string.h>

#include "worker/engine/source.h"

struct carried *
carried_new(const struct source_doc *doc, int64_t next_ms, int64_t last_ms)
{
	struct carried *c;

	if ((c = malloc(sizeof(*c) + doc->len)) == NULL)
		return NULL;
	atomic_init(&c->refs, 1);
	c->column = doc->column;
	c->len = doc->len;
	c->next_ms = next_ms;
	c->last_ms = last_ms;
	memcpy(c->data, doc->data, doc->len);
	return c;
}

void
carried_let_go(struct carried *c)
{
	if (atomic_fetch_sub(&c->refs, 1) == 1)
		free(c);
}

int
carry_add(struct carry *carry, struct carried *const *list, size_t n)
{
	struct carried **v;
	size_t i;

	if (n == 0)
		return 0;
	v = realloc(carry->v, (carry->n + n) * sizeof(*v));
	for (i = 0; v == NULL && i < n; i++)
		carried_let_go(list[i]);
	if (v == NULL)
		return -1;
	carry->v = v;
	for (i = 0; i < n; i++) {
		carry->v[carry->n++] = list[i];
		carry->bytes += list[i]->len;
	}
	return 0;
}

int
carry_select(const struct carry *carry, int64_t from_ms, int64_t to_ms,
    struct carried ***list, size_t *n)
{
	size_t i;

	*list = NULL;
	*n = 0;
	for (i = 0; i < carry->n; i++) {
		struct carried *c = carry->v[i];

		if (c->next_ms >= to_ms || c->last_ms < from_ms)
			continue;
		if (*list == NULL && (*list = calloc(carry->n,
		    sizeof(**list))) == NULL)
			return -1;
		atomic_fetch_add(&c->refs, 1);
		(*list)[(*n)++] = c;
	}
	return 0;
}

void
carry_pass(struct carry *carry, int64_t end_ms)
{
	size_t i, n = 0;

	for (i = 0; i < carry->n; i++) {
		if (carry->v[i]->last_ms >= end_ms) {
			carry->v[n++] = carry->v[i];
			continue;
		}
		carry->bytes -= carry->v[i]->len;
		carried_let_go(carry->v[i]);
	}
	carry->n = n;
	if (n == 0) {
		free(carry->v);
		carry->v = NULL;
	}
}
