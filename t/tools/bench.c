/*
 * bench bare|nowhere|stages URI VEHICLE START END [THREADS [PACE]]
 *
 * What t/bench/bench measures, in one process each:
 *   bare     read the documents of an export with only libmongoc: a cursor per
 *            collection and type of _id, one after the other, 24 documents a batch
 *   nowhere  the worker's own reader, engine and ZIP, the bytes dropped
 *   stages   the documents in memory, on one core: cpu ns a point of the engine, and of
 *            its first steps alone
 * bare and nowhere run twice, and the second counts: a worker has its connections.
 * EVERY_MS in the environment: rows are steps of so many ms.
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

#include <mongoc/mongoc.h>

#include "lib/base/names.h"
#include "lib/base/patience.h"
#include "lib/base/timestamp.h"
#include "worker/engine/archive.h"
#include "worker/engine/decode/fastread.h"
#include "worker/engine/sink.h"
#include "worker/engine/slice.h"
#include "worker/engine/source.h"
#include "worker/pace.h"
#include "worker/reader.h"
#include "worker/telemetry.h"
#include "worker/windows.h"

#define BATCH 24
#define ROUNDS 5
#define READERS 8
#define DOCUMENTS_BYTES ((size_t)48 << 20)	/* as the worker has by default */
#define WINDOW_BYTES ((size_t)BATCH << 16)

struct task {
	mongoc_client_pool_t *pool;
	mongoc_client_t *client;
	const char *vehicle;
	struct names vehicles;	/* the same */
	struct names columns;
	int64_t from_ms, to_ms;
	int64_t every_ms;
	bool parquet;
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

/* What the reader needs for as long as it lives. */
struct reading {
	struct patience patience;
	struct sizes sizes;
	struct pace pace;
	struct reader *reader;
};

static void
reading_open(struct reading *r, const struct task *task, size_t memory_max)
{
	static const struct pace_ceilings none;
	const struct reader_spec spec = { .pool = task->pool,
	    .way = { .comment = "bench" }, .pace = &r->pace,
	    .sizes = &r->sizes, .patience = &r->patience,
	    .vehicles = &task->vehicles, .parameters = &task->columns,
	    .from_ms = task->from_ms, .to_ms = task->to_ms,
	    .memory_max = memory_max, .window_bytes = WINDOW_BYTES,
	    .threads = READERS };

	memset(r, 0, sizeof(*r));
	sizes_init(&r->sizes);
	pace_init(&r->pace, &none, &none, task->pace);
	if ((r->reader = reader_open(&spec)) == NULL)
		errx(1, "out of memory");
}

static void
reading_close(struct reading *r)
{
	reader_free(r->reader);
	pace_release(&r->pace);
	sizes_release(&r->sizes);
}

/* All that a source has, into nowhere. */
static void
make(const struct task *task, struct source *source, struct facts *facts)
{
	const struct names all = { 0 };
	const struct archive_spec spec = {
		.from_ms = task->from_ms,
		.to_ms = task->to_ms,
		.vehicles = &all,
		.parameters = &all,
		.every_ms = task->every_ms,
		.parquet = task->parquet,
		.csv_split_bytes = 4278190080,
		.memory_max = (size_t)256 << 20,
		.threads = task->threads,
	};
	const struct archive_watch watch = { on_tick, facts };
	struct nowhere out = { { drop, drop_close, NULL }, 0 };
	struct archive *archive;

	if ((archive = archive_open(&out.sink, &spec)) == NULL)
		errx(1, "out of memory");
	if (archive_take(archive, source, &watch) != ARCHIVE_OK ||
	    archive_close(archive) != ARCHIVE_OK)
		errx(1, "the export failed");
	facts->bytes = out.bytes;
	archive_free(archive);
}

static void
nowhere(const struct task *task, struct facts *facts)
{
	struct reading r;

	reading_open(&r, task, DOCUMENTS_BYTES);
	make(task, reader_source(r.reader), facts);
	facts->fetches = r.pace.fetches;
	facts->slow = r.pace.slow;
	reading_close(&r);
}

/* Windows in memory, as a source that has them again and again. */
struct memory {
	struct source source;
	struct source_window *v;	/* ours, of what windows below have */
	struct source_window **windows;
	size_t n, next;
};

static void
keep(struct source_window *w)
{
	(void)w;
}

static int
memory_next(struct source *s, struct source_window **w)
{
	struct memory *m = (struct memory *)s;

	if (m->next == m->n)
		return 1;
	*w = &m->v[m->next++];
	return 0;
}

static void
memory_stop(struct source *s)
{
	(void)s;
}

static void
memory_load(struct memory *m, struct source *source)
{
	struct source_window *w;
	int rc;

	m->source.next = memory_next;
	m->source.stop = memory_stop;
	while ((rc = source->next(source, &w)) == 0) {
		m->v = realloc(m->v, (m->n + 1) * sizeof(*m->v));
		m->windows = realloc(m->windows,
		    (m->n + 1) * sizeof(struct source_window *));
		if (m->v == NULL || m->windows == NULL)
			err(1, "windows");
		m->windows[m->n] = w;
		m->v[m->n] = *w;
		m->v[m->n++].release = keep;
	}
	if (rc < 0)
		errx(1, "cannot be read");
}

/* Stages; each is measured with all before it. */
enum stage { UNWIND, TEXT, ALL, STAGES };

/* The fast path's first step; with an empty range points are found and dropped. */
static void
walk(const struct memory *m, const struct task *task, bool drop_all,
    struct column_text *text)
{
	size_t i, k;

