/*
 * The default order of columns, and nothing else. Which parameters a vehicle
 * has is the caller's business; a requested order never comes here.
 */
#include "worker/engine/rows/columns.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/names.h"

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
