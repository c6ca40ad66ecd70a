#ifndef WORKER_ENGINE_EXACT_H
#define WORKER_ENGINE_EXACT_H

#include <stddef.h>
#include <stdint.h>

struct blocks;
struct deflater;
struct exact;
struct skips;
struct slice;
struct slice_plan;

/*
 * The exact path from documents to rows: takes documents of any shape, that
 * overlap, reach into later hours or are large. A document stays until it has
 * no points left. Rows are made window by window: an hour, or a part of one
 * when its points exceed memory; for each window the documents that have points
 * in it are walked again.
 * One vehicle, one thread, which is also the one that out is called on.
 */

/* Where the results go. The functions return 0, or -1 with the error logged. */
struct exact_out {
	/* block: The next blocks; they are valid for the call. */
	int (*block)(void *arg, const struct blocks *blocks);
	/* skipped: Parts of a document, or all of it; once per document. */
	int (*skipped)(void *arg, size_t column, const uint8_t *doc, size_t len,
	    const struct skips *skips);
	void *arg;
	uint64_t duplicates;	/* dropped since the caller set it to 0 */
};

enum exact_result {
	EXACT_DONE,
	EXACT_TOO_LARGE,	/* for plan->memory_max, or no memory */
	EXACT_FAILED		/* out failed, logged */
};

/* exact_new(plan, out, deflater): All of them outlive it. NULL: no memory. */
struct exact *exact_new(const struct slice_plan *plan,
    struct exact_out *out, struct deflater *deflater);
void exact_free(struct exact *x);

/*
 * exact_next(x): Lower bound of the times still to be emitted (Unix ms);
 * INT64_MAX when none are.
 */
int64_t exact_next(const struct exact *x);

/*
 * exact_run(x, s, until_ms):
 * Add a slice's documents (none if s is NULL), emit all rows before until_ms,
 * and keep copies of the documents that have later points: s may be reused.
 * Unless EXACT_DONE, x is only good for exact_free().
 */
enum exact_result exact_run(struct exact *x, const struct slice *s,
    int64_t until_ms);

#endif
