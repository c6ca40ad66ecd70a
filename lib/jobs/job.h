#ifndef LIB_JOBS_JOB_H
#define LIB_JOBS_JOB_H

#include <stdint.h>

#include "lib/jobs/spec.h"
#include "lib/jobs/task.h"

struct _bson_t;

/*
 * A document of exports.jobs: what a client asked for, and how far it is. Its fields
 * are a table in job.c. Strings belong to the struct, NULL when not set.
 */
struct job {
	struct task task;	/* first: see lib/jobs/task.h */
	struct export_spec spec;
	char *name;
	char *idempotency_key;
	int64_t started_ms, finished_ms, expires_ms;
	/* Of a list that a page leaves out (lib/jobs/joblist.h); else 0. */
	int64_t vehicles_count, parameters_count;
};

/* job_init(j): All unset. job_release(j): Free what j owns; all unset. */
void job_init(struct job *j);
void job_release(struct job *j);

/*
 * job_new_bson(j, doc): Append what a new job's document holds.
 * job_from_bson(doc, j): Read a stored one; j is initialised by it and
 * released by the caller in any case. Returns 0, -1 when it cannot be understood
 * (logged); what could be read is there all the same.
 */
void job_new_bson(const struct job *j, struct _bson_t *doc);
int job_from_bson(const struct _bson_t *doc, struct job *j);

/*
 * job_seen(j, now_ms): As everybody is to see it at this time: a FINISHED one whose
 * expiresAt has passed is EXPIRED, whether a worker has written it yet or not.
 */
void job_seen(struct job *j, int64_t now_ms);

/*
 * job_eta_ms(j): When a job that runs will have read all its documents, by its
 * own speed so far, on the database's clock; JOB_NO_TIME when that is not known.
 */
int64_t job_eta_ms(const struct job *j);

#endif
