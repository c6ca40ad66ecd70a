/*
 * The vehicles' databases and collections: which there are, how many documents,
 * from when to when, and how they are to be read. Reads no document of
 * telemetry.
 */
#include "worker/telemetry.h"

#include <math.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/timestamp.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/job.h"
#include "worker/engine/archive.h"

/* Do not read from a secondary lagging more than this. */
#define STALENESS_S 120

int
telemetry_vehicles(mongoc_client_t *client, const char *prefix,
    struct names *list)
{
	bson_error_t error;
	char **names, **name;
	int rc = 0;

	/* All names: a filter would cost the server no less. */
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
telemetry_parameters(mongoc_client_t *client, const char *vehicle,
    struct names *list)
{
	mongoc_database_t *database;
	mongoc_cursor_t *cursor;
	bson_error_t error;
	const bson_t *doc;
	bson_iter_t it;
	bson_t *opts;
	int rc = 0;

	/* Only names, which takes no lock on the collections; no views. */
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
	archive_columns_sort(list);
	return rc;
}

/* {_id: {$gt: from - 1 h, $lt: to}}, as numbers or as Dates. */
bson_t *
telemetry_filter(const struct telemetry_spec *spec, enum telemetry_id type)
{
	const int64_t after = spec->from_ms - HOUR_MS;

	return type == TELEMETRY_NUMBER ?
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

mongoc_collection_t *
telemetry_collection(const struct telemetry_spec *spec, size_t column)
{
	mongoc_collection_t *c = mongoc_client_get_collection(spec->client,
	    spec->vehicle, spec->columns[column]);
	mongoc_read_concern_t *concern;
	mongoc_read_prefs_t *prefs;

	/* Where the spec says nothing, the URI's settings hold. */
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
telemetry_count(const struct telemetry_spec *spec, uint64_t *n)
{
	int64_t count = 0;
	size_t i;
	int type;

	/* Each column twice: numbers, then Dates. */
	for (i = 0; i < spec->n * TELEMETRY_IDS && count >= 0; i++) {
		mongoc_collection_t *c;
		bson_error_t error;
		bson_t *filter, *opts;

		type = (int)(i % TELEMETRY_IDS);
		c = telemetry_collection(spec, i / TELEMETRY_IDS);
		filter = telemetry_filter(spec, type);
		opts = BCON_NEW("hint", "{", "_id", BCON_INT32(1), "}",
		    "maxTimeMS", BCON_INT32(TELEMETRY_MAX_MS),
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

/*
 * The time of the first document by _id of a type, in this direction of the
 * index.
 */
static int
end_of_index(mongoc_collection_t *c, enum telemetry_id type, int direction,
    const char *comment, int64_t *t_ms)
{
	const struct telemetry_spec all = { .from_ms = HOUR_MS,
	    .to_ms = TIMESTAMP_MAX_MS };
	bson_t *filter = telemetry_filter(&all, type);
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
telemetry_extent(const struct telemetry_spec *spec, size_t column,
    int64_t *documents, int64_t *first_ms, int64_t *last_ms)
{
	mongoc_collection_t *c = telemetry_collection(spec, column);
	bson_error_t error;
	int64_t first, last;
	int type, rc = 0;

	/* The number comes from metadata, the hours from both ends of the index. */
	*first_ms = *last_ms = JOB_NO_TIME;
	*documents = mongoc_collection_estimated_document_count(c, NULL, NULL,
	    NULL, &error);
	if (*documents < 0) {
		mongo_log("extent", &error);
		rc = -1;
	}
	for (type = 0; type < TELEMETRY_IDS && rc == 0; type++) {
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
