/*
 * A query for some hours of one column, from its beginning to its last document,
 * as fast as the pace allows and as long as patience lasts. Looks at no document
 * but for its _id.
 */
#include "worker/fetch.h"

#include <math.h>
#include <stdlib.h>

#include <mongoc/mongoc.h>

#include "lib/base/clock.h"
#include "lib/base/patience.h"
#include "lib/base/timestamp.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/metrics.h"
#include "worker/pace.h"
#include "worker/windows.h"

/* A call that takes less found the cursor at its end, and was no round trip. */
#define FETCH_US 50

/* A cursor, and the reply that it is at. */
struct reading {
	const struct fetch *f;
	mongoc_client_session_t *session;
	mongoc_cursor_t *cursor;
	int64_t batch;			/* documents that this reply may have */
	int64_t took_us;		/* 0: none has come yet */
	struct pace_load expected, brought;	/* of it */
	uint64_t documents, bytes;	/* of all */
	bson_value_t last;		/* _id of the last document taken */
	bool has_last;
};

/* Rounded down, and within the range: a Decimal128 may be rounded up to its end. */
static int64_t
time_of(const struct telemetry_range *range, const bson_t *doc)
{
	char text[BSON_DECIMAL128_STRING];
	bson_decimal128_t decimal;
	bson_iter_t it;
	double d = (double)range->from_ms;
	int64_t t_ms;

	if (!bson_iter_init_find(&it, doc, "_id"))
		return range->from_ms;
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
		break;
	}
	t_ms = (int64_t)floor(d);
	return t_ms < range->from_ms ? range->from_ms :
	    t_ms >= range->to_ms ? range->to_ms - 1 : t_ms;
}

/* How many documents to ask for, by what is known of their size by now. */
static int64_t
batch_of(const struct reading *r)
{
	const double size = r->documents > 0 ?
	    (double)r->bytes / (double)r->documents : r->f->document_bytes;
	const int64_t batch = fetch_batch(size);
	int64_t limit;

	if (r->f->pace == NULL)
		return batch;
	limit = pace_limit(r->f->pace, (int64_t)size);
	return limit < batch ? limit : batch;
}

/* Wait until the pace allows a round trip. Returns 0, or -1: stopped. */
static int
wait_for_pace(struct reading *r)
{
	const struct fetch *f = r->f;
	const int64_t began_us = clock_monotonic_us();
	struct pace_waiter waiter = { 0 };
	int64_t now_us = began_us, wait_us;

	while ((wait_us = pace_begin(f->pace, &waiter, now_us,
	    &r->expected)) > 0) {
		/* What others were charged may be put right meanwhile. */
		if (wait_us > PACE_AGAIN_US)
			wait_us = PACE_AGAIN_US;
		if (clock_pause_unless(wait_us, f->patience->stop,
		    f->patience->arg) != 0) {
			pace_leave(f->pace, &waiter);
			return -1;
		}
		now_us = clock_monotonic_us();
	}
	if (now_us > began_us)
		metrics_add(METRIC_PACE_WAIT_SECONDS, 0,
		    (uint64_t)(now_us - began_us));
	return 0;
}

/* What a reply may bring: the ceilings hold for it beforehand. */
static void
expect(struct reading *r)
{
	const double size = r->documents > 0 ?
	    (double)r->bytes / (double)r->documents :
	    r->f->document_bytes > 0 ? r->f->document_bytes : 0;
	const int64_t hours = (r->f->range.to_ms - r->f->range.from_ms) /
	    HOUR_MS + 1;
	int64_t n = r->batch;

	/* Usually a document an hour, less those that have come. */
	if (n > hours - (int64_t)r->documents)
		n = hours - (int64_t)r->documents;
	r->expected.documents = n > 0 ? n : 0;
	r->expected.bytes = (int64_t)((double)r->expected.documents * size);
	r->brought = (struct pace_load){ 0, 0 };
}

/* The reply at hand has been used up, or will not come: put its charge right. */
static void
settle(struct reading *r, int64_t took_us)
{
	bool slow;

	slow = pace_fetched(r->f->pace, clock_monotonic_us(), took_us,
	    &r->expected, &r->brought);
	if (took_us > 0)
		metrics_observe(METRIC_FETCH_SECONDS, took_us);
	metrics_add(METRIC_SLOW_FETCHES, 0, slow);
	r->expected = r->brought = (struct pace_load){ 0, 0 };
}

