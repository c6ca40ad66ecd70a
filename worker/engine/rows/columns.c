/*
 * The default order of columns, and their names in the header. Which parameters
 * a vehicle has is the caller's business; a requested order is never changed.
 */
#include "worker/engine/rows/columns.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/names.h"
#include "lib/base/nameset.h"
#include "worker/engine/decode/leaftext.h"

static const char *const first[] = { "speed", "soc", "current", "odo",
	"voltage" };
#define NFIRST (sizeof(first) / sizeof(first[0]))

/* A name's rank; NFIRST for all that are not in the list. */
static size_t
column_rank(const char *name)
{
	size_t i;

	for (i = 0; i < NFIRST && strcmp(name, first[i]) != 0; i++)
		;
	return i;
}

static int
column_compare(const void *a, const void *b)
{
	const size_t x = column_rank(*(char *const *)a);
	const size_t y = column_rank(*(char *const *)b);

	if (x != y)
		return x < y ? -1 : 1;
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
columns_sort(struct names *list)
{
	if (list->n > 0)
		qsort(list->v, list->n, sizeof(*list->v), column_compare);
}

/* Add the next column's name; `to` is for use here. Returns 0, -1: no memory. */
static int
column_add(struct names *columns, struct nameset *taken, const char *parameter,
    char separator, struct buf *to)
{
	char *stem, *name;
	size_t size;

	to->len = 0;
	/* With its apostrophes already: two names may differ only by them. */
	if (leaftext_guard(to, parameter, strlen(parameter), separator) != 0 ||
	    buf_add(to, "", 1) != 0)
		return -1;
	size = to->len + 1 + NAMESET_NUMBER_SIZE;
	if ((name = (char *)buf_reserve(to, size)) == NULL)
		return -1;
	stem = (char *)to->data;
	nameset_next(taken, stem, "_", "", name, size);
	return nameset_add(taken, name, NULL) != 0 ||
	    names_add(columns, name, strlen(name)) != 0 ? -1 : 0;
}

int
columns_name(const struct names *parameters, char separator,
    struct names *columns)
{
	struct nameset taken;
	struct buf to;
	size_t i;
	int rc;

	nameset_init(&taken);
	buf_init(&to, SIZE_MAX / 2);
	rc = nameset_add(&taken, "time", NULL);
	for (i = 0; i < parameters->n && rc == 0; i++)
		rc = column_add(columns, &taken, parameters->v[i], separator,
		    &to);
	buf_release(&to);
	nameset_release(&taken);
	return rc;
}
