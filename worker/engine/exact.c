/*
 * The exact path: any documents into rows, an hour or less at a time, by
 * unwinding, sorting, deduplicating and merging points. Knows no slices, threads
 * or skips: it is given all documents that have points in its range.
 */
#include "worker/engine/exact.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/timestamp.h"
#include "worker/engine/decode/number.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/decode/unwind.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/parquet/rows.h"
#include "worker/engine/rows/bins.h"
#include "worker/engine/rows/csv.h"
#include "worker/engine/rows/grid.h"
#include "worker/engine/rows/merge.h"
#include "worker/engine/rows/periods.h"
#include "worker/engine/slice.h"

struct exact {
	struct deflater *deflater;
	struct budget budget;	/* of points */
	struct points *columns;	/* of the window */
	size_t cap;		/* columns there is memory for */
	struct merge merge;
	int64_t *next;		/* for each document, as exact_doc has it */
	int64_t *found;		/* for each, by the walk of this window */
	int64_t window_ms;	/* the size that fitted last */
};

enum window_result { WINDOW_FITS, WINDOW_TOO_LARGE, WINDOW_HOPELESS };

/* Only one thread at a time works with EXACT_LARGE_BYTES. */
static pthread_mutex_t large_lock = PTHREAD_MUTEX_INITIALIZER;

struct exact *
exact_new(struct deflater *deflater)
{
	struct exact *x;

	if ((x = calloc(1, sizeof(*x))) == NULL)
		return NULL;
	x->deflater = deflater;
	return x;
}

static void
exact_clear(struct exact *x)
{
	size_t i;

	for (i = 0; i < x->cap; i++)
		points_release(&x->columns[i]);
	free(x->columns);
	free(x->merge.series);
	free(x->merge.cells);
	free(x->next);
	free(x->found);
	x->columns = NULL;
	x->merge = (struct merge){ 0 };
	x->next = x->found = NULL;
	x->cap = 0;
}

void
exact_free(struct exact *x)
{
	if (x == NULL)
		return;
	exact_clear(x);
	free(x);
}

/* Memory for the columns and documents of a job; one more, never none. */
static int
exact_set_up(struct exact *x, const struct exact_job *job)
{
	size_t i;

	exact_clear(x);
	x->columns = calloc(job->columns + 1, sizeof(*x->columns));
	x->merge.series = calloc(job->columns + 1, sizeof(*x->merge.series));
	x->merge.cells = calloc(job->columns + 1, sizeof(*x->merge.cells));
	x->next = malloc((job->n + 1) * sizeof(*x->next));
	x->found = malloc((job->n + 1) * sizeof(*x->found));
	if (x->columns == NULL || x->merge.series == NULL ||
	    x->merge.cells == NULL || x->next == NULL || x->found == NULL)
		return -1;
	x->merge.n = x->cap = job->columns;
	for (i = 0; i < job->columns; i++)
		points_init(&x->columns[i], &x->budget);
	for (i = 0; i < job->n; i++)
		x->next[i] = job->docs[i].next_ms;
	return 0;
}

/*
 * Collect the points of [begin, end) in the columns, sorted. Points were added
 * in the order of reading and the sort is stable, so of one time the later
 * document's is last, which is the one that stays.
 */
static enum window_result
window_points(struct exact *x, const struct exact_job *job, int64_t begin,
    int64_t end)
{
	struct skips skips;
	size_t i;
	int rc;

	for (i = 0; i < job->columns; i++)
		points_clear(&x->columns[i]);
	for (i = 0; i < job->n; i++) {
		const struct exact_doc *d = &job->docs[i];

		x->found[i] = x->next[i];
		if (x->next[i] >= end)
			continue;
		rc = unwind_window(d->data, d->len, begin, end,
		    &x->columns[d->column], &skips, &x->found[i]);
		if (rc != 0)
			return rc == -2 ? WINDOW_HOPELESS : WINDOW_TOO_LARGE;
	}
	for (i = 0; i < job->columns; i++)
		if (points_sort(&x->columns[i]) != 0)
			return WINDOW_TOO_LARGE;
	return WINDOW_FITS;
}

static void
count_points(struct bins *bins, size_t column, const struct points *points)
{
	struct number number;
	size_t i;

	for (i = 0; i < points->n; i++)
		if (number_of(&points->v[i], &number))
			bins_add(bins, column, points->v[i].t_ms, number.d);
}

/* The window fits: drop duplicates, hand the columns to the merge. */
static uint64_t
window_settle(struct exact *x, const struct exact_job *job)
{
	uint64_t duplicates = 0;
	size_t i;

	memcpy(x->next, x->found, job->n * sizeof(*x->next));
	for (i = 0; i < job->columns; i++) {
		duplicates += points_dedupe(&x->columns[i]);
		x->merge.series[i].v = x->columns[i].v;
		x->merge.series[i].n = x->columns[i].n;
		if (job->bins != NULL && i < job->bins->columns)
			count_points(job->bins, i, &x->columns[i]);
	}
	return duplicates;
}

static int
window_rows(struct exact *x, const struct exact_job *job, struct blocks *b)
{
	const struct periods *periods = job->style->periods;
	struct block *open = blocks_open(b);
	int64_t t_ms, end_ms;
	size_t i;

	/* The window before this one may have left it open. */
	end_ms = open != NULL && open->rows > 0 ?
	    periods_end(periods, open->first_ms) : INT64_MIN;
	while (merge_next(&x->merge, &t_ms) == 0) {
		if (t_ms >= end_ms) {
			if (blocks_end(b, x->deflater) != 0)
				return -1;
			end_ms = periods_end(periods, t_ms);
		}
		if ((open = blocks_open(b)) == NULL ||
		    csv_row(&b->text, job->style, t_ms, x->merge.cells,
		    job->columns, &open->non_finite) != 0)
			return -1;
		for (i = 0; i < job->columns; i++)
			open->points += x->merge.cells[i] != NULL;
		block_row(open, t_ms);
		if (blocks_full(b) && blocks_end(b, x->deflater) != 0)
			return -1;
	}
	return 0;
}

