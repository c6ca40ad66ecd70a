/*
 * bench bare|nowhere|stages URI VEHICLE START END [THREADS [PACE]]
 *
 * What t/bench/bench measures, in one process each:
 *   bare     read the documents of an export with only libmongoc: a cursor per
 *            collection and type of _id, one after the other, 24 documents a batch
 *   nowhere  the worker's own reader, engine and ZIP, the bytes dropped
 *   stages   the documents in memory, on one core: cpu ns a point of each stage
 * Prints a line of JSON: wall and cpu seconds, peak RSS in KiB, what was read and
 * written; or the stages.
 */
#include <err.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <isa-l/crc.h>
#include <mongoc/mongoc.h>

#include "lib/base/buf.h"
#include "lib/base/names.h"
#include "lib/base/timestamp.h"
#include "worker/engine/archive.h"
#include "worker/engine/decode/fastread.h"
#include "worker/engine/rows/fastrows.h"
#include "worker/engine/sink.h"
#include "worker/engine/slice.h"
#include "worker/engine/source.h"
#include "worker/pace.h"
#include "worker/reader.h"
#include "worker/telemetry.h"

#define BATCH 24
#define ROUNDS 5

struct task {
	mongoc_client_t *client;
	const char *vehicle;
	struct names columns;
	int64_t from_ms, to_ms;
	int threads, pace;
};

struct nowhere {
	struct sink sink;
	uint64_t bytes;
};

struct facts {
	uint64_t documents, bytes_read, points, rows, bytes;
	uint64_t fetches, slow;
};

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

static int
drop_close(struct sink *s)
{
	(void)s;
	return 0;
}

static void
read_all(const struct task *task, const char *column, const bson_t *filter,
    const bson_t *opts, struct facts *facts)
{
	mongoc_collection_t *c = mongoc_client_get_collection(task->client,
	    task->vehicle, column);
	mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(c, filter,
	    opts, NULL);
	bson_error_t error;
	const bson_t *doc;

	while (mongoc_cursor_next(cursor, &doc)) {
		facts->documents++;
		facts->bytes_read += doc->len;
	}
	if (mongoc_cursor_error(cursor, &error))
		errx(1, "%s", error.message);
	mongoc_cursor_destroy(cursor);
	mongoc_collection_destroy(c);
}

static void
bare(const struct task *task, struct facts *facts)
{
	const int64_t after = task->from_ms - HOUR_MS;
	bson_t *numbers, *dates, *opts;
	size_t i;

	/* A range of numbers finds no Dates, nor the other way round. */
	numbers = BCON_NEW("_id", "{", "$gt", BCON_INT64(after), "$lt",
	    BCON_INT64(task->to_ms), "}");
	dates = BCON_NEW("_id", "{", "$gt", BCON_DATE_TIME(after), "$lt",
	    BCON_DATE_TIME(task->to_ms), "}");
	opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}",
	    "batchSize", BCON_INT32(BATCH));
	for (i = 0; i < task->columns.n; i++) {
		read_all(task, task->columns.v[i], numbers, opts, facts);
		read_all(task, task->columns.v[i], dates, opts, facts);
	}
	bson_destroy(numbers);
	bson_destroy(dates);
	bson_destroy(opts);
}

static int
on_tick(void *arg, const struct archive_progress *p)
{
	struct facts *facts = arg;

	facts->documents = p->documents;
	facts->bytes_read = p->bytes;
	facts->points = p->points;
	facts->rows = p->rows;
	return 0;
}

static struct reader *
open_reader(const struct task *task, struct pace *pace)
{
	const struct telemetry_spec spec = { .client = task->client,
	    .vehicle = task->vehicle,
	    .columns = (const char *const *)task->columns.v,
	    .n = task->columns.n, .from_ms = task->from_ms,
	    .to_ms = task->to_ms, .batch_documents = BATCH,
	    .comment = "bench", .pace = pace };
	struct reader *reader = reader_open(&spec);

	if (reader == NULL)
		errx(1, "out of memory");
	return reader;
}

