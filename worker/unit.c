#include "worker/unit.h"

#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "lib/jobs/job.h"
#include "lib/jobs/jobs.h"
#include "lib/jobs/units.h"
#include "worker/attempt.h"
#include "worker/fragment.h"
#include "worker/worker.h"

void
unit_export(const struct worker *worker, struct job *unit,
    struct attempt *parent)
{
	struct attempt a = { .worker = worker, .jobs = worker->units, .job = unit,
	    .parent = parent };

	attempt_run(&a, fragment_write);
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
