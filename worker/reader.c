/*
 * The hour documents of one vehicle as a source: a cursor for each column and
 * type of _id, opened again where it was lost, no faster than the pace allows.
 * Looks at no document but for its _id.
 */
#include "worker/reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/servers/failure.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/metrics.h"
#include "worker/engine/source.h"
#include "worker/pace.h"
#include "worker/telemetry.h"

/* Larger numbers of columns get smaller batches, of the same size together. */
#define FULL_BATCH_COLUMNS 5

/*
 * A larger document is copied and its cursor closed: whole batches would fill
 * memory.
 */
#define LARGE_BYTES (1024 * 1024)
/*
 * A call that takes longer was a round trip, not a document from the current
 * batch.
 */
#define FETCH_US 50

/* A cursor that is lost more often than this in a row fails the attempt. */
#define LOST_MAX 6
#define REOPEN_FIRST_MS 250

struct cursor_head {
	mongoc_cursor_t *cursor;	/* NULL: not opened, or at its end */
	const bson_t *doc;		/* not taken yet, or NULL */
	bson_t *own;			/* doc, when it is a copy */
	int64_t t_ms;
	bool opened;
	bson_value_t last;		/* _id of the last document taken */
	bool has_last;
	bool large;			/* the last document fetched was */
	int lost;			/* times in a row, without a document */
	struct pace_floor floor;
	int64_t documents, bytes;	/* since the last fetch */
};

struct reader {
	struct source source;	/* first: a source is cast back to its reader */
	struct telemetry_spec spec;
	struct cursor_head (*heads)[TELEMETRY_IDS];
	struct cursor_head *taken;	/* whose document the caller holds */
};

/* The same filter, but after a document that was taken. */
static bson_t *
filter_after(const struct telemetry_spec *spec, enum telemetry_id type,
    const bson_value_t *last)
{
	bson_t *filter = bson_new(), in;

	BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &in);
	BSON_APPEND_VALUE(&in, "$gt", last);
	if (type == TELEMETRY_NUMBER)
		BSON_APPEND_INT64(&in, "$lt", spec->to_ms);
	else
		BSON_APPEND_DATE_TIME(&in, "$lt", spec->to_ms);
	bson_append_document_end(filter, &in);
	return filter;
}

static void
head_open(struct reader *r, size_t column, enum telemetry_id type)
{
	struct cursor_head *h = &r->heads[column][type];
	mongoc_collection_t *c;
	bson_t *filter, *opts;
	int64_t batch = r->spec.batch_documents;

	/* Not more in memory than five columns would take, or than one large batch. */
	if (r->spec.n > FULL_BATCH_COLUMNS)
		batch = batch * FULL_BATCH_COLUMNS / (int64_t)r->spec.n;
	if (h->large && batch > 2)
		batch = 2;
	if (batch < 1)
		batch = 1;
	c = telemetry_collection(&r->spec, column);
	filter = h->has_last ? filter_after(&r->spec, type, &h->last) :
	    telemetry_filter(&r->spec, type);
	opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}",
	    "batchSize", BCON_INT64(batch),
	    "maxTimeMS", BCON_INT32(TELEMETRY_MAX_MS),
	    "comment", BCON_UTF8(r->spec.comment));
	h->cursor = mongoc_collection_find_with_opts(c, filter, opts, NULL);
	h->opened = true;
	bson_destroy(opts);
	bson_destroy(filter);
	mongoc_collection_destroy(c);
}

/*
 * The place of a document among those of other cursors, rounded down; within a
 * cursor the server orders them. Its _id need not be usable as a time.
 */
static int64_t
order_of(const bson_t *doc, int64_t last_ms)
{
	char text[BSON_DECIMAL128_STRING];
	bson_decimal128_t decimal;
	bson_iter_t it;
	double d;

	if (!bson_iter_init_find(&it, doc, "_id"))
		return last_ms;
	switch (bson_iter_type(&it)) {
	case BSON_TYPE_INT32:
		return bson_iter_int32(&it);
	case BSON_TYPE_INT64:
		return bson_iter_int64(&it);
	case BSON_TYPE_DATE_TIME:
		return bson_iter_date_time(&it);
	case BSON_TYPE_DOUBLE:
		d = bson_iter_double(&it);
		break;
	case BSON_TYPE_DECIMAL128:
		bson_iter_decimal128(&it, &decimal);
		bson_decimal128_to_string(&decimal, text);
		d = strtod(text, NULL);
		break;
	default:
		return last_ms;
	}
	return fabs(d) < 9e15 ? (int64_t)floor(d) : last_ms;
}

static void
head_close(struct cursor_head *h)
{
	if (h->cursor != NULL)
		mongoc_cursor_destroy(h->cursor);
	if (h->own != NULL)
		bson_destroy(h->own);
	h->cursor = NULL;
	h->doc = h->own = NULL;
}

/*
 * A large document: keep a copy instead of the batch that it came in. The
 * cursor is opened again, after the document, once that was taken.
 */
static void
keep_copy(struct cursor_head *h)
{
	bson_t *copy = bson_copy(h->doc);

	head_close(h);
	h->doc = h->own = copy;
	h->opened = false;
}

/* Wait longer each time. Returns 0, or -1 to give up. */
static int
pause_before_reopening(const struct reader *r, const struct cursor_head *h)
{
	return h->lost > LOST_MAX ? -1 :
	    clock_pause_unless(((int64_t)REOPEN_FIRST_MS << h->lost) * 1000,
	    r->spec.stop, r->spec.arg);
}