static void
nowhere(const struct task *task, struct facts *facts)
{
	const struct pace_ceilings none = { 0, 0 };
	const struct names all = { 0 };
	const struct archive_spec spec = {
		.from_ms = task->from_ms,
		.to_ms = task->to_ms,
		.vehicles = &all,
		.parameters = &all,
		.csv_split_bytes = 4278190080,
		.memory_max = (size_t)256 << 20,
		.threads = task->threads,
	};
	struct nowhere out = { { drop, drop_close, NULL }, 0 };
	struct archive_vehicle v = { .name = task->vehicle,
	    .columns = &task->columns, .tick = on_tick, .arg = facts };
	struct archive *archive;
	struct reader *reader;
	struct pace pace;

	pace_init(&pace, &none, &none, task->pace);
	reader = open_reader(task, &pace);
	if ((archive = archive_open(&out.sink, &spec)) == NULL)
		errx(1, "out of memory");
	v.source = reader_source(reader);
	if (archive_vehicle(archive, &v) != ARCHIVE_OK ||
	    archive_close(archive) != ARCHIVE_OK)
		errx(1, "the export failed");
	facts->bytes = out.bytes;
	facts->fetches = pace.fetches;
	facts->slow = pace.slow;
	archive_free(archive);
	reader_free(reader);
}

/* All hours in memory, a slice each. */
static struct slice *
load(const struct task *task, const struct slice_plan *plan, size_t *n)
{
	struct reader *reader = open_reader(task, NULL);
	struct source *source = reader_source(reader);
	struct slice *v = NULL;
	struct source_doc doc;
	int64_t t_ms;

	for (*n = 0; source->peek(source, &t_ms) == 0; ++*n) {
		if ((v = realloc(v, (*n + 1) * sizeof(*v))) == NULL)
			err(1, "slices");
		slice_init(&v[*n]);
		slice_begin(&v[*n], plan, t_ms - t_ms % HOUR_MS);
		v[*n].end_ms = v[*n].begin_ms + HOUR_MS;
		while (source->next(source, v[*n].end_ms, &doc) == 0)
			if (slice_add(&v[*n], &doc) != 0)
				errx(1, "slice");
	}
	reader_free(reader);
	return v;
}

/* Stages of one slice; each adds its cpu seconds. */
enum stage { UNWIND, TEXT, ALL, CRC, DEFLATE, STAGES };

static void
walk_slice(const struct slice *s, struct scratch *scratch,
    const struct fastread_range *range)
{
	size_t i;

	for (i = 0; i < scratch->n; i++)
		column_text_clear(&scratch->columns[i]);
	for (i = 0; i < s->n && scratch->n > 0; i++)
		if (fastread_document(s->docs.data + s->v[i].at, s->v[i].len, range,
		    &scratch->columns[s->v[i].column]) != FASTREAD_DONE)
			errx(1, "an unusual document");
}

static void
run_stages(struct slice *s, struct scratch *scratch, double spent[STAGES],
    struct facts *facts)
{
	struct fastread_range range = { s->begin_ms, 0, 0,
	    s->end_ms - s->begin_ms };
	volatile uint32_t crc;
	struct block b;
	struct buf out;
	double t[STAGES + 1];
	size_t i;

	blocks_clear(&s->blocks);
	buf_init(&out, (size_t)1 << 30);
	/* slice_work() walks again: its own time is without what came before. */
	t[0] = seconds(CLOCK_THREAD_CPUTIME_ID);
	/* With an empty range every point is found and dropped: no text. */
	walk_slice(s, scratch, &range);
	t[1] = seconds(CLOCK_THREAD_CPUTIME_ID);
	range.from = s->plan->from_ms - s->begin_ms;
	range.to = s->plan->to_ms - s->begin_ms;
	walk_slice(s, scratch, &range);
	t[2] = seconds(CLOCK_THREAD_CPUTIME_ID);
	slice_work(s, scratch);
	t[3] = seconds(CLOCK_THREAD_CPUTIME_ID);
	if (s->state != SLICE_ROWS)
		errx(1, "slice_work");
	for (i = 0; i < s->blocks.n; i++) {
		b = blocks_get(&s->blocks, i);
		crc = crc32_gzip_refl(0, b.text, b.text_len);
		(void)crc;
	}
	t[4] = seconds(CLOCK_THREAD_CPUTIME_ID);
	for (i = 0; i < s->blocks.n; i++) {
		b = blocks_get(&s->blocks, i);
		if (deflate_block(scratch->deflater, b.text, b.text_len,
		    &out) != 0)
			errx(1, "deflate");
	}
	t[5] = seconds(CLOCK_THREAD_CPUTIME_ID);
	for (i = 0; i < STAGES; i++)
		spent[i] += t[i + 1] - t[i];
	for (i = 0; i < s->blocks.n; i++) {
		facts->points += s->blocks.v[i].points;
		facts->rows += s->blocks.v[i].rows;
	}
	facts->bytes += s->blocks.text.len;
	buf_release(&out);
}

