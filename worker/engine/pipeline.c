/*
 * Three stages at once: a thread reads the source into slices, the pool's threads
 * make their rows, and the caller's writes them, in order, into the archive.
 */
#include "worker/engine/pipeline.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
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
	const struct vehicle_job *v;
	struct slice_plan plan;
	struct csvfile *entry;
	struct exact *exact;
	struct exact_out out;
	struct deflater *deflater;
	struct vehicle_progress progress;
	enum vehicle_result reading;	/* how the reader ended */
};

static int
file_done(void *arg, const struct csvfile_facts *facts)
{
	const struct vehicle_job *v = arg;

	return manifest_file(v->manifest, v->name, v->columns, v->n, facts);
}

static enum vehicle_result
too_large(const struct pipeline *r, int64_t end_ms)
{
	log_msg(LOG_ERROR, "slice", "%s: the hour that ends at %lld needs more "
	    "than slice_max_bytes (%zu): ask for fewer parameters, or raise it",
	    r->v->name, (long long)end_ms, r->v->memory_max);
	return VEHICLE_TOO_LARGE;
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
	return manifest_skipped(r->v->manifest, r->v->name,
	    r->v->columns[column], doc, len, skips);
}

/* Rows by the general way, of a slice or of what was left over. */
static enum vehicle_result
run_exact(struct pipeline *r, const struct slice *s, int64_t until_ms)
{
	enum exact_result rc = exact_run(r->exact, s, until_ms);

	csvfile_facts(r->entry)->duplicates += r->out.duplicates;
	r->out.duplicates = 0;
	return rc == EXACT_DONE ? VEHICLE_DONE : rc == EXACT_FAILED ?
	    VEHICLE_FAILED : too_large(r, until_ms);
}

/* Write the rows of the oldest slice. */
static enum vehicle_result
commit(struct pipeline *r, const struct slice *s)
{
	enum vehicle_result result = VEHICLE_DONE;

	r->progress.documents += s->n;
	r->progress.bytes += s->docs.len;
	r->progress.slices++;
	if (s->state == SLICE_NO_MEMORY) {
		log_msg(LOG_ERROR, "slice", "out of memory");
		return VEHICLE_FAILED;
	}
	if (exact_next(r->exact) < s->begin_ms)
		result = run_exact(r, NULL, s->begin_ms);
	if (result != VEHICLE_DONE)
		return result;
	if (s->state == SLICE_UNUSUAL ||
	    exact_next(r->exact) < s->end_ms) {
		r->progress.exact++;
		return run_exact(r, s, s->end_ms);
	}
	return write_blocks(r, &s->blocks) == 0 ? VEHICLE_DONE :
	    VEHICLE_FAILED;
}

static int
tick(struct pipeline *r)
{
	if (r->v->tick == NULL)
		return 0;
	csvfile_totals(r->entry, &r->progress.rows, &r->progress.points);
	return r->v->tick(r->v->arg, &r->progress);
}

/* Whether the slice has enough, and the hour of t_ms is the next one's. */
static bool
is_enough(const struct slice *s, int64_t t_ms)
{
	return s->n > 0 && (s->docs.len >= SLICE_MIN_BYTES ||
	    slice_hour(t_ms) + SLICE_HOUR_MS - s->begin_ms > SLICE_MAX_MS);
}

/* Read the next hours into s. No documents: the source is at its end. */
static enum vehicle_result
read_slice(struct pipeline *r, struct slice *s)
{
	struct source *source = r->v->source;
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
	return rc < 0 ? VEHICLE_FAILED : VEHICLE_DONE;
}

static void *
read_slices(void *arg)
{
	struct pipeline *r = arg;
	struct slice *s;

	while ((s = pool_slot(r->v->pool)) != NULL) {
		r->reading = read_slice(r, s);
		if (r->reading != VEHICLE_DONE || s->n == 0)
			break;
		pool_submit(r->v->pool);
	}
	pool_end(r->v->pool);
	return NULL;
}

static enum vehicle_result
write_slices(struct pipeline *r)
{
	enum vehicle_result result = VEHICLE_DONE;
	const struct slice *s;

	while (result == VEHICLE_DONE &&
	    (s = pool_oldest(r->v->pool)) != NULL) {
		result = commit(r, s);
		pool_release(r->v->pool);
		if (result == VEHICLE_DONE && tick(r) != 0)
			result = VEHICLE_STOPPED;
	}
	return result;
}

static enum vehicle_result
run_slices(struct pipeline *r)
{
	enum vehicle_result result;
	pthread_t reader;
	int rc;

	if ((rc = pthread_create(&reader, NULL, read_slices, r)) != 0) {
		log_msg(LOG_ERROR, "slice", "thread: %s", strerror(rc));
		return VEHICLE_FAILED;
	}
	result = write_slices(r);
	pool_close(r->v->pool);
	pthread_join(reader, NULL);
	pool_reset(r->v->pool);
	if (result == VEHICLE_DONE)
		result = r->reading;
	if (result == VEHICLE_DONE)
		result = run_exact(r, NULL, INT64_MAX);
	if (result == VEHICLE_DONE && csvfile_close(r->entry) != 0)
		result = VEHICLE_FAILED;
	return result;
}

static int
set_up(struct pipeline *r)
{
	const struct vehicle_job *v = r->v;

	r->plan = (struct slice_plan){ .n = v->n, .from_ms = v->from_ms,
	    .to_ms = v->to_ms, .style = v->options->style,
	    .memory_max = v->memory_max, .exact = v->exact };
	r->out = (struct exact_out){ .block = write_blocks,
	    .skipped = note_skips, .arg = r };
	if (preview_vehicle(v->preview, v->name, v->columns, v->n) != 0 ||
	    (r->deflater = deflater_new(v->options->level)) == NULL ||
	    (r->exact = exact_new(&r->plan, &r->out, r->deflater)) ==
	    NULL) {
		log_msg(LOG_ERROR, "slice", "out of memory");
		return -1;
	}
	r->entry = csvfile_open(v->zip, v->options, r->deflater, v->name,
	    v->columns, v->n, file_done, (void *)(uintptr_t)v);
	return r->entry == NULL ? -1 : 0;
}

enum vehicle_result
vehicle_export(const struct vehicle_job *v)
{
	struct pipeline r = { .v = v };
	enum vehicle_result result = VEHICLE_FAILED;

	if (set_up(&r) == 0)
		result = run_slices(&r);
	csvfile_free(r.entry);
	exact_free(r.exact);
	deflater_free(r.deflater);
	return result;
}
