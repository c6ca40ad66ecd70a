#include "worker/export.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mongoc/mongoc.h>
#include <openssl/rand.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/crash.h"
#include "lib/failure.h"
#include "lib/job.h"
#include "lib/jobs.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "worker/entry.h"
#include "worker/keeper.h"
#include "worker/manifest.h"
#include "worker/pace.h"
#include "worker/pool.h"
#include "worker/preview.h"
#include "worker/reader.h"
#include "worker/sink.h"
#include "worker/upload.h"
#include "worker/vehicle.h"
#include "worker/zip.h"

/* Writing the end of an attempt, with its outcome unknown, is tried so often. */
#define END_TRIES 5

/* One attempt at one job. */
struct attempt {
	const struct export_env *env;
	struct job *job;
	struct keeper *keeper;
	struct upload *upload;
	struct pool *pool;
	struct zip *zip;
	struct manifest *manifest;
	struct preview *preview;

	struct pace pace;
	struct job_progress progress;
	uint64_t documents, rows, points, bytes;	/* of vehicles that are done */
	uint64_t slices, general;	/* for the log */
	struct vehicle_progress vehicle;	/* of the one that is not */
	atomic_llong stopping_ms;	/* when SIGTERM was first seen, 0: not yet */
	enum failure why;
	char detail[128];
};

/* How the archive came out. */
enum outcome { COMPLETE, BROKEN, STOPPED };

/* Whether the export has to end now, whatever it is doing. Any thread asks. */
static bool
must_stop(void *arg)
{
	struct attempt *a = arg;
	long long never = 0, since;

	keeper_alive(a->keeper);
	pace_share(&a->pace, keeper_sharers(a->keeper));
	if (keeper_word(a->keeper) != KEEPER_GO_ON)
		return true;
	if (!a->env->stopping())
		return false;
	atomic_compare_exchange_strong(&a->stopping_ms, &never,
	    clock_monotonic_ms());
	since = atomic_load(&a->stopping_ms);
	return clock_monotonic_ms() - since >= a->env->conf->grace_ms;
}

static enum outcome
broken(struct attempt *a, enum failure why)
{
	if (must_stop(a))
		return STOPPED;
	a->why = why;
	return BROKEN;
}

static void
tell(struct attempt *a, const char *phase)
{
	a->progress.phase = phase;
	if (a->upload != NULL)
		a->progress.bytes_written = upload_bytes(a->upload);
	keeper_progress(a->keeper, &a->progress);
}

static int
on_tick(void *arg, const struct vehicle_progress *p)
{
	struct attempt *a = arg;

	metrics_add(METRIC_DOCUMENTS, 0, p->documents - a->vehicle.documents);
	metrics_add(METRIC_BYTES_READ, 0, p->bytes - a->vehicle.bytes);
	metrics_add(METRIC_ROWS, 0, p->rows - a->vehicle.rows);
	metrics_add(METRIC_POINTS, 0, p->points - a->vehicle.points);
	a->progress.documents = a->documents + p->documents;
	a->progress.bytes_read = a->bytes + p->bytes;
	a->progress.rows = a->rows + p->rows;
	a->progress.points = a->points + p->points;
	a->vehicle = *p;
	tell(a, "exporting");
	crash_at(CRASH_AFTER_SLICE);
	return must_stop(a);
}

/* The vehicles of the job that there are, or the first that there is not. */
static enum outcome
resolve(struct attempt *a, struct strings *vehicles)
{
	const struct strings *asked = &a->job->vehicles;
	struct strings all = { 0 };
	enum outcome outcome = COMPLETE;
	size_t i, k;

	if (reader_vehicles(a->env->client, a->env->conf->vehicle_prefix,
	    &all) != 0) {
		strings_release(&all);
		return broken(a, FAILURE_DATABASE);
	}
	if (!asked->given) {
		*vehicles = all;
		return COMPLETE;
	}
	for (i = 0; i < asked->n && outcome == COMPLETE; i++) {
		for (k = 0; k < all.n && strcmp(all.v[k], asked->v[i]) != 0;
		    k++)
			;
		if (k == all.n) {
			snprintf(a->detail, sizeof(a->detail), "%s",
			    asked->v[i]);
			outcome = broken(a, FAILURE_UNKNOWN_VEHICLE);
		} else if (strings_add(vehicles, asked->v[i],
		    strlen(asked->v[i])) != 0) {
			outcome = broken(a, FAILURE_INTERNAL);
		}
	}
	strings_release(&all);
	return outcome;
}

