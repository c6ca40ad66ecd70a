/*
 * The door: keeps the parts of an archive (ZIP, manifest, preview, threads)
 * together, and distinguishes failures of the sink from all others. Knows no
 * rows and no documents: pipeline.c makes a vehicle, fragment.c copies one.
 */
#include "worker/engine/archive.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "worker/engine/archive/fragment.h"
#include "worker/engine/archive/manifest.h"
#include "worker/engine/archive/preview.h"
#include "worker/engine/archive/zip.h"
#include "worker/engine/decode/cut.h"
#include "worker/engine/parquet/file.h"
#include "worker/engine/pipeline.h"
#include "worker/engine/pool.h"
#include "worker/engine/rows/columns.h"
#include "worker/engine/rows/periods.h"
#include "worker/engine/sink.h"

/* Of a fragment's preview: above all that it can come to. */
#define FACTS_PREVIEW_MAX ((size_t)8 << 20)

struct archive {
	struct sink guard;	/* first: a sink is cast back to its archive */
	struct sink *sink;
	bool sink_failed;
	bool fragment;
	const struct archive_spec *spec;
	struct zip *zip;
	struct manifest *manifest;
	struct preview *preview;
	struct csvfile_options options;
	struct parquet_about parquet;
	char *request, *parameters;	/* of it */
	struct fragments *fragments;	/* made for the first one */
	struct periods periods;
	struct slice_plan plan;
	struct pool *pool;	/* made for the first source */
	struct archive_progress progress;
};

static enum deflate_level
archive_level(const struct archive *a)
{
	return a->spec->small ? DEFLATE_SMALL : DEFLATE_FAST;
}

/*
 * The sink that the rest of the engine writes to. It notes a failure, which
 * would otherwise come up as a bare -1, like one of memory.
 */
static int
guard_write(struct sink *s, const void *data, size_t len)
{
	struct archive *a = (struct archive *)s;

	if (a->sink->write(a->sink, data, len) == 0)
		return 0;
	a->sink_failed = true;
	return -1;
}

/* The sink's failure is the cause of whatever else a call reports. */
static enum archive_result
archive_result(const struct archive *a, enum archive_result result)
{
	return result != ARCHIVE_OK && a->sink_failed ? ARCHIVE_SINK_FAILED :
	    result;
}

/* Rows begin with the step that from_ms is in. */
static int
archive_periods(struct archive *a)
{
	const struct archive_spec *spec = a->spec;

	a->plan.style.periods = &a->periods;
	return periods_init(&a->periods, spec->split, spec->zone,
	    spec->every_ms > 0 ? grid_step(&a->plan.grid, spec->from_ms) :
	    spec->from_ms, spec->to_ms);
}

static struct csv_style
archive_style(const struct archive_spec *spec)
{
	if (spec->parquet)
		return (struct csv_style){ .parquet = true };
	return (struct csv_style){ .rfc3339 = spec->rfc3339,
	    .excel = spec->excel, .semicolon = spec->semicolon,
	    .zone = spec->local ? spec->zone : NULL };
}

/* What each file of Parquet says of all of them. */
static int
archive_parquet(struct archive *a)
{
	a->request = manifest_request(a->spec);
	a->parameters = manifest_parameters(a->spec);
	a->parquet = (struct parquet_about){ a->request, a->parameters,
	    a->spec->small };
	a->options.parquet = &a->parquet;
	return a->request == NULL || a->parameters == NULL ? -1 : 0;
}

/*
 * A fragment differs in two parts: its ZIP writes only runs of blocks, and its
 * manifest holds facts and no request.
 */
static struct archive *
archive_new(struct sink *sink, const struct archive_spec *spec, bool fragment)
{
	struct archive *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		goto fail;
	a->guard.write = guard_write;
	a->sink = sink;
	a->fragment = fragment;
	a->spec = spec;
	a->plan.from_ms = spec->from_ms;
	a->plan.to_ms = spec->to_ms;
	a->plan.style = archive_style(spec);
	a->plan.grid = (struct grid_spec){ spec->every_ms, spec->hold_ms,
	    spec->take };
	if (spec->split != ARCHIVE_SPLIT_NONE && archive_periods(a) != 0)
		goto fail;
	a->plan.memory_max = spec->memory_max;
	a->plan.exact = spec->exact;
	a->options = (struct csvfile_options){ .style = a->plan.style,
	    .level = archive_level(a), .split_bytes = spec->csv_split_bytes,
	    .runs = fragment };
	if (spec->parquet && archive_parquet(a) != 0)
		goto fail;
	if (spec->header_unit)
		a->options.units = (struct columns_units){ spec->known,
		    spec->nknown };
	a->zip = fragment ? zip_new_bare(&a->guard) :
	    zip_new(&a->guard, spec->to_ms);
	a->manifest = fragment ? manifest_new_facts() : manifest_new(spec);
	a->preview = preview_new(spec->from_ms, spec->to_ms);
	if (a->zip == NULL || a->manifest == NULL || a->preview == NULL)
		goto fail;
	return a;
fail:
	log_msg(LOG_ERROR, "slice", "out of memory");
	archive_free(a);
	return NULL;
}

