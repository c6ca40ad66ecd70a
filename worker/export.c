/*
 * A job from its claim to its archive: find the vehicles, estimate, cut large jobs
 * into units, write the archive. Knows no document and no wire format.
 */
#include "worker/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/disposition.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/timestamp.h"
#include "lib/jobs/catalogue.h"
#include "lib/jobs/job.h"
#include "lib/jobs/jobs.h"
#include "lib/jobs/owners.h"
#include "lib/jobs/units.h"
#include "lib/jobs/usage.h"
#include "worker/attempt.h"
#include "worker/engine/archive.h"
#include "worker/keys.h"
#include "worker/split.h"
#include "worker/transfer.h"
#include "worker/upload.h"
#include "worker/worker.h"

/* Of a vehicle that the catalogue does not have. */
#define USUAL_PARAMETERS 5

/*
 * What the job's owner may have: as it is now, not when the job was requested. Without an
 * entry, which may have been removed meanwhile, that is no vehicle.
 */
static enum outcome
find_owner(struct attempt *a, struct owner *owner)
{
	struct patience_try t = { .patience = &a->patience };
	enum jobs_result rc;

	do
		rc = owners_find(a->worker->client, a->worker->conf, a->task->owner,
		    owner);
	while (rc == JOBS_ERROR && patience_pause(&t));
	return rc == JOBS_ERROR ? attempt_failed(a, FAILURE_DATABASE) : COMPLETE;
}

/*
 * What the owner's results leave for this one. bytes: what it has by now. API and workers
 * both look: only here it is known how large a result becomes.
 */
static enum outcome
check_room(struct attempt *a, int64_t bytes)
{
	const int64_t results_max = a->worker->conf->owner_records_max;
	struct patience_try t = { .patience = &a->patience };
	enum jobs_result rc;
	struct usage u;

	a->room_bytes = UINT64_MAX;
	if (results_max == 0 && a->bytes_kept == 0)
		return COMPLETE;
	do
		rc = usage_count(a->worker->client, a->task->owner, &u);
	while (rc == JOBS_ERROR && patience_pause(&t));
	if (rc == JOBS_ERROR)
		return attempt_failed(a, FAILURE_DATABASE);
	if ((results_max > 0 && u.results >= results_max) ||
	    (a->bytes_kept > 0 && u.bytes + bytes >= a->bytes_kept))
		return attempt_failed(a, FAILURE_RESULTS_FULL);
	if (a->bytes_kept > 0)
		a->room_bytes = (uint64_t)(a->bytes_kept - u.bytes);
	return COMPLETE;
}

/* Only these are there, for this owner. */
static void
keep_scope(struct names *vehicles, const struct scope *scope)
{
	size_t i, n = 0;

	for (i = 0; i < vehicles->n; i++)
		if (scope_has(scope, vehicles->v[i]))
			vehicles->v[n++] = vehicles->v[i];
		else
			free(vehicles->v[i]);
	vehicles->n = n;
}

/*
 * Whether the job may be without its a->task->skipped; a->detail names the first of
 * them. Without all of its vehicles it would be an empty answer to a mistake.
 */
static enum outcome
check_skipped(struct attempt *a, const struct names *vehicles)
{
	const struct names *skipped = &a->task->skipped;

	if (skipped->n == 0 || (vehicles->n > 0 &&
	    a->spec->unknown == SPEC_UNKNOWN_SKIP))
		return COMPLETE;
	snprintf(a->detail, sizeof(a->detail), "%s", skipped->v[0]);
	return attempt_failed(a, FAILURE_UNKNOWN_VEHICLE);
}

