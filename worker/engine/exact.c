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

/* For the points of a window, and the sorting of them: 1.7 million points. */
#define POINTS_BYTES ((size_t)40 * 1024 * 1024)

/* A document with points to come. */
struct live {
	size_t column, len;
	const uint8_t *data;
	uint8_t *own;		/* data, when it is a copy */
	int64_t next_ms;	/* no point before it is to come */
	bool walked;		/* its skips are told */

	/* What the walk of this window found, good when all of it is. */
	int64_t found_ms;
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
	struct points *columns;
	struct merge merge;
	struct blocks blocks;
	int64_t window_ms;	/* what went well last */
};

struct exact *
exact_new(const struct slice_plan *plan, struct exact_out *out,
    struct deflater *deflater)
{
	struct exact *g;
	size_t i;

	if ((g = calloc(1, sizeof(*g))) == NULL)
		return NULL;
	g->plan = plan;
	g->out = out;
	g->deflater = deflater;
	g->budget.max = POINTS_BYTES;
	blocks_init(&g->blocks);
	g->merge.n = plan->n;
	g->merge.series = calloc(plan->n + 1, sizeof(*g->merge.series));
	g->merge.cells = calloc(plan->n + 1, sizeof(*g->merge.cells));
	g->columns = calloc(plan->n + 1, sizeof(*g->columns));
	if (g->merge.series == NULL || g->merge.cells == NULL ||
	    g->columns == NULL) {
		free(g->columns);
		g->columns = NULL;
		exact_free(g);
		return NULL;
	}
	for (i = 0; i < plan->n; i++)
		points_init(&g->columns[i], &g->budget);
	return g;
}

void
exact_free(struct exact *g)
{
	size_t i;

	if (g == NULL)
		return;
	for (i = 0; i < g->n; i++)
		free(g->v[i].own);
	for (i = 0; g->columns != NULL && i < g->plan->n; i++)
		points_release(&g->columns[i]);
	blocks_release(&g->blocks);
	free(g->v);
	free(g->columns);
	free(g->merge.series);
	free(g->merge.cells);
	free(g);
}

int64_t
exact_next(const struct exact *g)
{
	int64_t next = INT64_MAX;
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->v[i].next_ms < next)
			next = g->v[i].next_ms;
	return next;
}

static int
exact_take_in(struct exact *g, const struct slice *s)
{
	struct live *v;
	size_t i;

	if (s->docs.len > g->plan->memory_max - g->kept_bytes)
		return -1;
	if (g->n + s->n > g->cap) {
		v = realloc(g->v, (g->n + s->n) * 2 * sizeof(*v));
		if (v == NULL)
			return -1;
		g->v = v;
		g->cap = (g->n + s->n) * 2;
	}
	for (i = 0; i < s->n; i++)
		g->v[g->n++] = (struct live){ .column = s->v[i].column,
		    .len = s->v[i].len, .data = s->docs.data + s->v[i].at,
		    .next_ms = s->v[i].t_ms };
	return 0;
}

/*
 * The points of [begin, end) into the columns, ordered. All documents of the
 * hour, up to hour_ms, are walked: so they are told of in the order of reading.
 * -1: too many points.
 */
static int
window_points(struct exact *g, int64_t begin, int64_t end, int64_t hour_ms)
{
	const int64_t from = begin > g->plan->from_ms ? begin :
	    g->plan->from_ms;
	const int64_t to = end < g->plan->to_ms ? end : g->plan->to_ms;
	size_t i;

	for (i = 0; i < g->plan->n; i++)
		points_clear(&g->columns[i]);
	for (i = 0; i < g->n; i++) {
		struct live *l = &g->v[i];

		if (l->next_ms >= hour_ms)
			continue;
		if (unwind_window(l->data, l->len, from, to,
		    &g->columns[l->column], &l->skips, &l->found_ms) != 0)
			return -1;
		/* Before from_ms there may be points too, beyond to_ms no more. */
		if (l->found_ms < g->plan->from_ms)
			l->found_ms = g->plan->from_ms;
		if (l->found_ms >= g->plan->to_ms)
			l->found_ms = INT64_MAX;
	}
	for (i = 0; i < g->plan->n; i++)
		if (points_sort(&g->columns[i]) != 0)
			return -1;
	return 0;
}

