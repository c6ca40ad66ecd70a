#include "worker/reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mongoc/mongoc.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/timestamp.h"
#include "lib/servers/failure.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/job.h"
#include "lib/jobs/metrics.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/rows/columns.h"
#include "worker/engine/source.h"
#include "worker/pace.h"

#define HOUR_MS 3600000
/* A batch of 24 documents of an hour is 1.4 MB; a server that needs this long is ill. */
#define MAX_TIME_MS 60000
/* Many columns share what five have at the full batch. */
#define FULL_BATCH_COLUMNS 5

/* A larger document is copied and its cursor closed: replies would fill the memory. */
#define LARGE_BYTES (1024 * 1024)
/* What takes so long was no document that lay in the client already. */
#define FETCH_US 50
/* A secondary that is further behind is none to read from. */
#define STALENESS_S 120

/* A cursor that is lost so often in a row fails the attempt. */
#define LOST_MAX 6
#define REOPEN_FIRST_MS 250

/* Numbers sort before Dates, and a range of the one does not find the other. */
enum id_type { ID_NUMBER, ID_DATE, ID_TYPES };

struct cursor_head {
	mongoc_cursor_t *cursor;	/* NULL: not opened, or at its end */
	const bson_t *doc;		/* not taken yet, or NULL */
	bson_t *own;			/* doc, when it is a copy */
	int64_t t_ms;
	int opened;
	bson_value_t last;		/* _id of the last document taken */
	int has_last;
	int large;			/* the last document fetched was */
	int lost;			/* how often in a row without a document */
	struct pace_floor floor;
	int64_t documents, bytes;	/* since the last fetch */
};

struct reader {
	struct source source;	/* first: a source is cast back to its reader */
	struct reader_spec spec;
	struct cursor_head (*heads)[ID_TYPES];
	struct cursor_head *taken;	/* whose document the caller holds */
};

int
reader_vehicles(mongoc_client_t *client, const char *prefix,
    struct names *list)
{
	bson_error_t error;
	char **names, **name;
	int rc = 0;

	names = mongoc_client_get_database_names_with_opts(client, NULL,
	    &error);
	if (names == NULL) {
		mongo_log("list_databases", &error);
		return -1;
	}
	for (name = names; *name != NULL && rc == 0; name++)
		if (strncmp(*name, prefix, strlen(prefix)) == 0)
			rc = names_add(list, *name, strlen(*name));
	bson_strfreev(names);
	if (rc != 0)
		log_msg(LOG_ERROR, "list_databases", "out of memory");
	names_sort(list);
	return rc;
}

int
reader_parameters(mongoc_client_t *client, const char *vehicle,
    struct names *list)
{
	mongoc_database_t *database;
	mongoc_cursor_t *cursor;
	bson_error_t error;
	const bson_t *doc;
	bson_iter_t it;
	bson_t *opts;
	int rc = 0;

	opts = BCON_NEW("nameOnly", BCON_BOOL(true), "filter", "{",
	    "type", BCON_UTF8("collection"), "}");
	database = mongoc_client_get_database(client, vehicle);
	cursor = mongoc_database_find_collections_with_opts(database, opts);
	while (rc == 0 && mongoc_cursor_next(cursor, &doc)) {
		if (!bson_iter_init_find(&it, doc, "name") ||
		    !BSON_ITER_HOLDS_UTF8(&it) ||
		    strncmp(bson_iter_utf8(&it, NULL), "system.", 7) == 0)
			continue;
		rc = names_add(list, bson_iter_utf8(&it, NULL),
		    strlen(bson_iter_utf8(&it, NULL)));
	}
	if (rc != 0) {
		log_msg(LOG_ERROR, "list_collections", "out of memory");
	} else if (mongoc_cursor_error(cursor, &error)) {
		mongo_log("list_collections", &error);
		rc = -1;
	}
	mongoc_cursor_destroy(cursor);
	mongoc_database_destroy(database);
	bson_destroy(opts);
	columns_sort(list);
	return rc;
}

/* {_id: {$gt: from - 1 h, $lt: to}}, as numbers or as Dates. */
static bson_t *
range(const struct reader_spec *spec, enum id_type type)
{
	const int64_t after = spec->from_ms - HOUR_MS;

	return type == ID_NUMBER ?
	    BCON_NEW("_id", "{", "$gt", BCON_INT64(after), "$lt",
	    BCON_INT64(spec->to_ms), "}") :
	    BCON_NEW("_id", "{", "$gt", BCON_DATE_TIME(after), "$lt",
	    BCON_DATE_TIME(spec->to_ms), "}");
}