/* The columns of a vehicle: those asked for, or found into *found. */
static const struct strings *
columns_of(struct attempt *a, const char *vehicle, struct strings *found)
{
	if (a->job->parameters.given)
		return &a->job->parameters;
	return reader_parameters(a->env->client, vehicle, found) == 0 ? found :
	    NULL;
}

static struct reader_spec
spec_of(struct attempt *a, const char *vehicle,
    const struct strings *columns)
{
	return (struct reader_spec){
		.client = a->env->client,
		.vehicle = vehicle,
		.columns = (const char *const *)columns->v,
		.n = columns->n,
		.from_ms = a->job->start_ms,
		.to_ms = a->job->end_ms,
		.batch_documents = a->env->conf->batch_documents,
		.read_preference = a->env->conf->read_preference,
		.read_concern = a->env->conf->read_concern,
		.pace = &a->pace,
		.comment = a->job->id,
		.stop = must_stop,
		.arg = a,
	};
}

/* How many documents there are to read, for the progress. */
static enum outcome
count_documents(struct attempt *a, const struct strings *vehicles)
{
	enum outcome outcome = COMPLETE;
	size_t i;

	for (i = 0; i < vehicles->n && outcome == COMPLETE; i++) {
		struct strings found = { 0 };
		const struct strings *columns;
		struct reader_spec spec;

		columns = columns_of(a, vehicles->v[i], &found);
		if (columns == NULL) {
			outcome = broken(a, FAILURE_DATABASE);
		} else {
			spec = spec_of(a, vehicles->v[i], columns);
			if (reader_count(&spec,
			    &a->progress.documents_total) != 0)
				outcome = broken(a, FAILURE_DATABASE);
		}
		strings_release(&found);
		tell(a, "counting");
		if (outcome == COMPLETE && must_stop(a))
			outcome = STOPPED;
	}
	return outcome;
}

/* Which of the stages ended a vehicle's export: the sink knows of itself. */
static enum outcome
vehicle_outcome(struct attempt *a, enum vehicle_result result)
{
	switch (result) {
	case VEHICLE_DONE:
		return COMPLETE;
	case VEHICLE_STOPPED:
		return STOPPED;
	case VEHICLE_TOO_LARGE:
		return broken(a, FAILURE_SLICE_TOO_LARGE);
	case VEHICLE_FAILED:
		break;
	}
	return broken(a, upload_failure(a->upload) != FAILURE_NONE ?
	    upload_failure(a->upload) : FAILURE_DATABASE);
}

static enum deflate_level
level_of(const struct job *job)
{
	return job->compression == JOB_SMALL ? DEFLATE_SMALL : DEFLATE_FAST;
}

static enum outcome
export_columns(struct attempt *a, const char *vehicle,
    const struct strings *columns)
{
	const struct reader_spec spec = spec_of(a, vehicle, columns);
	const struct entry_options options = {
		.style = { a->job->time == JOB_TIME_RFC3339,
		    a->job->csv == JOB_CSV_EXCEL },
		.level = level_of(a->job),
		.split_bytes = (uint64_t)a->env->conf->csv_split_bytes,
	};
	struct vehicle_job v = {
		.name = vehicle,
		.columns = spec.columns,
		.n = spec.n,
		.from_ms = spec.from_ms,
		.to_ms = spec.to_ms,
		.memory_max = (size_t)a->env->conf->slice_max_bytes,
		.options = &options,
		.pool = a->pool,
		.zip = a->zip,
		.manifest = a->manifest,
		.preview = a->preview,
		.tick = on_tick,
		.arg = a,
	};
	struct reader *reader;
	enum outcome outcome;

	if ((reader = reader_open(&spec)) == NULL)
		return broken(a, FAILURE_INTERNAL);
	v.source = reader_source(reader);
	outcome = vehicle_outcome(a, vehicle_export(&v));
	reader_free(reader);
	a->documents = a->progress.documents;
	a->bytes = a->progress.bytes_read;
	a->rows = a->progress.rows;
	a->points = a->progress.points;
	a->slices += a->vehicle.slices;
	a->general += a->vehicle.general;
	a->vehicle = (struct vehicle_progress){ 0 };
	return outcome;
}

