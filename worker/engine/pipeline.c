/*
 * One vehicle in three stages at once: a thread reads the source into slices,
 * the pool's threads make their rows, and the caller's thread writes them, in
 * order, into the archive. Knows no document: it takes the exact path where a
 * slice is unusual or points are left over.
 */
#include "worker/engine/pipeline.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/names.h"
#include "worker/engine/archive/csvfile.h"
#include "worker/engine/archive/manifest.h"
#include "worker/engine/archive/preview.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/exact.h"
#include "worker/engine/pool.h"
#include "worker/engine/slice.h"
#include "worker/engine/source.h"

/*
 * One vehicle on its way. The reader uses spec, plan and reading; all else
 * belongs to the caller's thread, the writer.
 */
struct pipeline {
	const struct pipeline_spec *spec;
	struct slice_plan plan;
	struct csvfile *csvfile;
	struct exact *exact;
	struct exact_out out;
	struct deflater *deflater;	/* of the headers and the exact path */
	struct archive_progress progress;
	enum archive_result reading;	/* the reader's result, once it ended */
};

/* csvfile_done_fn: a part is complete. */
static int
pipeline_file_done(void *arg, const struct csvfile_facts *facts)
{
	const struct pipeline_spec *spec = arg;

	return manifest_file(spec->manifest, spec->vehicle->name,
	    spec->vehicle->columns, facts);
}

static enum archive_result
pipeline_too_large(const struct pipeline *p, int64_t end_ms)
{
	log_msg(LOG_ERROR, "slice", "%s: the hour that ends at %lld needs more "
	    "than slice_max_bytes (%zu): ask for fewer parameters, or raise it",
	    p->spec->vehicle->name, (long long)end_ms,
	    p->spec->archive->memory_max);
	return ARCHIVE_TOO_LARGE;
}

/* Blocks of either path; exact_out's block(). */
static int
pipeline_write_blocks(void *arg, const struct blocks *blocks)
{
	struct pipeline *p = arg;
	struct block block;
	size_t i;

	for (i = 0; i < blocks->n; i++) {
		block = blocks_get(blocks, i);
		preview_block(p->spec->preview, &block);
		if (csvfile_block(p->csvfile, &block) != 0)
			return -1;
	}
	return 0;
}

/* exact_out's skipped(): only the exact path skips anything. */
static int
pipeline_note_skips(void *arg, size_t column, const uint8_t *doc, size_t len,
    const struct skips *skips)
{
	struct pipeline *p = arg;
	struct csvfile_facts *facts = csvfile_facts(p->csvfile);
	int i;

	for (i = 0; i < SKIP_REASONS; i++)
		facts->skipped.count[i] += skips->count[i];
	facts->skipped_documents++;
	return manifest_skipped(p->spec->manifest, p->spec->vehicle->name,
	    p->spec->vehicle->columns->v[column], doc, len, skips);
}

/* Rows by the exact path, of a slice or of points left over from before. */
static enum archive_result
pipeline_run_exact(struct pipeline *p, const struct slice *s, int64_t until_ms)
{
	enum exact_result rc = exact_run(p->exact, s, until_ms);

	csvfile_facts(p->csvfile)->duplicates += p->out.duplicates;
	p->out.duplicates = 0;
	return rc == EXACT_DONE ? ARCHIVE_OK : rc == EXACT_FAILED ?
	    ARCHIVE_NO_MEMORY : pipeline_too_large(p, until_ms);
}

/*
 * Write the rows of the oldest slice:
 * - first the rows before it, of points that earlier documents left over;
 * - if left-over points reach into it, or it is unusual, the exact path makes
 *   its rows from the documents;
 * - else, as nearly always, its blocks are ready.
 */
static enum archive_result
pipeline_commit(struct pipeline *p, const struct slice *s)
{
	enum archive_result result = ARCHIVE_OK;

	p->progress.documents += s->n;
	p->progress.bytes += s->docs.len;
	p->progress.slices++;
	if (s->state == SLICE_NO_MEMORY) {
		log_msg(LOG_ERROR, "slice", "out of memory");
		return ARCHIVE_NO_MEMORY;
	}
	if (exact_next(p->exact) < s->begin_ms)
		result = pipeline_run_exact(p, NULL, s->begin_ms);
	if (result != ARCHIVE_OK)
		return result;
	if (s->state == SLICE_UNUSUAL ||
	    exact_next(p->exact) < s->end_ms) {
		p->progress.exact++;
		return pipeline_run_exact(p, s, s->end_ms);
	}
	return pipeline_write_blocks(p, &s->blocks) == 0 ? ARCHIVE_OK :
	    ARCHIVE_NO_MEMORY;
}

static int
pipeline_tick(struct pipeline *p)
{
	if (p->spec->vehicle->tick == NULL)
		return 0;
	csvfile_totals(p->csvfile, &p->progress.rows, &p->progress.points);
	return p->spec->vehicle->tick(p->spec->vehicle->arg, &p->progress);
}

