#ifndef WORKER_ENGINE_EXACT_H
#define WORKER_ENGINE_EXACT_H

#include <stddef.h>
#include <stdint.h>

struct bins;
struct blocks;
struct csv_style;
struct deflater;
struct exact;
struct grid;
struct parquet_rows;

/*
 * The exact path from documents to rows: documents of any shape, that overlap,
 * reach into later hours or are large. Rows are made window by window: an hour,
 * or a part of one when its points exceed EXACT_POINTS_BYTES; for each window
 * the documents that may have points in it are walked again. A thread has one
 * struct exact, whose memory it uses again and again.
 */

/* For the points of a window, and for sorting them. */
#define EXACT_POINTS_BYTES ((size_t)4 << 20)
/*
 * For one ms that has more points, or one level of a document whose keys are to
 * be sorted: one thread at a time may use as much.
 */
#define EXACT_LARGE_BYTES ((size_t)40 << 20)

/* A document, as an exact path sees it; the caller's. */
struct exact_doc {
	size_t column;
	const uint8_t *data;
	size_t len;
	int64_t next_ms;	/* lower bound of its points that matter */
};

/* What to make of them. */
struct exact_job {
	const struct exact_doc *docs;	/* in the order of reading */
	size_t n;
	size_t columns;
	int64_t from_ms, to_ms;		/* of the rows, half-open */
	const struct csv_style *style;
	struct bins *bins;		/* of the numbers of its rows; or NULL */
	/* Takes the points, after grid_begin(), and there are no rows; or NULL. */
	struct grid *grid;
	/* Takes the rows, after parquet_rows_begin(), and blocks has none; or NULL. */
	struct parquet_rows *parquet;
	int64_t counted_ms;		/* duplicates before are not counted */
};

enum exact_result {
	EXACT_DONE,
	EXACT_TOO_LARGE		/* for the limits above, or no memory */
};

/* exact_new(deflater): The deflater outlives it. NULL: no memory. */
struct exact *exact_new(struct deflater *deflater);
void exact_free(struct exact *x);

/*
 * exact_rows(x, job, blocks, duplicates):
 * Have blocks hold the rows, all of them closed, and set *duplicates to the
 * number of points that lost. It may begin again, with no block. Unless
 * EXACT_DONE, blocks is undefined.
 */
enum exact_result exact_rows(struct exact *x, const struct exact_job *job,
    struct blocks *blocks, uint64_t *duplicates);

#endif
