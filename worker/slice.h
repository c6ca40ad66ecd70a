#ifndef WORKER_SLICE_H
#define WORKER_SLICE_H

#include <stddef.h>
#include <stdint.h>

#include "worker/points.h"
#include "worker/unwind.h"

struct slice;
struct merge;

/*
 * One hour of all columns of one vehicle, in memory: its documents, the points
 * they hold, and what reaches beyond the hour, carried into a later slice.
 * A struct slice is used again for hour after hour of one vehicle.
 */

/* slice_new(n, memory_max): n columns; NULL when memory ends. */
struct slice *slice_new(size_t n, size_t memory_max);
void slice_free(struct slice *s);

/*
 * slice_begin(s, end_ms):
 * Forget the hour before; the points of this one end before end_ms. What was
 * carried and is due now is in. Returns 0, -1 when memory ends.
 */
int slice_begin(struct slice *s, int64_t end_ms);

/*
 * slice_add(s, column, doc, len, from_ms, to_ms, skips):
 * Unwind a copy of a document into its column; documents of a column come in
 * ascending time. See unwind(). Returns 0, -1 when memory ends.
 */
int slice_add(struct slice *s, size_t column, const uint8_t *doc, size_t len,
    int64_t from_ms, int64_t to_ms, struct skips *skips);

/*
 * slice_rows(s, duplicates):
 * All documents are in: order the points, drop and count duplicates, carry what
 * lies beyond the hour. Returns a merge over the hour's points, which belongs to
 * s, or NULL when memory ends.
 */
struct merge *slice_rows(struct slice *s, uint64_t *duplicates);

/* slice_carried(s, t_ms): Earliest carried point; 0, or 1 when there is none. */
int slice_carried(const struct slice *s, int64_t *t_ms);

#endif
