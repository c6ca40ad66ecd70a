/*
 * A job as a document of exports.jobs, and what follows from its members. It knows
 * no collection (lib/jobs/jobs.c) and no JSON (fcgi/jobjson.c).
 */
#include "lib/jobs/job.h"

#include <stdlib.h>
#include <string.h>

#include <bson/bson.h>

#include "lib/base/timestamp.h"
#include "lib/jobs/task_impl.h"

/* In the order of a new document. */
static const struct field job_field_table[] = {
	TASK_FIELDS_HEAD(struct job),
	FIELD(struct job, "name", FIELD_TEXT, FIELD_NEW, name),
	FIELD(struct job, "requestHash", FIELD_HASH, FIELD_NEW, spec.hash),
	FIELD(struct job, "idempotencyKey", FIELD_TEXT, FIELD_NEW, idempotency_key),
	TASK_FIELDS_TAIL(struct job),
	FIELD(struct job, "startedAt", FIELD_DATE, FIELD_LATER, started_ms),
	FIELD(struct job, "finishedAt", FIELD_DATE, FIELD_LATER, finished_ms),
	FIELD(struct job, "expiresAt", FIELD_DATE, FIELD_LATER, expires_ms),
	FIELD(struct job, "skippedVehicles", FIELD_NAMES, FIELD_LATER, task.skipped),
	FIELD(struct job, "vehiclesCount", FIELD_INT64, FIELD_LATER, vehicles_count),
	FIELD(struct job, "parametersCount", FIELD_INT64, FIELD_LATER, parameters_count),
};
static const struct fields job_fields = { "jobs", job_field_table,
	sizeof(job_field_table) / sizeof(job_field_table[0]) };

void
job_init(struct job *j)
{
	memset(j, 0, sizeof(*j));
	task_init(&j->task, TASK_JOB);
	j->started_ms = j->finished_ms = j->expires_ms = JOB_NO_TIME;
}

void
job_release(struct job *j)
{
	task_release(&j->task);
	spec_release(&j->spec);
	free(j->name);
	free(j->idempotency_key);
	job_init(j);
}

void
job_new_bson(const struct job *j, bson_t *doc)
{
	fields_write(&job_fields, j, doc);
}

int
job_from_bson(const bson_t *doc, struct job *j)
{
	job_init(j);
	return task_from_bson(&job_fields, doc, j);
}

int64_t
job_eta_ms(const struct job *j)
{
	const struct task *t = &j->task;
	const struct task_progress *p = &t->progress;
	double left_ms;

	/* JOB_NO_TIME is before 1970, too. */
	if (t->state != JOB_STARTED || t->worker == NULL ||
	    t->claimed_ms < 0 || t->progress_ms <= t->claimed_ms ||
	    t->progress_ms > TIMESTAMP_MAX_MS || p->documents == 0 ||
	    p->documents > p->documents_total)
		return JOB_NO_TIME;
	left_ms = (double)(t->progress_ms - t->claimed_ms) *
	    (double)(p->documents_total - p->documents) /
	    (double)p->documents;
	return left_ms > (double)(TIMESTAMP_MAX_MS - t->progress_ms) ?
	    JOB_NO_TIME : t->progress_ms + (int64_t)left_ms;
}

void
job_seen(struct job *j, int64_t now_ms)
{
	if (j->task.state == JOB_FINISHED && j->expires_ms != JOB_NO_TIME &&
	    j->expires_ms <= now_ms)
		j->task.state = JOB_EXPIRED;
}
