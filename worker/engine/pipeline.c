/*
 * Vehicles in three stages at once: a thread takes the source's windows as
 * slices, the pool's threads make their rows, and the caller's thread writes
 * them, in order, into the archive. It never drains between vehicles. Knows no
 * document and no row.
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
#include "worker/engine/feeder.h"
#include "worker/engine/piece.h"
#include "worker/engine/pool.h"
#include "worker/engine/slice.h"
#include "worker/engine/source.h"

/* The feeder's thread uses spec; all else belongs to the caller's, the writer. */
struct pipeline {
	const struct pipeline_spec *spec;
	const struct source_vehicle *vehicle;	/* of the open CSV */
	struct csvfile *csvfile;	/* or NULL, between vehicles */
	uint64_t rows, points;		/* of the vehicles before it */
	struct deflater *deflater;	/* of the headers */
	enum archive_result feeding;	/* the feeder's result, once it ended */
};

static int
no_memory(void)
{
	log_msg(LOG_ERROR, "slice", "out of memory");
	return -1;
}

/* csvfile_done_fn: a part is complete. */
static int
pipeline_file_done(void *arg, const struct csvfile_facts *facts)
{
	const struct pipeline *p = arg;

	/* A fragment's runs are no files yet. */
	if (!p->spec->options->runs && preview_file(p->spec->preview, facts->name,
	    p->vehicle->name, facts->rows) != 0)
		return no_memory();
	return manifest_file(p->spec->manifest, p->vehicle->name, facts);
}

static int
pipeline_open(struct pipeline *p, const struct source_vehicle *v)
{
	const struct pipeline_spec *spec = p->spec;

	p->vehicle = v;
	if (preview_vehicle(spec->preview, v->name,
	    (const char *const *)v->columns->v, v->columns->n) != 0)
		return no_memory();
	/* The vehicles before this one are all that it has: pieces need none any more. */
	if (preview_done(spec->preview))
		atomic_store(&spec->plan->previewed, true);
	p->csvfile = csvfile_open(spec->zip, spec->options, p->deflater,
	    v->name, v->columns, pipeline_file_done, p);
	if (p->csvfile == NULL)
		return -1;
	csvfile_cut(p->csvfile, v->continues, v->goes_on);
	return 0;
}

static int
pipeline_close(struct pipeline *p)
{
	uint64_t rows, points;
	int rc = csvfile_close(p->csvfile);

	csvfile_totals(p->csvfile, &rows, &points);
	p->rows += rows;
	p->points += points;
	csvfile_free(p->csvfile);
	p->csvfile = NULL;
	return rc;
}

static int
pipeline_write_blocks(struct pipeline *p, const struct blocks *blocks)
{
	struct block block;
	size_t i;

	for (i = 0; i < blocks->n; i++) {
		block = blocks_get(blocks, i);
		if (csvfile_block(p->csvfile, &block) != 0)
			return -1;
	}
	return 0;
}

/* Documents of which something was skipped; known with the first piece. */
static int
pipeline_note_skips(struct pipeline *p, const struct slice *s)
{
	struct csvfile_facts *facts = csvfile_facts(p->csvfile);
	const struct source_doc *d;
	size_t i;
	int k;

	for (i = 0; i < s->nskips; i++) {
		d = &s->docs[s->skips[i].doc];
		for (k = 0; k < SKIP_REASONS; k++)
			facts->skipped.count[k] +=
			    s->skips[i].skips.count[k];
		facts->skipped_documents++;
		if (manifest_skipped(p->spec->manifest, p->vehicle->name,
		    p->vehicle->columns->v[d->column], d->data, d->len,
		    &s->skips[i].skips) != 0)
			return -1;
	}
	return 0;
}

static enum archive_result
pipeline_bad_piece(const struct pipeline *p, const struct piece *piece)
{
	if (piece->result == PIECE_NO_MEMORY) {
		log_msg(LOG_ERROR, "slice", "out of memory");
		return ARCHIVE_NO_MEMORY;
	}
	if (piece->result == PIECE_REACHES)
		return ARCHIVE_REACHES;
	log_msg(LOG_ERROR, "slice", "%s: the rows before %lld need more than "
	    "memory_max_bytes: ask for fewer parameters, or raise it",
	    p->vehicle->name, (long long)piece->to_ms);
	return ARCHIVE_TOO_LARGE;
}

