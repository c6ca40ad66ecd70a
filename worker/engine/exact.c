/*
 * The exact path: any documents into rows, an hour or less at a time, by
 * unwinding, sorting, deduplicating and merging points. Knows no files, threads
 * or manifest: what comes out goes to callbacks.
 */
#include "worker/engine/exact.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "worker/engine/decode/points.h"
#include "worker/engine/decode/unwind.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/rows/csv.h"
#include "worker/engine/rows/merge.h"
#include "worker/engine/slice.h"

/* The most for a window's points and sorting them: 1.7 million points. */
#define POINTS_BYTES ((size_t)40 * 1024 * 1024)

/* A document that has points left. */
struct live {
	size_t column, len;
	const uint8_t *data;	/* in the slice, or own */
	uint8_t *own;		/* a copy, once the slice is gone */
	int64_t next_ms;	/* lower bound of its points that are left */
	bool reported;		/* its skips were */

	/* From the walk of this window; valid once the window fits. */
	int64_t found_ms;	/* the next next_ms */
	struct skips skips;
};

struct exact {
	const struct slice_plan *plan;
	struct exact_out *out;
	struct deflater *deflater;
	struct live *v;		/* in the order of reading */
	size_t n, cap;
	size_t kept_bytes;	/* of own copies */
	struct budget budget;	/* of points */
	struct points *columns;	/* of the window */
	struct merge merge;
	struct blocks blocks;
	int64_t window_ms;	/* the size that fitted last */
};

struct exact *
exact_new(const struct slice_plan *plan, struct exact_out *out,
    struct deflater *deflater)
{
	struct exact *x;
	size_t i;

	if ((x = calloc(1, sizeof(*x))) == NULL)
		return NULL;
	x->plan = plan;
	x->out = out;
	x->deflater = deflater;
	x->budget.max = POINTS_BYTES;
	blocks_init(&x->blocks);
	x->merge.n = plan->n;
	/* One more: a plan may have no columns, and calloc(0) return NULL. */
	x->merge.series = calloc(plan->n + 1, sizeof(*x->merge.series));
	x->merge.cells = calloc(plan->n + 1, sizeof(*x->merge.cells));
	x->columns = calloc(plan->n + 1, sizeof(*x->columns));
	if (x->merge.series == NULL || x->merge.cells == NULL ||
	    x->columns == NULL) {
		free(x->columns);
		x->columns = NULL;
		exact_free(x);
		return NULL;
	}
	for (i = 0; i < plan->n; i++)
		points_init(&x->columns[i], &x->budget);
	return x;
}

void
exact_free(struct exact *x)
{
	size_t i;

	if (x == NULL)
		return;
	for (i = 0; i < x->n; i++)
		free(x->v[i].own);
	for (i = 0; x->columns != NULL && i < x->plan->n; i++)
		points_release(&x->columns[i]);
	blocks_release(&x->blocks);
	free(x->v);
	free(x->columns);
	free(x->merge.series);
	free(x->merge.cells);
	free(x);
}

int64_t
exact_next(const struct exact *x)
{
	int64_t next = INT64_MAX;
	size_t i;

	for (i = 0; i < x->n; i++)
		if (x->v[i].next_ms < next)
			next = x->v[i].next_ms;
	return next;
}

/* Documents stay in the slice for now; exact_keep() copies what remains. */
static int
exact_add_slice(struct exact *x, const struct slice *s)
{
	struct live *v;
	size_t i;

	if (s->docs.len > x->plan->memory_max - x->kept_bytes)
		return -1;
	if (x->n + s->n > x->cap) {
		v = realloc(x->v, (x->n + s->n) * 2 * sizeof(*v));
		if (v == NULL)
			return -1;
		x->v = v;
		x->cap = (x->n + s->n) * 2;
	}
	for (i = 0; i < s->n; i++)
		x->v[x->n++] = (struct live){ .column = s->v[i].column,
		    .len = s->v[i].len, .data = s->docs.data + s->v[i].at,
		    .next_ms = s->v[i].t_ms };
	return 0;
}

/*
 * Collect the points of [begin, end) in the columns, sorted. All documents that
 * have points before hour_ms, the end of the hour, are walked, also when the
 * window is only a part of it: so skips are reported in the order of reading,
 * whatever the window. Returns 0, -1: too many points.
 */
static int
window_points(struct exact *x, int64_t begin, int64_t end, int64_t hour_ms)
{
	const int64_t from = begin > x->plan->from_ms ? begin :
	    x->plan->from_ms;
	const int64_t to = end < x->plan->to_ms ? end : x->plan->to_ms;
	size_t i;

	for (i = 0; i < x->plan->n; i++)
		points_clear(&x->columns[i]);
	for (i = 0; i < x->n; i++) {
		struct live *l = &x->v[i];

		if (l->next_ms >= hour_ms)
			continue;
		if (unwind_window(l->data, l->len, from, to,
		    &x->columns[l->column], &l->skips, &l->found_ms) != 0)
			return -1;
		/* Points outside the range are not worth another window. */
		if (l->found_ms < x->plan->from_ms)
			l->found_ms = x->plan->from_ms;
		if (l->found_ms >= x->plan->to_ms)
			l->found_ms = INT64_MAX;
	}
	for (i = 0; i < x->plan->n; i++)
		if (points_sort(&x->columns[i]) != 0)
			return -1;
	return 0;
}

