#ifndef WORKER_ENGINE_SLICE_H
#define WORKER_ENGINE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/timestamp.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/deflate/deflate.h"
#include "worker/engine/rows/csv.h"

struct column_text;
struct source_doc;

/*
 * The unit of work: the documents of one hour of one vehicle (or of several
 * hours that hold little) and the CSV rows that they make. Hours are
 * independent as long as no document reaches beyond its slice, so slices are
 * worked on in parallel and written in order.
 */

/* A slice with fewer bytes of documents takes in the next hour, too, ... */
#define SLICE_MIN_BYTES ((size_t)64 * 1024)
/* ... but spans no more than this. */
#define SLICE_MAX_MS (24 * HOUR_MS)
/* A larger document is left to the exact path, whose windows bound memory. */
#define SLICE_LARGE_BYTES ((size_t)1024 * 1024)

/* slice_hour(t_ms): When the hour of t_ms begins; also before 1970. */
static inline int64_t
slice_hour(int64_t t_ms)
{
	return t_ms - t_ms % HOUR_MS -
	    (t_ms % HOUR_MS < 0 ? HOUR_MS : 0);
}

/* What all slices of one vehicle share. */
struct slice_plan {
	size_t n;			/* columns */
	int64_t from_ms, to_ms;		/* of points, half-open */
	struct csv_style style;
	size_t memory_max;		/* for documents, bytes */
	bool exact;			/* for tests: never the fast path */
};

/* A document of a slice. */
struct slice_doc {
	size_t column, at, len;		/* at: offset in docs */
	int64_t t_ms;			/* its time: _id, rounded down */
};

enum slice_state {
	SLICE_ROWS,		/* blocks has all rows */
	SLICE_UNUSUAL,		/* for the exact path; blocks is undefined */
	SLICE_NO_MEMORY
};

struct slice {
	const struct slice_plan *plan;
	int64_t begin_ms, end_ms;	/* whole hours, half-open */
	struct buf docs;
	struct slice_doc *v;		/* in the order of reading */
	size_t n, cap;
	bool large;			/* one exceeds SLICE_LARGE_BYTES */
	enum slice_state state;		/* after slice_work() */
	struct blocks blocks;
};

/* What a thread needs to work on slices, one at a time. */
struct scratch {
	struct deflater *deflater;
	struct column_text *columns;
	size_t n;
};

void slice_init(struct slice *s);
void slice_release(struct slice *s);

/*
 * slice_begin(s, plan, begin_ms): Empty it, keeping memory; the caller moves
 * end_ms as it adds hours.
 */
void slice_begin(struct slice *s, const struct slice_plan *plan,
    int64_t begin_ms);

/*
 * slice_add(s, doc): Add a copy. Returns 0, -1: plan->memory_max is exceeded,
 * or no memory.
 */
int slice_add(struct slice *s, const struct source_doc *doc);

/* slice_work(s, scratch): Make the rows on the fast path. Sets s->state. */
void slice_work(struct slice *s, struct scratch *scratch);

/* scratch_new(level): NULL: no memory. */
struct scratch *scratch_new(enum deflate_level level);
void scratch_free(struct scratch *scratch);

#endif
