/*
 * Vehicles and their windows in order: which is read next, what it may take of
 * memory, which is handed out. Knows no thread, no server, no document.
 */
#include "worker/ahead.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/timestamp.h"
#include "worker/ahead_impl.h"
#include "worker/gather.h"

/* Read ahead at most this many, however small they are. */
#define VEHICLES_MAX 32
#define WINDOWS_MAX 32
/* A window that is expected to take more than this part of memory is smaller. */
#define PLANNED_PART 4
/* A fetch that may take more is for one reader only. */
#define LARGE_BYTES ((size_t)8 * 1024 * 1024)
/* A vehicle's windows grow by this factor at most: data may begin suddenly. */
#define GROWTH 4

struct ahead *
ahead_new(const struct ahead_spec *spec)
{
	struct ahead *a;
	size_t i;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return NULL;
	a->spec = *spec;
	a->end = &a->first;
	for (i = 0; spec->documents != NULL && i < spec->vehicles->n; i++)
		a->total += spec->documents[i];
	return a;
}

void
ahead_free(struct ahead *a)
{
	struct ahead_vehicle *v;
	struct ahead_window *w;

	if (a == NULL)
		return;
	while ((v = a->first) != NULL) {
		a->first = v->next;
		while ((w = v->windows) != NULL) {
			v->windows = w->next;
			ahead_window_free(a, w);
		}
		ahead_vehicle_free(v);
	}
	store_release(&a->store);
	free(a);
}

/* The vehicle's next window, at the end of its others. */
static struct ahead_window *
window_append(struct ahead *a, struct ahead_vehicle *v)
{
	struct ahead_window **at = &v->windows, *w;
	const size_t n = v->v.columns->n;
	size_t most = a->spec.memory_max / PLANNED_PART;
	int64_t hours, to;

	if (a->spec.bytes_s > 0 && (uint64_t)a->spec.bytes_s < most)
		most = (size_t)a->spec.bytes_s;
	hours = window_hours(v->sizes, n, a->spec.window_bytes, most);
	/* Of a column there is about a document an hour. */
	if (a->spec.documents_s > 0 && n > 0 &&
	    hours > a->spec.documents_s / (int64_t)n)
		hours = a->spec.documents_s / (int64_t)n;
	if (hours < 1)
		hours = 1;
	if (v->hours > 0 && hours > v->hours * GROWTH)
		hours = v->hours * GROWTH;
	to = window_end(v->from, hours, a->spec.to);
	if ((w = ahead_window_new(a, v, v->from, to)) == NULL)
		return NULL;
	v->hours = to - v->from;
	v->from = to;
	while (*at != NULL)
		at = &(*at)->next;
	*at = w;
	ahead_window_skip(w);
	return w;
}

static int
vehicle_append(struct ahead *a)
{
	struct ahead_vehicle *v;

	if ((v = calloc(1, sizeof(*v))) == NULL)
		return -1;
	v->index = a->next++;
	v->v.name = a->spec.vehicles->v[v->index];
	v->v.continues = a->spec.continues;
	v->v.goes_on = a->spec.goes_on;
	v->v.from_ms = a->spec.from_ms;
	v->v.to_ms = a->spec.to_ms;
	v->from = a->spec.from;
	if (a->spec.documents != NULL)
		v->expected = a->spec.documents[v->index];
	*a->end = v;
	a->end = &v->next;
	a->n++;
	return 0;
}

int
ahead_listed(struct ahead *a, struct ahead_vehicle *v, struct names *found)
{
	const struct names *asked = a->spec.parameters;
	size_t n, i, k;

	v->found = *found;
	*found = (struct names){ 0 };
	v->v.columns = asked->n > 0 ? asked : &v->found;
	n = v->v.columns->n;
	v->there = calloc(n + 1, sizeof(*v->there));
	v->sizes = calloc(n + 1, sizeof(*v->sizes));
	if (v->there == NULL || v->sizes == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		for (k = 0; k < v->found.n && !v->there[i]; k++)
			v->there[i] = asked->n == 0 ||
			    strcmp(v->found.v[k], asked->v[i]) == 0;
		v->there[n] = v->there[n] || v->there[i];
		v->sizes[i] = v->there[i] ? sizes_get(a->spec.sizes,
		    v->v.columns->v[i]) : (struct size){ 0, 0 };
	}
	v->listed = AHEAD_DONE;
	return 0;
}

