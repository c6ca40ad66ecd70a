/*
 * The documents of a window in one list. Looks at their times alone.
 */
#include "worker/gather.h"

#include <stdlib.h>
#include <string.h>

/* Numbers come before Dates: merge both by time. The later one counts. */
static void
merge_times(const struct gather_column *c, struct source_doc *to)
{
	size_t half = 1, i, k, n = 0;

	while (half < c->n && c->v[half].t_ms >= c->v[half - 1].t_ms)
		half++;
	for (i = 0, k = half; i < half && i < c->n; ) {
		if (k < c->n && c->v[k].t_ms < c->v[i].t_ms)
			to[n++] = c->v[k++];
		else
			to[n++] = c->v[i++];
	}
	while (k < c->n)
		to[n++] = c->v[k++];
}

/*
 * Put what has no time of its own among a column's n others: in its order, before
 * those of the time that it was given, which is the same for all. Returns how many.
 */
static size_t
merge_odd(const struct gather_column *odd, size_t column, struct source_doc *to,
    size_t n)
{
	size_t i, at = 0, added = 0;

	while (odd->n > 0 && at < n && to[at].t_ms < odd->v[0].t_ms)
		at++;
	for (i = 0; i < odd->n; i++) {
		if (odd->v[i].column != column)
			continue;
		memmove(&to[at + added + 1], &to[at + added],
		    (n - at) * sizeof(*to));
		to[at + added++] = odd->v[i];
	}
	return added;
}

struct source_doc *
gather(const struct gather_column *columns, size_t n, size_t *docs)
{
	struct source_doc *all;
	size_t i, at = 0;

	for (i = 0; i <= n; i++)
		at += columns[i].n;
	if ((all = malloc((at + 1) * sizeof(*all))) == NULL)
		return NULL;
	for (i = 0, at = 0; i < n; i++) {
		merge_times(&columns[i], all + at);
		at += columns[i].n +
		    merge_odd(&columns[n], i, all + at, columns[i].n);
	}
	*docs = at;
	return all;
}
