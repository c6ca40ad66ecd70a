#ifndef LIB_JOBS_TOTALS_H
#define LIB_JOBS_TOTALS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/jobs/catalogue.h"

struct _bson_t;

/*
 * exports.totals: the documents of the whole fleet by day, so that an estimate of all
 * vehicles costs the same for ten and for 100,000. A worker adds them up from
 * exports.vehicles now and then; nothing else writes them.
 *   { _id: { p: "speed", page: 558 }, days: [ 32 numbers ], pass }
 * p: a parameter, "" of all together; page: days since 1970 divided by 32. And about
 * the last pass over the vehicles:
 *   { _id: "pass", checkedAt, tookMs, vehicles, complete }
 * complete is false where there are too many parameters: then only the p "" are there.
 */
#define TOTALS_DAYS 32

/* A pass over the vehicles. */
struct totals;

/*
 * totals_begin(c, t): CATALOGUE_OK: a pass is this worker's to make. CATALOGUE_NONE: the
 * last one is good enough.
 * totals_step(t, more): Some vehicles more, or, after the last, write what came of it;
 * *more is false after that. After CATALOGUE_ERROR there is nothing to go on with.
 * totals_free(t): NULL is fine.
 */
enum catalogue_result totals_begin(struct catalogue *c, struct totals **t);
enum catalogue_result totals_step(struct totals *t, bool *more);
void totals_free(struct totals *t);

/*
 * totals_new(c): Without a claim; for totals_add() c may be NULL. NULL: no memory.
 * totals_add(t, vehicle): What one document of exports.vehicles has. 0, -1: no memory.
 * totals_of(t, p, day): Of a day since 1970, as it stands.
 */
struct totals *totals_new(struct catalogue *c);
int totals_add(struct totals *t, const struct _bson_t *vehicle);
double totals_of(const struct totals *t, const char *p, int64_t day);

#endif
