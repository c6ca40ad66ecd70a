/*
 * Three stages at once: a thread reads the source into slices, the pool's threads
 * make their rows, and the caller's writes them, in order, into the archive.
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

/* One vehicle on its way. */
struct pipeline {
	const struct pipeline_spec *v;
	struct slice_plan plan;
	struct csvfile *entry;
	struct exact *exact;
	struct exact_out out;
	struct deflater *deflater;
	struct archive_progress progress;
	enum archive_result reading;	/* how the reader ended */
};

static int
file_done(void *arg, const struct csvfile_facts *facts)
{
	const struct pipeline_spec *v = arg;

	return manifest_file(v->manifest, v->vehicle->name, v->vehicle->columns, facts);
}

static enum archive_result
too_large(const struct pipeline *r, int64_t end_ms)
{
	log_msg(LOG_ERROR, "slice", "%s: the hour that ends at %lld needs more "
	    "than slice_max_bytes (%zu): ask for fewer parameters, or raise it",
	    r->v->vehicle->name, (long long)end_ms, r->v->archive->memory_max);
	return ARCHIVE_TOO_LARGE;
}

static int
write_blocks(void *arg, const struct blocks *blocks)
{
	struct pipeline *r = arg;
	struct block block;
	size_t i;

	for (i = 0; i < blocks->n; i++) {
		block = blocks_get(blocks, i);
		preview_block(r->v->preview, &block);
		if (csvfile_block(r->entry, &block) != 0)
			return -1;
	}
	return 0;
}

static int
note_skips(void *arg, size_t column, const uint8_t *doc, size_t len,
    const struct skips *skips)
{
	struct pipeline *r = arg;
	struct csvfile_facts *facts = csvfile_facts(r->entry);
	int i;

	for (i = 0; i < SKIP_REASONS; i++)
		facts->skipped.count[i] += skips->count[i];
	facts->skipped_documents++;
	return manifest_skipped(r->v->manifest, r->v->vehicle->name,
	    r->v->vehicle->columns->v[column], doc, len, skips);
}

/* Rows by the general way, of a slice or of what was left over. */
static enum archive_result
run_exact(struct pipeline *r, const struct slice *s, int64_t until_ms)
{
	enum exact_result rc = exact_run(r->exact, s, until_ms);

	csvfile_facts(r->entry)->duplicates += r->out.duplicates;
	r->out.duplicates = 0;
	return rc == EXACT_DONE ? ARCHIVE_OK : rc == EXACT_FAILED ?
	    ARCHIVE_NO_MEMORY : too_large(r, until_ms);
}

/* Write the rows of the oldest slice. */
static enum archive_result
pipeline_commit(struct pipeline *r, const struct slice *s)
{
	enum archive_result result = ARCHIVE_OK;

	r->progress.documents += s->n;
	r->progress.bytes += s->docs.len;
	r->progress.slices++;
	if (s->state == SLICE_NO_MEMORY) {
		log_msg(LOG_ERROR, "slice", "out of memory");
		return ARCHIVE_NO_MEMORY;
	}
	if (exact_next(r->exact) < s->begin_ms)
		result = run_exact(r, NULL, s->begin_ms);
	if (result != ARCHIVE_OK)
		return result;
	if (s->state == SLICE_UNUSUAL ||
	    exact_next(r->exact) < s->end_ms) {
		r->progress.exact++;
		return run_exact(r, s, s->end_ms);
	}
	return write_blocks(r, &s->blocks) == 0 ? ARCHIVE_OK :
	    ARCHIVE_NO_MEMORY;
}

static int
pipeline_tick(struct pipeline *r)
{
	if (r->v->vehicle->tick == NULL)
		return 0;
	csvfile_totals(r->entry, &r->progress.rows, &r->progress.points);
	return r->v->vehicle->tick(r->v->vehicle->arg, &r->progress);
}

/* Whether the slice has enough, and the hour of t_ms is the next one's. */
static bool
is_enough(const struct slice *s, int64_t t_ms)
{
	return s->n > 0 && (s->docs.len >= SLICE_MIN_BYTES ||
	    slice_hour(t_ms) + SLICE_HOUR_MS - s->begin_ms > SLICE_MAX_MS);
}

