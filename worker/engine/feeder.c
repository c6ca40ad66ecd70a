/*
 * From windows to slices: sorts the documents of a window by their hours, and
 * ends a slice where the next hour is not to be in it. Knows the times of
 * documents, not what is in them.
 */
#include "worker/engine/feeder.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "worker/engine/pool.h"
#include "worker/engine/slice.h"
#include "worker/engine/source.h"

struct feeder {
	struct source *source;
	struct slice_plan *plan;
	struct pool *pool;
	struct slice *open;	/* the slice that the next document goes into */
	int64_t begin_ms;	/* of the rows of the next slice */
	bool first;		/* it is the first of its vehicle */
	struct window_hold *hold;	/* of the current window */
};

/* A document's place: by hour, by column, then as the window has them. */
struct placed {
	int64_t hour_ms;
	size_t column, doc;
};

static int
placed_compare(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->hour_ms != y->hour_ms)
		return x->hour_ms < y->hour_ms ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->doc < y->doc ? -1 : x->doc > y->doc;
}

static enum archive_result
feeder_no_memory(void)
{
	log_msg(LOG_ERROR, "slice", "out of memory");
	return ARCHIVE_NO_MEMORY;
}

static enum archive_result
feeder_open(struct feeder *f, const struct source_vehicle *vehicle,
    int64_t base_ms)
{
	if ((f->open = slice_new(f->plan, vehicle)) == NULL)
		return feeder_no_memory();
	f->open->first = f->first;
	f->open->base_ms = base_ms;
	f->open->begin_ms = f->begin_ms;
	f->first = false;
	return ARCHIVE_OK;
}

static enum archive_result
feeder_put(struct feeder *f)
{
	struct slice *s = f->open;

	if (s == NULL)
		return ARCHIVE_OK;
	f->open = NULL;
	f->begin_ms = s->end_ms;
	return pool_put(f->pool, s) == 0 ? ARCHIVE_OK : ARCHIVE_STOPPED;
}

/*
 * No slice makes rows of two days that have documents: units of an archive begin
 * and end at midnight. Rows of the days before go into a slice without documents.
 */
static enum archive_result
feeder_fill(struct feeder *f, const struct source_vehicle *vehicle,
    int64_t hour_ms)
{
	const int64_t day_ms = slice_day(hour_ms);
	enum archive_result result;

	if (f->begin_ms == INT64_MIN || f->begin_ms >= day_ms)
		return ARCHIVE_OK;
	result = feeder_open(f, vehicle, f->begin_ms);
	if (result != ARCHIVE_OK)
		return result;
	f->open->end_ms = day_ms;
	return slice_refer(f->open, f->hold) == 0 ? feeder_put(f) :
	    feeder_no_memory();
}

static enum archive_result
feeder_add(struct feeder *f, const struct source_window *w,
    const struct placed *at)
{
	enum archive_result result = ARCHIVE_OK;
	struct slice *s = f->open;

	if (s != NULL && at->hour_ms >= s->end_ms &&
	    slice_is_full(s, at->hour_ms))
		result = feeder_put(f);
	if (result == ARCHIVE_OK && f->open == NULL)
		result = feeder_fill(f, w->vehicle, at->hour_ms);
	if (result == ARCHIVE_OK && f->open == NULL)
		result = feeder_open(f, w->vehicle, at->hour_ms);
	if (result != ARCHIVE_OK)
		return result;
	if (slice_add(f->open, &w->docs[at->doc], f->hold) != 0)
		return feeder_no_memory();
	f->open->end_ms = at->hour_ms + HOUR_MS;
	return ARCHIVE_OK;
}

/* A part of an hour is a slice by itself. */
static enum archive_result
feeder_add_all(struct feeder *f, const struct source_window *w,
    const struct placed *places)
{
	enum archive_result result = w->part ? feeder_put(f) : ARCHIVE_OK;
	size_t i;

	for (i = 0; i < w->n && result == ARCHIVE_OK; i++)
		result = feeder_add(f, w, &places[i]);
	if (result != ARCHIVE_OK || !w->part || f->open == NULL)
		return result;
	f->open->end_ms = w->end_ms;
	return feeder_put(f);
}

/* The slice that is a vehicle's end has no documents. */
static enum archive_result
feeder_end_vehicle(struct feeder *f, const struct source_window *w)
{
	enum archive_result result = feeder_put(f);

	if (result == ARCHIVE_OK)
		result = feeder_open(f, w->vehicle, f->begin_ms);
	if (result != ARCHIVE_OK)
		return result;
	if (slice_refer(f->open, f->hold) != 0)
		return feeder_no_memory();
	f->open->end_ms = INT64_MAX;
	f->open->last = true;
	result = feeder_put(f);
	f->begin_ms = INT64_MIN;
	f->first = true;
	return result;
}

static enum archive_result
feeder_window(struct feeder *f, const struct source_window *w)
{
	enum archive_result result;
	struct placed *places;
	size_t i;

	if ((places = malloc((w->n + 1) * sizeof(*places))) == NULL)
		return feeder_no_memory();
	for (i = 0; i < w->n; i++)
		places[i] = (struct placed){ slice_hour(w->docs[i].t_ms),
		    w->docs[i].column, i };
	qsort(places, w->n, sizeof(*places), placed_compare);
	result = feeder_add_all(f, w, places);
	free(places);
	if (result == ARCHIVE_OK && w->last)
		result = feeder_end_vehicle(f, w);
	return result;
}

enum archive_result
feeder_run(struct source *source, struct slice_plan *plan, struct pool *pool)
{
	struct feeder f = { .source = source, .plan = plan, .pool = pool,
	    .begin_ms = INT64_MIN, .first = true };
	enum archive_result result = ARCHIVE_OK;
	struct source_window *w;
	int rc = 0;

	while (result == ARCHIVE_OK && (rc = source->next(source, &w)) == 0) {
		if ((f.hold = window_hold(w)) == NULL) {
			w->release(w);
			result = feeder_no_memory();
			break;
		}
		result = feeder_window(&f, w);
		window_let_go(f.hold);
	}
	slice_free(f.open);
	pool_end(pool);
	return result == ARCHIVE_OK && rc < 0 ? ARCHIVE_SOURCE_FAILED : result;
}
