/*
 * The hour documents of many vehicles as a source: threads, each with a client of
 * its own, do what ahead.c says is next; the engine takes windows as they are
 * there.
 */
#include "worker/reader.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/patience.h"
#include "lib/base/timestamp.h"
#include "lib/servers/mongo.h"
#include "worker/ahead.h"
#include "worker/engine/archive.h"
#include "worker/fetch.h"
#include "worker/odd.h"

#define THREADS_MAX 32
/* After a server that lags, ask others for a while. */
#define LAG_MS 60000
/* While the lease is late, look again this often. */
#define LATE_MS 100
/* An hour document has at most 16 MiB; its cut, no more. */
#define CUT_MAX_BYTES ((size_t)17 * 1024 * 1024)
#define CUT_KEPT_BYTES ((size_t)1024 * 1024)

struct reader {
	struct source source;	/* first: a source is cast back to its reader */
	struct reader_spec spec;
	struct patience patience;	/* the spec's, and stopping */

	pthread_mutex_t lock;	/* of what follows */
	pthread_cond_t changed;	/* for the threads: there may be a job */
	pthread_cond_t ready;	/* for reader_next(): there may be a window */
	struct ahead *ahead;
	pthread_t threads[THREADS_MAX];
	int n, idle;
	bool has_large;			/* a thread for large replies */
	enum failure why;	/* FAILURE_NONE: all is well */

	atomic_bool stopping;
	atomic_llong lag_until_ms;
};

/* A thread and what it reads just now. */
struct hand {
	struct reader *r;
	struct _mongoc_client_t *client;
	struct ahead_job job;
	struct telemetry_way way;
	struct buf cut;
	bool large;			/* the one that large replies are for */
	bool no_memory;
};

static void
reader_lock(void *arg)
{
	pthread_mutex_lock(&((struct reader *)arg)->lock);
}

/* There may be a job, a window, or an end. Locked. */
static void
reader_wake(struct reader *r)
{
	pthread_cond_broadcast(&r->changed);
	pthread_cond_signal(&r->ready);
}

static void
reader_unlock(void *arg)
{
	struct reader *r = arg;

	reader_wake(r);
	pthread_mutex_unlock(&r->lock);
}

static bool
must_stop(void *arg)
{
	struct reader *r = arg;
	const struct patience *p = r->spec.patience;

	return atomic_load(&r->stopping) ||
	    (p->stop != NULL && p->stop(p->arg));
}

static void
is_alive(void *arg)
{
	const struct patience *p = ((struct reader *)arg)->spec.patience;

	if (p->alive != NULL)
		p->alive(p->arg);
}

/* Locked. */
static void
reader_fail(struct reader *r, enum failure why)
{
	if (r->why == FAILURE_NONE)
		r->why = why;
	atomic_store(&r->stopping, true);
}

static void
no_memory(void)
{
	log_msg(LOG_ERROR, "read", "out of memory");
}

/* Where the primary may be read from, prefer it while a secondary lags. */
static const char *
preference_of(struct reader *r)
{
	const char *set = r->spec.way.read_preference;

	if (set == NULL || (strcmp(set, "secondaryPreferred") != 0 &&
	    strcmp(set, "nearest") != 0) ||
	    clock_monotonic_ms() >= atomic_load(&r->lag_until_ms))
		return set;
	return "primaryPreferred";
}

static void
on_lag(void *arg)
{
	struct hand *h = arg;

	atomic_store(&h->r->lag_until_ms, clock_monotonic_ms() + LAG_MS);
	h->way.read_preference = preference_of(h->r);
}

/* Of an hour that is read in parts, only the part's points. */
static int
cut_to_part(struct hand *h, const uint8_t **data, size_t *len)
{
	const struct ahead_window *w = h->job.window;

	h->cut.len = 0;
	if (archive_cut(*data, *len, w->part_from_ms, w->part_to_ms,
	    w->part_from_ms == INT64_MIN, &h->cut) != 0) {
		h->no_memory = true;
		return -1;
	}
	*data = h->cut.data;
	*len = h->cut.len;
	return 0;
}

/* Keep a document. Returns 0, -1: not. */
static int
keep(struct hand *h, size_t column, const uint8_t *data, size_t len,
    int64_t t_ms)
{
	struct reader *r = h->r;
	struct source_doc doc = { column, NULL, len, t_ms };
	uint8_t *at = NULL;

	pthread_mutex_lock(&r->lock);
	if (!atomic_load(&r->stopping))
		at = ahead_room(r->ahead, &h->job, len, &h->no_memory);
	pthread_mutex_unlock(&r->lock);
	if (at == NULL)
		return -1;
	memcpy(at, data, len);
	/* The column is this thread's until it has been read. */
	doc.data = at;
	h->no_memory = ahead_add(&h->job, &doc) != 0;
	return h->no_memory ? -1 : 0;
}

