/*
 * From the telemetry into the archive: translates the request and the
 * configuration for reader and engine, and counts what goes through.
 */
#include "worker/transfer.h"

#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/jobs/metrics.h"
#include "worker/reader.h"
#include "worker/worker.h"

/* Set the progress: the finished vehicles and this; a unit's adds to its job's. */
static void
add_progress(struct attempt *a, uint64_t documents, uint64_t bytes,
    uint64_t rows, uint64_t points)
{
	struct task_progress *p = &a->progress;

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
on_tick(void *arg, const struct archive_progress *p)
{
	struct attempt *a = arg;

	metrics_add(METRIC_DOCUMENTS, 0, p->documents - a->vehicle.documents);
	metrics_add(METRIC_BYTES_READ, 0, p->bytes - a->vehicle.bytes);
	metrics_add(METRIC_ROWS, 0, p->rows - a->vehicle.rows);
	metrics_add(METRIC_POINTS, 0, p->points - a->vehicle.points);
	a->vehicle = *p;
	add_progress(a, p->documents, p->bytes, p->rows, p->points);
	crash_at(CRASH_AFTER_SLICE);
	return attempt_hold(a);
}

const struct names *
transfer_columns(struct attempt *a, const char *vehicle, struct names *found)
{
	if (a->spec->parameters.n > 0)
		return &a->spec->parameters;
	return telemetry_parameters(a->worker->client, vehicle, found) == 0 ?
	    found : NULL;
}

struct telemetry_spec
transfer_spec(struct attempt *a, const char *vehicle,
    const struct names *columns)
{
	return (struct telemetry_spec){
		.client = a->worker->client,
		.vehicle = vehicle,
		.columns = (const char *const *)columns->v,
		.n = columns->n,
		.from_ms = a->spec->start_ms,
		.to_ms = a->spec->end_ms,
		.batch_documents = a->worker->conf->batch_documents,
		.read_preference = a->worker->conf->read_preference,
		.read_concern = a->worker->conf->read_concern,
		.pace = &a->pace,
		.comment = a->unit != NULL ? a->unit->parent : a->task->id,
		.stop = attempt_over,
		.arg = a,
	};
}

/* The planner's setting: all units of an archive are cut at the same size. */
static int64_t
split_bytes(const struct attempt *a)
{
	return a->unit != NULL && a->unit->csv_split_bytes > 0 ?
	    a->unit->csv_split_bytes :
	    a->worker->conf->csv_split_bytes;
}

/* threads = 0: one for each core, at most 8. */
static int
threads_of(const struct conf *conf)
{
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (conf->threads > 0)
		return (int)conf->threads;
	return cores < 1 ? 1 : cores > 8 ? 8 : (int)cores;
}

struct archive_spec
transfer_archive_spec(const struct attempt *a)
{
	const struct export_spec *spec = a->spec;

	return (struct archive_spec){
		.from_ms = spec->start_ms,
		.to_ms = spec->end_ms,
		.began_ms = a->plan.n > 0 ? a->plan.began_ms : clock_real_ms(),
		.vehicles = &spec->vehicles,
		.parameters = &spec->parameters,
		.rfc3339 = spec->time == SPEC_TIME_RFC3339,
		.excel = spec->csv == SPEC_CSV_EXCEL,
		.small = spec->compression == SPEC_SMALL,
		.csv_split_bytes = (uint64_t)split_bytes(a),
		.memory_max = (size_t)a->worker->conf->slice_max_bytes,
		.threads = threads_of(a->worker->conf),
	};
}

/* Read one vehicle's columns and write its CSV. */
static enum outcome
transfer_vehicle(struct attempt *a, struct archive *archive,
    const char *vehicle, const struct names *columns)
{
	const struct telemetry_spec spec = transfer_spec(a, vehicle, columns);
	struct archive_vehicle v = {
		.name = vehicle,
		.columns = columns,
		.tick = on_tick,
		.arg = a,
	};
	struct reader *reader;
	enum outcome outcome;

	if ((reader = reader_open(&spec)) == NULL)
		return attempt_failed(a, FAILURE_INTERNAL);
	v.source = reader_source(reader);
	outcome = attempt_archived(a, archive_vehicle(archive, &v),
	    FAILURE_DATABASE);
	reader_free(reader);
	a->done = a->progress;
	a->slices += a->vehicle.slices;
	a->exact += a->vehicle.exact;
	a->vehicle = (struct archive_progress){ 0 };
	return outcome;
}

enum outcome
transfer_vehicles(struct attempt *a, struct archive *archive,
    const struct names *vehicles)
{
	enum outcome outcome = COMPLETE;
	size_t i;

	for (i = 0; i < vehicles->n && outcome == COMPLETE; i++) {
		struct names found = { 0 };
		const struct names *columns;

		columns = transfer_columns(a, vehicles->v[i], &found);
		outcome = columns == NULL ? attempt_failed(a, FAILURE_DATABASE) :
		    transfer_vehicle(a, archive, vehicles->v[i], columns);
		names_release(&found);
		if (outcome == COMPLETE && attempt_must_stop(a))
			outcome = STOPPED;
	}
	return outcome;
}