static mongoc_read_mode_t
mode_of(const char *name)
{
	static const struct {
		const char *name;
		mongoc_read_mode_t mode;
	} modes[] = {
		{ "primaryPreferred", MONGOC_READ_PRIMARY_PREFERRED },
		{ "secondary", MONGOC_READ_SECONDARY },
		{ "secondaryPreferred", MONGOC_READ_SECONDARY_PREFERRED },
		{ "nearest", MONGOC_READ_NEAREST },
	};
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(name, modes[i].name) == 0)
			return modes[i].mode;
	return MONGOC_READ_PRIMARY;
}

static mongoc_collection_t *
collection_of(const struct reader_spec *spec, size_t column)
{
	mongoc_collection_t *c = mongoc_client_get_collection(spec->client,
	    spec->vehicle, spec->columns[column]);
	mongoc_read_concern_t *concern;
	mongoc_read_prefs_t *prefs;

	if (spec->read_preference != NULL) {
		prefs = mongoc_read_prefs_new(mode_of(spec->read_preference));
		if (mongoc_read_prefs_get_mode(prefs) != MONGOC_READ_PRIMARY)
			mongoc_read_prefs_set_max_staleness_seconds(prefs,
			    STALENESS_S);
		mongoc_collection_set_read_prefs(c, prefs);
		mongoc_read_prefs_destroy(prefs);
	}
	if (spec->read_concern != NULL) {
		concern = mongoc_read_concern_new();
		mongoc_read_concern_set_level(concern, spec->read_concern);
		mongoc_collection_set_read_concern(c, concern);
		mongoc_read_concern_destroy(concern);
	}
	return c;
}

int
reader_count(const struct reader_spec *spec, uint64_t *n)
{
	int64_t count = 0;
	size_t i;
	int type;

	for (i = 0; i < spec->n * ID_TYPES && count >= 0; i++) {
		mongoc_collection_t *c;
		bson_error_t error;
		bson_t *filter, *opts;

		type = (int)(i % ID_TYPES);
		c = collection_of(spec, i / ID_TYPES);
		filter = range(spec, type);
		opts = BCON_NEW("hint", "{", "_id", BCON_INT32(1), "}",
		    "maxTimeMS", BCON_INT32(MAX_TIME_MS),
		    "comment", BCON_UTF8(spec->comment));
		count = mongoc_collection_count_documents(c, filter, opts,
		    NULL, NULL, &error);
		if (count >= 0)
			*n += (uint64_t)count;
		else
			mongo_log("count", &error);
		bson_destroy(opts);
		bson_destroy(filter);
		mongoc_collection_destroy(c);
	}
	return count < 0 ? -1 : 0;
}

/* The time of the first document by _id of a type, in this direction. */
static int
end_of_index(mongoc_collection_t *c, enum id_type type, int direction,
    const char *comment, int64_t *t_ms)
{
	const struct reader_spec all = { .from_ms = HOUR_MS,
	    .to_ms = TIMESTAMP_MAX_MS };
	bson_t *filter = range(&all, type);
	bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(direction), "}",
	    "projection", "{", "_id", BCON_INT32(1), "}",
	    "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true),
	    "maxTimeMS", BCON_INT32(MAX_TIME_MS), "comment", BCON_UTF8(comment));
	mongoc_cursor_t *cursor;
	bson_error_t error;
	const bson_t *doc;
	bson_iter_t it;
	int rc = 0;

	*t_ms = JOB_NO_TIME;
	cursor = mongoc_collection_find_with_opts(c, filter, opts, NULL);
	if (mongoc_cursor_next(cursor, &doc)) {
		if (bson_iter_init_find(&it, doc, "_id"))
			*t_ms = BSON_ITER_HOLDS_DATE_TIME(&it) ?
			    bson_iter_date_time(&it) :
			    (int64_t)floor(bson_iter_as_double(&it));
	} else if (mongoc_cursor_error(cursor, &error)) {
		mongo_log("extent", &error);
		rc = -1;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

int
reader_extent(const struct reader_spec *spec, size_t column,
    int64_t *documents, int64_t *first_ms, int64_t *last_ms)
{
	mongoc_collection_t *c = collection_of(spec, column);
	bson_error_t error;
	int64_t first, last;
	int type, rc = 0;

	*first_ms = *last_ms = JOB_NO_TIME;
	*documents = mongoc_collection_estimated_document_count(c, NULL, NULL,
	    NULL, &error);
	if (*documents < 0) {
		mongo_log("extent", &error);
		rc = -1;
	}
	for (type = 0; type < ID_TYPES && rc == 0; type++) {
		if (end_of_index(c, type, 1, spec->comment, &first) != 0 ||
		    end_of_index(c, type, -1, spec->comment, &last) != 0)
			rc = -1;
		if (rc != 0 || first == JOB_NO_TIME || last == JOB_NO_TIME)
			continue;
		if (*first_ms == JOB_NO_TIME || first < *first_ms)
			*first_ms = first;
		if (*last_ms == JOB_NO_TIME || last > *last_ms)
			*last_ms = last;
	}
	mongoc_collection_destroy(c);
	return rc;
}

/* The same behind a document that was taken. */
static bson_t *
range_behind(const struct reader_spec *spec, enum id_type type,
    const bson_value_t *last)
{
	bson_t *filter = bson_new(), in;

	BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &in);
	BSON_APPEND_VALUE(&in, "$gt", last);
	if (type == ID_NUMBER)
		BSON_APPEND_INT64(&in, "$lt", spec->to_ms);
	else
		BSON_APPEND_DATE_TIME(&in, "$lt", spec->to_ms);
	bson_append_document_end(filter, &in);
	return filter;
}

