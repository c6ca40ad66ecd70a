/*
 * Large jobs: plans their units, makes some of them, and waits for the others.
 * Knows no fragment; assemble.c puts those together meanwhile.
 */
#include "worker/split.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/timestamp.h"
#include "lib/jobs/units.h"
#include "worker/assemble.h"
#include "worker/transfer.h"
#include "worker/unit.h"
#include "worker/worker.h"

#define UNITS_OF_LEAST 16	/* units of the smallest job that is split */
#define UNITS_MAX 4096		/* a larger job has larger units instead */
/* Poll interval while others hold every unit: one may come back. */
#define WAIT_MS 500
/* The progress of all units is summed no more often than this. */
#define SUM_MS 1000

/* The days that the job's range touches. */
static int64_t
job_days(const struct split_job *job)
{
	return (job->to_ms - 1) / DAY_MS - job->from_ms / DAY_MS + 1;
}

/* What the plan has may have been withdrawn from the job's owner since. */
static enum outcome
drop_beyond(struct attempt *a, const struct scope *scope)
{
	struct patience_try t = { .patience = &a->patience };
	enum jobs_result rc;

	do
		rc = units_within(a->worker->units, a->task->id, a->plan.plan, scope);
	while (rc == JOBS_ERROR && patience_pause(&t));
	if (rc == JOBS_ERROR)
		return attempt_failed(a, FAILURE_DATABASE);
	if (rc == JOBS_OK)
		return COMPLETE;
	log_msg(LOG_INFO, "split", "a vehicle of the plan is not the owner's any more: "
	    "the job is planned again");
	return split_forget(a);
}

enum outcome
split_find(struct attempt *a, const struct scope *scope)
{
	struct patience_try t = { .patience = &a->patience };
	enum outcome outcome;
	enum jobs_result rc;

	/* The first claim finds no plan: small jobs are spared the query. */
	if (a->task->fence <= 1 || a->whole)
		return COMPLETE;
	do
		rc = units_find_plan(a->worker->units, a->task->id, &a->plan);
	while (rc == JOBS_ERROR && patience_pause(&t));
	if (rc == JOBS_ERROR)
		return attempt_failed(a, FAILURE_DATABASE);
	if (rc == JOBS_NONE)
		a->plan = (struct units_plan){ 0 };
	else if ((outcome = drop_beyond(a, scope)) != COMPLETE)
		return outcome;
	a->progress.documents_total = a->plan.documents;
	return COMPLETE;
}

enum outcome
split_forget(struct attempt *a)
{
	struct patience_try t = { .patience = &a->patience };
	enum jobs_result rc;

	do
		rc = units_drop(a->worker->units, a->task->id, a->plan.plan);
	while (rc == JOBS_ERROR && patience_pause(&t));
	a->plan = (struct units_plan){ 0 };
	return rc == JOBS_ERROR ? attempt_failed(a, FAILURE_DATABASE) :
	    COMPLETE;
}

/* Into how many units a vehicle is cut; 0: it is not. */
static size_t
pieces_of(const struct split_job *job, size_t vehicle, uint64_t each)
{
	const int64_t days = job_days(job);
	const uint64_t n = job->documents[vehicle] / each;

	if (job->whole || days < 2 || n < 2)
		return 0;
	return n < (uint64_t)days ? (size_t)n : (size_t)days;
}

/* The beginning of day i of the range; its ends are the vehicle's own. */
static int64_t
piece_begins(const struct split_job *job, size_t i, size_t n)
{
	const int64_t day = job_days(job) * (int64_t)i / (int64_t)n;

	return i == 0 || i == n ? 0 :
	    (job->from_ms / DAY_MS + day) * DAY_MS;
}

/* Documents are expected to be spread evenly. */
static size_t
cut_vehicle(const struct split_job *job, size_t vehicle, size_t n,
    struct unit_cut *cuts)
{
	size_t i;

	for (i = 0; i < n; i++)
		cuts[i] = (struct unit_cut){ .first = vehicle, .n = 1,
		    .documents = job->documents[vehicle] / n,
		    .from_ms = piece_begins(job, i, n),
		    .to_ms = piece_begins(job, i + 1, n) };
	return n;
}

size_t
split_room(const struct split_job *job, uint64_t each)
{
	size_t i, n = job->vehicles;

	for (i = 0; i < job->vehicles; i++)
		n += pieces_of(job, i, each);
	return n;
}

size_t
split_cut(const struct split_job *job, uint64_t each, struct unit_cut *cuts)
{
	bool open = false;	/* the last unit takes in vehicles */
	size_t i, n = 0, pieces;

	for (i = 0; i < job->vehicles; i++) {
		if ((pieces = pieces_of(job, i, each)) > 0) {
			n += cut_vehicle(job, i, pieces, &cuts[n]);
			open = false;
			continue;
		}
		if (!open || cuts[n - 1].documents >= each ||
		    cuts[n - 1].n == SPLIT_VEHICLES_MAX)
			cuts[n++] = (struct unit_cut){ .first = i };
		open = true;
		cuts[n - 1].n++;
		cuts[n - 1].documents += job->documents[i];
	}
	return n;
}

