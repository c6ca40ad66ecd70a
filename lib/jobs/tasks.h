#ifndef LIB_JOBS_TASKS_H
#define LIB_JOBS_TASKS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/servers/failure.h"
#include "lib/jobs/task.h"

struct _mongoc_client_t;
struct conf;
struct tasks;

/*
 * exports.jobs or exports.units, as seen by a worker that has claimed a task in it
 * (lib/jobs/jobs.h, lib/jobs/units.h): an attempt at either is the same. Each call is
 * one read or one conditional update of one document; all times are the database's.
 * States, and who may change what: the table in transition.c.
 */

/* The result of a call; also of those in jobs.h, joblist.h and units.h. */
enum jobs_result {
	JOBS_OK = 0,
	JOBS_NONE = 1,		/* no such job, nothing to claim, or not (or no longer) ours */
	JOBS_TAKEN = 2,		/* the idempotency key is another job's */
	JOBS_OWNER_FULL = 3,	/* as many unfinished jobs of the owner as may be */
	JOBS_QUEUE_FULL = 4,	/* queue_max unfinished jobs in all */
	JOBS_OWNER_OFTEN = 5,	/* as many new jobs of the owner in an hour */
	JOBS_ERROR = -1		/* logged; whether a write took effect is unknown */
};

/*
 * tasks_new(client, conf, kind):
 * The collection of tasks of this kind over a client of its own, for a thread that
 * cannot share that of jobs_tasks(), units_tasks(). client and conf outlive it. NULL:
 * no memory.
 */
struct tasks *tasks_new(struct _mongoc_client_t *client,
    const struct conf *conf, enum task_kind kind);
void tasks_free(struct tasks *tasks);

/*
 * tasks_renew(tasks, task, progress, cancel):
 * Push the lease of a claimed task and write its progress; *cancel is then whether it
 * is to be cancelled. JOBS_NONE: the lease is lost, the task another's.
 */
enum jobs_result tasks_renew(struct tasks *tasks, const struct task *task,
    const struct task_progress *progress, bool *cancel);

/*
 * tasks_sweep(tasks):
 * End what nobody works on any more: those that are due and have no attempts left, or
 * are to be cancelled, and results that have expired. It costs little when there are
 * none, and any worker may do it at any time; claims leave such tasks alone.
 */
enum jobs_result tasks_sweep(struct tasks *tasks);

/* tasks_running(tasks, n): How many workers hold a job or a unit just now. */
enum jobs_result tasks_running(struct tasks *tasks, int64_t *n);

/*
 * The ends of an attempt. All match {_id, fence, STARTED}: JOBS_NONE means that
 * the lease was lost and nothing was changed.
 *
 * tasks_end_finished: FINISHED, with the task's object, preview and skipped, a unit's
 * facts (else NULL) and progress. It never overrides a cancel that came before: that is
 * JOBS_NONE, too, and tasks_end_cancelled() then fits.
 * tasks_end_failed: FAILED for good; detail may be NULL, else it is kept, and added
 * to the text.
 * tasks_end_retry: due again after delay_ms, the error kept.
 * tasks_end_cancelled: CANCELLED, as requested.
 * tasks_end_released: due again at once, the attempt not charged.
 */
enum jobs_result tasks_end_finished(struct tasks *tasks,
    const struct task *task, const struct task_progress *progress,
    const char *facts);
enum jobs_result tasks_end_failed(struct tasks *tasks,
    const struct task *task, enum failure why, const char *detail);
enum jobs_result tasks_end_retry(struct tasks *tasks, const struct task *task,
    enum failure why, int64_t delay_ms);
enum jobs_result tasks_end_cancelled(struct tasks *tasks,
    const struct task *task);
enum jobs_result tasks_end_released(struct tasks *tasks,
    const struct task *task);

/*
 * tasks_finished(tasks, task):
 * JOBS_OK: the task is FINISHED by the claim that task is of, so a
 * tasks_end_finished() whose answer was lost had come through.
 */
enum jobs_result tasks_finished(struct tasks *tasks, const struct task *task);

#endif
