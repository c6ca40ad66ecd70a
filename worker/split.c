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
#include "lib/jobs/units.h"
#include "worker/assemble.h"
#include "worker/unit.h"
#include "worker/worker.h"

#define UNITS_OF_LEAST 16	/* units of the smallest job that is split */
#define UNITS_MAX 4096		/* a larger job has larger units instead */
/* Poll interval while others hold every unit: one may come back. */
#define WAIT_MS 500
/* The progress of all units is summed no more often than this. */
#define SUM_MS 1000

enum outcome
split_find(struct attempt *a)
{
	struct patience_try t = { .patience = &a->patience };
	enum jobs_result rc;

	/* The first claim finds no plan: small jobs are spared the query. */
	if (a->task->fence <= 1)
		return COMPLETE;
	do
		rc = units_find_plan(a->worker->units, a->task->id, &a->plan);
	while (rc == JOBS_ERROR && patience_pause(&t));
	if (rc == JOBS_ERROR)
		return attempt_failed(a, FAILURE_DATABASE);
	if (rc == JOBS_NONE)
		a->plan = (struct units_plan){ 0 };
	a->progress.documents_total = a->plan.documents;
	return COMPLETE;
}

size_t
split_cut(const uint64_t *documents, size_t vehicles, uint64_t each,
    struct unit_cut *cuts)
{
	size_t i, n = 0;

	for (i = 0; i < vehicles; i++) {
		if (n == 0 || cuts[n - 1].documents >= each ||
		    cuts[n - 1].n == SPLIT_VEHICLES_MAX)
			cuts[n++] = (struct unit_cut){ .first = i };
		cuts[n - 1].n++;
		cuts[n - 1].documents += documents[i];
	}
	return n;
}

/* Insert the units; from here on other workers may claim them. */
static enum outcome
store_plan(struct attempt *a, const struct names *vehicles,
    const struct unit_cut *cuts, size_t n)
{
	struct patience_try t = { .patience = &a->patience };
	struct units *units = a->worker->units;
	enum jobs_result rc;

	do {
		rc = JOBS_OK;
		/* What an earlier claim, or try, left of an incomplete plan. */
		if (a->task->fence > 1 || t.failures > 0)
			rc = units_drop(units, a->task->id, a->task->fence);
		if (rc == JOBS_OK)
			rc = units_insert(units, a->job, vehicles, cuts, n);
	} while (rc == JOBS_ERROR && patience_pause(&t));
	if (rc != JOBS_OK)
		return attempt_failed(a, FAILURE_DATABASE);
	a->plan = (struct units_plan){ a->task->fence, (int64_t)n,
	    a->task->claimed_ms, a->progress.documents_total,
	    a->task->read_time };
	log_fields(LOG_INFO, "split", "units=%zu documents=%llu", n,
	    (unsigned long long)a->plan.documents);
	crash_at(CRASH_AFTER_PLAN);
	return COMPLETE;
}

enum outcome
split_plan(struct attempt *a, const struct names *vehicles,
    const uint64_t *documents)
{
	const uint64_t total = a->progress.documents_total;
	const uint64_t least = (uint64_t)a->worker->conf->split_documents;
	enum outcome outcome = COMPLETE;
	struct unit_cut *cuts;
	uint64_t each;
	size_t n;

	if (least == 0 || total < least || vehicles->n < 2)
		return COMPLETE;
	if ((cuts = calloc(vehicles->n, sizeof(*cuts))) == NULL)
		return attempt_failed(a, FAILURE_INTERNAL);
	each = least / UNITS_OF_LEAST;
	if (each < total / UNITS_MAX)
		each = total / UNITS_MAX;
	n = split_cut(documents, vehicles->n, each, cuts);
	if (n > 1)
		outcome = store_plan(a, vehicles, cuts, n);
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

	if (outcome == COMPLETE)
		split_sum(a, &next_ms);
	return outcome;
}