/* Documents count once: with the first part of an hour that is read in parts. */
static void
count_slice(const struct pipeline *p, const struct piece *piece)
{
	struct archive_progress *progress = p->spec->progress;
	const struct slice *s = piece->slice;

	if (piece->index > 0 || s->n == 0 || slice_is_before(s))
		return;
	if (s->begin_ms <= s->base_ms)
		progress->documents += s->n;
	progress->bytes += s->bytes;
	progress->slices++;
	progress->exact += piece->unusual;
}

/* What its blocks do not count. */
static void
count_points(const struct pipeline *p, const struct piece *piece)
{
	struct csvfile_facts *facts = csvfile_facts(p->csvfile);

	facts->duplicates += piece->duplicates;
	facts->non_numeric += piece->grid.non_numeric;
	csvfile_count(p->csvfile, piece->grid.points, piece->grid.non_finite);
}

/* Write a piece's rows; a vehicle's CSV opens with its first, ends with its last. */
static enum archive_result
pipeline_commit(struct pipeline *p, const struct piece *piece)
{
	const struct slice *s = piece->slice;

	if (s->first && piece->index == 0 && pipeline_open(p, s->vehicle) != 0)
		return ARCHIVE_NO_MEMORY;
	if (piece->result != PIECE_MADE)
		return pipeline_bad_piece(p, piece);
	if (pipeline_write_blocks(p, &piece->blocks) != 0 ||
	    (piece->index == 0 && pipeline_note_skips(p, s) != 0))
		return ARCHIVE_NO_MEMORY;
	count_points(p, piece);
	preview_take(p->spec->preview, piece->preview);
	count_slice(p, piece);
	if (s->last && pipeline_close(p) != 0)
		return ARCHIVE_NO_MEMORY;
	return ARCHIVE_OK;
}

static int
pipeline_tick(struct pipeline *p)
{
	struct archive_progress *progress = p->spec->progress;
	uint64_t rows = 0, points = 0;

	if (p->spec->watch == NULL)
		return 0;
	if (p->csvfile != NULL)
		csvfile_totals(p->csvfile, &rows, &points);
	progress->rows = p->rows + rows;
	progress->points = p->points + points;
	return p->spec->watch->tick(p->spec->watch->arg, progress);
}

static void *
pipeline_feed(void *arg)
{
	struct pipeline *p = arg;

	p->feeding = feeder_run(p->spec->source, p->spec->plan, p->spec->pool);
	return NULL;
}

/* Write finished pieces in order until there are no more, or one fails. */
static enum archive_result
pipeline_write(struct pipeline *p)
{
	enum archive_result result = ARCHIVE_OK;
	const struct piece *piece;

	while (result == ARCHIVE_OK &&
	    (piece = pool_oldest(p->spec->pool)) != NULL) {
		result = pipeline_commit(p, piece);
		pool_release(p->spec->pool);
		if (result == ARCHIVE_OK && pipeline_tick(p) != 0)
			result = ARCHIVE_STOPPED;
	}
	return result;
}

/*
 * Start the feeder, write in this thread, then stop the feeder in any case: it
 * may wait for room in the pool or for the source. Only once it is gone are the
 * pieces dropped that were not written.
 */
static enum archive_result
pipeline_run_threads(struct pipeline *p)
{
	struct source *source = p->spec->source;
	enum archive_result result;
	pthread_t feeder;
	int rc;

	if ((rc = pthread_create(&feeder, NULL, pipeline_feed, p)) != 0) {
		log_msg(LOG_ERROR, "slice", "thread: %s", strerror(rc));
		return ARCHIVE_NO_MEMORY;
	}
	result = pipeline_write(p);
	pool_close(p->spec->pool);
	if (result != ARCHIVE_OK)
		source->stop(source);
	pthread_join(feeder, NULL);
	pool_reset(p->spec->pool);
	return result == ARCHIVE_OK ? p->feeding : result;
}

enum archive_result
pipeline_run(const struct pipeline_spec *spec)
{
	struct pipeline p = { .spec = spec, .rows = spec->progress->rows,
	    .points = spec->progress->points };
	enum archive_result result = ARCHIVE_NO_MEMORY;

	if ((p.deflater = deflater_new(spec->options->level)) == NULL)
		log_msg(LOG_ERROR, "slice", "out of memory");
	else
		result = pipeline_run_threads(&p);
	csvfile_free(p.csvfile);
	deflater_free(p.deflater);
	return result;
}