/* The vehicles to export, and those that do not exist, in a->task->skipped. */
static enum outcome
export_resolve(struct attempt *a, const struct scope *scope, struct names *vehicles)
{
	const struct names *asked = &a->spec->vehicles;
	const struct telemetry_way way = transfer_way(a);
	struct names found = { 0 };
	enum outcome outcome = COMPLETE;
	size_t i;

	if (telemetry_vehicles(a->worker->client, &way, &a->patience,
	    a->worker->conf->vehicle_prefix, asked, &found) != 0) {
		names_release(&found);
		return attempt_failed(a, FAILURE_DATABASE);
	}
	keep_scope(&found, scope);
	if (asked->n == 0) {
		*vehicles = found;
		return COMPLETE;
	}
	/* As requested: in that order. */
	for (i = 0; i < asked->n && outcome == COMPLETE; i++)
		if (names_add(names_has(&found, asked->v[i]) ? vehicles :
		    &a->task->skipped, asked->v[i], strlen(asked->v[i])) != 0)
			outcome = attempt_failed(a, FAILURE_INTERNAL);
	names_release(&found);
	return outcome == COMPLETE ? check_skipped(a, vehicles) : outcome;
}

/* The same of a plan: requested, and in none of its units. */
static enum outcome
skip_planned(struct attempt *a)
{
	const struct names *asked = &a->spec->vehicles;
	struct patience_try t = { .patience = &a->patience };
	struct names planned = { 0 };
	enum outcome outcome = COMPLETE;
	enum jobs_result rc;
	size_t i;

	if (a->spec->unknown != SPEC_UNKNOWN_SKIP)
		return COMPLETE;
	do {
		names_release(&planned);
		rc = units_vehicles(a->worker->units, a->task->id, a->plan.plan,
		    &planned);
	} while (rc == JOBS_ERROR && patience_pause(&t));
	if (rc != JOBS_OK)
		outcome = attempt_failed(a, FAILURE_DATABASE);
	names_sort(&planned);
	for (i = 0; i < asked->n && outcome == COMPLETE; i++)
		if (!names_has(&planned, asked->v[i]) &&
		    names_add(&a->task->skipped, asked->v[i],
		    strlen(asked->v[i])) != 0)
			outcome = attempt_failed(a, FAILURE_INTERNAL);
	names_release(&planned);
	return outcome;
}

/*
 * What each vehicle will bring, for the progress and for split_plan(): by the
 * catalogue; a vehicle that it does not have yet, a document an hour of each
 * parameter. An error leaves it at that.
 */
static void
estimate(struct attempt *a, const struct names *vehicles, uint64_t *documents)
{
	const struct export_spec *spec = a->spec;
	const size_t columns = spec->parameters.n > 0 ? spec->parameters.n :
	    USUAL_PARAMETERS;
	struct catalogue *c = catalogue_new(a->worker->client,
	    a->worker->conf);
	size_t i;

	for (i = 0; i < vehicles->n; i++)
		documents[i] = (uint64_t)((spec->end_ms - spec->start_ms +
		    spec->hold_ms + HOUR_MS - 1) / HOUR_MS) * columns;
	if (c != NULL)
		catalogue_documents(c, a->job, vehicles, documents);
	catalogue_free(c);
	for (i = 0; i < vehicles->n; i++)
		a->progress.documents_total += documents[i];
	attempt_report(a, "counting");
}

/*
 * The vehicles to export, unless an earlier attempt has planned it, with units already
 * FINISHED: then a->plan is that plan.
 */
static enum outcome
find_vehicles(struct attempt *a, struct names *vehicles)
{
	enum outcome outcome;
	struct owner owner;

	if ((outcome = find_owner(a, &owner)) == COMPLETE) {
		a->bytes_kept = owner.limits.bytes_kept;
		outcome = check_room(a, 0);
	}
	if (outcome == COMPLETE)
		outcome = split_find(a, &owner.scope);
	names_release(&a->task->skipped);
	if (outcome == COMPLETE)
		outcome = a->plan.n > 0 ? skip_planned(a) :
		    export_resolve(a, &owner.scope, vehicles);
	owner_release(&owner);
	return outcome;
}

