/*
 * The exact path's points of one column: collected in the order of reading,
 * sorted, and cleared of duplicates. Knows neither documents nor CSV.
 */
#include "worker/engine/decode/points.h"

#include <stdlib.h>
#include <string.h>

/* There may be thousands of columns of a few points each. */
#define POINTS_FIRST 16

int
budget_take(struct budget *b, size_t n)
{
	if (n > b->max || b->used > b->max - n)
		return -1;
	b->used += n;
	return 0;
}

void
budget_give(struct budget *b, size_t n)
{
	b->used -= n;
}

void
points_init(struct points *ps, struct budget *budget)
{
	memset(ps, 0, sizeof(*ps));
	ps->ascending = true;
	ps->budget = budget;
}

void
points_release(struct points *ps)
{
	if (ps->cap > 0)
		budget_give(ps->budget, ps->cap * sizeof(*ps->v));
	free(ps->v);
	points_init(ps, ps->budget);
}

void
points_clear(struct points *ps)
{
	ps->n = 0;
	ps->ascending = true;
}

/* The budget is charged first: what it refuses is never allocated. */
static int
points_grow(struct points *ps)
{
	size_t cap = ps->cap ? ps->cap * 2 : POINTS_FIRST;
	size_t more = (cap - ps->cap) * sizeof(*ps->v);
	struct point *v;

	if (budget_take(ps->budget, more) != 0)
		return -1;
	if ((v = realloc(ps->v, cap * sizeof(*v))) == NULL) {
		budget_give(ps->budget, more);
		return -1;
	}
	ps->v = v;
	ps->cap = cap;
	return 0;
}

int
points_add(struct points *ps, const struct point *p)
{
	if (ps->n == ps->cap && points_grow(ps) != 0)
		return -1;
	if (ps->n > 0 && p->t_ms <= ps->v[ps->n - 1].t_ms)
		ps->ascending = false;
	ps->v[ps->n++] = *p;
	return 0;
}

/*
 * Merge the sorted runs a[0..na) and b[0..nb) into to; of equal times a's come
 * first, which keeps the sort stable.
 */
static void
merge_runs(const struct point *a, size_t na, const struct point *b, size_t nb,
    struct point *to)
{
	while (na > 0 && nb > 0) {
		if (a->t_ms <= b->t_ms) {
			*to++ = *a++;
			na--;
		} else {
			*to++ = *b++;
			nb--;
		}
	}
	memcpy(to, a, na * sizeof(*a));
	/* They may be there already. */
	memmove(to + na, b, nb * sizeof(*b));
}

/* Merge sort; spare has room for half of the points. */
static void
sort_with(struct point *v, size_t n, struct point *spare)
{
	size_t half = n / 2;

	if (n < 2)
		return;
	sort_with(v, half, spare);
	sort_with(v + half, n - half, spare);
	if (v[half - 1].t_ms <= v[half].t_ms)
		return;
	/* Only the left half moves: the merge cannot overtake the right one. */
	memcpy(spare, v, half * sizeof(*v));
	merge_runs(spare, half, v + half, n - half, v);
}

int
points_sort(struct points *ps)
{
	size_t bytes = (ps->n / 2 + 1) * sizeof(*ps->v);
	struct point *spare;

	if (ps->ascending)
		return 0;
	if (budget_take(ps->budget, bytes) != 0)
		return -1;
	if ((spare = malloc(bytes)) != NULL)
		sort_with(ps->v, ps->n, spare);
	free(spare);
	budget_give(ps->budget, bytes);
	return spare == NULL ? -1 : 0;
}

uint64_t
points_dedupe(struct points *ps)
{
	size_t i, n = 0;
	uint64_t dropped;

	if (ps->ascending)
		return 0;
	/* Each point replaces the one before it if that has the same time. */
	for (i = 0; i < ps->n; i++) {
		if (n > 0 && ps->v[n - 1].t_ms == ps->v[i].t_ms)
			n--;
		ps->v[n++] = ps->v[i];
	}
	dropped = ps->n - n;
	ps->n = n;
	ps->ascending = true;
	return dropped;
}

size_t
point_ref_bytes(const struct point *p)
{
	switch (p->type) {
	case LEAF_STRING:
		return 4 + le32(p->v.ref);
	case LEAF_DECIMAL128:
		return 16;
	default:
		return 0;
	}
}
