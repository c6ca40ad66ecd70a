/*
 * An attempt at a job or a unit, from its claim to the end of its lease: decides
 * when to stop, and carries out the ending that ending.c chooses. Knows neither
 * what is read nor what an archive is made of.
 */
#include "worker/attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/backoff.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "lib/jobs/metrics.h"
#include "lib/jobs/tasks.h"
#include "worker/engine/sink.h"
#include "worker/lease.h"
#include "worker/pace.h"
#include "worker/removal.h"
#include "worker/upload.h"
#include "worker/worker.h"

/* After the grace period: how long its end may take to be written. */
#define END_MS 5000
/* How soon an export goes on when its lease is renewed again. */
#define HOLD_MS 50

static bool
is_unit(const struct attempt *a)
{
	return a->unit != NULL;
}

/* For how long SIGTERM has been noticed, ms; 0: not yet. */
static int64_t
stopping_for_ms(struct attempt *a)
{
	long long never = 0;

	if (!a->worker->stopping())
		return 0;
	atomic_compare_exchange_strong(&a->stopping_ms, &never,
	    clock_monotonic_ms());
	return clock_monotonic_ms() - atomic_load(&a->stopping_ms);
}

bool
attempt_must_stop(void *arg)
{
	struct attempt *a = arg;

	/* A job that is split reads nothing by itself: its units count. */
	if (a->plan.n == 0)
		pace_share(a->worker->pace, lease_sharers(a->lease));
	if (lease_state(a->lease) != LEASE_HELD ||
	    (a->parent != NULL && attempt_must_stop(a->parent)))
		return true;
	return a->worker->stopping() &&
	    stopping_for_ms(a) >= a->worker->conf->grace_ms;
}

void
attempt_alive(void *arg)
{
	struct attempt *a = arg;

	lease_alive(a->lease);
}

bool
attempt_over(void *arg)
{
	struct attempt *a = arg;

	return patience_over(&a->patience);
}

bool
attempt_hold(struct attempt *a)
{
	while (!attempt_over(a)) {
		if (!lease_late(a->lease))
			return false;
		clock_pause_ms(HOLD_MS);
	}
	return true;
}

enum outcome
attempt_failed(struct attempt *a, enum failure why)
{
	if (attempt_must_stop(a))
		return STOPPED;
	a->why = why != FAILURE_NONE ? why : FAILURE_INTERNAL;
	return FAILED;
}

void
attempt_report(struct attempt *a, const char *phase)
{
	a->progress.phase = phase;
	if (a->upload != NULL)
		a->progress.bytes_written = upload_bytes(a->upload);
	lease_progress(a->lease, &a->progress);
	if (a->plan.n == 0)
		attempt_alive(a);
}

enum outcome
attempt_upload(struct attempt *a, const char *key, const char *disposition,
    uint64_t estimate_bytes)
{
	enum failure why;

	if ((a->task->object.key = strdup(key)) == NULL)
		return attempt_failed(a, FAILURE_INTERNAL);
	a->upload = upload_open(a->worker->conf, &a->patience, key, disposition,
	    estimate_bytes, &why);
	return a->upload == NULL ? attempt_failed(a, why) : COMPLETE;
}

enum outcome
attempt_archived(struct attempt *a, enum archive_result result,
    enum failure source)
{
	switch (result) {
	case ARCHIVE_OK:
		return COMPLETE;
	case ARCHIVE_STOPPED:
		return STOPPED;
	case ARCHIVE_TOO_LARGE:
		return attempt_failed(a, FAILURE_SLICE_TOO_LARGE);
	case ARCHIVE_REACHES:
		return attempt_failed(a, FAILURE_CUT);
	case ARCHIVE_SOURCE_FAILED:
		return attempt_failed(a, source);
	case ARCHIVE_SINK_FAILED:
		return attempt_failed(a, upload_failure(a->upload));
	case ARCHIVE_BAD_FRAGMENT:
		return attempt_failed(a, FAILURE_STORAGE);
	case ARCHIVE_NO_MEMORY:
		break;
	}
	return attempt_failed(a, FAILURE_INTERNAL);
}

enum outcome
attempt_uploaded(struct attempt *a, const struct archive *archive)
{
	struct task *task = a->task;
	const char *sha256 = upload_sha256(a->upload);

	/* A fragment's is among its facts. */
	if (!is_unit(a))
		task->preview = archive_preview(archive);
	task->object.size = (int64_t)upload_bytes(a->upload);
	task->object.etag = strdup(upload_etag(a->upload));
	if (sha256 != NULL)
		task->object.sha256 = strdup(sha256);
	return task->object.etag == NULL ||
	    (sha256 != NULL && task->object.sha256 == NULL) ?
	    attempt_failed(a, FAILURE_INTERNAL) : COMPLETE;
}

