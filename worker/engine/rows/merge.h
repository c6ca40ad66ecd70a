#ifndef WORKER_ENGINE_ROWS_MERGE_H
#define WORKER_ENGINE_ROWS_MERGE_H

#include <stddef.h>
#include <stdint.h>

struct point;

/* One column's points, ascending, no time twice; they belong to the caller. */
struct series {
	const struct point *v;
	size_t n;
};

/* Many series -> rows. series and cells have n places and outlive the merge. */
struct merge {
	struct series *series;
	const struct point **cells;
	size_t n;
};

/*
 * merge_next(m, t_ms): (no time is INT64_MAX)
 * Take the smallest remaining time (Unix, ms) into *t_ms and let m->cells[i]
 * point to column i's point of that time, NULL where it has none. The series are
 * used up as it goes. Returns 0 with a row, 1 at the end.
 */
int merge_next(struct merge *m, int64_t *t_ms);

#endif