static double
average_of(const struct ahead_vehicle *v)
{
	return v->documents > 0 ? (double)v->bytes / (double)v->documents : -1;
}

/*
 * To read a column takes its documents, and the reply at hand twice: as it came, and
 * as the library keeps it. A column that had none so far may have such as its vehicle
 * has.
 */
static size_t
need_of(const struct ahead_window *w)
{
	const struct ahead_vehicle *v = w->vehicle;
	const struct size *size = &v->sizes[w->started];
	const size_t document = size->document_bytes >= 0 ?
	    (size_t)size->document_bytes : v->largest;
	size_t bytes = fetch_bytes(size, average_of(v), w->to - w->from);
	size_t reply = REPLY_BYTES;

	if (size->document_bytes < 0 && document == 0)
		bytes = reply = FETCH_UNKNOWN;
	else if (document > reply)
		reply = document;
	if (document > LARGE_BYTES / 3 && bytes < document)
		bytes = document;
	return bytes + 2 * (bytes < reply ? bytes : reply);
}

/*
 * Take the window's next column, if there is memory for it. What all others may wait
 * for, the window that is next to be handed out, goes on in any case, a column at a
 * time.
 */
static int
take_column(struct ahead *a, bool large, struct ahead_window *w,
    struct ahead_job *job)
{
	const size_t need = need_of(w);
	const bool next = w == a->first->windows;
	const size_t most = next ? a->spec.memory_max : a->spec.ahead_max;

	if ((a->held + need > most && (!next || a->running > 0)) ||
	    (need > LARGE_BYTES && !large))
		return 1;
	*job = (struct ahead_job){ w->vehicle, w, w->started };
	w->columns[w->started].claimed = need;
	w->claimed += need;
	ahead_window_hold(a, w);
	w->started++;
	w->running++;
	a->running++;
	ahead_window_skip(w);
	return 0;
}

/* A vehicle's next job. 0, 1: none of it now, 2: none of any, -1: no memory. */
static int
vehicle_job(struct ahead *a, bool large, struct ahead_vehicle *v,
    struct ahead_job *job)
{
	struct ahead_window *w;

	if (v->listed == AHEAD_WAITING) {
		v->listed = AHEAD_RUNNING;
		*job = (struct ahead_job){ v, NULL, 0 };
		return 0;
	}
	if (v->listed == AHEAD_RUNNING)
		return 1;
	for (w = v->windows; w != NULL; w = w->next)
		if (!w->over && w->started < ahead_window_jobs(w))
			return ahead_window_rest(a, w) != 0 ? -1 :
			    take_column(a, large, w, job) == 0 ? 0 : 2;
	while (v->from < a->spec.to) {
		if (a->windows >= WINDOWS_MAX && v->windows != NULL)
			return 2;
		if ((w = window_append(a, v)) == NULL)
			return -1;
		if (w->started < ahead_window_jobs(w))
			return take_column(a, large, w, job) == 0 ? 0 : 2;
	}
	return 1;
}

int
ahead_job(struct ahead *a, bool large, struct ahead_job *job)
{
	struct ahead_vehicle *v;
	int rc = 1;

	for (v = a->first; v != NULL && rc == 1; v = v->next)
		rc = vehicle_job(a, large, v, job);
	if (rc != 1)
		return rc == 2 ? 1 : rc;
	if (a->next == a->spec.vehicles->n || a->n == VEHICLES_MAX)
		return 1;
	if (vehicle_append(a) != 0)
		return -1;
	return ahead_job(a, large, job);
}

void
ahead_saw(const struct ahead_job *job, size_t len)
{
	struct size *size = &job->vehicle->sizes[job->column];
	struct ahead *a = job->window->ahead;

	/* The connection of the reader of large ones keeps a buffer of that size. */
	if (len > a->buffer) {
		a->held += len - a->buffer;
		a->buffer = len;
	}
	if (size->document_bytes < (double)len)
		size->document_bytes = (double)len;
	if (job->vehicle->largest < len)
		job->vehicle->largest = len;
}