/* Insert the units; from here on other workers may claim them. */
static enum outcome
store_plan(struct attempt *a, const struct names *vehicles,
    const struct unit_cut *cuts, size_t n)
{
	const int64_t plan = units_plan_number(a->task->fence, a->whole);
	struct patience_try t = { .patience = &a->patience };
	struct units *units = a->worker->units;
	enum jobs_result rc;

	do {
		rc = JOBS_OK;
		/* What an earlier claim, or try, left of an incomplete plan. */
		if (t.failures > 0)
			rc = units_undo(units, a->task->id, plan);
		if (rc == JOBS_OK && a->task->fence > 1)
			rc = units_drop(units, a->task->id, plan - 1);
		if (rc == JOBS_OK)
			rc = units_insert(units, a->job, plan, vehicles, cuts,
			    n);
	} while (rc == JOBS_ERROR && patience_pause(&t));
	if (rc != JOBS_OK)
		return attempt_failed(a, FAILURE_DATABASE);
	a->plan = (struct units_plan){ plan, (int64_t)n,
	    a->task->claimed_ms, a->progress.documents_total,
	    a->task->read_time };
	log_fields(LOG_INFO, "split", "units=%zu documents=%llu", n,
	    (unsigned long long)a->plan.documents);
	crash_at(CRASH_AFTER_PLAN);
	return COMPLETE;
}

/* All units of a vehicle have the same columns, whatever it gets meanwhile. */
static enum outcome
fix_columns(struct attempt *a, const struct names *vehicles,
    struct unit_cut *cuts, size_t n, struct names *columns)
{
	const struct telemetry_way way = transfer_way(a);
	size_t i;

	for (i = 0; a->spec->parameters.n == 0 && i < n; i++) {
		struct names *own = &columns[cuts[i].first];

		if (cuts[i].from_ms == 0 && cuts[i].to_ms == 0)
			continue;
		if (own->n == 0 && telemetry_parameters(a->worker->client, &way,
		    &a->patience, vehicles->v[cuts[i].first], NULL, own) != 0)
			return attempt_failed(a, FAILURE_DATABASE);
		/* Without any it is small, and empty in each of them. */
		cuts[i].parameters = own->n > 0 ? own : NULL;
	}
	return COMPLETE;
}

/* Cut, fix, store: what it needs is of the caller's. */
static enum outcome
plan_units(struct attempt *a, const struct names *vehicles,
    const struct split_job *job, uint64_t each, struct unit_cut *cuts,
    struct names *columns)
{
	const size_t n = split_cut(job, each, cuts);
	enum outcome outcome;

	if (n < 2)
		return COMPLETE;
	outcome = fix_columns(a, vehicles, cuts, n, columns);
	return outcome == COMPLETE ? store_plan(a, vehicles, cuts, n) : outcome;
}

enum outcome
split_plan(struct attempt *a, const struct names *vehicles,
    const uint64_t *documents)
{
	const struct split_job job = { documents, vehicles->n,
	    a->spec->start_ms, a->spec->end_ms, a->whole };
	const uint64_t total = a->progress.documents_total;
	const uint64_t least = (uint64_t)a->worker->conf->split_documents;
	enum outcome outcome;
	struct unit_cut *cuts;
	struct names *columns;
	uint64_t each;
	size_t i;

	if (least == 0 || total < least)
		return COMPLETE;
	each = least / UNITS_OF_LEAST + 1;
	if (each < total / UNITS_MAX)
		each = total / UNITS_MAX;
	cuts = calloc(split_room(&job, each) + 1, sizeof(*cuts));
	columns = calloc(vehicles->n + 1, sizeof(*columns));
	outcome = cuts == NULL || columns == NULL ?
	    attempt_failed(a, FAILURE_INTERNAL) :
	    plan_units(a, vehicles, &job, each, cuts, columns);
	for (i = 0; columns != NULL && i < vehicles->n; i++)
		names_release(&columns[i]);
	free(columns);
	free(cuts);
	return outcome;
}

/* Sum the progress of all units, every SUM_MS. An error leaves it unchanged. */
static void
split_sum(struct attempt *a, int64_t *next_ms)
{
	struct task_progress *p = &a->progress;

	if (clock_monotonic_ms() < *next_ms)
		return;
	*next_ms = clock_monotonic_ms() + SUM_MS;
	if (units_progress(a->worker->units, a->task->id, a->plan.plan, p) !=
	    JOBS_OK)
		return;
	a->done = *p;
	attempt_report(a, "exporting");
}

/* Make units of this job until its archive is complete. */
static enum outcome
make_units(struct attempt *a, struct archive *archive)
{
	struct assembly *assembly = assemble_start(a, archive);
	int64_t next_ms = 0;
	bool none = false;
	struct unit unit;

	if (assembly == NULL)
		return attempt_failed(a, FAILURE_INTERNAL);
	while (!assemble_wait(assembly, none ? WAIT_MS : 0) &&
	    !attempt_must_stop(a)) {
		split_sum(a, &next_ms);
		none = units_claim(a->worker->units, a->task->id,
		    a->task->worker, &unit) != JOBS_OK;
		if (none)
			continue;
		unit_export(a->worker, &unit, a);
		unit_release(&unit);
		next_ms = 0;
	}
	return assemble_end(assembly);
}

enum outcome
split_export(struct attempt *a, struct archive *archive)
{
	const enum outcome outcome = make_units(a, archive);
	int64_t next_ms = 0;

	if (outcome == COMPLETE) {
		split_sum(a, &next_ms);
		/* What was expected does not matter any more. */
		a->progress.documents_total = a->progress.documents;
	}
	return outcome;
}
