/*
 * From the telemetry into the archive: translates the request and the
 * configuration for reader and engine, and counts what goes through.
 */
#include "worker/transfer.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/names.h"
#include "lib/base/patience.h"
#include "lib/jobs/metrics.h"
#include "worker/lease.h"
#include "worker/reader.h"
#include "worker/worker.h"

/* Bytes of a window for each document of a batch, of usual data. */
#define USUAL_BYTES ((int64_t)64 * 1024)
/*
 * What is not for documents: parts on their way and the one being filled, each
 * thread's texts, and the rest of the process.
 */
#define THREAD_BYTES ((int64_t)4 * 1024 * 1024)
#define REST_BYTES ((int64_t)16 * 1024 * 1024)
#define DOCUMENTS_LEAST ((int64_t)16 * 1024 * 1024)

/* An archive that is under way. */
struct transfer {
	struct attempt *attempt;
	struct reader *reader;
};

/* Set the progress: of other units, and this; a unit's adds to its job's. */
static void
add_progress(struct attempt *a, const struct archive_progress *t)
{
	struct task_progress *p = &a->progress;

	p->documents = a->done.documents + t->documents;
	p->bytes_read = a->done.bytes_read + t->bytes;
	p->rows = a->done.rows + t->rows;
	p->points = a->done.points + t->points;
	if (p->documents_total < p->documents)
		p->documents_total = p->documents;
	attempt_report(a, "exporting");
	if (a->parent != NULL)
		add_progress(a->parent, t);
}

static int
on_tick(void *arg, const struct archive_progress *p)
{
	struct transfer *t = arg;
	struct attempt *a = t->attempt;

	metrics_add(METRIC_DOCUMENTS, 0, p->documents - a->taken.documents);
	metrics_add(METRIC_BYTES_READ, 0, p->bytes - a->taken.bytes);
	metrics_add(METRIC_ROWS, 0, p->rows - a->taken.rows);
	metrics_add(METRIC_POINTS, 0, p->points - a->taken.points);
	a->taken = *p;
	a->progress.documents_total = reader_total(t->reader);
	add_progress(a, p);
	crash_at(CRASH_AFTER_SLICE);
	return attempt_hold(a);
}

