#ifndef WORKER_ATTEMPT_H
#define WORKER_ATTEMPT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/patience.h"
#include "lib/servers/failure.h"
#include "lib/jobs/job.h"
#include "lib/jobs/parameters.h"
#include "lib/jobs/units.h"
#include "worker/ending.h"
#include "worker/engine/archive.h"

struct worker;
struct lease;
struct upload;

/*
 * One attempt at a task: a job, or a unit of one. The task has been claimed; a
 * lease holds it while something is made and uploaded, and until its document is put
 * right; what is left on S3 is removed after that. What is made is up to export.c and
 * fragment.c, what is read for it to transfer.c.
 */
struct attempt {
	const struct worker *worker;
	struct tasks *tasks;		/* the collection of task */
	struct task *task;		/* the job's or the unit's, as spec is */
	const struct export_spec *spec;
	struct job *job;		/* NULL in an attempt at a unit */
	struct unit *unit;		/* NULL in an attempt at a job */
	struct attempt *parent;		/* at the unit's job, if this worker's; or NULL */
	struct lease *lease;
	struct patience patience;	/* for whatever the attempt waits for */
	struct upload *upload;
	struct units_plan plan;		/* of a job that is split */
	struct parameters known;	/* of its parameters, in a job */
	struct archive_parameter *shown;	/* the same, for the archive */
	bool whole;			/* no vehicle of it may be cut */
	int64_t bytes_kept;		/* limit of the owner's results; 0: none */
	uint64_t room_bytes;		/* of that, for this one */
	bool refused;			/* to be FINISHED: its object is nobody's */

	struct task_progress progress;
	struct task_progress done;	/* of its units, without the one under way */
	struct archive_progress taken;	/* by the archive */
	uint64_t fetches, slow;		/* of the pace, when it began */
	atomic_llong stopping_ms;	/* when SIGTERM was noticed; 0: not yet */
	enum failure why;		/* why it FAILED */
	char detail[128];		/* the vehicle that is unknown, ...; or "" */
	char tag[32];			/* ends its log lines: " unit=3", or "" */
};

/*
 * attempt_run(a, make):
 * The caller has set worker, tasks, task, spec, job or unit, and parent. Hold the
 * lease while make(a) works, then write how it ended. Returns true when the
 * message of the job is settled (ack), false when it is to ring again.
 */
bool attempt_run(struct attempt *a, enum outcome (*make)(struct attempt *));

/*
 * attempt_must_stop(a): Whether the attempt has to end now: lost, cancelled, or
 * SIGTERM came grace_ms ago.
 * attempt_alive(a): Tell the lease that the attempt works, or waits for a server
 * within a limit of time. Both are what a->patience calls; safe from any thread.
 * attempt_over(a): patience_over() of it, for a function that takes the attempt.
 * attempt_hold(a): The same, between two steps of the work: it first waits while the
 * lease is late.
 */
bool attempt_must_stop(void *a);
void attempt_alive(void *a);
bool attempt_over(void *a);
bool attempt_hold(struct attempt *a);

/*
 * attempt_failed(a, why): FAILED for this reason, unless the attempt must stop:
 * then that is why, and the answer STOPPED.
 */
enum outcome attempt_failed(struct attempt *a, enum failure why);

/*
 * attempt_report(a, phase): Hand the progress to the lease, which stores it. It is
 * also a sign of life, but in a job that is split: that lives by its assembler.
 */
void attempt_report(struct attempt *a, const char *phase);

/*
 * attempt_upload(a, key, disposition, estimate_bytes): Start the upload; see upload_open().
 * attempt_archived(a, result, source): The outcome for the engine's result; source
 * is the failure to record if the archive's source failed.
 * attempt_uploaded(a, archive): After a good close, take over what is recorded of
 * the object.
 */
enum outcome attempt_upload(struct attempt *a, const char *key,
    const char *disposition, uint64_t estimate_bytes);
enum outcome attempt_archived(struct attempt *a, enum archive_result result,
    enum failure source);
enum outcome attempt_uploaded(struct attempt *a,
    const struct archive *archive);

/* attempt_again(a): After FAILED: be as before the upload, which is removed. */
void attempt_again(struct attempt *a);

#endif
