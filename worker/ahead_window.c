/*
 * One window: its life, its part of the memory, and how it is cut when it has become
 * too large.
 */
#include "worker/ahead_impl.h"

#include <stdlib.h>

#include "lib/base/timestamp.h"

/* What a window has of memory: what is claimed, or its chunks. */
void
ahead_window_hold(struct ahead *a, struct ahead_window *w)
{
	const size_t held = w->claimed > w->part.bytes ? w->claimed :
	    w->part.bytes;

	a->held += held - w->held;
	w->held = held;
}

void
ahead_window_clear(struct ahead_window *w)
{
	size_t i;

	for (i = 0; i <= w->vehicle->v.columns->n; i++) {
		free(w->columns[i].v);
		w->columns[i] = (struct gather_column){ 0 };
	}
}

void
ahead_vehicle_free(struct ahead_vehicle *v)
{
	names_release(&v->found);
	free(v->there);
	free(v->sizes);
	free(v);
}

void
ahead_window_free(struct ahead *a, struct ahead_window *w)
{
	store_give(&a->store, &w->part);
	w->claimed = 0;
	ahead_window_hold(a, w);
	if (w->columns != NULL)
		ahead_window_clear(w);
	free(w->columns);
	free(w->docs);
	free(w);
}

/* The engine's thread, or one of its pool. */
static void
window_release(struct source_window *s)
{
	struct ahead_window *w = (struct ahead_window *)s;
	struct ahead *a = w->ahead;
	struct ahead_vehicle *v = w->vehicle;
	const bool last = w->w.last;

	a->spec.lock(a->spec.arg);
	ahead_window_free(a, w);
	v->alive--;
	/* The last one may be given back before others. */
	v->handed = v->handed || last;
	if (v->alive == 0 && v->handed)
		ahead_vehicle_free(v);
	a->spec.unlock(a->spec.arg);
}

struct ahead_window *
ahead_window_new(struct ahead *a, struct ahead_vehicle *v, int64_t from, int64_t to)
{
	const size_t n = v->v.columns->n;
	struct ahead_window *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	if ((w->columns = calloc(n + 1, sizeof(*w->columns))) == NULL) {
		free(w);
		return NULL;
	}
	w->w.vehicle = &v->v;
	w->w.release = window_release;
	w->ahead = a;
	w->vehicle = v;
	w->from = from;
	w->to = to;
	w->part_from_ms = INT64_MIN;
	w->part_to_ms = INT64_MAX;
	v->alive++;
	a->windows++;
	return w;
}

/* One more than its columns: what has no time is in the window of the first hour. */
size_t
ahead_window_jobs(const struct ahead_window *w)
{
	const struct ahead_spec *spec = &w->ahead->spec;
	const int64_t hour = spec->from_ms / HOUR_MS;
	const bool first = w->from <= hour && hour < w->to &&
	    w->part_from_ms == INT64_MIN && !spec->continues;

	return w->vehicle->v.columns->n + first;
}

/* The columns that are no collections have been read as soon as they are reached. */
void
ahead_window_skip(struct ahead_window *w)
{
	while (w->started < ahead_window_jobs(w) && !w->vehicle->there[w->started]) {
		w->started++;
		w->done++;
	}
}

/* About how many times what a window may have this one has. */
static size_t
times_too_large(const struct ahead *a, const struct ahead_window *w)
{
	const size_t most = a->spec.memory_max / OVER_PART;
	const size_t n = w->vehicle->v.columns->n;
	size_t i, begun = 0;

	/* Those that were not begun are taken for as large as the others. */
	for (i = 0; i < n; i++)
		begun += w->columns[i].bytes > 0;
	return begun == 0 ? 2 : 1 + w->w.bytes / begun * n * 4 / 3 / most;
}

/*
 * Only the first part of it; the rest comes in a window after it. Of several hours,
 * half of them; of one hour, a part of its time.
 */
static int
window_cut(struct ahead *a, struct ahead_window *w)
{
	const bool hour = w->to - w->from == 1;
	size_t parts = times_too_large(a, w);
	int64_t from_ms = w->from * HOUR_MS, to_ms = from_ms + HOUR_MS;
	struct ahead_window *rest;

	if (w->part_from_ms != INT64_MIN)
		from_ms = w->part_from_ms;
	if (w->part_to_ms != INT64_MAX)
		to_ms = w->part_to_ms;
	if (hour && to_ms - from_ms <= 1)
		return 1;
	if ((rest = ahead_window_new(a, w->vehicle, w->from, w->to)) == NULL)
		return -1;
	if (hour) {
		if ((int64_t)parts > to_ms - from_ms)
			parts = (size_t)(to_ms - from_ms);
		rest->part_to_ms = w->part_to_ms;
		w->part_to_ms = rest->part_from_ms = from_ms +
		    (to_ms - from_ms) / (int64_t)(parts > 2 ? parts : 2);
		w->w.part = rest->w.part = true;
		w->w.end_ms = w->part_to_ms;
		rest->w.end_ms = to_ms;
		rest->part_ms = w->part_to_ms - from_ms;
	} else {
		rest->from = w->to = w->from + (w->to - w->from) / 2;
		if (w->vehicle->hours > w->to - w->from)
			w->vehicle->hours = w->to - w->from;
	}
	rest->next = w->next;
	w->next = rest;
	ahead_window_skip(rest);
	return 0;
}

/*
 * The rest of an hour that is read in parts: no more than the part before it had.
 */
int
ahead_window_rest(struct ahead *a, struct ahead_window *w)
{
	const int64_t part_ms = w->part_ms;
	struct ahead_window *rest;

	w->part_ms = 0;
	if (part_ms == 0 || w->part_from_ms + part_ms >= w->w.end_ms)
		return 0;
	if ((rest = ahead_window_new(a, w->vehicle, w->from, w->to)) == NULL)
		return -1;
	rest->part_from_ms = w->part_from_ms + part_ms;
	rest->part_to_ms = w->part_to_ms;
	rest->part_ms = part_ms;
	rest->w.part = true;
	rest->w.end_ms = w->w.end_ms;
	w->part_to_ms = w->w.end_ms = rest->part_from_ms;
	rest->next = w->next;
	w->next = rest;
	ahead_window_skip(rest);
	return 0;
}

/* It has become too large, and nothing reads it any more: begin it again. */
int
ahead_window_again(struct ahead *a, struct ahead_window *w)
{
	const int rc = window_cut(a, w);

	ahead_window_clear(w);
	store_give(&a->store, &w->part);
	w->claimed = 0;
	ahead_window_hold(a, w);
	w->vehicle->documents -= w->documents;
	w->vehicle->bytes -= w->read;
	w->documents = w->read = 0;
	w->w.bytes = 0;
	w->started = w->done = 0;
	w->over = false;
	ahead_window_skip(w);
	return rc;
}