static int
window_parquet(struct exact *x, const struct exact_job *job)
{
	struct parquet_rows *rows = job->parquet;
	int64_t t_ms;
	size_t i;

	while (merge_next(&x->merge, &t_ms) == 0) {
		if (parquet_row(rows, t_ms) != 0)
			return -1;
		for (i = 0; i < job->columns; i++)
			if (x->merge.cells[i] != NULL &&
			    parquet_add(&rows->columns[i], x->merge.cells[i],
			    (uint32_t)rows->n_rows - 1) != 0)
				return -1;
	}
	return 0;
}

static int
window_steps(const struct exact *x, const struct exact_job *job)
{
	size_t i, k;

	for (i = 0; i < job->columns; i++)
		for (k = 0; k < x->columns[i].n; k++)
			if (grid_add(&job->grid->series[i],
			    &x->columns[i].v[k]) != 0)
				return -1;
	return 0;
}

/* The earliest time at which a row may be that is not made yet. */
static int64_t
exact_next(const struct exact *x, const struct exact_job *job)
{
	int64_t next = INT64_MAX;
	size_t i;

	for (i = 0; i < job->n; i++)
		if (x->next[i] < next)
			next = x->next[i];
	return next > job->from_ms ? next : job->from_ms;
}

/* With the hour or the range, and where counting begins. */
static int64_t
window_ends(const struct exact_job *job, int64_t t_ms)
{
	const int64_t hour_ms = slice_hour(t_ms) + HOUR_MS;
	const int64_t end_ms = hour_ms < job->to_ms ? hour_ms : job->to_ms;

	return t_ms < job->counted_ms && job->counted_ms < end_ms ?
	    job->counted_ms : end_ms;
}

/*
 * The rows of one window, which begins at t_ms. If its points exceed the budget, halve
 * it and walk again; the smaller size is kept for the windows after it.
 */
static enum window_result
exact_window(struct exact *x, const struct exact_job *job, int64_t t_ms,
    struct blocks *blocks, uint64_t *duplicates)
{
	int64_t size = window_ends(job, t_ms) - t_ms;
	int rc;
	uint64_t lost;
	size_t i;

	if (size > x->window_ms)
		size = x->window_ms;
	while ((rc = window_points(x, job, t_ms, t_ms + size)) != WINDOW_FITS) {
		if (rc == WINDOW_HOPELESS || size <= 1)
			return WINDOW_HOPELESS;
		size /= 2;
		x->window_ms = size;
		/* What one column had taken is for all of them again. */
		for (i = 0; i < job->columns; i++)
			points_release(&x->columns[i]);
	}
	lost = window_settle(x, job);
	*duplicates += t_ms >= job->counted_ms ? lost : 0;
	if (job->grid != NULL)
		rc = window_steps(x, job);
	else if (job->parquet != NULL)
		rc = window_parquet(x, job);
	else
		rc = window_rows(x, job, blocks);
	return rc == 0 ? WINDOW_FITS : WINDOW_TOO_LARGE;
}

/* From the beginning, for the second time as well. */
static int
begin_steps(struct grid *g)
{
	const struct grid_range range = g != NULL ? g->range :
	    (struct grid_range){ 0 };

	return g == NULL ? 0 :
	    grid_begin(g, g->spec, &range, g->separator, g->n);
}

/*
 * Each window begins at the earliest time that is left, so hours and days
 * without points cost nothing.
 */
static enum window_result
exact_windows(struct exact *x, const struct exact_job *job, size_t max,
    struct blocks *blocks, uint64_t *duplicates)
{
	enum window_result rc = WINDOW_FITS;
	int64_t t_ms;

	blocks_clear(blocks);
	*duplicates = 0;
	if (job->bins != NULL)
		bins_clear(job->bins);
	x->budget = (struct budget){ .max = max };
	x->window_ms = HOUR_MS;
	if (exact_set_up(x, job) != 0 || begin_steps(job->grid) != 0 ||
	    (job->parquet != NULL && parquet_rows_begin(job->parquet,
	    job->columns, false) != 0))
		return WINDOW_TOO_LARGE;
	while (rc == WINDOW_FITS && (t_ms = exact_next(x, job)) < job->to_ms)
		rc = exact_window(x, job, t_ms, blocks, duplicates);
	if (rc == WINDOW_FITS && blocks_end(blocks, x->deflater) != 0)
		rc = WINDOW_TOO_LARGE;
	/* Its pointers are the documents', which go. */
	exact_clear(x);
	return rc;
}

enum exact_result
exact_rows(struct exact *x, const struct exact_job *job,
    struct blocks *blocks, uint64_t *duplicates)
{
	enum window_result rc;

	rc = exact_windows(x, job, EXACT_POINTS_BYTES, blocks, duplicates);
	if (rc == WINDOW_HOPELESS) {
		pthread_mutex_lock(&large_lock);
		rc = exact_windows(x, job, EXACT_LARGE_BYTES, blocks,
		    duplicates);
		pthread_mutex_unlock(&large_lock);
	}
	return rc == WINDOW_FITS ? EXACT_DONE : EXACT_TOO_LARGE;
}