/* What the upload left on S3; its document has been put right by now. */
static void
attempt_abort(struct attempt *a)
{
	if (a->upload == NULL)
		return;
	crash_at(CRASH_BEFORE_ABORT);
	upload_sink(a->upload)->abort(upload_sink(a->upload));
	crash_at(CRASH_AFTER_ABORT);
}

void
attempt_again(struct attempt *a)
{
	attempt_abort(a);
	upload_free(a->upload);
	a->upload = NULL;
	free(a->task->object.key);
	a->task->object.key = NULL;
	a->why = FAILURE_NONE;
	a->progress = (struct task_progress){ 0 };
	a->done = a->progress;
	attempt_report(a, "counting");
}

/* The end is written until the task is another worker's, or there is no time. */
static bool
end_must_stop(void *arg)
{
	struct attempt *a = arg;

	return lease_state(a->lease) == LEASE_LOST ||
	    stopping_for_ms(a) >= a->worker->conf->grace_ms + END_MS;
}

/* Write the end, once. */
static enum jobs_result
end_once(struct attempt *a, const struct ending *e)
{
	const char *detail = NULL;

	switch (e->transition) {
	case T_FINISH:
		return tasks_end_finished(a->tasks, a->task, &a->progress,
		    is_unit(a) ? a->unit->facts : NULL);
	case T_FAIL:
		/* "attempts_exhausted" also names what ended the last attempt. */
		if (e->why == FAILURE_ATTEMPTS)
			detail = failure_text(a->why);
		else if (a->detail[0] != '\0')
			detail = a->detail;
		return tasks_end_failed(a->tasks, a->task, e->why, detail);
	case T_RETRY:
		return tasks_end_retry(a->tasks, a->task, e->why, e->delay_ms);
	case T_CANCELLED:
		return tasks_end_cancelled(a->tasks, a->task);
	case T_RELEASE:
		return tasks_end_released(a->tasks, a->task);
	default:
		return JOBS_OK;
	}
}

/* Whether a write of FINISHED whose answer was lost took effect after all. */
static enum jobs_result
look_finished(struct attempt *a)
{
	const struct patience patience = { NULL, attempt_alive, a, 0, END_MS };
	struct patience_try t = { .patience = &patience };
	enum jobs_result rc;

	do
		rc = tasks_finished(a->tasks, a->task);
	while (rc == JOBS_ERROR && patience_pause(&t));
	return rc;
}

/*
 * Put the document right. An error leaves the outcome unknown, so the write is
 * repeated; if the repeat matches nothing, the document shows whether an earlier one
 * took effect. A release is not repeated: it would uncharge a second attempt.
 */
static enum jobs_result
write_end(struct attempt *a, const struct ending *e)
{
	const struct patience patience = { end_must_stop, attempt_alive, a, 0,
	    a->worker->conf->patience_ms };
	struct patience_try t = { .patience = &patience };
	enum jobs_result rc;

	do
		rc = end_once(a, e);
	while (rc == JOBS_ERROR && e->transition != T_RELEASE &&
	    patience_pause(&t));
	return e->transition != T_FINISH || rc == JOBS_OK || t.failures == 0 ?
	    rc : look_finished(a);
}

/* The same, at the places where a test build dies. */
static enum jobs_result
write_end_or_crash(struct attempt *a, const struct ending *e)
{
	enum jobs_result rc;

	if (e->transition == T_FAIL || e->transition == T_RETRY)
		crash_at(CRASH_BEFORE_RETRY);
	rc = write_end(a, e);
	switch (e->transition) {
	case T_FINISH:
		crash_at(CRASH_AFTER_FINISH);
		break;
	case T_RETRY:
		crash_at(CRASH_AFTER_RETRY);
		break;
	case T_CANCELLED:
		crash_at(CRASH_AFTER_CANCELLED);
		break;
	default:
		break;
	}
	return rc;
}

static void
log_done(const struct attempt *a, const char *op, int64_t took_ms)
{
	const struct task_progress *p = &a->progress;

	log_fields(LOG_INFO, op, "attempts=%lld documents=%llu rows=%llu "
	    "points=%llu bytes_read=%llu bytes_written=%llu slices=%llu "
	    "general=%llu fetches=%llu slow=%llu ms=%lld%s",
	    (long long)a->task->attempts, (unsigned long long)p->documents,
	    (unsigned long long)p->rows, (unsigned long long)p->points,
	    (unsigned long long)p->bytes_read,
	    (unsigned long long)p->bytes_written,
	    (unsigned long long)a->taken.slices,
	    (unsigned long long)a->taken.exact,
	    (unsigned long long)(a->worker->pace->fetches - a->fetches),
	    (unsigned long long)(a->worker->pace->slow - a->slow),
	    (long long)took_ms, a->tag);
}