/* mongoc_cursor_next(), as fast as the pace allows. 1, 0, or -1: stop. */
static int
next_document(struct reader *r, struct cursor_head *h)
{
	struct pace *pace = r->spec.pace;
	int64_t began_us, took_us;
	int found;

	if (pace == NULL)
		return mongoc_cursor_next(h->cursor, &h->doc);
	began_us = clock_monotonic_us();
	if (pace_wait_us(pace, began_us) > 0) {
		if (clock_pause_unless(pace_wait_us(pace, began_us),
		    r->spec.stop, r->spec.arg) != 0)
			return -1;
		took_us = clock_monotonic_us() - began_us;
		metrics_add(METRIC_PACE_WAIT_SECONDS, 0, (uint64_t)took_us);
		began_us += took_us;
	}
	found = mongoc_cursor_next(h->cursor, &h->doc);
	took_us = clock_monotonic_us() - began_us;
	if (took_us >= FETCH_US) {
		const uint64_t slow = pace->slow;

		pace_fetched(pace, &h->floor, began_us + took_us, took_us,
		    h->documents, h->bytes);
		metrics_observe(METRIC_FETCH_SECONDS, took_us);
		metrics_add(METRIC_SLOW_FETCHES, 0, pace->slow - slow);
		h->documents = h->bytes = 0;
	}
	if (found) {
		h->documents++;
		h->bytes += h->doc->len;
	}
	return found;
}

/* Fetch the next document of a cursor, if it has one. 0, -1 logged. */
static int
head_fill(struct reader *r, size_t column, enum telemetry_id type)
{
	struct cursor_head *h = &r->heads[column][type];
	bson_error_t error;
	int found;

	while (h->doc == NULL) {
		if (!h->opened)
			head_open(r, column, type);
		if (h->cursor == NULL)
			return 0;
		if ((found = next_document(r, h)) < 0)
			return -1;
		if (found) {
			h->t_ms = order_of(h->doc, h->t_ms);
			h->lost = 0;
			h->large = h->doc->len > LARGE_BYTES;
			if (h->large)
				keep_copy(h);
			return 0;
		}
		h->doc = NULL;
		if (!mongoc_cursor_error(h->cursor, &error)) {
			head_close(h);
			return 0;
		}
		mongo_log("read", &error);
		if (!failure_mongo(&error))
			return -1;
		head_close(h);
		h->opened = false;
		h->lost++;
		if (pause_before_reopening(r, h) != 0)
			return -1;
	}
	return 0;
}

/* The head of a column that comes first, NULL when there is none. */
static int
first_head(struct reader *r, size_t column, struct cursor_head **first)
{
	struct cursor_head *number = &r->heads[column][TELEMETRY_NUMBER];
	struct cursor_head *date = &r->heads[column][TELEMETRY_DATE];

	if (head_fill(r, column, TELEMETRY_NUMBER) != 0 ||
	    head_fill(r, column, TELEMETRY_DATE) != 0)
		return -1;
	*first = number->doc == NULL ||
	    (date->doc != NULL && date->t_ms < number->t_ms) ? date : number;
	if ((*first)->doc == NULL)
		*first = NULL;
	return 0;
}

/* Release the caller's document, remembering its _id to resume after it. */
static void
let_go(struct reader *r)
{
	struct cursor_head *h = r->taken;
	bson_iter_t it;

	if (h == NULL)
		return;
	if (bson_iter_init_find(&it, h->doc, "_id")) {
		if (h->has_last)
			bson_value_destroy(&h->last);
		bson_value_copy(bson_iter_value(&it), &h->last);
		h->has_last = true;
	}
	if (h->own != NULL)
		bson_destroy(h->own);
	h->doc = h->own = NULL;
	r->taken = NULL;
}

static int
reader_peek(struct source *s, int64_t *t_ms)
{
	struct reader *r = (struct reader *)s;
	struct cursor_head *h;
	int found = 1;
	size_t i;

	let_go(r);
	for (i = 0; i < r->spec.n; i++) {
		if (first_head(r, i, &h) != 0)
			return -1;
		if (h != NULL && (found || h->t_ms < *t_ms)) {
			*t_ms = h->t_ms;
			found = 0;
		}
	}
	return found;
}

static int
reader_next(struct source *s, int64_t before_ms, struct source_doc *doc)
{
	struct reader *r = (struct reader *)s;
	struct cursor_head *h;
	size_t i;

	/* Column by column: the order within the hour is the engine's business. */
	let_go(r);
	for (i = 0; i < r->spec.n; i++) {
		if (first_head(r, i, &h) != 0)
			return -1;
		if (h == NULL || h->t_ms >= before_ms)
			continue;
		doc->column = i;
		doc->data = bson_get_data(h->doc);
		doc->len = h->doc->len;
		doc->t_ms = h->t_ms;
		r->taken = h;
		return 0;
	}
	return 1;
}

struct reader *
reader_open(const struct telemetry_spec *spec)
{
	struct reader *r;

	if ((r = calloc(1, sizeof(*r))) == NULL ||
	    (r->heads = calloc(spec->n + 1, sizeof(*r->heads))) == NULL) {
		log_msg(LOG_ERROR, "read", "out of memory");
		free(r);
		return NULL;
	}
	r->source.peek = reader_peek;
	r->source.next = reader_next;
	r->spec = *spec;
	return r;
}

void
reader_free(struct reader *r)
{
	size_t i;
	int type;

	if (r == NULL)
		return;
	for (i = 0; i < r->spec.n; i++)
		for (type = 0; type < TELEMETRY_IDS; type++) {
			head_close(&r->heads[i][type]);
			if (r->heads[i][type].has_last)
				bson_value_destroy(&r->heads[i][type].last);
		}
	free(r->heads);
	free(r);
}

struct source *
reader_source(struct reader *r)
{
	return &r->source;
}