static void
stages(const struct task *task)
{
	const struct slice_plan plan = { .n = task->columns.n,
	    .from_ms = task->from_ms, .to_ms = task->to_ms,
	    .memory_max = (size_t)256 << 20 };
	struct scratch *scratch = scratch_new(DEFLATE_FAST);
	double spent[STAGES], best[STAGES] = { 0 };
	struct facts facts;
	struct slice *v;
	size_t n, i;
	int round, k;

	if (scratch == NULL)
		errx(1, "out of memory");
	v = load(task, &plan, &n);
	for (round = 0; round <= ROUNDS; round++) {
		memset(spent, 0, sizeof(spent));
		memset(&facts, 0, sizeof(facts));
		for (i = 0; i < n; i++)
			run_stages(&v[i], scratch, spent, &facts);
		/* The first one warms up. */
		for (k = 0; k < STAGES && round > 0; k++)
			if (round == 1 || spent[k] < best[k])
				best[k] = spent[k];
	}
	for (k = 0; k < STAGES; k++)
		best[k] = best[k] / (double)facts.points * 1e9;
	printf("{\"points\": %llu, \"rows\": %llu, \"csv_bytes\": %llu, "
	    "\"unwind\": %.2f, \"text\": %.2f, \"rows_ns\": %.2f, \"crc\": %.2f, "
	    "\"deflate\": %.2f, \"all\": %.2f}\n",
	    (unsigned long long)facts.points, (unsigned long long)facts.rows,
	    (unsigned long long)facts.bytes, best[UNWIND],
	    best[TEXT] - best[UNWIND],
	    best[ALL] - best[TEXT] - best[CRC] - best[DEFLATE], best[CRC],
	    best[DEFLATE], best[ALL]);
	for (i = 0; i < n; i++)
		slice_release(&v[i]);
	free(v);
	scratch_free(scratch);
}

static void
measure(const struct task *task, void (*run)(const struct task *,
    struct facts *))
{
	struct facts f = { 0 };
	struct rusage usage;
	double wall, cpu;

	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	run(task, &f);
	wall = seconds(CLOCK_MONOTONIC) - wall;
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"wall\": %.6f, \"cpu\": %.6f, \"rss_kb\": %ld, "
	    "\"documents\": %llu, \"bytes_read\": %llu, \"points\": %llu, "
	    "\"rows\": %llu, \"bytes\": %llu, \"fetches\": %llu, "
	    "\"slow\": %llu}\n", wall, cpu, usage.ru_maxrss,
	    (unsigned long long)f.documents,
	    (unsigned long long)f.bytes_read, (unsigned long long)f.points,
	    (unsigned long long)f.rows, (unsigned long long)f.bytes,
	    (unsigned long long)f.fetches, (unsigned long long)f.slow);
}

int
main(int argc, char **argv)
{
	struct task task = { .threads = 2 };

	if (argc < 6 || argc > 8)
		errx(2, "usage: bench bare|nowhere|stages URI VEHICLE START END"
		    " [THREADS [PACE]]");
	/* As export-worker has it. */
	mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
	mongoc_init();
	if ((task.client = mongoc_client_new(argv[2])) == NULL)
		errx(2, "%s: no URI", argv[2]);
	mongoc_client_set_error_api(task.client, MONGOC_ERROR_API_VERSION_2);
	task.vehicle = argv[3];
	task.from_ms = strtoll(argv[4], NULL, 10);
	task.to_ms = strtoll(argv[5], NULL, 10);
	if (argc > 6)
		task.threads = atoi(argv[6]);
	task.pace = argc > 7 && atoi(argv[7]) != 0;
	if (telemetry_parameters(task.client, task.vehicle, &task.columns) != 0)
		errx(1, "no parameters");
	if (strcmp(argv[1], "stages") == 0)
		stages(&task);
	else
		measure(&task, strcmp(argv[1], "bare") == 0 ? bare : nowhere);
	names_release(&task.columns);
	mongoc_client_destroy(task.client);
	mongoc_cleanup();
	return 0;
}