static enum outcome
export_vehicles(struct attempt *a, const struct strings *vehicles)
{
	enum outcome outcome = COMPLETE;
	size_t i;

	for (i = 0; i < vehicles->n && outcome == COMPLETE; i++) {
		struct strings found = { 0 };
		const struct strings *columns;

		columns = columns_of(a, vehicles->v[i], &found);
		outcome = columns == NULL ? broken(a, FAILURE_DATABASE) :
		    export_columns(a, vehicles->v[i], columns);
		strings_release(&found);
		if (outcome == COMPLETE && must_stop(a))
			outcome = STOPPED;
	}
	return outcome;
}

static int
set_object(struct attempt *a)
{
	struct job *job = a->job;
	struct buf b;

	buf_init(&b, PREVIEW_BYTES);
	if (preview_json(a->preview, &b) == 0 && b.len > 0)
		job->preview = strndup((char *)b.data, b.len);
	buf_release(&b);
	job->object_size = (int64_t)upload_bytes(a->upload);
	job->object_sha256 = strdup(upload_sha256(a->upload));
	job->object_etag = strdup(upload_etag(a->upload));
	return job->object_sha256 == NULL || job->object_etag == NULL ? -1 : 0;
}

/* 0 is as many as there are cores, at most 8. */
static int
threads_of(const struct conf *conf)
{
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (conf->threads > 0)
		return (int)conf->threads;
	return cores < 1 ? 1 : cores > 8 ? 8 : (int)cores;
}

static enum outcome
write_archive(struct attempt *a, const struct strings *vehicles)
{
	struct sink *sink = upload_sink(a->upload);
	enum outcome outcome;

	a->zip = zip_new(sink, a->job->end_ms);
	a->manifest = manifest_new(a->job, clock_real_ms());
	a->preview = preview_new(a->job->start_ms, a->job->end_ms);
	a->pool = pool_new(threads_of(a->env->conf), level_of(a->job));
	if (a->zip == NULL || a->manifest == NULL || a->preview == NULL ||
	    a->pool == NULL)
		return broken(a, FAILURE_INTERNAL);
	if ((outcome = export_vehicles(a, vehicles)) != COMPLETE)
		return outcome;
	tell(a, "finishing");
	crash_at(CRASH_BEFORE_MANIFEST);
	if (manifest_write(a->manifest, a->zip) != 0 ||
	    zip_finish(a->zip) != 0 || sink->close(sink) != 0)
		return broken(a, upload_failure(a->upload) != FAILURE_NONE ?
		    upload_failure(a->upload) : FAILURE_INTERNAL);
	return set_object(a) != 0 ? broken(a, FAILURE_INTERNAL) : COMPLETE;
}

static enum outcome
open_upload(struct attempt *a)
{
	struct job *job = a->job;
	char key[160], filename[64];
	enum failure why;

	/* The fence makes the key this attempt's alone: S3 cannot fence. */
	snprintf(filename, sizeof(filename), "export-%s.zip", job->id);
	snprintf(key, sizeof(key), "exports/%s/%lld/%s", job->id,
	    (long long)job->fence, filename);
	if ((job->object_key = strdup(key)) == NULL)
		return broken(a, FAILURE_INTERNAL);
	a->upload = upload_open(a->env->conf, must_stop, a, key, filename,
	    &why);
	return a->upload == NULL ? broken(a, why) : COMPLETE;
}