/* Find what is to be exported; cut into the units of a->plan if it is large. */
static enum outcome
export_plan(struct attempt *a, struct names *vehicles, uint64_t **documents)
{
	enum outcome outcome;

	outcome = find_vehicles(a, vehicles);
	if (outcome != COMPLETE || a->plan.n > 0)
		return outcome;
	crash_at(CRASH_AFTER_RESOLVE);
	*documents = calloc(vehicles->n + 1, sizeof(**documents));
	if (*documents == NULL)
		return attempt_failed(a, FAILURE_INTERNAL);
	estimate(a, vehicles, *documents);
	crash_at(CRASH_AFTER_COUNT);
	return split_plan(a, vehicles, *documents);
}

/* Write all vehicles, then the manifest and the end; take over the result. */
static enum outcome
fill_archive(struct attempt *a, struct archive *archive,
    const struct names *vehicles, const uint64_t *documents)
{
	enum outcome outcome;

	if (archive == NULL)
		return attempt_failed(a, FAILURE_INTERNAL);
	outcome = a->plan.n > 0 ? split_export(a, archive) :
	    transfer_vehicles(a, archive, vehicles, documents);
	if (outcome != COMPLETE)
		return outcome;
	attempt_report(a, "finishing");
	crash_at(CRASH_BEFORE_MANIFEST);
	/* Others of the owner may have ended meanwhile. */
	if (a->bytes_kept > 0 && (outcome = check_room(a,
	    (int64_t)upload_bytes(a->upload))) != COMPLETE)
		return outcome;
	outcome = attempt_archived(a, archive_close(archive),
	    FAILURE_INTERNAL);
	return outcome == COMPLETE ? attempt_uploaded(a, archive) : outcome;
}

static enum outcome
write_archive(struct attempt *a, const struct names *vehicles,
    const uint64_t *documents)
{
	const struct archive_spec spec = transfer_archive_spec(a);
	struct archive *archive = archive_open(upload_sink(a->upload), &spec);
	const enum outcome outcome = fill_archive(a, archive, vehicles,
	    documents);

	archive_free(archive);
	return outcome;
}

static enum outcome
make_once(struct attempt *a)
{
	struct names vehicles = { 0 };
	uint64_t *documents = NULL;
	char key[KEY_SIZE], header[DISPOSITION_SIZE];
	enum outcome outcome;

	attempt_report(a, "counting");
	outcome = export_plan(a, &vehicles, &documents);
	disposition(a->job->name, a->spec->start_ms, a->spec->end_ms, header);
	key_of_archive(a->task->id, a->task->fence, key);
	if (outcome == COMPLETE)
		outcome = transfer_know(a);
	if (outcome == COMPLETE)
		outcome = attempt_upload(a, key, header, 0);
	crash_at(CRASH_AFTER_BEGIN_UPLOAD);
	if (outcome == COMPLETE)
		upload_limit(a->upload, a->room_bytes);
	if (outcome == COMPLETE)
		outcome = write_archive(a, &vehicles, documents);
	transfer_forget(a);
	free(documents);
	names_release(&vehicles);
	return outcome;
}

/*
 * Where the data do not allow a vehicle to be cut, its units say so; then all is
 * made again, with whole vehicles.
 */
static enum outcome
make_archive(struct attempt *a)
{
	enum outcome outcome = make_once(a);

	if (outcome != FAILED || a->why != FAILURE_CUT)
		return outcome;
	log_msg(LOG_INFO, "split", "a vehicle's documents reach far beyond a "
	    "day's end: the job is cut again, with whole vehicles");
	attempt_again(a);
	a->whole = true;
	outcome = split_forget(a);
	return outcome == COMPLETE ? make_once(a) : outcome;
}

bool
export_job(const struct worker *worker, struct job *job)
{
	struct attempt a = { .worker = worker,
	    .tasks = jobs_tasks(worker->jobs), .task = &job->task,
	    .spec = &job->spec, .job = job };
	bool done;

	log_job(job->task.id);
	log_trace(job->task.traceparent);
	crash_at(CRASH_AFTER_CLAIM);
	done = attempt_run(&a, make_archive);
	/* Ended for good; otherwise the next attempt takes up the units. */
	if (done && a.plan.n > 0)
		units_drop(worker->units, job->task.id, a.plan.plan);
	log_job(NULL);
	log_trace(NULL);
	return done;
}
