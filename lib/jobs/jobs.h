#ifndef LIB_JOBS_JOBS_H
#define LIB_JOBS_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/servers/failure.h"
#include "lib/jobs/job.h"

struct _mongoc_client_t;
struct conf;
struct jobs;

/*
 * The collection exports.jobs: each call is one read or one conditional update
 * of one document, all times are the database's. The states and who may change
 * what: the table in transition.c.
 */

/* What a call came to. */
enum jobs_result {
	JOBS_OK = 0,
	JOBS_NONE = 1,		/* no such job, nothing to claim, or not ours (any more) */
	JOBS_TAKEN = 2,		/* the idempotency key is another job's */
	JOBS_OWNER_FULL = 3,	/* owner_jobs_max unfinished jobs of the owner */
	JOBS_QUEUE_FULL = 4,	/* queue_max unfinished jobs in all */
	JOBS_ERROR = -1		/* logged; whether a write took effect is unknown */
};

/* jobs_new(client, conf): client and conf outlive it. NULL when memory ends. */
struct jobs *jobs_new(struct _mongoc_client_t *client, const struct conf *conf);
void jobs_free(struct jobs *jobs);

/*
 * jobs_precheck(jobs, job, same):
 * What the owner of a new job (owner and request_hash are set) has already: job's
 * rank becomes the number of unfinished jobs, its created_ms the database's time;
 * same is the id of an unfinished one of the same request that is not to be
 * cancelled, "" when there is none.
 */
enum jobs_result jobs_precheck(struct jobs *jobs, struct job *job,
    char same[JOB_ID_SIZE]);

/*
 * jobs_admit(jobs, job):
 * Whether a new job's owner may have it, by what jobs_precheck() saw: JOBS_OK,
 * JOBS_OWNER_FULL or JOBS_QUEUE_FULL. All jobs are counted once a second, so
 * several handlers may let a few more in.
 */
enum jobs_result jobs_admit(struct jobs *jobs, const struct job *job);

/*
 * jobs_insert(jobs, job):
 * Store a new job that jobs_precheck() has seen, due at once. After an error the id
 * is looked for, so an answer that was lost is no error. JOBS_TAKEN: nothing was
 * stored.
 */
enum jobs_result jobs_insert(struct jobs *jobs, struct job *job);

/* An idempotency key names its job for so long. */
#define JOBS_KEY_S 86400

/*
 * jobs_find_key(jobs, owner, key, job):
 * The owner's job of this idempotency key, unless the job is older than
 * JOBS_KEY_S. On JOBS_OK, and only then, the caller releases job.
 * jobs_expire_key(jobs, owner, key): Take the key from a job that is older.
 */
enum jobs_result jobs_find_key(struct jobs *jobs, const char *owner,
    const char *key, struct job *job);
enum jobs_result jobs_expire_key(struct jobs *jobs, const char *owner,
    const char *key);

/*
 * jobs_find(jobs, id, owner, job):
 * Read a job; owner NULL: anyone's. On JOBS_OK, and only then, the caller
 * releases job.
 */
enum jobs_result jobs_find(struct jobs *jobs, const char *id,
    const char *owner, struct job *job);

/*
 * jobs_preview(jobs, id, owner, text):
 * The preview that was stored with the result of the owner's FINISHED job, JSON,
 * which the caller frees; NULL where there is none (yet, or any more). JOBS_NONE:
 * the owner has no such job.
 */
enum jobs_result jobs_preview(struct jobs *jobs, const char *id,
    const char *owner, char **text);

/*
 * jobs_ahead(jobs, job, n):
 * How many of those that wait would be begun before job; -1: above 1,000.
 */
enum jobs_result jobs_ahead(struct jobs *jobs, const struct job *job,
    int64_t *n);

/* A page of an owner's jobs. */
struct jobs_page {
	const char *owner;
	unsigned states;	/* bits, 1 << enum job_state; 0: all */
	const char *after;	/* an id; NULL: from the newest on */
	int64_t limit;
};

/*
 * jobs_list(jobs, page, each, arg):
 * Call each(job, arg) for the jobs of the page, newest first; one that cannot be
 * read is left out. each() ends it by not returning 0: then JOBS_ERROR.
 */
enum jobs_result jobs_list(struct jobs *jobs, const struct jobs_page *page,
    int (*each)(const struct job *, void *), void *arg);

/*
 * jobs_claim(jobs, worker, job):
 * End the due jobs that have no attempts left or are to be cancelled, then take
 * the first that is due, those that were begun before the others, each by {rank,
 * createdAt}: STARTED, leased for lease_ms,
 * fence and attempts one higher. On JOBS_OK, and only then, the caller releases
 * job.
 */
enum jobs_result jobs_claim(struct jobs *jobs, const char *worker,
    struct job *job);

/*
 * jobs_claim_unit(units, parent, worker, unit):
 * The same of units (lib/jobs/units.h), of the job of this id alone, NULL: of any.
 */
enum jobs_result jobs_claim_unit(struct jobs *units, const char *parent,
    const char *worker, struct job *unit);

/*
 * jobs_renew(jobs, job, progress, cancel):
 * Push the lease of a claimed job and write its progress; *cancel says whether
 * it is to be cancelled. JOBS_NONE: the lease is lost, the job another's.
 */
enum jobs_result jobs_renew(struct jobs *jobs, const struct job *job,
    const struct job_progress *progress, bool *cancel);

/* jobs_running(jobs, n): How many workers hold a job or a unit just now. */
enum jobs_result jobs_running(struct jobs *jobs, int64_t *n);

/*
 * The ends of an attempt. All match {_id, fence, STARTED}: JOBS_NONE means that
 * the lease was lost and nothing was changed.
 *
 * jobs_end_finished: FINISHED, with job->object_* and progress; never against a cancel
 * that came before: that is JOBS_NONE, too, and jobs_end_cancelled() then fits.
 * jobs_end_failed: FAILED for good; detail may be NULL, else it is added to the text.
 * jobs_end_retry: due again after delay_ms, the error kept.
 * jobs_end_cancelled: CANCELLED, as was asked for.
 * jobs_end_released: given back at once, the attempt not charged.
 */
enum jobs_result jobs_end_finished(struct jobs *jobs, const struct job *job,
    const struct job_progress *progress);
enum jobs_result jobs_end_failed(struct jobs *jobs, const struct job *job,
    enum failure why, const char *detail);
enum jobs_result jobs_end_retry(struct jobs *jobs, const struct job *job,
    enum failure why, int64_t delay_ms);
enum jobs_result jobs_end_cancelled(struct jobs *jobs, const struct job *job);
enum jobs_result jobs_end_released(struct jobs *jobs, const struct job *job);

/*
 * jobs_delete(jobs, id, owner, job):
 * What the owner's DELETE means: a job that waits is CANCELLED at once, one that
 * runs is asked to stop (cancelRequested), a FINISHED one EXPIRED, any other left
 * as it is. On JOBS_OK job is the job then, released by the caller; JOBS_NONE:
 * the owner has no such job.
 */
enum jobs_result jobs_delete(struct jobs *jobs, const char *id,
    const char *owner, struct job *job);

#endif
