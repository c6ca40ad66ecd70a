/*
 * A list of names that owns its strings: of vehicles, parameters, columns.
 * Knows nothing of their order in an archive (worker/engine/rows/columns.c).
 */
#include "lib/base/names.h"

#include <stdlib.h>
#include <string.h>

int
names_add(struct names *list, const char *text, size_t len)
{
	char **v;

	v = realloc(list->v, (list->n + 1) * sizeof(*v));
	if (v == NULL)
		return -1;
	list->v = v;
	if ((v[list->n] = strndup(text, len)) == NULL)
		return -1;
	list->n++;
	return 0;
}

static int
name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
names_sort(struct names *list)
{
	if (list->n > 0)
		qsort(list->v, list->n, sizeof(*list->v), name_compare);
}

bool
names_has(const struct names *sorted, const char *name)
{
	return sorted->n > 0 && bsearch(&name, sorted->v, sorted->n,
	    sizeof(*sorted->v), name_compare) != NULL;
}

bool
names_equal(const struct names *a, const struct names *b)
{
	size_t i = 0;

	while (i < a->n && i < b->n && strcmp(a->v[i], b->v[i]) == 0)
		i++;
	return i == a->n && i == b->n;
}

void
names_release(struct names *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	memset(list, 0, sizeof(*list));
}