uint8_t *
ahead_room(struct ahead *a, const struct ahead_job *job, size_t len,
    bool *no_memory)
{
	struct ahead_window *w = job->window;
	struct gather_column *c = &w->columns[job->column];
	uint8_t *at;

	*no_memory = false;
	if (w->w.bytes + len > a->spec.memory_max / OVER_PART)
		w->over = true;
	if (w->over)
		return NULL;
	w->w.bytes += len;
	c->bytes += len;
	if (c->bytes > c->claimed) {
		w->claimed += c->bytes - c->claimed;
		c->claimed = c->bytes;
	}
	at = store_take(&a->store, &w->part, len);
	*no_memory = at == NULL;
	ahead_window_hold(a, w);
	return at;
}

int
ahead_add(const struct ahead_job *job, const struct source_doc *doc)
{
	struct gather_column *c = &job->window->columns[job->column];
	struct source_doc *more;

	if (c->n == c->room) {
		more = realloc(c->v, (c->room * 2 + 32) * sizeof(*c->v));
		if (more == NULL)
			return -1;
		c->v = more;
		c->room = c->room * 2 + 32;
	}
	c->v[c->n++] = *doc;
	return 0;
}

/* All columns are there: their documents in one list. */
static int
window_complete(struct ahead_window *w)
{
	w->docs = gather(w->columns, w->vehicle->v.columns->n, &w->w.n);
	if (w->docs == NULL)
		return -1;
	ahead_window_clear(w);
	w->w.docs = w->docs;
	return 0;
}

/* What a vehicle has brought counts as soon as it exceeds what was expected. */
static void
correct_total(struct ahead *a, struct ahead_vehicle *v, bool whole)
{
	if (whole || v->documents > v->expected) {
		a->total += v->documents - v->expected;
		v->expected = v->documents;
	}
}

static void
learn(struct ahead *a, const struct ahead_job *job)
{
	struct ahead_vehicle *v = job->vehicle;
	struct ahead_window *w = job->window;
	const struct gather_column *c = &w->columns[job->column];
	/* Of an hour in parts not all is kept. */
	const struct size size = w->w.part ? v->sizes[job->column] :
	    size_of(c->n, c->bytes, w->to - w->from);

	if (job->column == v->v.columns->n)
		return;
	sizes_learn(a->spec.sizes, v->v.columns->v[job->column], &size);
	v->sizes[job->column].hour_bytes = size.hour_bytes;
	if (size.document_bytes >= 0)
		v->sizes[job->column].document_bytes = size.document_bytes;
}

int
ahead_read(struct ahead *a, const struct ahead_job *job, bool ended)
{
	struct ahead_vehicle *v = job->vehicle;
	struct ahead_window *w = job->window;
	struct gather_column *c = &w->columns[job->column];

	w->running--;
	a->running--;
	if (!ended || c->bytes > 0)
		learn(a, job);
	if (w->over)
		return w->running > 0 ? 0 : ahead_window_again(a, w);
	w->claimed -= c->claimed - c->bytes;
	c->claimed = c->bytes;
	ahead_window_hold(a, w);
	w->done++;
	/* An hour in parts is counted once. */
	if (w->part_from_ms == INT64_MIN) {
		w->documents += c->n;
		w->read += c->bytes;
		v->documents += c->n;
		v->bytes += c->bytes;
		correct_total(a, v, false);
	}
	return w->done == ahead_window_jobs(w) ? window_complete(w) : 0;
}

int
ahead_next(struct ahead *a, struct source_window **w)
{
	struct ahead_vehicle *v = a->first;
	struct ahead_window *first;

	if (v == NULL)
		return a->next == a->spec.vehicles->n ? 2 : 1;
	if ((first = v->windows) == NULL || v->listed != AHEAD_DONE ||
	    first->done < ahead_window_jobs(first))
		return 1;
	v->windows = first->next;
	a->windows--;
	first->w.last = v->windows == NULL && v->from == a->spec.to;
	if (first->w.last) {
		correct_total(a, v, true);
		a->first = v->next;
		if (a->first == NULL)
			a->end = &a->first;
		a->n--;
	}
	*w = &first->w;
	return 0;
}

uint64_t
ahead_total(const struct ahead *a)
{
	return a->total;
}
