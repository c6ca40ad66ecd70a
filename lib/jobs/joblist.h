#ifndef LIB_JOBS_JOBLIST_H
#define LIB_JOBS_JOBLIST_H

#include <stdint.h>

#include "lib/jobs/job.h"
#include "lib/jobs/tasks.h"

struct jobs;

/*
 * Queries over several jobs of exports.jobs: whether one more may be stored, how many
 * are ahead of one, lists.
 */

/*
 * jobs_precheck(jobs, job, same):
 * What the owner of a new job (its owner and hash are set) has already: the job's
 * rank becomes the number of the owner's unfinished jobs, its created_ms the
 * database's time; same is the id of an unfinished one of the same request that is
 * not being cancelled, "" when there is none.
 */
enum jobs_result jobs_precheck(struct jobs *jobs, struct job *job,
    char same[JOB_ID_SIZE]);

/*
 * jobs_admit(jobs, job):
 * Whether a new job's owner may have it, by what jobs_precheck() found: JOBS_OK,
 * JOBS_OWNER_FULL or JOBS_QUEUE_FULL. All jobs are counted once a second, so
 * several handlers may admit a few more than queue_max.
 */
enum jobs_result jobs_admit(struct jobs *jobs, const struct job *job);

/*
 * jobs_ahead(jobs, job, n):
 * How many of the waiting jobs would be started before job; -1: above 1,000.
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
 * understood is left out. When each() returns anything but 0 that ends it: JOBS_ERROR.
 */
enum jobs_result jobs_list(struct jobs *jobs, const struct jobs_page *page,
    int (*each)(const struct job *, void *), void *arg);

#endif
