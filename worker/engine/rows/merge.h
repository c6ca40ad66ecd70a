#ifndef WORKER_ENGINE_ROWS_MERGE_H
#define WORKER_ENGINE_ROWS_MERGE_H

#include <stddef.h>
#include <stdint.h>

struct point;

/* One column's points, ascending, each time once; they belong to the caller. */
struct series {
	const struct point *v;
	size_t n;
};

/* Columns into rows. series and cells have n entries and outlive the merge. */
struct merge {
	struct series *series;
	const struct point **cells;
	size_t n;
};

/*
 * merge_next(m, t_ms):
 * Take the smallest remaining time (Unix ms, never INT64_MAX) into *t_ms and
 * point m->cells[i] at column i's point of that time, NULL where it has none.
 * The series are consumed. Returns 0 with a row, 1 at the end.
 */
int merge_next(struct merge *m, int64_t *t_ms);

#endif
