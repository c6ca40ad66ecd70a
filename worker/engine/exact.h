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
 * The general way from documents to rows: takes documents of any shape, that
 * overlap, reach into later hours or are large. A document stays as long as it
 * has points to come; rows are made window by window, an hour or, when the
 * points of an hour are too many for memory, a part of it, and for each window
 * the documents that have points there are walked anew.
 */

/* Who gets what comes out. Each returns 0, or -1 with the error logged. */
struct exact_out {
	/* block: The first of blocks, which are cleared then. */
	int (*block)(void *arg, const struct blocks *blocks);
	/* skipped: Something of a document was; once a document. */
	int (*skipped)(void *arg, size_t column, const uint8_t *doc, size_t len,
	    const struct skips *skips);
	void *arg;
	uint64_t duplicates;		/* since the caller looked last */
};

enum exact_result {
	EXACT_DONE,
	EXACT_TOO_LARGE,	/* for plan->memory_max, or memory ended */
	EXACT_FAILED		/* out did, logged */
};

/* exact_new(plan, out, deflater): NULL when memory ends. All outlive it. */
struct exact *exact_new(const struct slice_plan *plan,
    struct exact_out *out, struct deflater *deflater);
void exact_free(struct exact *g);

/* exact_next(g): No point that is to come is before. INT64_MAX: none is. */
int64_t exact_next(const struct exact *g);

/*
 * exact_run(g, s, until_ms):
 * Add a slice's documents (none when NULL), hand out all rows before until_ms,
 * and keep what has points beyond. s may go then.
 */
enum exact_result exact_run(struct exact *g, const struct slice *s,
    int64_t until_ms);

#endif
