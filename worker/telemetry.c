/*
 * The vehicles' databases and collections: which there are, how many documents,
 * from when to when, and how they are read. Looks at no document of telemetry.
 */
#include "worker/telemetry.h"

#include <math.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/patience.h"
#include "lib/base/timestamp.h"
#include "lib/servers/failure.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/job.h"
#include "worker/engine/archive.h"

/* Do not read from a secondary lagging more than this. */
#define STALENESS_S 120
/* Documents of a reply: all that 16 MB hold. */
#define ALL_AT_ONCE 1000000

static const char *const mode_names[] = {
	"primaryPreferred", "secondary", "secondaryPreferred", "nearest",
};
static const mongoc_read_mode_t modes[] = {
	MONGOC_READ_PRIMARY_PREFERRED, MONGOC_READ_SECONDARY,
	MONGOC_READ_SECONDARY_PREFERRED, MONGOC_READ_NEAREST,
};

static mongoc_read_mode_t
mode_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(name, mode_names[i]) == 0)
			return modes[i];
	return MONGOC_READ_PRIMARY;
}

int
telemetry_session(mongoc_client_t *client, const struct telemetry_way *way,
    mongoc_client_session_t **session, bson_error_t *error)
{
	*session = NULL;
	/* "available" asks for no order at all, and the server refuses both. */
	if (way->at.s == 0 || (way->read_concern != NULL &&
	    strcmp(way->read_concern, "available") == 0))
		return 0;
	*session = mongoc_client_start_session(client, NULL, error);
	if (*session == NULL) {
		mongo_log("session", error);
		return -1;
	}
	mongoc_client_session_advance_operation_time(*session, way->at.s,
	    way->at.i);
	return 0;
}

/* Append the session, where there is one. */
static void
put_session(bson_t *opts, mongoc_client_session_t *session)
{
	if (session != NULL)
		mongoc_client_session_append(session, opts, NULL);
}

/* {name: {$in: asked}}, added to a filter. */
static void
put_names(bson_t *filter, const struct names *asked)
{
	bson_t in, array;
	char key[16];
	const char *k;
	size_t i;

	if (asked == NULL || asked->n == 0)
		return;
	BSON_APPEND_DOCUMENT_BEGIN(filter, "name", &in);
	BSON_APPEND_ARRAY_BEGIN(&in, "$in", &array);
	for (i = 0; i < asked->n; i++) {
		bson_uint32_to_string((uint32_t)i, &k, key, sizeof(key));
		BSON_APPEND_UTF8(&array, k, asked->v[i]);
	}
	bson_append_array_end(&in, &array);
	bson_append_document_end(filter, &in);
}

/*
 * {filter, nameOnly}; only names, which takes no lock on the collections. (Of
 * databases the library asks for no more by itself.)
 */
static bson_t *
list_opts(const struct names *asked, bool collections,
    mongoc_client_session_t *session)
{
	bson_t *opts = bson_new(), filter;

	if (collections)
		BSON_APPEND_BOOL(opts, "nameOnly", true);
	BSON_APPEND_DOCUMENT_BEGIN(opts, "filter", &filter);
	if (collections)
		BSON_APPEND_UTF8(&filter, "type", "collection");
	put_names(&filter, asked);
	bson_append_document_end(opts, &filter);
	put_session(opts, session);
	return opts;
}

bool
telemetry_again(struct patience_try *t, const bson_error_t *error)
{
	return t->patience != NULL && failure_mongo(error) && patience_pause(t);
}

static int
list_vehicles(mongoc_client_t *client, const struct telemetry_way *way,
    const char *prefix, const struct names *asked, struct names *list,
    bson_error_t *error)
{
	mongoc_client_session_t *session;
	char **names, **name;
	bson_t *opts;
	int rc = 0;

	/* By the primary, unless asked otherwise. */
	if (telemetry_session(client, way, &session, error) != 0)
		return -1;
	opts = list_opts(asked, false, session);
	names = mongoc_client_get_database_names_with_opts(client, opts, error);
	bson_destroy(opts);
	if (session != NULL)
		mongoc_client_session_destroy(session);
	if (names == NULL) {
		mongo_log("list_databases", error);
		return -1;
	}
	for (name = names; *name != NULL && rc == 0; name++)
		if (strncmp(*name, prefix, strlen(prefix)) == 0)
			rc = names_add(list, *name, strlen(*name));
	bson_strfreev(names);
	if (rc != 0) {
		bson_set_error(error, 0, 0, "out of memory");
		mongo_log("list_databases", error);
	}
	names_sort(list);
	return rc;
}

int
telemetry_vehicles(mongoc_client_t *client, const struct telemetry_way *way,
    const struct patience *patience, const char *prefix,
    const struct names *asked, struct names *list)
{
	struct patience_try t = { .patience = patience };
	bson_error_t error;
	int rc;

	while ((rc = list_vehicles(client, way, prefix, asked, list,
	    &error)) != 0 && telemetry_again(&t, &error))
		names_release(list);
	return rc;
}