static void
log_end(const struct attempt *a, const struct ending *e, int64_t took_ms)
{
	const char *op = is_unit(a) ? e->unit_op : e->op;

	if (op == NULL)
		return;
	switch (e->metric) {
	case METRICS_FINISHED:
		log_done(a, op, took_ms);
		break;
	case METRICS_FAILED:
		log_fields(e->level, op, "code=%s attempts=%lld permanent=%s%s",
		    failure_code(a->why), (long long)a->task->attempts,
		    e->spent ? "no" : "yes", a->tag);
		break;
	case METRICS_RETRIED:
		log_fields(e->level, op, "code=%s attempts=%lld delay_ms=%lld%s",
		    failure_code(a->why), (long long)a->task->attempts,
		    (long long)e->delay_ms, a->tag);
		break;
	case METRICS_CANCELLED:
	case METRICS_HANDED_BACK:
		log_fields(e->level, op, "rows=%llu%s",
		    (unsigned long long)a->progress.rows, a->tag);
		break;
	case METRICS_LOST:
		log_msg(e->level, op, "the %s was not ours any more: the object "
		    "is left to the lifecycle rule", is_unit(a) ? "unit" :
		    "job");
	}
}

static void
count_end(const struct attempt *a, const struct ending *e, int64_t took_ms)
{
	metrics_add(is_unit(a) ? METRIC_UNITS : METRIC_ATTEMPTS, e->metric, 1);
	if (e->metric == METRICS_RETRIED)
		metrics_add(METRIC_RETRIES, a->why, 1);
	if (e->metric == METRICS_FINISHED && !is_unit(a))
		metrics_observe(METRIC_EXPORT_SECONDS, took_ms * 1000);
}

/* Write, count and log the end. Returns whether the message is settled. */
static bool
attempt_end(struct attempt *a, enum outcome outcome, int64_t began_ms)
{
	const int64_t took_ms = clock_monotonic_ms() - began_ms;
	const struct conf *conf = a->worker->conf;
	const struct ending_facts facts = { outcome, lease_ending(a->lease),
	    a->why, a->task->attempts, conf->max_attempts, conf->backoff_ms,
	    conf->backoff_max_ms, backoff_random() };
	struct ending e;
	enum jobs_result rc;

	e = ending_of(&facts);
	rc = write_end_or_crash(a, &e);
	/* A cancel came first, or another worker holds the job. */
	a->refused = e.transition == T_FINISH && rc == JOBS_NONE;
	if (e.transition == T_FINISH && rc != JOBS_OK)
		e = ending_refused(rc == JOBS_NONE && write_end(a,
		    &(struct ending){ .transition = T_CANCELLED }) == JOBS_OK);
	count_end(a, &e, took_ms);
	log_end(a, &e, took_ms);
	return e.done && rc != JOBS_ERROR;
}

static void
log_claimed(const struct attempt *a)
{
	const struct task *task = a->task;

	if (!is_unit(a)) {
		metrics_add(METRIC_CLAIMS, 0, 1);
		if (task->attempts == 1 && task->claimed_ms != JOB_NO_TIME)
			metrics_observe(METRIC_QUEUE_SECONDS,
			    (task->claimed_ms - task->created_ms) * 1000);
	}
	log_fields(LOG_INFO, is_unit(a) ? "unit_claimed" : "claimed",
	    "attempts=%lld fence=%lld%s", (long long)task->attempts,
	    (long long)task->fence, a->tag);
}

bool
attempt_run(struct attempt *a, enum outcome (*make)(struct attempt *))
{
	const struct conf *conf = a->worker->conf;
	const int64_t began_ms = clock_monotonic_ms();
	enum outcome outcome;
	bool done;

	a->fetches = a->worker->pace->fetches;
	a->slow = a->worker->pace->slow;
	if (is_unit(a))
		snprintf(a->tag, sizeof(a->tag), " unit=%lld",
		    (long long)a->unit->place);
	log_claimed(a);
	/* One thread at a time serves the broker: a parent's lease already does. */
	a->lease = lease_start(a->worker->pool, conf, a->parent == NULL ?
	    a->worker->queue : NULL, a->task, a->worker->hung);
	if (a->lease == NULL) {
		a->why = FAILURE_INTERNAL;
		return attempt_end(a, FAILED, began_ms);
	}
	a->patience = (struct patience){ attempt_must_stop, attempt_alive, a, 0,
	    conf->patience_ms };
	outcome = make(a);
	attempt_report(a, outcome == COMPLETE ? "done" : "finishing");
	/* The lease is kept until the end is written: it may take a while. */
	done = attempt_end(a, outcome, began_ms);
	if (a->upload != NULL)
		upload_stop(a->upload);
	lease_stop(a->lease);
	if (outcome != COMPLETE)
		attempt_abort(a);
	else if (a->refused && conf->s3_delete)
		removal_once(conf, a->task->object.key);
	upload_free(a->upload);
	a->upload = NULL;
	return done;
}
