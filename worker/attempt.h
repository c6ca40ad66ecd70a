#ifndef WORKER_ATTEMPT_H
#define WORKER_ATTEMPT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/servers/failure.h"
#include "lib/jobs/job.h"
#include "lib/jobs/units.h"
#include "worker/ending.h"
#include "worker/engine/archive.h"
#include "worker/pace.h"

struct worker;
struct lease;
struct upload;

/*
 * One attempt at a job, or at a unit of one, which is the same thing: claimed,
 * kept by a keeper while something is made and uploaded, then put right in the
 * database. What is made is export.c's and unit.c's business, what is read for it
 * vehicles.c's.
 */
struct attempt {
	const struct worker *worker;
	struct tasks *tasks;		/* where it is kept */
	struct task *task;		/* what it is at: job's or unit's, and so spec */
	const struct export_spec *spec;
	struct job *job;		/* NULL: it is at a unit */
	struct unit *unit;		/* NULL: at a job */
	struct attempt *parent;		/* whose unit it is, of this worker; or NULL */
	struct lease *lease;
	struct upload *upload;
	struct units_plan plan;		/* of a job that is split */

	struct pace pace;
	struct task_progress progress;
	struct task_progress done;	/* of it, without the vehicle that is not done */
	uint64_t slices, exact;	/* for the log */
	struct archive_progress vehicle;	/* of the one that is not done */
	atomic_llong stopping_ms;	/* when SIGTERM was first seen, 0: not yet */
	enum failure why;
	char detail[128];
	char tag[32];			/* behind log lines: " unit=3", or "" */
};

/*
 * attempt_run(a, make):
 * worker, tasks, task, spec, job or unit, and parent are set. Keep the job, have it made, write how it
 * ended. Returns true when that is all there is to do for the job's message.
 */
bool attempt_run(struct attempt *a, enum outcome (*make)(struct attempt *));

/* attempt_must_stop(a): Whether it has to end now, whatever it does. Any thread asks. */
bool attempt_must_stop(void *a);

/* attempt_failed(a, why): FAILED for this reason, unless it was stopped. */
enum outcome attempt_failed(struct attempt *a, enum failure why);

/* attempt_report(a, phase): Write down how far it is. */
void attempt_report(struct attempt *a, const char *phase);

/*
 * attempt_upload(a, key, filename, digest): Begin the upload.
 * attempt_archived(a, result, source): The outcome that the engine's result stands
 * for; source: why its source failed, if it did.
 * attempt_uploaded(a, archive): It was closed well: take over what is recorded.
 * attempt_abort(a): Leave nothing behind; also without an upload.
 */
enum outcome attempt_upload(struct attempt *a, const char *key,
    const char *filename, bool digest);
enum outcome attempt_archived(struct attempt *a, enum archive_result result,
    enum failure source);
enum outcome attempt_uploaded(struct attempt *a,
    const struct archive *archive);
void attempt_abort(struct attempt *a);

#endif