/* Append the names that a cursor of listCollections has. */
static int
take_names(mongoc_cursor_t *cursor, struct names *list, bson_error_t *error)
{
	const bson_t *doc;
	bson_iter_t it;
	int rc = 0;

	while (rc == 0 && mongoc_cursor_next(cursor, &doc)) {
		if (!bson_iter_init_find(&it, doc, "name") ||
		    !BSON_ITER_HOLDS_UTF8(&it) ||
		    strncmp(bson_iter_utf8(&it, NULL), "system.", 7) == 0)
			continue;
		rc = names_add(list, bson_iter_utf8(&it, NULL),
		    strlen(bson_iter_utf8(&it, NULL)));
	}
	if (rc != 0)
		bson_set_error(error, 0, 0, "out of memory");
	else if (mongoc_cursor_error(cursor, error))
		rc = -1;
	if (rc != 0)
		mongo_log("list_collections", error);
	return rc;
}

static int
list_parameters(mongoc_client_t *client, const struct telemetry_way *way,
    const char *vehicle, const struct names *asked, struct names *list,
    bson_error_t *error)
{
	mongoc_client_session_t *session;
	mongoc_database_t *database;
	mongoc_cursor_t *cursor;
	bson_t *opts;
	int rc;

	if (telemetry_session(client, way, &session, error) != 0)
		return -1;
	opts = list_opts(asked, true, session);
	database = mongoc_client_get_database(client, vehicle);
	cursor = mongoc_database_find_collections_with_opts(database, opts);
	rc = take_names(cursor, list, error);
	mongoc_cursor_destroy(cursor);
	mongoc_database_destroy(database);
	bson_destroy(opts);
	if (session != NULL)
		mongoc_client_session_destroy(session);
	archive_columns_sort(list);
	return rc;
}

int
telemetry_parameters(mongoc_client_t *client, const struct telemetry_way *way,
    const struct patience *patience, const char *vehicle,
    const struct names *asked, struct names *list)
{
	struct patience_try t = { .patience = patience };
	bson_error_t error;
	int rc;

	while ((rc = list_parameters(client, way, vehicle, asked, list,
	    &error)) != 0 && telemetry_again(&t, &error))
		names_release(list);
	return rc;
}

/* A column's collection, with way's read preference and read concern. */
static mongoc_collection_t *
collection_of(mongoc_client_t *client, const struct telemetry_way *way,
    const char *vehicle, const char *column)
{
	mongoc_collection_t *c = mongoc_client_get_collection(client, vehicle,
	    column);
	mongoc_read_concern_t *concern;
	mongoc_read_prefs_t *prefs;

	/* Where way says nothing, the URI's settings hold. */
	if (way->read_preference != NULL) {
		prefs = mongoc_read_prefs_new(mode_of(way->read_preference));
		if (mongoc_read_prefs_get_mode(prefs) != MONGOC_READ_PRIMARY)
			mongoc_read_prefs_set_max_staleness_seconds(prefs,
			    STALENESS_S);
		mongoc_collection_set_read_prefs(c, prefs);
		mongoc_read_prefs_destroy(prefs);
	}
	if (way->read_concern != NULL) {
		concern = mongoc_read_concern_new();
		mongoc_read_concern_set_level(concern, way->read_concern);
		mongoc_collection_set_read_concern(c, concern);
		mongoc_read_concern_destroy(concern);
	}
	return c;
}

/* Append an interval of _id to a list of alternatives. */
static void
put_interval(bson_t *or, const char *key, const struct telemetry_range *range,
    const bson_value_t *after, bool dates)
{
	const char *from = range->from_open ? "$gt" : "$gte";
	bson_t doc, in;

	BSON_APPEND_DOCUMENT_BEGIN(or, key, &doc);
	BSON_APPEND_DOCUMENT_BEGIN(&doc, "_id", &in);
	if (after != NULL)
		BSON_APPEND_VALUE(&in, "$gt", after);
	else if (dates)
		BSON_APPEND_DATE_TIME(&in, from, range->from_ms);
	else
		BSON_APPEND_INT64(&in, from, range->from_ms);
	if (dates)
		BSON_APPEND_DATE_TIME(&in, "$lt", range->to_ms);
	else
		BSON_APPEND_INT64(&in, "$lt", range->to_ms);
	bson_append_document_end(&doc, &in);
	bson_append_document_end(or, &doc);
}

/*
 * Numbers sort before Dates, and a range of one does not match the other: two
 * intervals of the index, merged.
 */
