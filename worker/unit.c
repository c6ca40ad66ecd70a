/*
 * Units, as the worker sees them that makes one: for its own job, or helping with
 * another worker's.
 */
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
unit_export(const struct worker *worker, struct unit *unit,
    struct attempt *parent)
{
	struct attempt a = { .worker = worker,
	    .tasks = units_tasks(worker->units), .task = &unit->task,
	    .spec = &unit->spec, .unit = unit, .parent = parent };

	attempt_run(&a, fragment_write);
	crash_at(CRASH_AFTER_UNIT);
}

/* Whether the unit's job goes on. If it has ended, its units are removed. */
static bool
is_wanted(const struct worker *worker, const struct unit *unit)
{
	bool ended = true, cancelled = false;
	struct job job;

	switch (jobs_find(worker->jobs, unit->parent, NULL, &job)) {
	case JOBS_OK:
		ended = job_ended(job.task.state);
		cancelled = job.task.cancel_requested;
		job_release(&job);
		break;
	case JOBS_NONE:
		break;
	default:
		/* Unknown: give the unit back. */
		ended = false;
		cancelled = true;
	}
	if (ended)
		units_drop(worker->units, unit->parent, UNITS_ALL);
	else if (cancelled)
		tasks_end_released(units_tasks(worker->units), &unit->task);
	return !ended && !cancelled;
}

bool
unit_help(const struct worker *worker)
{
	struct unit unit;
	bool wanted;

	if (units_any(worker->units) != JOBS_OK ||
	    units_claim(worker->units, NULL, worker->name, &unit) != JOBS_OK)
		return false;
	log_job(unit.parent);
	log_trace(unit.task.traceparent);
	if ((wanted = is_wanted(worker, &unit)))
		unit_export(worker, &unit, NULL);
	log_job(NULL);
	log_trace(NULL);
	unit_release(&unit);
	return wanted;
}
