#include "worker/transfer.h"

#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/jobs/metrics.h"
#include "worker/engine/archive/csvfile.h"
#include "worker/engine/pool.h"
#include "worker/upload.h"
#include "worker/worker.h"

/* So much more than is done; what a unit has done is its job's progress, too. */
static void
add_progress(struct attempt *a, uint64_t documents, uint64_t bytes,
    uint64_t rows, uint64_t points)
{
	struct job_progress *p = &a->progress;

	p->documents = a->done.documents + documents;
	p->bytes_read = a->done.bytes_read + bytes;
	p->rows = a->done.rows + rows;
	p->points = a->done.points + points;
	attempt_report(a, "exporting");
	if (a->parent != NULL)
		add_progress(a->parent, p->documents, p->bytes_read, p->rows,
		    p->points);
}

static int
on_tick(void *arg, const struct vehicle_progress *p)
{
	struct attempt *a = arg;

	metrics_add(METRIC_DOCUMENTS, 0, p->documents - a->vehicle.documents);
	metrics_add(METRIC_BYTES_READ, 0, p->bytes - a->vehicle.bytes);
	metrics_add(METRIC_ROWS, 0, p->rows - a->vehicle.rows);
	metrics_add(METRIC_POINTS, 0, p->points - a->vehicle.points);
	a->vehicle = *p;
	add_progress(a, p->documents, p->bytes, p->rows, p->points);
	crash_at(CRASH_AFTER_SLICE);
	return attempt_must_stop(a);
}

const struct names *
transfer_columns(struct attempt *a, const char *vehicle, struct names *found)
{
	if (a->job->parameters.n > 0)
		return &a->job->parameters;
	return reader_parameters(a->worker->client, vehicle, found) == 0 ? found :
	    NULL;
}

struct reader_spec
transfer_spec(struct attempt *a, const char *vehicle,
    const struct names *columns)
{
	const struct job *job = a->job;

	return (struct reader_spec){
		.client = a->worker->client,
		.vehicle = vehicle,
		.columns = (const char *const *)columns->v,
		.n = columns->n,
		.from_ms = a->job->start_ms,
		.to_ms = a->job->end_ms,
		.batch_documents = a->worker->conf->batch_documents,
		.read_preference = a->worker->conf->read_preference,
		.read_concern = a->worker->conf->read_concern,
		.pace = &a->pace,
		.comment = job->parent[0] != '\0' ? job->parent : job->id,
		.stop = attempt_must_stop,
		.arg = a,
	};
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
		return attempt_failed(a, FAILURE_SLICE_TOO_LARGE);
	case VEHICLE_FAILED:
		break;
	}
	return attempt_failed(a, upload_failure(a->upload) != FAILURE_NONE ?
	    upload_failure(a->upload) : FAILURE_DATABASE);
}

static enum deflate_level
level_of(const struct job *job)
{
	return job->compression == JOB_SMALL ? DEFLATE_SMALL : DEFLATE_FAST;
}

/* One archive is cut in one way, whatever the workers of its units are told. */
static int64_t
split_bytes(const struct attempt *a)
{
	return a->job->csv_split_bytes > 0 ? a->job->csv_split_bytes :
	    a->worker->conf->csv_split_bytes;
}

static enum outcome
export_columns(struct attempt *a, const char *vehicle,
    const struct names *columns)
{
	const struct reader_spec spec = transfer_spec(a, vehicle, columns);
	const struct csvfile_options options = {
		.style = { a->job->time == JOB_TIME_RFC3339,
		    a->job->csv == JOB_CSV_EXCEL },
		.level = level_of(a->job),
		.split_bytes = (uint64_t)split_bytes(a),
	};
	struct vehicle_job v = {
		.name = vehicle,
		.columns = spec.columns,
		.n = spec.n,
		.from_ms = spec.from_ms,
		.to_ms = spec.to_ms,
		.memory_max = (size_t)a->worker->conf->slice_max_bytes,
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
		return attempt_failed(a, FAILURE_INTERNAL);
	v.source = reader_source(reader);
	outcome = vehicle_outcome(a, vehicle_export(&v));
	reader_free(reader);
	a->done = a->progress;
	a->slices += a->vehicle.slices;
	a->exact += a->vehicle.exact;
	a->vehicle = (struct vehicle_progress){ 0 };
	return outcome;
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

enum outcome
transfer_vehicles(struct attempt *a, const struct names *vehicles)
{
	enum outcome outcome = COMPLETE;
	size_t i;

	a->pool = pool_new(threads_of(a->worker->conf), level_of(a->job));
	if (a->pool == NULL)
		return attempt_failed(a, FAILURE_INTERNAL);
	for (i = 0; i < vehicles->n && outcome == COMPLETE; i++) {
		struct names found = { 0 };
		const struct names *columns;

		columns = transfer_columns(a, vehicles->v[i], &found);
		outcome = columns == NULL ? attempt_failed(a, FAILURE_DATABASE) :
		    export_columns(a, vehicles->v[i], columns);
		names_release(&found);
		if (outcome == COMPLETE && attempt_must_stop(a))
			outcome = STOPPED;
	}
	return outcome;
}
