/*
 * bench bare|nowhere URI VEHICLE START END [THREADS [PACE]]
 * bench stages FLEETDIR
 *
 * What `make bench` measures, in one process each:
 *   bare     read the documents of an export by libmongoc alone: a cursor per
 *            collection, one after the other, 24 documents a batch
 *   nowhere  the worker's own reader, engine and ZIP, the bytes dropped
 *   stages   from framed files in memory, on one core: ns a point of each stage
 * A line of JSON: points, seconds of wall and cpu, peak RSS in KiB, bytes.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <mongoc/mongoc.h>

#include "lib/conf.h"
#include "lib/job.h"
#include "worker/columns.h"
#include "worker/entry.h"
#include "worker/manifest.h"
#include "worker/pool.h"
#include "worker/reader.h"
#include "worker/sink.h"
#include "worker/vehicle.h"
#include "worker/zip.h"

#define BATCH 24

struct nowhere {
	struct sink sink;
	uint64_t bytes;
};

static uint64_t documents, bytes_read, points;

static double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
drop(struct sink *s, const void *data, size_t len)
{
	(void)data;
	((struct nowhere *)s)->bytes += len;
	return 0;
}

static mongoc_client_t *
client_of(const char *uri)
{
	mongoc_client_t *client;

	setenv("MONGOC_DISABLE_SHM", "1", 0);
	mongoc_init();
	if ((client = mongoc_client_new(uri)) == NULL)
		errx(2, "%s: no URI", uri);
	mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2);
	return client;
}

static void
read_all(mongoc_client_t *client, const char *vehicle, const char *column,
    const bson_t *filter, const bson_t *opts)
{
	mongoc_collection_t *c = mongoc_client_get_collection(client, vehicle,
	    column);
	mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(c, filter,
	    opts, NULL);
	bson_error_t error;
	const bson_t *doc;

	while (mongoc_cursor_next(cursor, &doc)) {
		documents++;
		bytes_read += doc->len;
	}
	if (mongoc_cursor_error(cursor, &error))
		errx(1, "%s", error.message);
	mongoc_cursor_destroy(cursor);
	mongoc_collection_destroy(c);
}

/* Numbers and Dates, as the worker does: a range finds only one of them. */
static void
bare(mongoc_client_t *client, const char *vehicle,
    const struct strings *columns, int64_t from, int64_t to)
{
	bson_t *numbers, *dates, *opts;
	size_t i;

	numbers = BCON_NEW("_id", "{", "$gt", BCON_INT64(from - 3600000),
	    "$lt", BCON_INT64(to), "}");
	dates = BCON_NEW("_id", "{", "$gt", BCON_DATE_TIME(from - 3600000),
	    "$lt", BCON_DATE_TIME(to), "}");
	opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}",
	    "batchSize", BCON_INT32(BATCH));
	for (i = 0; i < columns->n; i++) {
		read_all(client, vehicle, columns->v[i], numbers, opts);
		read_all(client, vehicle, columns->v[i], dates, opts);
	}
	bson_destroy(numbers);
	bson_destroy(dates);
	bson_destroy(opts);
}

static int
on_tick(void *arg, const struct vehicle_progress *p)
{
	(void)arg;
	documents = p->documents;
	bytes_read = p->bytes;
	points = p->points;
	return 0;
}

static uint64_t
nowhere(mongoc_client_t *client, const char *vehicle,
    const struct strings *columns, int64_t from, int64_t to, int threads)
{
	const struct reader_spec spec = { .client = client, .vehicle = vehicle,
	    .columns = (const char *const *)columns->v, .n = columns->n,
	    .from_ms = from, .to_ms = to, .batch_documents = BATCH,
	    .comment = "bench" };
	const struct entry_options options = { .split_bytes = 4278190080 };
	struct nowhere out = { { drop, NULL, NULL }, 0 };
	struct vehicle_job v = { .name = vehicle, .columns = spec.columns,
	    .n = spec.n, .from_ms = from, .to_ms = to,
	    .memory_max = (size_t)256 << 20, .options = &options,
	    .tick = on_tick };
	struct reader *reader;
	struct job job;

	job_init(&job);
	job.start_ms = from;
	job.end_ms = to;
	reader = reader_open(&spec);
	v.pool = pool_new(threads, DEFLATE_FAST);
	v.zip = zip_new(&out.sink, to);
	v.manifest = manifest_new(&job, 0);
	if (reader == NULL || v.pool == NULL || v.zip == NULL ||
	    v.manifest == NULL)
		errx(1, "out of memory");
	v.source = reader_source(reader);
	if (vehicle_export(&v) != VEHICLE_DONE ||
	    manifest_write(v.manifest, v.zip) != 0 || zip_finish(v.zip) != 0)
		errx(1, "the export failed");
	manifest_free(v.manifest);
	zip_free(v.zip);
	pool_free(v.pool);
	reader_free(reader);
	job_release(&job);
	return out.bytes;
}

int
main(int argc, char **argv)
{
	struct strings columns = { 0 };
	mongoc_client_t *client;
	struct rusage usage;
	uint64_t bytes_out = 0;
	double wall, cpu;
	int64_t from, to;

	if (argc < 6)
		errx(2, "usage: bench bare|nowhere URI VEHICLE START END "
		    "[THREADS]");
	client = client_of(argv[2]);
	from = strtoll(argv[4], NULL, 10);
	to = strtoll(argv[5], NULL, 10);
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	if (reader_parameters(client, argv[3], &columns) != 0)
		errx(1, "no parameters");
	if (strcmp(argv[1], "bare") == 0)
		bare(client, argv[3], &columns, from, to);
	else
		bytes_out = nowhere(client, argv[3], &columns, from, to,
		    argc > 6 ? atoi(argv[6]) : 2);
	wall = seconds(CLOCK_MONOTONIC) - wall;
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"wall\": %.6f, \"cpu\": %.6f, \"rss_kb\": %ld, "
	    "\"documents\": %llu, \"bytes_read\": %llu, \"points\": %llu, "
	    "\"bytes\": %llu}\n", wall, cpu, usage.ru_maxrss,
	    (unsigned long long)documents, (unsigned long long)bytes_read,
	    (unsigned long long)points, (unsigned long long)bytes_out);
	strings_release(&columns);
	mongoc_client_destroy(client);
	mongoc_cleanup();
	return 0;
}