static int
on_document(void *arg, const uint8_t *data, size_t len, int64_t t_ms)
{
	struct hand *h = arg;

	pthread_mutex_lock(&h->r->lock);
	ahead_saw(&h->job, len);
	pthread_mutex_unlock(&h->r->lock);
	if (h->job.window->w.part && cut_to_part(h, &data, &len) != 0)
		return -1;
	return keep(h, h->job.column, data, len, t_ms);
}

/* It has no time: at the beginning of the range it is skipped, and listed. */
static int
on_odd(void *arg, size_t column, const uint8_t *data, size_t len)
{
	struct hand *h = arg;
	const int64_t from_ms = h->r->spec.from_ms;

	return keep(h, column, data, len, from_ms - from_ms % HOUR_MS);
}

/* As fetch_run(), for the documents that have no time. */
static enum fetch_result
read_odd(struct hand *h)
{
	const struct ahead_vehicle *v = h->job.vehicle;
	const struct odd o = { h->client, &h->way, v->v.name, v->v.columns,
	    v->there, on_odd, h, &h->r->patience };
	const int rc = odd_run(&o);

	patience_over(&h->r->patience);
	return rc != 0 ? FETCH_FAILED : FETCH_DONE;
}

/* A document may have points of up to an hour after its time. */
static int64_t
begin_ms(const struct reader_spec *spec)
{
	return spec->from_ms - spec->hold_ms - HOUR_MS;
}

/* Locked before and after, not meanwhile. */
static void
read_column(struct hand *h)
{
	struct reader *r = h->r;
	const struct ahead_window *w = h->job.window;
	const struct ahead_vehicle *v = h->job.vehicle;
	const int64_t from_ms = w->from * HOUR_MS, first_ms = begin_ms(&r->spec);
	struct fetch f = {
		.client = h->client,
		.way = &h->way,
		.pace = r->spec.pace,
		.patience = &r->patience,
		.vehicle = v->v.name,
		.column = h->job.column < v->v.columns->n ?
		    v->v.columns->v[h->job.column] : NULL,
		.document_bytes = v->sizes[h->job.column].document_bytes,
		.take = on_document,
		.lagged = on_lag,
		.arg = h,
	};
	enum fetch_result rc;
	int done;

	f.range = (struct telemetry_range){ from_ms, w->to * HOUR_MS, false };
	if (f.range.from_ms <= first_ms)
		f.range = (struct telemetry_range){ first_ms, f.range.to_ms, true };
	if (f.range.to_ms > r->spec.to_ms)
		f.range.to_ms = r->spec.to_ms;
	pthread_mutex_unlock(&r->lock);
	h->way = r->spec.way;
	h->way.read_preference = preference_of(r);
	rc = f.column != NULL ? fetch_run(&f) : read_odd(h);
	if (h->cut.cap > CUT_KEPT_BYTES)
		buf_release(&h->cut);
	pthread_mutex_lock(&r->lock);
	if (h->no_memory)
		no_memory();
	if (rc == FETCH_FAILED || h->no_memory) {
		reader_fail(r, h->no_memory ? FAILURE_INTERNAL :
		    FAILURE_DATABASE);
		return;
	}
	if ((done = ahead_read(r->ahead, &h->job, rc == FETCH_ENDED)) == 0)
		return;
	if (done < 0)
		no_memory();
	else
		log_msg(LOG_ERROR, "read", "%s: the documents of one "
		    "millisecond exceed memory_max_bytes", v->v.name);
	reader_fail(r, done < 0 ? FAILURE_INTERNAL : FAILURE_SLICE_TOO_LARGE);
}

/* Locked before and after, not meanwhile. */
static void
list_collections(struct hand *h)
{
	struct reader *r = h->r;
	struct ahead_vehicle *v = h->job.vehicle;
	struct names found = { 0 };
	int rc;

	pthread_mutex_unlock(&r->lock);
	rc = telemetry_parameters(h->client, &r->spec.way, &r->patience,
	    v->v.name, r->spec.parameters, &found);
	patience_over(&r->patience);
	pthread_mutex_lock(&r->lock);
	if (rc != 0) {
		reader_fail(r, FAILURE_DATABASE);
	} else if (ahead_listed(r->ahead, v, &found) != 0) {
		no_memory();
		reader_fail(r, FAILURE_INTERNAL);
	}
	names_release(&found);
}

static void *reader_thread(void *arg);

/* One more thread, if none is idle. Without it, the others go on. Locked. */
static void
reader_spawn(struct reader *r)
{
	if (r->idle == 0 && r->n < r->spec.threads && r->n < THREADS_MAX &&
	    pthread_create(&r->threads[r->n], NULL, reader_thread, r) == 0)
		r->n++;
}

/* Without the lock: whoever is late waits, unless it ends. */
static void
wait_while_late(struct reader *r)
{
	while (r->spec.late != NULL && r->spec.late(r->spec.arg) &&
	    !patience_over(&r->patience))
		clock_pause_ms(LATE_MS);
}

