/*
 * Documents that have no time: found by the types of their _id, none of which is
 * that of a time. Reads none of telemetry.
 */
#include "worker/odd.h"

#include <math.h>

#include <mongoc/mongoc.h>

#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/patience.h"
#include "lib/servers/mongo.h"
#include "worker/telemetry.h"

/* One query for so many columns. */
#define COLUMNS 100

/* All types that an _id may have, but numbers and Date. A NaN is no time, either. */
static const char *const types[] = {
	"minKey", "undefined", "null", "string", "symbol", "object", "binData",
	"objectId", "bool", "timestamp", "regex", "dbPointer", "javascript",
	"javascriptWithScope", "maxKey",
};
#define NTYPES (sizeof(types) / sizeof(types[0]))

static const char *
key_of(size_t i, char key[16])
{
	const char *k;

	bson_uint32_to_string((uint32_t)i, &k, key, 16);
	return k;
}

/* {$or: [{_id: {$type: [...]}}, {_id: NaN}]}: each by the index. */
static void
put_filter(bson_t *filter)
{
	bson_t either, one, id, list;
	char key[16];
	size_t i;

	BSON_APPEND_ARRAY_BEGIN(filter, "$or", &either);
	BSON_APPEND_DOCUMENT_BEGIN(&either, "0", &one);
	BSON_APPEND_DOCUMENT_BEGIN(&one, "_id", &id);
	BSON_APPEND_ARRAY_BEGIN(&id, "$type", &list);
	for (i = 0; i < NTYPES; i++)
		BSON_APPEND_UTF8(&list, key_of(i, key), types[i]);
	bson_append_array_end(&id, &list);
	bson_append_document_end(&one, &id);
	bson_append_document_end(&either, &one);
	BSON_APPEND_DOCUMENT_BEGIN(&either, "1", &one);
	BSON_APPEND_DOUBLE(&one, "_id", NAN);
	bson_append_document_end(&either, &one);
	bson_append_array_end(filter, &either);
}

/* [{$match: ...}, {$sort: {_id: 1}}, {$project: {_id: 1, c: column}}] */
static void
put_stages(bson_t *stages, size_t column)
{
	bson_t stage, in, id;

	BSON_APPEND_DOCUMENT_BEGIN(stages, "0", &stage);
	BSON_APPEND_DOCUMENT_BEGIN(&stage, "$match", &in);
	put_filter(&in);
	bson_append_document_end(&stage, &in);
	bson_append_document_end(stages, &stage);
	BSON_APPEND_DOCUMENT_BEGIN(stages, "1", &stage);
	BSON_APPEND_DOCUMENT_BEGIN(&stage, "$sort", &in);
	BSON_APPEND_INT32(&in, "_id", 1);
	bson_append_document_end(&stage, &in);
	bson_append_document_end(stages, &stage);
	BSON_APPEND_DOCUMENT_BEGIN(stages, "2", &stage);
	BSON_APPEND_DOCUMENT_BEGIN(&stage, "$project", &in);
	BSON_APPEND_INT32(&in, "_id", 1);
	BSON_APPEND_DOCUMENT_BEGIN(&in, "c", &id);
	BSON_APPEND_INT32(&id, "$literal", (int32_t)column);
	bson_append_document_end(&in, &id);
	bson_append_document_end(&stage, &in);
	bson_append_document_end(stages, &stage);
}

/* Those of the column `first`, and of the others before `end` after it. */
static bson_t *
pipeline_of(const struct odd *o, size_t first, size_t end)
{
	bson_t *pipeline = bson_new(), stages, stage, with, inner;
	size_t i, n = 3;
	char key[16];

	BSON_APPEND_ARRAY_BEGIN(pipeline, "pipeline", &stages);
	put_stages(&stages, first);
	for (i = first + 1; i < end; i++) {
		if (!o->there[i])
			continue;
		BSON_APPEND_DOCUMENT_BEGIN(&stages, key_of(n, key), &stage);
		BSON_APPEND_DOCUMENT_BEGIN(&stage, "$unionWith", &with);
		BSON_APPEND_UTF8(&with, "coll", o->columns->v[i]);
		BSON_APPEND_ARRAY_BEGIN(&with, "pipeline", &inner);
		put_stages(&inner, i);
		bson_append_array_end(&with, &inner);
		bson_append_document_end(&stage, &with);
		bson_append_document_end(&stages, &stage);
		n++;
	}
	BSON_APPEND_DOCUMENT_BEGIN(&stages, key_of(n, key), &stage);
	BSON_APPEND_INT32(&stage, "$limit", ODD_MAX + 1);
	bson_append_document_end(&stages, &stage);
	bson_append_array_end(pipeline, &stages);
	return pipeline;
}

/* Returns 0, 1 to end it. */
static int
take_one(const struct odd *o, const bson_t *doc, size_t *taken)
{
	bson_iter_t id, column;
	bson_t stub = BSON_INITIALIZER;
	int rc;

	if (!bson_iter_init_find(&id, doc, "_id") ||
	    !bson_iter_init_find(&column, doc, "c"))
		return 0;
	if (*taken == ODD_MAX) {
		log_msg(LOG_WARN, "read", "%s: more than %d documents whose "
		    "_id is no time", o->vehicle, ODD_MAX);
		return 1;
	}
	bson_append_iter(&stub, "_id", -1, &id);
	rc = o->take(o->arg, (size_t)bson_iter_as_int64(&column),
	    bson_get_data(&stub), stub.len);
	bson_destroy(&stub);
	++*taken;
	return rc != 0;
}

/* The columns from first on, as many as one query has; one reply has them all. */
static int
run_some(const struct odd *o, size_t first, size_t *taken,
    bson_error_t *error)
{
	const size_t end = first + COLUMNS < o->columns->n ? first + COLUMNS :
	    o->columns->n;
	mongoc_client_session_t *session;
	mongoc_cursor_t *cursor;
	const bson_t *doc;
	bson_t *pipeline;
	int rc = 0;

	if (telemetry_session(o->client, o->way, &session, error) != 0)
		return -1;
	pipeline = pipeline_of(o, first, end);
	cursor = telemetry_aggregate(o->client, o->way, o->vehicle,
	    o->columns->v[first], pipeline, session);
	while (rc == 0 && mongoc_cursor_next(cursor, &doc))
		rc = take_one(o, doc, taken);
	if (rc == 0 && mongoc_cursor_error(cursor, error)) {
		mongo_log("read", error);
		rc = -1;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(pipeline);
	if (session != NULL)
		mongoc_client_session_destroy(session);
	return rc;
}

int
odd_run(const struct odd *o)
{
	struct patience_try t = { .patience = o->patience };
	size_t next = 0, taken = 0;
	bson_error_t error;
	int rc = 0;

	while (next < o->columns->n && rc == 0) {
		if (!o->there[next])
			next++;
		else if ((rc = run_some(o, next, &taken, &error)) == 0)
			next += COLUMNS;
		else if (rc < 0 && telemetry_again(&t, &error))
			rc = 0;
	}
	return rc < 0 ? -1 : 0;
}