struct archive *
archive_open(struct sink *sink, const struct archive_spec *spec)
{
	return archive_new(sink, spec, false);
}

struct archive *
archive_open_fragment(struct sink *sink, const struct archive_spec *spec)
{
	return archive_new(sink, spec, true);
}

void
archive_free(struct archive *a)
{
	if (a == NULL)
		return;
	pool_free(a->pool);
	fragments_free(a->fragments);
	preview_free(a->preview);
	periods_release(&a->periods);
	manifest_free(a->manifest);
	zip_free(a->zip);
	free(a->request);
	free(a->parameters);
	free(a);
}

enum archive_result
archive_take(struct archive *a, struct source *source,
    const struct archive_watch *watch)
{
	const struct pipeline_spec p = {
		.watch = watch,
		.source = source,
		.plan = &a->plan,
		.options = &a->options,
		.zip = a->zip,
		.manifest = a->manifest,
		.preview = a->preview,
		.progress = &a->progress,
		.pool = a->pool != NULL ? a->pool : pool_new(a->spec->threads,
		    archive_level(a), a->spec->memory_max),
	};

	/* An archive of fragments needs no threads, so they start here. */
	if ((a->pool = p.pool) == NULL)
		return ARCHIVE_NO_MEMORY;
	return archive_result(a, pipeline_run(&p));
}

enum archive_result
archive_fragment(struct archive *a, const struct archive_fragment *f)
{
	struct archive_fragment runs;

	if (a->fragments == NULL && (a->fragments = fragments_new(a->zip,
	    a->manifest, a->preview, &a->options)) == NULL)
		return ARCHIVE_NO_MEMORY;
	/* Less its last byte, see archive_close(). */
	if ((runs = *f).size == 0) {
		log_msg(LOG_ERROR, "piece", "%s: empty: it is made again",
		    f->name);
		return ARCHIVE_BAD_FRAGMENT;
	}
	runs.size--;
	return archive_result(a, fragments_take(a->fragments, &runs));
}

/*
 * Closing goes past the guard: its failure is the sink's by itself. A fragment
 * without runs still has a byte: S3 knows no upload without any.
 */
enum archive_result
archive_close(struct archive *a)
{
	if (a->fragments != NULL && !fragments_whole(a->fragments)) {
		log_msg(LOG_ERROR, "piece", "the last CSV does not end");
		return ARCHIVE_BAD_FRAGMENT;
	}
	if (a->fragment ? guard_write(&a->guard, "", 1) != 0 :
	    manifest_write(a->manifest, a->zip) != 0 ||
	    zip_finish(a->zip) != 0)
		return archive_result(a, ARCHIVE_NO_MEMORY);
	return a->sink->close(a->sink) == 0 ? ARCHIVE_OK :
	    ARCHIVE_SINK_FAILED;
}

const char *
archive_facts(struct archive *a)
{
	const char *facts = NULL;
	struct buf b;

	buf_init(&b, FACTS_PREVIEW_MAX);
	if (preview_facts(a->preview, &b) == 0 && buf_cstr(&b) != NULL)
		facts = manifest_facts(a->manifest, (char *)b.data);
	else
		log_msg(LOG_ERROR, "slice", "out of memory");
	buf_release(&b);
	return facts;
}

char *
archive_preview(const struct archive *a)
{
	char *text = NULL;
	struct buf b;

	/* A column or file that does not fit is written first, then taken back. */
	buf_init(&b, 2 * PREVIEW_BYTES);
	if (preview_json(a->preview, &b) == 0 && b.len > 0)
		text = strndup((char *)b.data, b.len);
	buf_release(&b);
	return text;
}

int
archive_cut(const uint8_t *doc, size_t len, int64_t from_ms, int64_t to_ms,
    bool first, struct buf *cut)
{
	return cut_document(doc, len, from_ms, to_ms, first, cut);
}

void
archive_columns_sort(struct names *names)
{
	columns_sort(names);
}