/* The window is right: tell what was skipped, and go on behind it. */
static int
exact_settle(struct exact *g, int64_t hour_ms)
{
	size_t i;

	for (i = 0; i < g->n; i++) {
		struct live *l = &g->v[i];

		if (l->next_ms >= hour_ms)
			continue;
		l->next_ms = l->found_ms;
		if (!l->walked && skips_any(&l->skips) &&
		    g->out->skipped(g->out->arg, l->column, l->data, l->len,
		    &l->skips) != 0)
			return -1;
		l->walked = true;
	}
	for (i = 0; i < g->plan->n; i++) {
		g->out->duplicates += points_dedupe(&g->columns[i]);
		g->merge.series[i].v = g->columns[i].v;
		g->merge.series[i].n = g->columns[i].n;
	}
	return 0;
}

static enum exact_result
exact_end_block(struct exact *g)
{
	if (blocks_end(&g->blocks, g->deflater) != 0)
		return EXACT_TOO_LARGE;
	if (g->blocks.n > 0 && g->out->block(g->out->arg, &g->blocks) != 0)
		return EXACT_FAILED;
	blocks_clear(&g->blocks);
	return EXACT_DONE;
}

static enum exact_result
exact_write_rows(struct exact *g)
{
	enum exact_result rc = EXACT_DONE;
	struct block *open;
	int64_t t_ms;
	size_t i;

	while (rc == EXACT_DONE && merge_next(&g->merge, &t_ms) == 0) {
		if ((open = blocks_open(&g->blocks)) == NULL ||
		    csv_row(&g->blocks.text, &g->plan->style, t_ms,
		    g->merge.cells, g->plan->n, &open->non_finite) != 0)
			return EXACT_TOO_LARGE;
		for (i = 0; i < g->plan->n; i++)
			open->points += g->merge.cells[i] != NULL;
		block_row(open, t_ms);
		if (blocks_full(&g->blocks))
			rc = exact_end_block(g);
	}
	return rc;
}

/* Make the rows from t_ms on, up to the hour's end or until_ms at most. */
static enum exact_result
exact_run_window(struct exact *g, int64_t t_ms, int64_t until_ms)
{
	const int64_t end_ms = slice_hour(t_ms) + SLICE_HOUR_MS;
	const int64_t hour_ms = end_ms < until_ms ? end_ms : until_ms;
	int64_t size = hour_ms - t_ms;

	if (size > g->window_ms)
		size = g->window_ms;
	while (window_points(g, t_ms, t_ms + size, hour_ms) != 0) {
		if (size <= 1)
			return EXACT_TOO_LARGE;
		size /= 2;
		g->window_ms = size;
	}
	if (exact_settle(g, hour_ms) != 0)
		return EXACT_FAILED;
	return exact_write_rows(g);
}

/* Forget what has no points to come; own a copy of the others. */
static int
exact_keep(struct exact *g)
{
	size_t i, n = 0;

	for (i = 0; i < g->n; i++) {
		struct live *l = &g->v[i];

		if (l->next_ms == INT64_MAX) {
			g->kept_bytes -= l->own != NULL ? l->len : 0;
			free(l->own);
			l->own = NULL;
			continue;
		}
		if (l->own == NULL) {
			if (l->len > g->plan->memory_max - g->kept_bytes ||
			    (l->own = malloc(l->len)) == NULL)
				return -1;
			memcpy(l->own, l->data, l->len);
			l->data = l->own;
			g->kept_bytes += l->len;
		}
		if (n != i) {
			g->v[n] = *l;
			l->own = NULL;
		}
		n++;
	}
	g->n = n;
	return 0;
}

enum exact_result
exact_run(struct exact *g, const struct slice *s, int64_t until_ms)
{
	enum exact_result rc = EXACT_DONE;
	int64_t t_ms;

	if (s != NULL && exact_take_in(g, s) != 0)
		return EXACT_TOO_LARGE;
	g->window_ms = SLICE_HOUR_MS;
	while (rc == EXACT_DONE && (t_ms = exact_next(g)) < until_ms)
		rc = exact_run_window(g, t_ms, until_ms);
	if (rc == EXACT_DONE)
		rc = exact_end_block(g);
	return rc == EXACT_DONE && exact_keep(g) != 0 ? EXACT_TOO_LARGE : rc;
}