/* Wait for a job. Returns false when there will be none. Locked. */
static bool
take_job(struct reader *r, struct hand *h)
{
	int rc = 1;

	r->idle++;
	while (!atomic_load(&r->stopping) && (rc = ahead_job(r->ahead, h->large,
	    &h->job)) > 0) {
		/* Windows that have no job are made here, and nobody reads them. */
		pthread_cond_signal(&r->ready);
		pthread_cond_wait(&r->changed, &r->lock);
	}
	r->idle--;
	if (rc < 0) {
		no_memory();
		reader_fail(r, FAILURE_INTERNAL);
	}
	return rc == 0;
}

static void *
reader_thread(void *arg)
{
	struct reader *r = arg;
	struct hand h = { .r = r };

	buf_init(&h.cut, CUT_MAX_BYTES);
	pthread_mutex_lock(&r->lock);
	h.large = !r->has_large;
	r->has_large = true;
	while (take_job(r, &h)) {
		reader_spawn(r);
		pthread_mutex_unlock(&r->lock);
		wait_while_late(r);
		if (h.client == NULL)
			h.client = mongo_take(r->spec.pool);
		pthread_mutex_lock(&r->lock);
		if (h.job.window == NULL)
			list_collections(&h);
		else
			read_column(&h);
		reader_wake(r);
	}
	reader_unlock(r);
	mongo_give(r->spec.pool, h.client);
	buf_release(&h.cut);
	return NULL;
}

static int
reader_next(struct source *s, struct source_window **w)
{
	struct reader *r = (struct reader *)s;
	int rc = -1;

	pthread_mutex_lock(&r->lock);
	while (!atomic_load(&r->stopping) &&
	    (rc = ahead_next(r->ahead, w)) == 1)
		pthread_cond_wait(&r->ready, &r->lock);
	/* There may be room for a window more. */
	pthread_cond_broadcast(&r->changed);
	if (r->why != FAILURE_NONE || (rc != 0 && rc != 2))
		rc = -1;
	pthread_mutex_unlock(&r->lock);
	return rc == 2 ? 1 : rc;
}

static void
reader_stop(struct source *s)
{
	struct reader *r = (struct reader *)s;

	pthread_mutex_lock(&r->lock);
	atomic_store(&r->stopping, true);
	reader_unlock(r);
}

/*
 * What hides the distance: to each reader its column, and half of the next. More would
 * only take memory when the engine is slower than the database.
 */
static size_t
ahead_max(const struct reader_spec *spec)
{
	const size_t bytes = (size_t)spec->threads * 3 / 2 *
	    spec->window_bytes;

	return bytes < spec->memory_max ? bytes : spec->memory_max;
}

struct reader *
reader_open(const struct reader_spec *spec)
{
	const int64_t first_ms = begin_ms(spec);
	struct ahead_spec ahead = {
		.vehicles = spec->vehicles,
		.parameters = spec->parameters,
		.documents = spec->documents,
		.from = (first_ms - ((first_ms % HOUR_MS) + HOUR_MS) % HOUR_MS) /
		    HOUR_MS,
		.to = (spec->to_ms + HOUR_MS - 1) / HOUR_MS,
		.continues = spec->continues,
		.goes_on = spec->goes_on,
		.from_ms = spec->from_ms,
		.to_ms = spec->to_ms,
		.memory_max = spec->memory_max,
		.ahead_max = ahead_max(spec),
		.window_bytes = spec->window_bytes,
		.documents_s = spec->documents_s,
		.bytes_s = spec->bytes_s,
		.sizes = spec->sizes,
		.lock = reader_lock,
		.unlock = reader_unlock,
	};
	struct reader *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		goto fail;
	ahead.arg = r;
	r->source.next = reader_next;
	r->source.stop = reader_stop;
	r->spec = *spec;
	r->patience = (struct patience){ must_stop, is_alive, r,
	    spec->patience->until_ms, spec->patience->each_ms };
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	pthread_cond_init(&r->ready, NULL);
	if ((r->ahead = ahead_new(&ahead)) == NULL)
		goto fail;
	pthread_mutex_lock(&r->lock);
	reader_spawn(r);
	pthread_mutex_unlock(&r->lock);
	if (r->n > 0)
		return r;
fail:
	no_memory();
	reader_free(r);
	return NULL;
}

void
reader_free(struct reader *r)
{
	int i;

	if (r == NULL)
		return;
	reader_stop(&r->source);
	for (i = 0; i < r->n; i++)
		pthread_join(r->threads[i], NULL);
	ahead_free(r->ahead);
	pthread_cond_destroy(&r->changed);
	pthread_cond_destroy(&r->ready);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

struct source *
reader_source(struct reader *r)
{
	return &r->source;
}

enum failure
reader_failure(struct reader *r)
{
	enum failure why;

	pthread_mutex_lock(&r->lock);
	why = r->why;
	pthread_mutex_unlock(&r->lock);
	return why != FAILURE_NONE ? why : FAILURE_DATABASE;
}

uint64_t
reader_total(struct reader *r)
{
	uint64_t total;

	pthread_mutex_lock(&r->lock);
	total = ahead_total(r->ahead);
	pthread_mutex_unlock(&r->lock);
	return total;
}
