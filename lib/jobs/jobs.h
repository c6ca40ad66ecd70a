#ifndef LIB_JOBS_JOBS_H
#define LIB_JOBS_JOBS_H

#include "lib/jobs/job.h"
#include "lib/jobs/tasks.h"

struct _mongoc_client_t;
struct conf;
struct jobs;

/*
 * The collection exports.jobs, job by job; queries over several are joblist.h's. A
 * worker works on a job that it has claimed through jobs_tasks().
 */

/* jobs_new(client, conf): client and conf outlive it. NULL when memory ends. */
struct jobs *jobs_new(struct _mongoc_client_t *client, const struct conf *conf);
void jobs_free(struct jobs *jobs);

/* jobs_tasks(jobs): The same collection, for a claimed job; it belongs to jobs. */
struct tasks *jobs_tasks(struct jobs *jobs);

/*
 * jobs_insert(jobs, job):
 * Store a new job after jobs_precheck(), due at once; its turn becomes the next that
 * no other waiting job of the owner has. After an error the id is looked for, so a lost
 * answer is not an error. JOBS_TAKEN: another has the idempotency key, nothing was stored.
 */
enum jobs_result jobs_insert(struct jobs *jobs, struct job *job);

/* Lifetime of an idempotency key. */
#define JOBS_KEY_S 86400

/*
 * jobs_find_key(jobs, owner, key, job):
 * The owner's job of this idempotency key, unless the job is older than
 * JOBS_KEY_S. On JOBS_OK, and only then, the caller releases job.
 * jobs_expire_key(jobs, owner, key): Remove the key from a job that is older.
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
 * which the caller frees; NULL: there is none (yet, or any more). JOBS_NONE: the
 * owner has no such job; owner NULL: nobody has.
 */
enum jobs_result jobs_preview(struct jobs *jobs, const char *id,
    const char *owner, char **text);

/*
 * jobs_claim(jobs, worker, job):
 * Claim the first job that is due: of those that were begun before, the one that has
 * been due the longest; then by {turn, createdAt} (lib/jobs/joblist.h). It is STARTED
 * then, leased for lease_ms, fence and attempts one higher, and read_time is that of the
 * claim: later than all that a majority had confirmed before. On JOBS_OK, and only then,
 * the caller releases job.
 */
enum jobs_result jobs_claim(struct jobs *jobs, const char *worker,
    struct job *job);

/*
 * jobs_delete(jobs, id, owner, job):
 * What the owner's DELETE means: a job that waits is CANCELLED at once, one that
 * runs is told to stop (cancelRequested), a FINISHED one EXPIRED, any other stays
 * as it is. On JOBS_OK job is the job as it is then, released by the caller;
 * JOBS_NONE: the owner has no such job; owner NULL: nobody has.
 */
enum jobs_result jobs_delete(struct jobs *jobs, const char *id,
    const char *owner, struct job *job);

#endif
