#ifndef WORKER_ENGINE_SLICE_H
#define WORKER_ENGINE_SLICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/timestamp.h"
#include "worker/engine/decode/unwind.h"
#include "worker/engine/rows/csv.h"
#include "worker/engine/rows/grid.h"
#include "worker/engine/source.h"

/*
 * A slice: the documents of one hour of one vehicle, or of several hours of a
 * day that hold little. It makes the rows from the end of the slice before it up
 * to its own end. Slices do not depend on windows, so the same data are always
 * cut the same way: a block of rows ends with its slice at the latest.
 */

/* A slice with fewer bytes of documents takes in the next hour of its day. */
#define SLICE_MIN_BYTES ((size_t)64 * 1024)
/*
 * For Parquet, whose pieces are row groups: in all, and for each column, without which
 * readers would have more to do with chunks than with values; up to a ceiling, for the
 * documents of a slice are in memory together.
 */
#define SLICE_GROUP_BYTES ((size_t)1 << 20)
#define SLICE_CHUNK_BYTES ((size_t)8 * 1024)
#define SLICE_GROUP_MAX ((size_t)8 << 20)
/*
 * A slice is worked on in pieces of equal time: one for each so many bytes of
 * documents, or of text that they may become.
 */
#define SLICE_PIECE_BYTES ((size_t)2 << 20)
#define SLICE_PIECE_TEXT ((size_t)32 << 20)

/* slice_hour(t_ms): When the hour of t_ms begins; also before 1970. */
static inline int64_t
slice_hour(int64_t t_ms)
{
	return timestamp_floor(t_ms, HOUR_MS);
}

/* What all slices of an archive share. */
struct slice_plan {
	int64_t from_ms, to_ms;		/* of points, half-open */
	struct csv_style style;
	struct grid_spec grid;
	size_t memory_max;		/* of documents that are carried on */
	bool exact;			/* for tests: never the fast path */
	atomic_bool previewed;		/* no more rows for the preview */
};

/* A window that slices refer to; released with the last of them. */
struct window_hold {
	struct source_window *window;
	atomic_size_t refs;
};

/* window_hold(w): With one reference. NULL: no memory. */
struct window_hold *window_hold(struct source_window *w);
void window_let_go(struct window_hold *hold);

/* A document of which something was skipped. */
struct slice_skip {
	size_t doc;		/* its place in docs */
	struct skips skips;
};

struct slice {
	struct slice_plan *plan;
	const struct source_vehicle *vehicle;
	bool first, last;		/* of its vehicle; the last has no documents */
	int64_t base_ms;		/* its first hour */
	int64_t begin_ms, end_ms;	/* of its rows, half-open */
	struct source_doc *docs;	/* hour by hour, column by column, by time */
	size_t n, cap, bytes;
	struct window_hold **holds;	/* what docs point into, each referred to */
	size_t nholds;
	size_t pieces;

	/* By its first piece, where that is unusual: see piece_work(). */
	struct slice_skip *skips;
	size_t nskips;
	struct carried **carry;		/* documents with points after end_ms */
	size_t ncarry;
	bool reaches;			/* one goes beyond to_ms too far: see source.h */
};

/* slice_range(s, from_ms, to_ms): Of its vehicle's points here, half-open. */
void slice_range(const struct slice *s, int64_t *from_ms, int64_t *to_ms);

/*
 * slice_reads_from(s): From when on points matter: also those that are only held, if
 * rows are steps.
 */
int64_t slice_reads_from(const struct slice *s);

/*
 * slice_is_before(s): Whether its documents are those before a
 * vehicle that continues: another fragment has counted them.
 */
bool slice_is_before(const struct slice *s);

/* slice_day(t_ms): When the day of t_ms begins, UTC. */
int64_t slice_day(int64_t t_ms);

/* slice_new(plan, vehicle): Empty. NULL: no memory. */
struct slice *slice_new(struct slice_plan *plan,
    const struct source_vehicle *vehicle);
void slice_free(struct slice *s);

/*
 * slice_add(s, doc, hold): Add a document of the window that hold holds; the
 * caller moves end_ms. Returns 0, -1: no memory.
 */
int slice_add(struct slice *s, const struct source_doc *doc,
    struct window_hold *hold);

/* slice_refer(s, hold): Only keep the window, and with it the vehicle. */
int slice_refer(struct slice *s, struct window_hold *hold);

/*
 * slice_is_full(s, t_ms): Whether a document of that time, of a later hour,
 * begins the next slice.
 */
bool slice_is_full(const struct slice *s, int64_t t_ms);

/* slice_text(s): About how many bytes of text it makes. */
size_t slice_text(const struct slice *s);

/*
 * slice_cut(s): Into how many pieces; depends on its documents alone.
 * slice_piece_ends(s, i): When the rows of piece i end.
 */
size_t slice_cut(const struct slice *s);
int64_t slice_piece_ends(const struct slice *s, size_t i);

#endif