/*
 * The window fits. Move each document past it, report its skips if that was its
 * first walk, drop duplicates, and hand the columns to the merge. Points were
 * added in the order of reading and the sort is stable, so of one time the
 * later document's is last, which is the one that stays.
 */
static int
exact_settle(struct exact *x, int64_t hour_ms)
{
	size_t i;

	for (i = 0; i < x->n; i++) {
		struct live *l = &x->v[i];

		if (l->next_ms >= hour_ms)
			continue;
		l->next_ms = l->found_ms;
		if (!l->reported && skips_any(&l->skips) &&
		    x->out->skipped(x->out->arg, l->column, l->data, l->len,
		    &l->skips) != 0)
			return -1;
		l->reported = true;
	}
	for (i = 0; i < x->plan->n; i++) {
		x->out->duplicates += points_dedupe(&x->columns[i]);
		x->merge.series[i].v = x->columns[i].v;
		x->merge.series[i].n = x->columns[i].n;
	}
	return 0;
}

/* Close the open block and emit it. */
static enum exact_result
exact_end_block(struct exact *x)
{
	if (blocks_end(&x->blocks, x->deflater) != 0)
		return EXACT_TOO_LARGE;
	if (x->blocks.n > 0 && x->out->block(x->out->arg, &x->blocks) != 0)
		return EXACT_FAILED;
	blocks_clear(&x->blocks);
	return EXACT_DONE;
}

static enum exact_result
exact_write_rows(struct exact *x)
{
	enum exact_result rc = EXACT_DONE;
	struct block *open;
	int64_t t_ms;
	size_t i;

	while (rc == EXACT_DONE && merge_next(&x->merge, &t_ms) == 0) {
		if ((open = blocks_open(&x->blocks)) == NULL ||
		    csv_row(&x->blocks.text, &x->plan->style, t_ms,
		    x->merge.cells, x->plan->n, &open->non_finite) != 0)
			return EXACT_TOO_LARGE;
		for (i = 0; i < x->plan->n; i++)
			open->points += x->merge.cells[i] != NULL;
		block_row(open, t_ms);
		if (blocks_full(&x->blocks))
			rc = exact_end_block(x);
	}
	return rc;
}

/*
 * Emit the rows of one window, which begins at t_ms and ends with the hour or
 * at until_ms. If its points exceed the budget, halve it and walk again; the
 * smaller size is kept for the windows after it. A single ms that does not fit
 * is hopeless.
 */
static enum exact_result
exact_run_window(struct exact *x, int64_t t_ms, int64_t until_ms)
{
	const int64_t end_ms = slice_hour(t_ms) + HOUR_MS;
	const int64_t hour_ms = end_ms < until_ms ? end_ms : until_ms;
	int64_t size = hour_ms - t_ms;

	if (size > x->window_ms)
		size = x->window_ms;
	while (window_points(x, t_ms, t_ms + size, hour_ms) != 0) {
		if (size <= 1)
			return EXACT_TOO_LARGE;
		size /= 2;
		x->window_ms = size;
	}
	if (exact_settle(x, hour_ms) != 0)
		return EXACT_FAILED;
	return exact_write_rows(x);
}

/*
 * Before the slice goes: forget the documents without points left, and copy the
 * others out of it, in their order. Copies count against memory_max, together
 * with the next slice's documents.
 */
static int
exact_keep(struct exact *x)
{
	size_t i, n = 0;

	for (i = 0; i < x->n; i++) {
		struct live *l = &x->v[i];

		if (l->next_ms == INT64_MAX) {
			x->kept_bytes -= l->own != NULL ? l->len : 0;
			free(l->own);
			l->own = NULL;
			continue;
		}
		if (l->own == NULL) {
			if (l->len > x->plan->memory_max - x->kept_bytes ||
			    (l->own = malloc(l->len)) == NULL)
				return -1;
			memcpy(l->own, l->data, l->len);
			l->data = l->own;
			x->kept_bytes += l->len;
		}
		/* Close the gap; the copy has one owner. */
		if (n != i) {
			x->v[n] = *l;
			l->own = NULL;
		}
		n++;
	}
	x->n = n;
	return 0;
}

/*
 * Each window begins at the earliest time that is left, so hours and days
 * without points cost nothing. Blocks end with the run, as they do with a slice
 * on the fast path.
 */
enum exact_result
exact_run(struct exact *x, const struct slice *s, int64_t until_ms)
{
	enum exact_result rc = EXACT_DONE;
	int64_t t_ms;

	if (s != NULL && exact_add_slice(x, s) != 0)
		return EXACT_TOO_LARGE;
	x->window_ms = HOUR_MS;
	while (rc == EXACT_DONE && (t_ms = exact_next(x)) < until_ms)
		rc = exact_run_window(x, t_ms, until_ms);
	if (rc == EXACT_DONE)
		rc = exact_end_block(x);
	return rc == EXACT_DONE && exact_keep(x) != 0 ? EXACT_TOO_LARGE : rc;
}