static enum outcome
make_archive(struct attempt *a)
{
	struct strings vehicles = { 0 };
	enum outcome outcome;

	tell(a, "counting");
	outcome = resolve(a, &vehicles);
	crash_at(CRASH_AFTER_RESOLVE);
	if (outcome == COMPLETE)
		outcome = count_documents(a, &vehicles);
	crash_at(CRASH_AFTER_COUNT);
	if (outcome == COMPLETE)
		outcome = open_upload(a);
	crash_at(CRASH_AFTER_BEGIN_UPLOAD);
	if (outcome == COMPLETE)
		outcome = write_archive(a, &vehicles);
	if (outcome != COMPLETE && a->upload != NULL) {
		crash_at(CRASH_BEFORE_ABORT);
		upload_sink(a->upload)->abort(upload_sink(a->upload));
		crash_at(CRASH_AFTER_ABORT);
	}
	tell(a, outcome == COMPLETE ? "done" : "finishing");
	pool_free(a->pool);
	zip_free(a->zip);
	manifest_free(a->manifest);
	preview_free(a->preview);
	upload_free(a->upload);
	a->upload = NULL;
	strings_release(&vehicles);
	return outcome;
}

/* Full jitter of backoff_ms * 2^(attempts - 1), at most backoff_max_ms. */
static int64_t
retry_delay_ms(const struct conf *conf, int64_t attempts)
{
	int64_t limit = conf->backoff_ms;
	uint64_t random = 0;

	while (--attempts > 0 && limit < conf->backoff_max_ms)
		limit *= 2;
	if (limit > conf->backoff_max_ms)
		limit = conf->backoff_max_ms;
	RAND_bytes((unsigned char *)&random, sizeof(random));
	return (int64_t)(random % (uint64_t)(limit + 1));
}

/*
 * Write FINISHED. An error leaves the outcome unknown: the same write is made
 * again, and when it then finds nothing, the document tells whether the first
 * one had come through.
 */
static enum jobs_result
finish(struct attempt *a)
{
	enum jobs_result rc = JOBS_ERROR;
	struct job stored;
	int try;

	for (try = 0; try < END_TRIES && rc == JOBS_ERROR; try++)
		rc = jobs_finish(a->env->jobs, a->job, &a->progress);
	if (rc == JOBS_NONE && try > 1 &&
	    jobs_find(a->env->jobs, a->job->id, NULL, &stored) == JOBS_OK) {
		if (stored.state == JOB_FINISHED &&
		    stored.fence == a->job->fence)
			rc = JOBS_OK;
		job_release(&stored);
	}
	return rc;
}

static void
count_end(enum metrics_end how)
{
	metrics_add(METRIC_ATTEMPTS, how, 1);
}

/* Put the job's document right; whether the message is done with. */
static bool
end_broken(struct attempt *a)
{
	const struct conf *conf = a->env->conf;
	const bool spent = a->job->attempts >= conf->max_attempts;
	int64_t delay_ms;

	crash_at(CRASH_BEFORE_RETRY);
	if (failure_permanent(a->why) || spent) {
		count_end(METRICS_FAILED);
		log_fields(LOG_ERROR, "failed", "code=%s attempts=%lld "
		    "permanent=%s", failure_code(a->why),
		    (long long)a->job->attempts, spent ? "no" : "yes");
		return jobs_fail(a->env->jobs, a->job, failure_permanent(a->why)
		    ? a->why : FAILURE_ATTEMPTS, failure_permanent(a->why) ?
		    (a->detail[0] ? a->detail : NULL) :
		    failure_text(a->why)) != JOBS_ERROR;
	}
	count_end(METRICS_RETRIED);
	metrics_add(METRIC_RETRIES, a->why, 1);
	delay_ms = retry_delay_ms(conf, a->job->attempts);
	log_fields(LOG_WARN, "retry", "code=%s attempts=%lld delay_ms=%lld",
	    failure_code(a->why), (long long)a->job->attempts,
	    (long long)delay_ms);
	/* After an error here the lease runs out by itself. */
	jobs_retry(a->env->jobs, a->job, a->why, delay_ms);
	crash_at(CRASH_AFTER_RETRY);
	return false;
}