	for (i = 0; i < m->n; i++)
		for (k = 0; k < m->v[i].n; k++) {
			const struct source_doc *d = &m->v[i].docs[k];
			const int64_t base_ms = slice_hour(d->t_ms);
			const struct fastread_range range = { base_ms,
			    drop_all ? 0 : task->from_ms - base_ms,
			    drop_all ? 0 : task->to_ms - base_ms, HOUR_MS };

			column_text_clear(text);
			if (fastread_document(d->data, d->len, &range, ',',
			    text) != FASTREAD_DONE)
				errx(1, "an unusual document");
		}
}

static void
run_stages(struct memory *m, const struct task *task,
    struct column_text *text, double spent[STAGES], struct facts *facts)
{
	double t[STAGES + 1];
	int i;

	t[0] = seconds(CLOCK_PROCESS_CPUTIME_ID);
	walk(m, task, true, text);
	t[1] = seconds(CLOCK_PROCESS_CPUTIME_ID);
	walk(m, task, false, text);
	t[2] = seconds(CLOCK_PROCESS_CPUTIME_ID);
	m->next = 0;
	make(task, &m->source, facts);
	t[3] = seconds(CLOCK_PROCESS_CPUTIME_ID);
	for (i = 0; i < STAGES; i++)
		spent[i] = t[i + 1] - t[i];
}

static void
stages(const struct task *task)
{
	double spent[STAGES], best[STAGES] = { 0 };
	struct memory m = { .n = 0 };
	struct column_text text;
	struct facts facts;
	struct reading r;
	int round, k;
	size_t i;

	column_text_init(&text);
	reading_open(&r, task, SIZE_MAX / 4);
	memory_load(&m, reader_source(r.reader));
	for (round = 0; round <= ROUNDS; round++) {
		memset(&facts, 0, sizeof(facts));
		run_stages(&m, task, &text, spent, &facts);
		/* The first one warms up. */
		for (k = 0; k < STAGES && round > 0; k++)
			if (round == 1 || spent[k] < best[k])
				best[k] = spent[k];
	}
	for (k = 0; k < STAGES; k++)
		best[k] = best[k] / (double)facts.points * 1e9;
	printf("{\"points\": %llu, \"rows\": %llu, \"bytes\": %llu, "
	    "\"unwind\": %.2f, \"text\": %.2f, \"all\": %.2f}\n",
	    (unsigned long long)facts.points, (unsigned long long)facts.rows,
	    (unsigned long long)facts.bytes, best[UNWIND],
	    best[TEXT] - best[UNWIND], best[ALL]);
	for (i = 0; i < m.n; i++)
		m.windows[i]->release(m.windows[i]);
	free(m.windows);
	free(m.v);
	column_text_release(&text);
	reading_close(&r);
}

static void
measure(const struct task *task, void (*run)(const struct task *,
    struct facts *))
{
	struct facts f = { 0 };
	struct rusage usage;
	double wall, cpu;

	/* Like a worker, which has its connections. */
	run(task, &f);
	memset(&f, 0, sizeof(f));
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
	static const struct telemetry_way way = { .comment = "bench" };
	struct task task = { .threads = 2 };
	mongoc_uri_t *uri;

	if (argc < 6 || argc > 8)
		errx(2, "usage: bench bare|nowhere|stages URI VEHICLE START END"
		    " [THREADS [PACE]]");
	/* As export-worker has it. */
	mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
	mongoc_init();
	if ((uri = mongoc_uri_new(argv[2])) == NULL ||
	    (task.pool = mongoc_client_pool_new(uri)) == NULL)
		errx(2, "%s: no URI", argv[2]);
	mongoc_client_pool_set_error_api(task.pool,
	    MONGOC_ERROR_API_VERSION_2);
	task.client = mongoc_client_pool_pop(task.pool);
	task.vehicle = argv[3];
	names_add(&task.vehicles, argv[3], strlen(argv[3]));
	task.from_ms = strtoll(argv[4], NULL, 10);
	task.to_ms = strtoll(argv[5], NULL, 10);
	if (argc > 6)
		task.threads = atoi(argv[6]);
	if (getenv("EVERY_MS") != NULL)
		task.every_ms = strtoll(getenv("EVERY_MS"), NULL, 10);
	task.parquet = getenv("PARQUET") != NULL;
	task.pace = argc > 7 && atoi(argv[7]) != 0;
	if (telemetry_parameters(task.client, &way, NULL, task.vehicle, NULL,
	    &task.columns) != 0)
		errx(1, "no parameters");
	if (strcmp(argv[1], "stages") == 0)
		stages(&task);
	else
		measure(&task, strcmp(argv[1], "bare") == 0 ? bare : nowhere);
	names_release(&task.columns);
	names_release(&task.vehicles);
	mongoc_client_pool_push(task.pool, task.client);
	mongoc_client_pool_destroy(task.pool);
	mongoc_uri_destroy(uri);
	mongoc_cleanup();
	return 0;
}