/* A round trip: as the pace allows, and timed. 1 with a document, 0, -1: stop. */
static int
next_reply(struct reading *r, const bson_t **doc)
{
	int64_t began_us, took_us;
	bool found;

	r->batch = batch_of(r);
	if (r->cursor == NULL)
		r->cursor = telemetry_find(r->f->client, r->f->way,
		    r->f->vehicle, r->f->column, &r->f->range,
		    r->has_last ? &r->last : NULL, r->batch, r->session);
	else
		mongoc_cursor_set_batch_size(r->cursor, (uint32_t)r->batch);
	expect(r);
	if (r->f->pace != NULL && wait_for_pace(r) != 0) {
		r->expected = (struct pace_load){ 0, 0 };
		return -1;
	}
	began_us = clock_monotonic_us();
	found = mongoc_cursor_next(r->cursor, doc);
	took_us = clock_monotonic_us() - began_us;
	r->took_us = took_us >= FETCH_US ? took_us : 0;
	patience_over(r->f->patience);
	return found;
}

/*
 * The next document. A reply that the server ended early, at 16 MB, counts as one
 * with the next. 1, 0: the end, or an error of the cursor; -1: stop.
 */
static int
next_document(struct reading *r, const bson_t **doc)
{
	int found;

	if (r->cursor != NULL && r->brought.documents < r->batch) {
		found = mongoc_cursor_next(r->cursor, doc);
	} else {
		if (r->cursor != NULL && r->f->pace != NULL)
			settle(r, r->took_us);
		r->brought = (struct pace_load){ 0, 0 };
		found = next_reply(r, doc);
	}
	if (found > 0) {
		r->brought.documents++;
		r->brought.bytes += (*doc)->len;
		r->documents++;
		r->bytes += (*doc)->len;
	}
	return found;
}

static void
keep_last(struct reading *r, const bson_t *doc)
{
	bson_iter_t it;

	if (!bson_iter_init_find(&it, doc, "_id"))
		return;
	if (r->has_last)
		bson_value_destroy(&r->last);
	bson_value_copy(bson_iter_value(&it), &r->last);
	r->has_last = true;
}

static void
reading_close(struct reading *r)
{
	if (r->cursor == NULL)
		return;
	if (r->f->pace != NULL)
		settle(r, r->took_us);
	r->took_us = 0;
	mongoc_cursor_destroy(r->cursor);
	r->cursor = NULL;
}

/*
 * From where it is to the end, or to an error that is stored; FETCH_FAILED.
 */
static enum fetch_result
read_on(struct reading *r, struct patience_try *t, bson_error_t *error)
{
	const bson_t *doc = NULL;
	int found;

	while ((found = next_document(r, &doc)) > 0) {
		t->failures = 0;
		if (r->f->take(r->f->arg, bson_get_data(doc), doc->len,
		    time_of(&r->f->range, doc)) != 0)
			return FETCH_ENDED;
		keep_last(r, doc);
	}
	if (found == 0 && !mongoc_cursor_error(r->cursor, error))
		return FETCH_DONE;
	if (found == 0)
		mongo_log("read", error);
	else
		bson_set_error(error, 0, 0, "stopped");
	return FETCH_FAILED;
}

enum fetch_result
fetch_run(const struct fetch *f)
{
	struct patience_try t = { .patience = f->patience };
	struct reading r = { .f = f };
	enum fetch_result rc;
	bson_error_t error;

	do {
		if (r.session == NULL && telemetry_session(f->client, f->way,
		    &r.session, &error) != 0)
			rc = FETCH_FAILED;
		else
			rc = read_on(&r, &t, &error);
		reading_close(&r);
		if (rc == FETCH_FAILED && f->lagged != NULL &&
		    (error.code == MONGO_MAX_TIME_EXPIRED ||
		    error.domain == MONGOC_ERROR_STREAM))
			f->lagged(f->arg);
	} while (rc == FETCH_FAILED && telemetry_again(&t, &error));
	if (r.has_last)
		bson_value_destroy(&r.last);
	if (r.session != NULL)
		mongoc_client_session_destroy(r.session);
	return rc;
}
