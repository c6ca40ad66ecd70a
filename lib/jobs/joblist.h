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

/* Of one owner: lib/jobs/owners.h. */
struct jobs_limits {
	int64_t unfinished;	/* jobs, 1 or more */
	int64_t per_hour;	/* new ones; 0: no limit */
	int64_t bytes_kept;	/* of results: lib/jobs/usage.h; 0: no limit */
};

/* What the owner of a new job has already. */
struct jobs_found {
	int64_t unfinished;	/* how many, at most as many as there may be */
	char same[JOB_ID_SIZE];	/* one of the same request, not being cancelled; or "" */
	int64_t retry_s;	/* with JOBS_OWNER_OFTEN: when there is room again, 1 to 3600 */
};

/*
 * jobs_precheck(jobs, job, limits, found):
 * Look at what there is before a new job (its owner and hash are set). Its created_ms
 * becomes the database's time, its turn one more than that of the job begun last, and
 * than the owner's own last (start-time fair queueing): so the owner of a thousand jobs
 * is ahead of another's first one by one job at most, and no job is overtaken for ever.
 * Jobs looked at at the same moment may get the same turn: see jobs_insert().
 */
enum jobs_result jobs_precheck(struct jobs *jobs, struct job *job,
    const struct jobs_limits *limits, struct jobs_found *found);

/*
 * jobs_admit(jobs, job, limits, found):
 * Whether the owner may have the new job (owner and id are set), by what jobs_precheck()
 * found: JOBS_OK, JOBS_OWNER_FULL, JOBS_OWNER_OFTEN or JOBS_QUEUE_FULL. All jobs are
 * counted once a second, so several handlers may admit a few more than queue_max; of an
 * owner's jobs, as many more as are admitted at the same moment.
 */
enum jobs_result jobs_admit(struct jobs *jobs, const struct job *job,
    const struct jobs_limits *limits, struct jobs_found *found);

/*
 * jobs_ahead(jobs, job, n):
 * How many of the waiting jobs would be started before job; -1: above 1,000.
 */
enum jobs_result jobs_ahead(struct jobs *jobs, const struct job *job,
    int64_t *n);

/* A page of jobs. */
struct jobs_page {
	const char *owner;	/* whose; NULL: anyone's */
	unsigned states;	/* bits, 1 << enum job_state; 0: all */
	const char *after;	/* an id; NULL: from the newest on */
	int64_t limit;
	bool whole;		/* with lists of names however long they are */
};

/* Where a list of names has more, a page has their number instead: job.h's. */
#define JOBS_NAMES_MAX 20

/*
 * jobs_list(jobs, page, each, arg):
 * Call each(job, arg) for the jobs of the page, newest first; one that cannot be
 * understood is left out. each() returns 0 to go on, 1 to end it, -1: JOBS_ERROR.
 * What has expired is written down before EXPIRED ones are asked for.
 */
enum jobs_result jobs_list(struct jobs *jobs, const struct jobs_page *page,
    int (*each)(const struct job *, void *), void *arg);

#endif
