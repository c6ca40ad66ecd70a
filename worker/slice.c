#include "worker/slice.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "worker/merge.h"

/* Memory of the slice that is freed with it. */
struct block {
	struct block *next;
	size_t bytes;
	uint8_t data[];
};

struct column {
	struct points now;	/* of this hour, refs into the slice's blocks */
	struct points later;	/* beyond it, sorted, refs into own blocks */
};

struct slice {
	size_t n;
	int64_t end_ms;
	struct budget budget;
	struct column *columns;
	struct block *blocks;
	struct merge merge;
};

static struct block *
block_new(struct budget *budget, const void *data, size_t bytes)
{
	struct block *b;

	if (budget_take(budget, bytes) != 0)
		return NULL;
	if ((b = malloc(sizeof(*b) + bytes)) == NULL) {
		budget_give(budget, bytes);
		return NULL;
	}
	b->bytes = bytes;
	memcpy(b->data, data, bytes);
	return b;
}

/* The block that a carried point's ref points into. */
static struct block *
block_of(const uint8_t *ref)
{
	return (struct block *)(uintptr_t)(ref - offsetof(struct block, data));
}

static void
block_free(struct budget *budget, struct block *b)
{
	budget_give(budget, b->bytes);
	free(b);
}

static void
block_push(struct slice *s, struct block *b)
{
	b->next = s->blocks;
	s->blocks = b;
}

struct slice *
slice_new(size_t n, size_t memory_max)
{
	struct slice *s;
	size_t i;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->n = n;
	s->budget.max = memory_max;
	s->merge.n = n;
	s->columns = calloc(n + 1, sizeof(*s->columns));
	s->merge.series = calloc(n + 1, sizeof(*s->merge.series));
	s->merge.cells = calloc(n + 1, sizeof(*s->merge.cells));
	if (s->columns == NULL || s->merge.series == NULL ||
	    s->merge.cells == NULL) {
		s->n = 0;
		slice_free(s);
		return NULL;
	}
	for (i = 0; i < n; i++) {
		points_init(&s->columns[i].now, &s->budget);
		points_init(&s->columns[i].later, &s->budget);
	}
	return s;
}

static void
forget_blocks(struct slice *s)
{
	struct block *b;

	while ((b = s->blocks) != NULL) {
		s->blocks = b->next;
		block_free(&s->budget, b);
	}
}

void
slice_free(struct slice *s)
{
	size_t i, k;

	if (s == NULL)
		return;
	forget_blocks(s);
	for (i = 0; i < s->n; i++) {
		struct points *later = &s->columns[i].later;

		for (k = 0; k < later->n; k++)
			if (point_ref_bytes(&later->v[k]) > 0)
				block_free(&s->budget,
				    block_of(later->v[k].v.ref));
		points_release(later);
		points_release(&s->columns[i].now);
	}
	free(s->columns);
	free(s->merge.series);
	free(s->merge.cells);
	free(s);
}

int
slice_begin(struct slice *s, int64_t end_ms)
{
	size_t i, k, due;

	forget_blocks(s);
	s->end_ms = end_ms;
	for (i = 0; i < s->n; i++) {
		struct points *now = &s->columns[i].now;
		struct points *later = &s->columns[i].later;

		points_clear(now);
		due = points_before(later, end_ms);
		for (k = 0; k < due; k++) {
			if (points_add(now, &later->v[k]) != 0)
				return -1;
			/* From here on it goes with this slice. */
			if (point_ref_bytes(&later->v[k]) > 0) {
				block_push(s, block_of(later->v[k].v.ref));
				later->v[k].type = LEAF_BOOL;
			}
		}
		points_drop(later, due);
	}
	return 0;
}

int
slice_add(struct slice *s, size_t column, const uint8_t *doc, size_t len,
    int64_t from_ms, int64_t to_ms, struct skips *skips)
{
	struct block *b;

	if ((b = block_new(&s->budget, doc, len)) == NULL)
		return -1;
	block_push(s, b);
	return unwind(b->data, len, from_ms, to_ms, &s->columns[column].now,
	    skips);
}

/* Move the points from end_ms on, which are sorted, behind those carried. */
static int
carry(struct slice *s, struct column *c)
{
	size_t first = points_before(&c->now, s->end_ms), k;
	size_t before = c->later.n;

	for (k = first; k < c->now.n; k++) {
		struct point p = c->now.v[k];
		size_t bytes = point_ref_bytes(&p);
		struct block *b = NULL;

		if (bytes > 0) {
			b = block_new(&s->budget, p.v.ref, bytes);
			if (b == NULL)
				return -1;
			p.v.ref = b->data;
		}
		if (points_add(&c->later, &p) != 0) {
			if (b != NULL)
				block_free(&s->budget, b);
			return -1;
		}
	}
	c->now.n = first;
	return c->later.n > before ? points_sort(&c->later) : 0;
}

struct merge *
slice_rows(struct slice *s, uint64_t *duplicates)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		struct column *c = &s->columns[i];

		if (points_sort(&c->now) != 0 || carry(s, c) != 0)
			return NULL;
		*duplicates += points_dedupe(&c->now);
		s->merge.series[i].v = c->now.v;
		s->merge.series[i].n = c->now.n;
	}
	return &s->merge;
}

int
slice_carried(const struct slice *s, int64_t *t_ms)
{
	int found = 1;
	size_t i;

	for (i = 0; i < s->n; i++) {
		const struct points *later = &s->columns[i].later;

		if (later->n > 0 && (found != 0 || later->v[0].t_ms < *t_ms)) {
			*t_ms = later->v[0].t_ms;
			found = 0;
		}
	}
	return found;
}
