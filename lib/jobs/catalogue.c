/*
 * The catalogue of vehicles as the API reads it: lists, one vehicle. Knows no request
 * and no reply: JSON goes to the caller. Workers write it through catalogue_upkeep.c.
 */
#include "lib/jobs/catalogue.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <mongoc/mongoc.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/base/timestamp.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/catalogue_impl.h"
#include "lib/jobs/fields.h"
#include "lib/jobs/job.h"
#include "lib/jobs/scope.h"

/* Vehicles of a reply of the database, bytes of a page: it ends there, too. */
#define LIST_BATCH 100
#define PAGE_BYTES (1024 * 1024)

struct catalogue *
catalogue_new(mongoc_client_t *client, const struct conf *conf)
{
	struct catalogue *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->conf = conf;
	c->collection = mongoc_client_get_collection(client, "exports",
	    "vehicles");
	c->totals = mongoc_client_get_collection(client, "exports", "totals");
	return c;
}

void
catalogue_free(struct catalogue *c)
{
	if (c == NULL)
		return;
	mongoc_collection_destroy(c->totals);
	mongoc_collection_destroy(c->collection);
	free(c);
}

void
catalogue_scope(struct catalogue *c, const struct scope *scope)
{
	c->scope = scope;
}

static void
json_add_text(struct json_object *o, bson_iter_t *it)
{
	if (BSON_ITER_HOLDS_UTF8(it))
		json_object_object_add(o, bson_iter_key(it),
		    json_object_new_string(bson_iter_utf8(it, NULL)));
}

static void
json_add_time(struct json_object *o, bson_iter_t *it)
{
	char text[TIMESTAMP_SIZE];

	if (!BSON_ITER_HOLDS_DATE_TIME(it))
		return;
	timestamp_format(bson_iter_date_time(it), text);
	json_object_object_add(o, bson_iter_key(it),
	    json_object_new_string(text));
}

static struct json_object *
json_parameter(bson_iter_t *in)
{
	struct json_object *o = json_object_new_object();

	while (o != NULL && bson_iter_next(in)) {
		if (strcmp(bson_iter_key(in), "documents") == 0)
			json_object_object_add(o, "documents",
			    json_object_new_int64(bson_iter_as_int64(in)));
		json_add_text(o, in);
		json_add_time(o, in);
	}
	return o;
}

/* The parameters, in full or only their names. */
static struct json_object *
json_parameters(bson_iter_t *it, bool full)
{
	struct json_object *list = json_object_new_array();
	bson_iter_t array, in;

	if (list == NULL || !BSON_ITER_HOLDS_ARRAY(it) ||
	    !bson_iter_recurse(it, &array))
		return list;
	while (bson_iter_next(&array)) {
		if (!bson_iter_recurse(&array, &in))
			continue;
		if (full)
			json_object_array_add(list, json_parameter(&in));
		else if (bson_iter_find(&in, "name") &&
		    BSON_ITER_HOLDS_UTF8(&in))
			json_object_array_add(list, json_object_new_string(
			    bson_iter_utf8(&in, NULL)));
	}
	return list;
}

static struct json_object *
json_vehicle(const bson_t *doc, bool full)
{
	struct json_object *o = json_object_new_object();
	bson_iter_t it;

	if (o == NULL || !bson_iter_init(&it, doc))
		return o;
	while (bson_iter_next(&it)) {
		const char *key = bson_iter_key(&it);

		if (strcmp(key, "parameters") == 0)
			json_object_object_add(o, key,
			    json_parameters(&it, full));
		else if (strcmp(key, "_id") == 0)
			json_add_text(o, &it);
		else if (full || strcmp(key, "checkedAt") != 0)
			json_add_time(o, &it);
	}
	return o;
}

/* {_id: {$gt: after, $gte: prefix, $lt: after all that begin with it}}, in the scope */
static bson_t *
page_filter(const struct catalogue *c, const struct catalogue_page *page)
{
	bson_t *filter = bson_new(), id;
	char *end;

	BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &id);
	if (page->after[0] != '\0')
		BSON_APPEND_UTF8(&id, "$gt", page->after);
	BSON_APPEND_UTF8(&id, "$gte", page->prefix);
	if (page->prefix[0] != '\0' && (end = scope_end(page->prefix)) != NULL) {
		BSON_APPEND_UTF8(&id, "$lt", end);
		free(end);
	}
	bson_append_document_end(filter, &id);
	scope_filter(c->scope, filter);
	return filter;
}

enum catalogue_result
catalogue_end(mongoc_cursor_t *cursor, const char *op)
{
	bson_error_t error;

	if (!mongoc_cursor_error(cursor, &error))
		return CATALOGUE_OK;
	mongo_log(op, &error);
	return CATALOGUE_ERROR;
}

enum catalogue_result
catalogue_list(struct catalogue *c, const struct catalogue_page *page,
    struct json_object **o)
{
	bson_t *filter = page_filter(c, page), *opts;
	struct json_object *list, *one = NULL, *next;
	enum catalogue_result rc = CATALOGUE_ERROR;
	mongoc_cursor_t *cursor;
	const bson_t *doc;
	size_t bytes = 0;
	int64_t n = 0;
	bool more = false;