/* Whether the slice is large enough: the hour of t_ms begins the next. */
static bool
is_enough(const struct slice *s, int64_t t_ms)
{
	return s->n > 0 && (s->docs.len >= SLICE_MIN_BYTES ||
	    slice_hour(t_ms) + HOUR_MS - s->begin_ms > SLICE_MAX_MS);
}

/*
 * Read the next hour that has documents into s, and more hours while they are
 * small. Hours are read whole, all columns of each. No documents: the source is
 * at its end.
 */
static enum archive_result
pipeline_read_slice(struct pipeline *p, struct slice *s)
{
	struct source *source = p->spec->vehicle->source;
	struct source_doc doc;
	int64_t t_ms;
	int rc;

	slice_begin(s, &p->plan, 0);
	while ((rc = source->peek(source, &t_ms)) == 0 &&
	    !is_enough(s, t_ms)) {
		if (s->n == 0)
			s->begin_ms = slice_hour(t_ms);
		s->end_ms = slice_hour(t_ms) + HOUR_MS;
		while ((rc = source->next(source, s->end_ms, &doc)) == 0)
			if (slice_add(s, &doc) != 0)
				return pipeline_too_large(p, s->end_ms);
		if (rc < 0)
			break;
	}
	return rc < 0 ? ARCHIVE_SOURCE_FAILED : ARCHIVE_OK;
}

/*
 * The reader's thread: fill slices until the source ends or fails, or until the
 * writer closes the pool. The writer learns of a failure when it has written
 * the slices before it.
 */
static void *
pipeline_reader(void *arg)
{
	struct pipeline *p = arg;
	struct slice *s;

	while ((s = pool_slot(p->spec->pool)) != NULL) {
		p->reading = pipeline_read_slice(p, s);
		if (p->reading != ARCHIVE_OK || s->n == 0)
			break;
		pool_submit(p->spec->pool);
	}
	pool_end(p->spec->pool);
	return NULL;
}

/* Write finished slices in order until there are no more, or one fails. */
static enum archive_result
pipeline_writer(struct pipeline *p)
{
	enum archive_result result = ARCHIVE_OK;
	const struct slice *s;

	while (result == ARCHIVE_OK &&
	    (s = pool_oldest(p->spec->pool)) != NULL) {
		result = pipeline_commit(p, s);
		pool_release(p->spec->pool);
		if (result == ARCHIVE_OK && pipeline_tick(p) != 0)
			result = ARCHIVE_STOPPED;
	}
	return result;
}

/*
 * Start the reader, write in this thread, then stop the reader in any case:
 * close the pool, which releases a reader that waits for a slot; join it; only
 * then drop the slices that were not written. Last come the points beyond all
 * slices.
 */
static enum archive_result
pipeline_run_slices(struct pipeline *p)
{
	enum archive_result result;
	pthread_t reader;
	int rc;

	if ((rc = pthread_create(&reader, NULL, pipeline_reader, p)) != 0) {
		log_msg(LOG_ERROR, "slice", "thread: %s", strerror(rc));
		return ARCHIVE_NO_MEMORY;
	}
	result = pipeline_writer(p);
	pool_close(p->spec->pool);
	pthread_join(reader, NULL);
	pool_reset(p->spec->pool);
	if (result == ARCHIVE_OK)
		result = p->reading;
	if (result == ARCHIVE_OK)
		result = pipeline_run_exact(p, NULL, INT64_MAX);
	if (result == ARCHIVE_OK && csvfile_close(p->csvfile) != 0)
		result = ARCHIVE_NO_MEMORY;
	return result;
}

static int
pipeline_set_up(struct pipeline *p)
{
	const struct pipeline_spec *spec = p->spec;
	const struct names *columns = spec->vehicle->columns;

	p->plan = (struct slice_plan){ .n = columns->n,
	    .from_ms = spec->archive->from_ms, .to_ms = spec->archive->to_ms,
	    .style = spec->options.style,
	    .memory_max = spec->archive->memory_max,
	    .exact = spec->archive->exact };
	p->out = (struct exact_out){ .block = pipeline_write_blocks,
	    .skipped = pipeline_note_skips, .arg = p };
	if (preview_vehicle(spec->preview, spec->vehicle->name,
	    (const char *const *)columns->v, columns->n) != 0 ||
	    (p->deflater = deflater_new(spec->options.level)) == NULL ||
	    (p->exact = exact_new(&p->plan, &p->out, p->deflater)) == NULL) {
		log_msg(LOG_ERROR, "slice", "out of memory");
		return -1;
	}
	/* Last: from here the archive has an entry of this vehicle. */
	p->csvfile = csvfile_open(spec->zip, &spec->options, p->deflater,
	    spec->vehicle->name, columns, pipeline_file_done,
	    (void *)(uintptr_t)spec);
	return p->csvfile == NULL ? -1 : 0;
}

enum archive_result
pipeline_run(const struct pipeline_spec *spec)
{
	struct pipeline p = { .spec = spec };
	enum archive_result result = ARCHIVE_NO_MEMORY;

	if (pipeline_set_up(&p) == 0)
		result = pipeline_run_slices(&p);
	csvfile_free(p.csvfile);
	exact_free(p.exact);
	deflater_free(p.deflater);
	return result;
}