struct telemetry_way
transfer_way(const struct attempt *a)
{
	const struct conf *conf = a->worker->conf;

	return (struct telemetry_way){
		.read_preference = conf->read_preference,
		.read_concern = conf->read_concern,
		.comment = a->unit != NULL ? a->unit->parent : a->task->id,
		/* All units of a plan are read at its time, whoever claims them. */
		.at = a->unit != NULL && a->unit->read_time.s != 0 ?
		    a->unit->read_time : a->task->read_time,
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

/* What documents may take of memory_max_bytes. */
static size_t
documents_bytes(const struct conf *conf)
{
	const int64_t bytes = conf->memory_max_bytes -
	    (conf->senders + 1) * conf->part_bytes -
	    THREAD_BYTES * threads_of(conf) - REST_BYTES;

	return (size_t)(bytes > DOCUMENTS_LEAST ? bytes : DOCUMENTS_LEAST);
}

static enum archive_take
take_of(enum spec_take take)
{
	static const enum archive_take of[] = {
		[SPEC_TAKE_LAST] = ARCHIVE_TAKE_LAST,
		[SPEC_TAKE_FIRST] = ARCHIVE_TAKE_FIRST,
		[SPEC_TAKE_MEAN] = ARCHIVE_TAKE_MEAN,
		[SPEC_TAKE_MIN] = ARCHIVE_TAKE_MIN,
		[SPEC_TAKE_MAX] = ARCHIVE_TAKE_MAX,
	};

	return of[take];
}

static enum archive_split
split_of(enum spec_split split)
{
	static const enum archive_split of[] = {
		[SPEC_SPLIT_NONE] = ARCHIVE_SPLIT_NONE,
		[SPEC_SPLIT_DAY] = ARCHIVE_SPLIT_DAY,
		[SPEC_SPLIT_MONTH] = ARCHIVE_SPLIT_MONTH,
	};

	return of[split];
}

enum outcome
transfer_know(struct attempt *a)
{
	struct patience_try t = { .patience = &a->patience };
	struct parameters *p = &a->known;
	enum jobs_result rc;
	size_t i;

	transfer_forget(a);
	do
		rc = parameters_find(a->worker->client, &a->spec->parameters, p);
	while (rc == JOBS_ERROR && patience_pause(&t));
	if (rc == JOBS_ERROR)
		return attempt_failed(a, FAILURE_DATABASE);
	if ((a->shown = calloc(p->n + 1, sizeof(*a->shown))) == NULL)
		return attempt_failed(a, FAILURE_INTERNAL);
	for (i = 0; i < p->n; i++)
		a->shown[i] = (struct archive_parameter){ p->v[i].name, p->v[i].unit,
		    p->v[i].label, p->v[i].decimals };
	return COMPLETE;
}

void
transfer_forget(struct attempt *a)
{
	parameters_release(&a->known);
	free(a->shown);
	a->shown = NULL;
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
		.skip_unknown = spec->unknown == SPEC_UNKNOWN_SKIP,
		.skipped = &a->task->skipped,
		.rfc3339 = spec->time == SPEC_TIME_RFC3339,
		.local = spec->time == SPEC_TIME_LOCAL,
		.split = split_of(spec->split),
		.zone = &spec->zone,
		.zone_name = spec->time_zone,
		.header_unit = spec->header == SPEC_HEADER_UNIT,
		.parquet = spec->format == SPEC_FORMAT_PARQUET,
		.known = a->shown,
		.nknown = a->known.n,
		.every_ms = spec->every_ms,
		.take = take_of(spec->take),
		.hold_ms = spec->hold_ms,
		.excel = spec->csv != SPEC_CSV_RFC4180,
		.semicolon = spec->csv == SPEC_CSV_EXCEL_SEMICOLON,
		.small = spec->compression == SPEC_SMALL,
		.csv_split_bytes = (uint64_t)split_bytes(a),
		.memory_max = documents_bytes(a->worker->conf),
		.threads = threads_of(a->worker->conf),
	};
}

static bool
is_late(void *arg)
{
	struct attempt *a = arg;

	return lease_late(a->lease);
}

/* Let the archive take all that the reader has. */
static enum outcome
take_all(struct attempt *a, struct archive *archive, struct reader *reader)
{
	struct transfer t = { a, reader };
	const struct archive_watch watch = { on_tick, &t };
	enum archive_result result;

	result = archive_take(archive, reader_source(reader), &watch);
	if (result == ARCHIVE_OK)
		a->progress.documents_total = a->progress.documents;
	return attempt_archived(a, result, reader_failure(reader));
}

/* The lower of two, of which 0 is none. */
static int64_t
ceiling(int64_t a, int64_t b)
{
	return a == 0 || (b > 0 && b < a) ? b : a;
}

enum outcome
transfer_vehicles(struct attempt *a, struct archive *archive,
    const struct names *vehicles, const uint64_t *documents)
{
	const struct conf *conf = a->worker->conf;
	const int64_t cut_from_ms = a->unit != NULL ? a->unit->from_ms : 0;
	const int64_t cut_to_ms = a->unit != NULL ? a->unit->to_ms : 0;
	const struct reader_spec spec = {
		.pool = a->worker->pool,
		.way = transfer_way(a),
		.pace = a->worker->pace,
		.sizes = a->worker->sizes,
		.patience = &a->patience,
		.late = is_late,
		.arg = a,
		.vehicles = vehicles,
		.parameters = &a->spec->parameters,
		.documents = documents,
		.from_ms = cut_from_ms > 0 ? cut_from_ms : a->spec->start_ms,
		.to_ms = cut_to_ms > 0 ? cut_to_ms : a->spec->end_ms,
		.hold_ms = a->spec->hold_ms,
		.continues = cut_from_ms > 0,
		.goes_on = cut_to_ms > 0,
		.memory_max = documents_bytes(conf),
		.window_bytes = (size_t)(conf->batch_documents * USUAL_BYTES),
		.documents_s = ceiling(conf->read_documents_s,
		    conf->total_read_documents_s),
		.bytes_s = ceiling(conf->read_bytes_s,
		    conf->total_read_bytes_s),
		.threads = (int)conf->readers,
	};
	struct reader *reader;
	enum outcome outcome;

	if ((reader = reader_open(&spec)) == NULL)
		return attempt_failed(a, FAILURE_INTERNAL);
	outcome = take_all(a, archive, reader);
	reader_free(reader);
	return outcome;
}
