#ifndef WORKER_ENGINE_ROWS_PERIODS_H
#define WORKER_ENGINE_ROWS_PERIODS_H

#include <stddef.h>
#include <stdint.h>

#include "worker/engine/archive_types.h"

struct zone;

/*
 * The days or months of a range in a zone, by which files are cut: FORMAT.md, 4. One
 * begins with the first ms that has its date, and lasts until a later one begins.
 */

#define PERIOD_NAME_SIZE 11	/* 2018-11-30 or 2018-11, and a NUL */

struct period {
	int64_t begin_ms;
	int64_t day;		/* its first date, in days from 1970-01-01 */
};

struct periods {
	enum archive_split split;
	struct period *v;	/* ascending; the first one has the first row */
	size_t n;
};

/*
 * periods_init(p, split, zone, first_ms, to_ms): Those that [first_ms, to_ms) touches;
 * zone NULL: of UTC. Its offsets matter from PERIODS_BEFORE_MS before first_ms on.
 * Returns 0, -1: no memory. periods_release(p): Free the memory.
 */
#define PERIODS_BEFORE_MS INT64_C(172800000)
int periods_init(struct periods *p, enum archive_split split,
    const struct zone *zone, int64_t first_ms, int64_t to_ms);
void periods_release(struct periods *p);

/*
 * periods_at(p, t_ms): Which one that is, of a time in the range.
 * periods_end(p, t_ms): When it ends; INT64_MAX: p is NULL, or it is the last one.
 * periods_name(p, i, name): What it is called.
 */
size_t periods_at(const struct periods *p, int64_t t_ms);
int64_t periods_end(const struct periods *p, int64_t t_ms);
void periods_name(const struct periods *p, size_t i,
    char name[PERIOD_NAME_SIZE]);

#endif