/* Read the next hours into s. No documents: the source is at its end. */
static enum archive_result
read_slice(struct pipeline *r, struct slice *s)
{
	struct source *source = r->v->vehicle->source;
	struct source_doc doc;
	int64_t t_ms;
	int rc;

	slice_begin(s, &r->plan, 0);
	while ((rc = source->peek(source, &t_ms)) == 0 &&
	    !is_enough(s, t_ms)) {
		if (s->n == 0)
			s->begin_ms = slice_hour(t_ms);
		s->end_ms = slice_hour(t_ms) + SLICE_HOUR_MS;
		while ((rc = source->next(source, s->end_ms, &doc)) == 0)
			if (slice_add(s, &doc) != 0)
				return too_large(r, s->end_ms);
		if (rc < 0)
			break;
	}
	return rc < 0 ? ARCHIVE_SOURCE_FAILED : ARCHIVE_OK;
}

static void *
read_slices(void *arg)
{
	struct pipeline *r = arg;
	struct slice *s;

	while ((s = pool_slot(r->v->pool)) != NULL) {
		r->reading = read_slice(r, s);
		if (r->reading != ARCHIVE_OK || s->n == 0)
			break;
		pool_submit(r->v->pool);
	}
	pool_end(r->v->pool);
	return NULL;
}

static enum archive_result
write_slices(struct pipeline *r)
{
	enum archive_result result = ARCHIVE_OK;
	const struct slice *s;

	while (result == ARCHIVE_OK &&
	    (s = pool_oldest(r->v->pool)) != NULL) {
		result = pipeline_commit(r, s);
		pool_release(r->v->pool);
		if (result == ARCHIVE_OK && pipeline_tick(r) != 0)
			result = ARCHIVE_STOPPED;
	}
	return result;
}

static enum archive_result
run_slices(struct pipeline *r)
{
	enum archive_result result;
	pthread_t reader;
	int rc;

	if ((rc = pthread_create(&reader, NULL, read_slices, r)) != 0) {
		log_msg(LOG_ERROR, "slice", "thread: %s", strerror(rc));
		return ARCHIVE_NO_MEMORY;
	}
	result = write_slices(r);
	pool_close(r->v->pool);
	pthread_join(reader, NULL);
	pool_reset(r->v->pool);
	if (result == ARCHIVE_OK)
		result = r->reading;
	if (result == ARCHIVE_OK)
		result = run_exact(r, NULL, INT64_MAX);
	if (result == ARCHIVE_OK && csvfile_close(r->entry) != 0)
		result = ARCHIVE_NO_MEMORY;
	return result;
}

static int
pipeline_set_up(struct pipeline *r)
{
	const struct pipeline_spec *v = r->v;
	const struct names *columns = v->vehicle->columns;

	r->plan = (struct slice_plan){ .n = columns->n,
	    .from_ms = v->archive->from_ms, .to_ms = v->archive->to_ms,
	    .style = v->options.style, .memory_max = v->archive->memory_max,
	    .exact = v->archive->exact };
	r->out = (struct exact_out){ .block = write_blocks,
	    .skipped = note_skips, .arg = r };
	if (preview_vehicle(v->preview, v->vehicle->name,
	    (const char *const *)columns->v, columns->n) != 0 ||
	    (r->deflater = deflater_new(v->options.level)) == NULL ||
	    (r->exact = exact_new(&r->plan, &r->out, r->deflater)) == NULL) {
		log_msg(LOG_ERROR, "slice", "out of memory");
		return -1;
	}
	r->entry = csvfile_open(v->zip, &v->options, r->deflater,
	    v->vehicle->name, columns, file_done, (void *)(uintptr_t)v);
	return r->entry == NULL ? -1 : 0;
}

enum archive_result
pipeline_run(const struct pipeline_spec *v)
{
	struct pipeline r = { .v = v };
	enum archive_result result = ARCHIVE_NO_MEMORY;

	if (pipeline_set_up(&r) == 0)
		result = run_slices(&r);
	csvfile_free(r.entry);
	exact_free(r.exact);
	deflater_free(r.deflater);
	return result;
}
