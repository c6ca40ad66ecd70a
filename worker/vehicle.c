#include "worker/vehicle.h"

#include <stdlib.h>

#include "lib/log.h"
#include "worker/entry.h"
#include "worker/manifest.h"
#include "worker/merge.h"
#include "worker/slice.h"
#include "worker/source.h"

#define HOUR_MS INT64_C(3600000)

/* One vehicle on its way. */
struct run {
	const struct vehicle_job *v;
	struct slice *slice;
	struct entry_writer *entry;
	uint64_t documents, bytes;
};

static int
file_done(void *arg, const struct entry_facts *facts)
{
	const struct vehicle_job *v = arg;

	return manifest_file(v->manifest, v->name, v->columns, v->n, facts);
}

/*
 * The end of the next hour that has anything: no document that is still to come
 * begins before it, so its points are complete. Returns 0, 1 at the end, -1.
 */
static int
next_hour(struct run *r, int64_t *end_ms)
{
	int64_t doc_ms, carried_ms, t;
	int no_doc, none_carried;

	if ((no_doc = r->v->source->peek(r->v->source, &doc_ms)) < 0)
		return -1;
	none_carried = slice_carried(r->slice, &carried_ms);
	if (no_doc && none_carried)
		return 1;
	t = no_doc || (!none_carried && carried_ms < doc_ms) ? carried_ms :
	    doc_ms;
	*end_ms = t - t % HOUR_MS + (t % HOUR_MS < 0 ? 0 : HOUR_MS);
	return 0;
}

static enum vehicle_result
too_large(const struct run *r, int64_t end_ms)
{
	log_msg(LOG_ERROR, "slice", "%s: the hour that ends at %lld needs more "
	    "than slice_max_bytes (%zu): ask for fewer parameters, or raise it",
	    r->v->name, (long long)end_ms, r->v->memory_max);
	return VEHICLE_TOO_LARGE;
}

static int
note_skips(struct run *r, const struct source_doc *doc,
    const struct skips *skips)
{
	struct entry_facts *facts = entry_facts(r->entry);
	int i;

	if (!skips_any(skips))
		return 0;
	for (i = 0; i < SKIP_REASONS; i++)
		facts->skipped.count[i] += skips->count[i];
	facts->skipped_documents++;
	return manifest_skipped(r->v->manifest, r->v->name,
	    r->v->columns[doc->column], doc->data, doc->len, skips);
}

static enum vehicle_result
read_hour(struct run *r, int64_t end_ms)
{
	struct source *source = r->v->source;
	struct source_doc doc;
	struct skips skips;
	int rc;

	if (slice_begin(r->slice, end_ms) != 0)
		return too_large(r, end_ms);
	while ((rc = source->next(source, end_ms, &doc)) == 0) {
		if (slice_add(r->slice, doc.column, doc.data, doc.len,
		    r->v->from_ms, r->v->to_ms, &skips) != 0)
			return too_large(r, end_ms);
		if (note_skips(r, &doc, &skips) != 0)
			return VEHICLE_FAILED;
		r->documents++;
		r->bytes += doc.len;
	}
	return rc < 0 ? VEHICLE_FAILED : VEHICLE_DONE;
}

static enum vehicle_result
write_hour(struct run *r, int64_t end_ms)
{
	struct merge *merge;
	int64_t t_ms;

	merge = slice_rows(r->slice, &entry_facts(r->entry)->duplicates);
	if (merge == NULL)
		return too_large(r, end_ms);
	while (merge_next(merge, &t_ms) == 0)
		if (entry_row(r->entry, t_ms, merge->cells) != 0)
			return VEHICLE_FAILED;
	return VEHICLE_DONE;
}

static int
tick(const struct run *r)
{
	uint64_t rows, points;

	if (r->v->tick == NULL)
		return 0;
	entry_totals(r->entry, &rows, &points);
	return r->v->tick(r->v->arg, r->documents, r->bytes, rows, points);
}

static enum vehicle_result
run_hours(struct run *r)
{
	enum vehicle_result result;
	int64_t end_ms;
	int rc;

	while ((rc = next_hour(r, &end_ms)) == 0) {
		if ((result = read_hour(r, end_ms)) != VEHICLE_DONE ||
		    (result = write_hour(r, end_ms)) != VEHICLE_DONE)
			return result;
		if (tick(r) != 0)
			return VEHICLE_STOPPED;
	}
	return rc < 0 || entry_close(r->entry) != 0 ? VEHICLE_FAILED :
	    VEHICLE_DONE;
}

enum vehicle_result
vehicle_export(const struct vehicle_job *v)
{
	struct run r = { .v = v };
	enum vehicle_result result = VEHICLE_FAILED;

	if ((r.slice = slice_new(v->n, v->memory_max)) == NULL)
		log_msg(LOG_ERROR, "slice", "out of memory");
	else if ((r.entry = entry_open(v->zip, v->options, v->name,
	    v->columns, v->n, file_done, (void *)(uintptr_t)v)) != NULL)
		result = run_hours(&r);
	entry_free(r.entry);
	slice_free(r.slice);
	return result;
}
