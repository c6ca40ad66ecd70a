#include "worker/unit.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "lib/jobs/job.h"
#include "lib/jobs/jobs.h"
#include "lib/jobs/units.h"
#include "worker/engine/archive/manifest.h"
#include "worker/engine/archive/preview.h"
#include "worker/engine/archive/zip.h"
#include "worker/engine/sink.h"
#include "worker/attempt.h"
#include "worker/fragment.h"
#include "worker/transfer.h"
#include "worker/upload.h"
#include "worker/worker.h"

static enum outcome
write_piece(struct attempt *a)
{
	struct sink *sink = upload_sink(a->upload);
	enum outcome outcome;
	const char *facts;

	a->zip = zip_new_bare(sink);
	a->manifest = manifest_new_facts();
	a->preview = preview_new(a->job->start_ms, a->job->end_ms);
	if (a->zip == NULL || a->manifest == NULL || a->preview == NULL)
		return attempt_failed(a, FAILURE_INTERNAL);
	outcome = transfer_vehicles(a, &a->job->vehicles);
	if (outcome != COMPLETE)
		return outcome;
	attempt_report(a, "finishing");
	if (sink->close(sink) != 0)
		return attempt_failed(a, upload_failure(a->upload));
	if ((facts = manifest_facts(a->manifest)) == NULL ||
	    (a->job->facts = strdup(facts)) == NULL)
		return attempt_failed(a, FAILURE_INTERNAL);
	if (strlen(facts) > PIECE_FACTS_MAX) {
		log_msg(LOG_ERROR, "split", "what is to be said of a unit's "
		    "files takes %zu bytes: raise csv_split_bytes, or set "
		    "split_documents = 0", strlen(facts));
		return attempt_failed(a, FAILURE_INTERNAL);
	}
	return attempt_uploaded(a);
}

static enum outcome
make_piece(struct attempt *a)
{
	const struct job *unit = a->job;
	enum outcome outcome;
	char key[160];

	crash_at(CRASH_AFTER_UNIT_CLAIM);
	a->progress.documents_total = (uint64_t)unit->documents;
	/* The fence makes the key this attempt's alone. */
	snprintf(key, sizeof(key), "units/%s/%lld-%lld-%lld", unit->parent,
	    (long long)unit->plan, (long long)unit->unit,
	    (long long)unit->fence);
	outcome = attempt_upload(a, key, "unit", false);
	return outcome == COMPLETE ? write_piece(a) : outcome;
}

void
unit_export(const struct worker *worker, struct job *unit,
    struct attempt *parent)
{
	struct attempt a = { .worker = worker, .jobs = worker->units, .job = unit,
	    .parent = parent };

	attempt_run(&a, make_piece);
	crash_at(CRASH_AFTER_UNIT);
}

/* Whether the unit's job goes on; where it has ended its units go. */
static bool
is_wanted(const struct worker *worker, const struct job *unit)
{
	bool ended = true, cancelled = false;
	struct job job;

	switch (jobs_find(worker->jobs, unit->parent, NULL, &job)) {
	case JOBS_OK:
		ended = job_ended(job.state);
		cancelled = job.cancel_requested;
		job_release(&job);
		break;
	case JOBS_NONE:
		break;
	default:
		/* Not known: the unit goes back. */
		ended = false;
		cancelled = true;
	}
	if (ended)
		units_drop(worker->units, unit->parent, UNITS_ALL);
	else if (cancelled)
		jobs_end_released(worker->units, unit);
	return !ended && !cancelled;
}

bool
unit_help(const struct worker *worker)
{
	struct job unit;
	bool wanted;

	if (units_any(worker->units) != JOBS_OK ||
	    jobs_claim_unit(worker->units, NULL, worker->name, &unit) != JOBS_OK)
		return false;
	log_job(unit.parent);
	if ((wanted = is_wanted(worker, &unit)))
		unit_export(worker, &unit, NULL);
	log_job(NULL);
	job_release(&unit);
	return wanted;
}
