#ifndef LIB_JOBS_UNITS_H
#define LIB_JOBS_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/jobs/job.h"
#include "lib/jobs/jobs.h"

struct _mongoc_client_t;
struct conf;

/*
 * The collection exports.units: the vehicles of a large job, cut into units that
 * several workers make side by side, each into a piece of the archive
 * (worker/fragment.h). A unit is a document in a job's form and lives a job's life
 * (lib/jobs/transition.h): a lease, a fence and attempts of its own. What jobs.h says
 * of the claim, of renewing and of the ends of an attempt holds for it, with the
 * struct jobs of units_new(). Units go with their job, at the latest by a TTL
 * index, so a unit that is not found is a job that has ended, or has to be
 * planned anew.
 */
struct jobs *units_new(struct _mongoc_client_t *client,
    const struct conf *conf);

/* Some of a job's vehicles that follow each other. */
struct unit_cut {
	size_t first, n;
	uint64_t documents;
};

/* A job's units, all of one planning. */
struct units_plan {
	int64_t plan;		/* the fence of the claim that made it */
	int64_t n;		/* 0: the job is not split */
	int64_t began_ms;	/* when, the database's clock */
	uint64_t documents;
};

/*
 * units_insert(units, job, vehicles, cuts, n):
 * Store a unit for each cut. The first one is stored last: a plan of which it is
 * not there was not made to its end, and is nobody's.
 */
enum jobs_result units_insert(struct jobs *units, const struct job *job,
    const struct names *vehicles, const struct unit_cut *cuts, size_t n);

/* units_find_plan(units, id, plan): The job's newest whole plan, or JOBS_NONE. */
enum jobs_result units_find_plan(struct jobs *units, const char *id,
    struct units_plan *plan);

/*
 * units_find(units, id, plan, n, unit): The unit of this place. On JOBS_OK, and
 * only then, the caller releases it.
 */
enum jobs_result units_find(struct jobs *units, const char *id, int64_t plan,
    int64_t n, struct job *unit);

/* units_facts(units, id, text): What a FINISHED unit's facts are; freed by the caller. */
enum jobs_result units_facts(struct jobs *units, const char *id, char **text);

/* units_progress(units, id, plan, p): The sums over all units; phase is left. */
enum jobs_result units_progress(struct jobs *units, const char *id,
    int64_t plan, struct job_progress *p);

/* units_any(units): JOBS_OK: there is one to claim; cheap. */
enum jobs_result units_any(struct jobs *units);

/*
 * units_drop(units, id, plan): Remove the job's units, of this plan and older ones
 * (UNITS_ALL: all); who has one has lost it. Who has lost the job, and does not
 * know, so leaves the next one's plan alone.
 */
#define UNITS_ALL INT64_MAX
enum jobs_result units_drop(struct jobs *units, const char *id,
    int64_t plan);

#endif