static bson_t *
range_filter(const struct telemetry_range *range, const bson_value_t *after)
{
	const bool dates_only = after != NULL &&
	    after->value_type == BSON_TYPE_DATE_TIME;
	bson_t *filter = bson_new(), or;

	BSON_APPEND_ARRAY_BEGIN(filter, "$or", &or);
	put_interval(&or, "0", range, after, dates_only);
	if (!dates_only)
		put_interval(&or, "1", range, NULL, true);
	bson_append_array_end(filter, &or);
	return filter;
}

mongoc_cursor_t *
telemetry_find(mongoc_client_t *client, const struct telemetry_way *way,
    const char *vehicle, const char *column,
    const struct telemetry_range *range, const bson_value_t *after,
    int64_t batch, mongoc_client_session_t *session)
{
	mongoc_collection_t *c = collection_of(client, way, vehicle, column);
	bson_t *filter = range_filter(range, after), *opts;
	mongoc_cursor_t *cursor;

	opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}",
	    "batchSize", BCON_INT64(batch),
	    "maxTimeMS", BCON_INT32(TELEMETRY_MAX_MS),
	    "comment", BCON_UTF8(way->comment));
	put_session(opts, session);
	cursor = mongoc_collection_find_with_opts(c, filter, opts, NULL);
	bson_destroy(opts);
	bson_destroy(filter);
	mongoc_collection_destroy(c);
	return cursor;
}

mongoc_cursor_t *
telemetry_aggregate(mongoc_client_t *client, const struct telemetry_way *way,
    const char *vehicle, const char *column, const bson_t *pipeline,
    mongoc_client_session_t *session)
{
	mongoc_collection_t *c = collection_of(client, way, vehicle, column);
	bson_t *opts = BCON_NEW("batchSize", BCON_INT64(ALL_AT_ONCE),
	    "maxTimeMS", BCON_INT32(TELEMETRY_MAX_MS),
	    "comment", BCON_UTF8(way->comment));
	mongoc_cursor_t *cursor;

	put_session(opts, session);
	cursor = mongoc_collection_aggregate(c, MONGOC_QUERY_NONE, pipeline,
	    opts, NULL);
	bson_destroy(opts);
	mongoc_collection_destroy(c);
	return cursor;
}

int
telemetry_count(mongoc_client_t *client, const struct telemetry_way *way,
    const char *vehicle, const char *column,
    const struct telemetry_range *range, int64_t *documents)
{
	bson_t *filter = range_filter(range, NULL);
	bson_t *pipeline = BCON_NEW("pipeline", "[",
	    "{", "$match", BCON_DOCUMENT(filter), "}",
	    "{", "$count", "documents", "}", "]");
	mongoc_cursor_t *cursor = telemetry_aggregate(client, way, vehicle,
	    column, pipeline, NULL);
	bson_error_t error;
	const bson_t *doc;
	bson_iter_t it;
	int rc = 0;

	/* Of none there is no document. */
	*documents = 0;
	if (mongoc_cursor_next(cursor, &doc) &&
	    bson_iter_init_find(&it, doc, "documents"))
		*documents = bson_iter_as_int64(&it);
	if (mongoc_cursor_error(cursor, &error)) {
		mongo_log("count", &error);
		rc = -1;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(pipeline);
	bson_destroy(filter);
	return rc;
}

/*
 * The time of the first document by _id, a number or a Date, in this direction of
 * the index.
 */
static int
end_of_index(mongoc_collection_t *c, bool dates, int direction,
    const char *comment, int64_t *t_ms)
{
	bson_t *filter = dates ?
	    BCON_NEW("_id", "{", "$gt", BCON_DATE_TIME(0), "$lt",
	    BCON_DATE_TIME(TIMESTAMP_MAX_MS), "}") :
	    BCON_NEW("_id", "{", "$gt", BCON_INT64(0), "$lt",
	    BCON_INT64(TIMESTAMP_MAX_MS), "}");
	bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(direction), "}",
	    "projection", "{", "_id", BCON_INT32(1), "}",
	    "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true),
	    "maxTimeMS", BCON_INT32(TELEMETRY_MAX_MS), "comment", BCON_UTF8(comment));
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
telemetry_extent(mongoc_client_t *client, const struct telemetry_way *way,
    const char *vehicle, const char *column, int64_t *documents,
    int64_t *first_ms, int64_t *last_ms)
{
	mongoc_collection_t *c = collection_of(client, way, vehicle, column);
	bson_error_t error;
	int64_t first, last;
	int dates, rc = 0;

	/* The number comes from metadata, the hours from both ends of the index. */
	*first_ms = *last_ms = JOB_NO_TIME;
	*documents = mongoc_collection_estimated_document_count(c, NULL, NULL,
	    NULL, &error);
	if (*documents < 0) {
		mongo_log("extent", &error);
		rc = -1;
	}
	for (dates = 0; dates < 2 && rc == 0; dates++) {
		if (end_of_index(c, dates, 1, way->comment, &first) != 0 ||
		    end_of_index(c, dates, -1, way->comment, &last) != 0)
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
