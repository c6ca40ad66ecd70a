#ifndef LIB_JOBS_UNITS_H
#define LIB_JOBS_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/jobs/job.h"
#include "lib/jobs/tasks.h"
#include "lib/jobs/unit.h"

struct _mongoc_client_t;
struct conf;
struct names;
struct scope;
struct units;

/*
 * The collection exports.units: the vehicles of a large job, cut into units that
 * several workers make at the same time, each into a fragment of the archive
 * (worker/fragment.h). A unit lives a job's life (lib/jobs/transition.h): a lease, a
 * fence and attempts of its own. Units go with their job, at the latest by a TTL index,
 * so a unit that is not found is that of a job that has ended, or has to be planned
 * again.
 */

/*
 * units_new(client, conf): client and conf outlive it. NULL when memory ends.
 * units_tasks(units): The same collection, for a claimed unit; it belongs to units.
 */
struct units *units_new(struct _mongoc_client_t *client,
    const struct conf *conf);
void units_free(struct units *units);
struct tasks *units_tasks(struct units *units);

/*
 * Consecutive vehicles of a job; or some days of one, from and to a midnight, UTC (0:
 * from its beginning, to its end).
 */
struct unit_cut {
	size_t first, n;
	uint64_t documents;
	int64_t from_ms, to_ms;
	/* Of a vehicle that is cut: its columns, the same for all of its units. */
	const struct names *parameters;
};

/* A job's units, all of one planning. */
struct units_plan {
	int64_t plan;		/* its number: see units_plan_number() */
	int64_t n;		/* 0: the job is not split */
	int64_t began_ms;	/* when it was made, by the database's clock */
	uint64_t documents;
	struct read_time read_time;	/* of the claim that made it */
};

/*
 * units_plan_number(fence, whole): Of a plan by the claim of this fence: the one it
 * makes first, or the one with whole vehicles that may have to replace it. Later
 * claims' are higher.
 */
int64_t units_plan_number(int64_t fence, bool whole);

/*
 * units_insert(units, job, plan, vehicles, cuts, n):
 * Store a unit for each cut. Unit 0 is inserted last; a plan without it is incomplete
 * and is ignored.
 */
enum jobs_result units_insert(struct units *units, const struct job *job,
    int64_t plan, const struct names *vehicles, const struct unit_cut *cuts, size_t n);

/*
 * units_undo(units, id, plan): What a call that failed has inserted of this plan. What
 * was made of it has the keys that the plan, inserted again, will use again.
 */
enum jobs_result units_undo(struct units *units, const char *id, int64_t plan);

/* units_find_plan(units, id, plan): The job's newest complete plan, or JOBS_NONE. */
enum jobs_result units_find_plan(struct units *units, const char *id,
    struct units_plan *plan);

/* units_vehicles(units, id, plan, list): Append those of the plan; some, more than once. */
enum jobs_result units_vehicles(struct units *units, const char *id, int64_t plan,
    struct names *list);

/*
 * units_within(units, id, plan, scope): Whether all vehicles of the plan are of the
 * scope: JOBS_NONE, if one is not. Nothing is read where the scope has every one.
 */
enum jobs_result units_within(struct units *units, const char *id, int64_t plan,
    const struct scope *scope);

/*
 * units_find(units, id, plan, n, unit): The unit of this place. On JOBS_OK, and
 * only then, the caller releases it.
 */
enum jobs_result units_find(struct units *units, const char *id, int64_t plan,
    int64_t n, struct unit *unit);

/*
 * units_facts(units, id, text):
 * What was stored with a FINISHED unit, JSON, which the caller frees. JOBS_NONE, and
 * NULL: there is none.
 */
enum jobs_result units_facts(struct units *units, const char *id, char **text);

/*
 * units_claim(units, parent, worker, unit):
 * As jobs_claim(), a unit of this job only; NULL: of any.
 */
enum jobs_result units_claim(struct units *units, const char *parent,
    const char *worker, struct unit *unit);

/* units_progress(units, id, plan, p): The sums over all units; p->phase stays. */
enum jobs_result units_progress(struct units *units, const char *id,
    int64_t plan, struct task_progress *p);

/* units_any(units): JOBS_OK: there is one to claim. Cheap. */
enum jobs_result units_any(struct units *units);

/*
 * units_drop(units, id, plan):
 * Remove the job's units, of this plan and older ones (UNITS_ALL: all). Workers
 * holding one lose it. A worker that lost the job without noticing cannot remove its
 * successor's plan. With s3_delete = yes their fragments are removed then
 * (lib/jobs/leftovers.h).
 */
#define UNITS_ALL INT64_MAX
enum jobs_result units_drop(struct units *units, const char *id,
    int64_t plan);

#endif