	/* One more than the page holds shows whether there is a next. */
	opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}",
	    "limit", BCON_INT64(page->limit + 1), "projection", "{",
	    "parameters.name", BCON_INT32(1), "first", BCON_INT32(1),
	    "last", BCON_INT32(1), "}", "batchSize", BCON_INT64(LIST_BATCH),
	    "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	cursor = mongoc_collection_find_with_opts(c->collection, filter, opts,
	    NULL);
	*o = json_object_new_object();
	list = json_object_new_array();
	if (*o == NULL || list == NULL ||
	    json_object_object_add(*o, "vehicles", list) != 0)
		goto out;
	while (mongoc_cursor_next(cursor, &doc) && ++n <= page->limit) {
		next = json_vehicle(doc, false);
		bytes += strlen(json_object_to_json_string_ext(next,
		    JSON_C_TO_STRING_PLAIN));
		if (one != NULL && bytes > PAGE_BYTES) {
			json_object_put(next);
			more = true;
			break;
		}
		json_object_array_add(list, one = next);
	}
	if (more || n > page->limit)
		json_object_object_add(*o, "next", json_object_get(
		    json_object_object_get(one, "_id")));
	rc = catalogue_end(cursor, "list_vehicles");
out:
	if (rc != CATALOGUE_OK) {
		json_object_put(*o);
		*o = NULL;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

enum catalogue_result
catalogue_get(struct catalogue *c, const char *name, struct json_object **o)
{
	bson_t *filter = BCON_NEW("_id", BCON_UTF8(name));
	bson_t *opts = BCON_NEW("limit", BCON_INT64(1), "singleBatch",
	    BCON_BOOL(true), "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	enum catalogue_result rc;
	mongoc_cursor_t *cursor;
	const bson_t *doc;

	scope_filter(c->scope, filter);
	cursor = mongoc_collection_find_with_opts(c->collection, filter, opts,
	    NULL);
	/* No document and no error: there is no such vehicle. */
	if (mongoc_cursor_next(cursor, &doc)) {
		*o = json_vehicle(doc, true);
		rc = CATALOGUE_OK;
	} else {
		rc = catalogue_end(cursor, "find_vehicle");
		if (rc == CATALOGUE_OK)
			rc = CATALOGUE_NONE;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

bson_t *
catalogue_requested(const struct catalogue *c, const struct job *job)
{
	bson_t *filter = bson_new(), in;

	scope_filter(c->scope, filter);
	if (job->spec.vehicles.n == 0)
		return filter;
	BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &in);
	names_bson(&job->spec.vehicles, "$in", &in);
	bson_append_document_end(filter, &in);
	return filter;
}

static bool
is_in(const struct names *list, const char *name)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (strcmp(list->v[i], name) == 0)
			return true;
	return false;
}

enum catalogue_result
catalogue_names(struct catalogue *c, const bson_t *filter, const bson_t *projection,
    const char *member, struct names *list)
{
	bson_t *opts = BCON_NEW("projection", BCON_DOCUMENT(projection),
	    "maxTimeMS", BCON_INT32(CATALOGUE_SCAN_MAX_MS));
	enum catalogue_result rc = CATALOGUE_OK;
	mongoc_cursor_t *cursor;
	const bson_t *doc;
	bson_iter_t it, id;

	cursor = mongoc_collection_find_with_opts(c->collection, filter, opts,
	    NULL);
	while (rc == CATALOGUE_OK && mongoc_cursor_next(cursor, &doc)) {
		if (!bson_iter_init_find(&id, doc, "_id") ||
		    !BSON_ITER_HOLDS_UTF8(&id) || (member != NULL &&
		    !(bson_iter_init_find(&it, doc, member) &&
		    bson_iter_as_bool(&it))))
			continue;
		if (names_add(list, bson_iter_utf8(&id, NULL),
		    strlen(bson_iter_utf8(&id, NULL))) != 0)
			rc = CATALOGUE_ERROR;
	}
	if (rc == CATALOGUE_OK)
		rc = catalogue_end(cursor, "catalogue");
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	return rc;
}

enum catalogue_result
catalogue_unknown(struct catalogue *c, const struct job *job,
    struct names *unknown)
{
	bson_t *filter = catalogue_requested(c, job);
	bson_t *projection = BCON_NEW("_id", BCON_INT32(1));
	struct names known = { 0 };
	enum catalogue_result rc = CATALOGUE_OK;
	size_t i;

	if (job->spec.vehicles.n > 0)
		rc = catalogue_names(c, filter, projection, NULL, &known);
	for (i = 0; rc == CATALOGUE_OK && i < job->spec.vehicles.n; i++)
		if (!is_in(&known, job->spec.vehicles.v[i]) &&
		    names_add(unknown, job->spec.vehicles.v[i],
		    strlen(job->spec.vehicles.v[i])) != 0)
			rc = CATALOGUE_ERROR;
	names_release(&known);
	bson_destroy(projection);
	bson_destroy(filter);
	return rc;
}