static void
head_open(struct reader *r, size_t column, enum id_type type)
{
	struct cursor_head *h = &r->heads[column][type];
	mongoc_collection_t *c;
	bson_t *filter, *opts;
	int64_t batch = r->spec.batch_documents;

	if (r->spec.n > FULL_BATCH_COLUMNS)
		batch = batch * FULL_BATCH_COLUMNS / (int64_t)r->spec.n;
	if (h->large && batch > 2)
		batch = 2;
	if (batch < 1)
		batch = 1;
	c = collection_of(&r->spec, column);
	filter = h->has_last ? range_behind(&r->spec, type, &h->last) :
	    range(&r->spec, type);
	opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}",
	    "batchSize", BCON_INT64(batch),
	    "maxTimeMS", BCON_INT32(MAX_TIME_MS),
	    "comment", BCON_UTF8(r->spec.comment));
	h->cursor = mongoc_collection_find_with_opts(c, filter, opts, NULL);
	h->opened = 1;
	bson_destroy(opts);
	bson_destroy(filter);
	mongoc_collection_destroy(c);
}

/*
 * Where a document stands among the others, rounded down; the server has put
 * those of one cursor in order. Its _id need not be usable as a time base.
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
 * A large document: keep a copy instead of the reply that it came in. The cursor
 * is opened again behind it, when it was taken.
 */
static void
keep_alone(struct cursor_head *h)
{
	bson_t *copy = bson_copy(h->doc);

	head_close(h);
	h->doc = h->own = copy;
	h->opened = 0;
}

/* Cut into short sleeps. 0, or -1 when it is time to stop. */
static int
pause_us(const struct reader *r, int64_t us)
{
	while (us > 0) {
		const int64_t piece = us < 50000 ? us : 50000;
		const struct timespec t = { 0, (long)piece * 1000 };

		if (r->spec.stop != NULL && r->spec.stop(r->spec.arg))
			return -1;
		nanosleep(&t, NULL);
		us -= piece;
	}
	return 0;
}

/* Wait longer each time; 0, or -1 when it is time to give up. */
static int
pause_before_reopening(const struct reader *r, const struct cursor_head *h)
{
	return h->lost > LOST_MAX ? -1 :
	    pause_us(r, ((int64_t)REOPEN_FIRST_MS << h->lost) * 1000);
}

/* mongoc_cursor_next(), as fast as the pace allows. 1, 0 or -1: to stop. */
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
		if (pause_us(r, pace_wait_us(pace, began_us)) != 0)
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

/* Have the next document of a cursor, if it has one. 0, -1 logged. */
static int
head_fill(struct reader *r, size_t column, enum id_type type)
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
				keep_alone(h);
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
		h->opened = 0;
		h->lost++;
		if (pause_before_reopening(r, h) != 0)
			return -1;
	}
	return 0;
}

/* Of a column the head that comes first, NULL when there is none. */
static int
first_head(struct reader *r, size_t column, struct cursor_head **first)
{
	struct cursor_head *number = &r->heads[column][ID_NUMBER];
	struct cursor_head *date = &r->heads[column][ID_DATE];

	if (head_fill(r, column, ID_NUMBER) != 0 ||
	    head_fill(r, column, ID_DATE) != 0)
		return -1;
	*first = number->doc == NULL ||
	    (date->doc != NULL && date->t_ms < number->t_ms) ? date : number;
	if ((*first)->doc == NULL)
		*first = NULL;
	return 0;
}

/* The document that the caller held is no longer needed, but for its place. */
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
		h->has_last = 1;
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
reader_open(const struct reader_spec *spec)
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
		for (type = 0; type < ID_TYPES; type++) {
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