static bool
end_stopped(struct attempt *a, enum keeper_word word)
{
	enum jobs_result rc;

	switch (word) {
	case KEEPER_CANCEL:
		count_end(METRICS_CANCELLED);
		log_fields(LOG_INFO, "cancelled", "rows=%llu",
		    (unsigned long long)a->progress.rows);
		rc = jobs_cancelled(a->env->jobs, a->job);
		crash_at(CRASH_AFTER_CANCELLED);
		return rc != JOBS_ERROR;
	case KEEPER_LOST:
		count_end(METRICS_LOST);
		return false;
	case KEEPER_GO_ON:
		break;
	}
	count_end(METRICS_HANDED_BACK);
	log_fields(LOG_INFO, "handed_back", "rows=%llu",
	    (unsigned long long)a->progress.rows);
	jobs_release(a->env->jobs, a->job);
	return false;
}

static bool
end_complete(struct attempt *a, int64_t began_ms)
{
	const struct job_progress *p = &a->progress;
	const enum jobs_result rc = finish(a);

	crash_at(CRASH_AFTER_FINISH);
	if (rc == JOBS_NONE &&
	    jobs_cancelled(a->env->jobs, a->job) == JOBS_OK) {
		count_end(METRICS_CANCELLED);
		log_fields(LOG_INFO, "cancelled", "rows=%llu",
		    (unsigned long long)p->rows);
		return true;
	}
	if (rc != JOBS_OK) {
		count_end(METRICS_LOST);
		log_msg(LOG_WARN, "finish", "the job was not ours any more: the "
		    "object is left to the lifecycle rule");
		return false;
	}
	count_end(METRICS_FINISHED);
	metrics_observe(METRIC_EXPORT_SECONDS,
	    (clock_monotonic_ms() - began_ms) * 1000);
	log_fields(LOG_INFO, "done", "attempts=%lld documents=%llu rows=%llu "
	    "points=%llu bytes_read=%llu bytes_written=%llu slices=%llu "
	    "general=%llu fetches=%llu slow=%llu ms=%lld",
	    (long long)a->job->attempts, (unsigned long long)p->documents,
	    (unsigned long long)p->rows, (unsigned long long)p->points,
	    (unsigned long long)p->bytes_read,
	    (unsigned long long)p->bytes_written,
	    (unsigned long long)a->slices, (unsigned long long)a->general,
	    (unsigned long long)a->pace.fetches,
	    (unsigned long long)a->pace.slow,
	    (long long)(clock_monotonic_ms() - began_ms));
	return true;
}

bool
export_job(const struct export_env *env, struct job *job)
{
	const int64_t began_ms = clock_monotonic_ms();
	struct attempt a = { .env = env, .job = job };
	enum keeper_word word;
	enum outcome outcome;
	bool done = false;

	pace_init(&a.pace, &(struct pace_ceilings){ env->conf->read_bytes_s,
	    env->conf->read_documents_s }, &(struct pace_ceilings){
	    env->conf->total_read_bytes_s, env->conf->total_read_documents_s },
	    env->conf->pace != 0);
	log_job(job->id);
	crash_at(CRASH_AFTER_CLAIM);
	metrics_add(METRIC_CLAIMS, 0, 1);
	if (job->attempts == 1 && job->claimed_ms != JOB_NO_TIME)
		metrics_observe(METRIC_QUEUE_SECONDS,
		    (job->claimed_ms - job->created_ms) * 1000);
	log_fields(LOG_INFO, "claimed", "attempts=%lld fence=%lld",
	    (long long)job->attempts, (long long)job->fence);
	a.keeper = keeper_start(env->pool, env->conf, env->queue, job,
	    env->hung);
	if (a.keeper == NULL) {
		a.why = FAILURE_INTERNAL;
		done = end_broken(&a);
	} else {
		outcome = make_archive(&a);
		word = keeper_stop(a.keeper);
		switch (outcome) {
		case COMPLETE:
			done = end_complete(&a, began_ms);
			break;
		case BROKEN:
			done = end_broken(&a);
			break;
		case STOPPED:
			done = end_stopped(&a, word);
			break;
		}
	}
	log_job(NULL);
	return done;
}
