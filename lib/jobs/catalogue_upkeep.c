/*
 * The catalogue of vehicles as the workers keep it up: what is stale, who
 * checks it, what was seen. Does not look at the vehicles' databases itself:
 * worker/catalogue_refresh.c does.
 */
#include "lib/jobs/catalogue_upkeep.h"

#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/conf.h"
#include "lib/base/names.h"
#include "lib/base/timestamp.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/catalogue_impl.h"
#include "lib/jobs/job.h"

/* {op: [checkedAt, now - catalogue_s]}, by the database's clock. */
static bson_t *
compare_age(const struct catalogue *c, const char *op)
{
	return BCON_NEW(op, "[", BCON_UTF8("$checkedAt"), "{", "$subtract", "[",
	    BCON_UTF8("$$NOW"), BCON_INT64(c->conf->catalogue_s * 1000), "]",
	    "}", "]");
}

static void
remove_vehicle(struct catalogue *c, const char *name)
{
	bson_t *filter = BCON_NEW("_id", BCON_UTF8(name));
	bson_error_t error;

	if (!mongoc_collection_delete_one(c->collection, filter, NULL, NULL,
	    &error))
		mongo_log("catalogue", &error);
	bson_destroy(filter);
}

/* Both are sorted: append what is new to stale, remove what is gone. */
static enum catalogue_result
catalogue_compare(struct catalogue *c, const struct names *there,
    const struct names *known, struct names *stale)
{
	size_t i;

	for (i = 0; i < known->n; i++)
		if (!names_has(there, known->v[i]))
			remove_vehicle(c, known->v[i]);
	for (i = 0; i < there->n; i++)
		if (!names_has(known, there->v[i]) && names_add(stale,
		    there->v[i], strlen(there->v[i])) != 0)
			return CATALOGUE_ERROR;
	return CATALOGUE_OK;
}

enum catalogue_result
catalogue_stale(struct catalogue *c, struct names *all,
    struct names *stale)
{
	bson_t everything = BSON_INITIALIZER, *old = compare_age(c, "$lt");
	bson_t *projection = BCON_NEW("_id", BCON_INT32(1), "old",
	    BCON_DOCUMENT(old));
	struct names known = { 0 };
	enum catalogue_result rc;

	/* Which there are in the catalogue, and which of them are old. */
	rc = catalogue_names(c, &everything, projection, NULL, &known);
	names_sort(&known);
	names_sort(all);
	if (rc == CATALOGUE_OK)
		rc = catalogue_compare(c, all, &known, stale);
	if (rc == CATALOGUE_OK)
		rc = catalogue_names(c, &everything, projection, "old", stale);
	names_release(&known);
	bson_destroy(projection);
	bson_destroy(old);
	bson_destroy(&everything);
	return rc;
}

/* A new vehicle has no document that could be claimed. */
static enum catalogue_result
find_new(struct catalogue *c, const char *name)
{
	bson_t *filter = BCON_NEW("_id", BCON_UTF8(name));
	bson_error_t error;
	int64_t n;

	n = mongoc_collection_count_documents(c->collection, filter, NULL, NULL,
	    NULL, &error);
	bson_destroy(filter);
	if (n < 0) {
		mongo_log("catalogue", &error);
		return CATALOGUE_ERROR;
	}
	return n == 0 ? CATALOGUE_OK : CATALOGUE_NONE;
}

/*
 * The worker that sets checkedAt checks. Two may check a new one, and write the
 * same: a document inserted before the check would be shown, empty.
 */
enum catalogue_result
catalogue_claim(struct catalogue *c, const char *name)
{
	bson_t *old = compare_age(c, "$lt"), *filter, *update, reply;
	enum catalogue_result rc = CATALOGUE_ERROR;
	bson_error_t error;
	bson_iter_t it;

	filter = BCON_NEW("_id", BCON_UTF8(name), "$expr", BCON_DOCUMENT(old));
	update = BCON_NEW("0", "{", "$set", "{", "checkedAt",
	    BCON_UTF8("$$NOW"), "}", "}");
	if (!mongoc_collection_update_one(c->collection, filter, update, NULL,
	    &reply, &error))
		mongo_log("catalogue", &error);
	else if (bson_iter_init_find(&it, &reply, "matchedCount"))
		rc = bson_iter_as_int64(&it) == 1 ? CATALOGUE_OK :
		    find_new(c, name);
	bson_destroy(&reply);
	bson_destroy(update);
	bson_destroy(filter);
	bson_destroy(old);
	return rc;
}

/* The first and the last hour; nothing where there is none. */
static void
append_hours(bson_t *doc, int64_t first_ms, int64_t last_ms)
{
	if (first_ms == JOB_NO_TIME)
		return;
	BSON_APPEND_DATE_TIME(doc, "first", first_ms);
	BSON_APPEND_DATE_TIME(doc, "last", last_ms);
}

/* What the span of the whole collection does not say already. */
static void
append_spans(bson_t *doc, const struct catalogue_parameter *p)
{
	const char *key;
	char text[16];
	bson_t array, in;
	size_t i;

	if (p->n < 2 && (p->n == 0 || p->spans[0].documents == p->documents))
		return;
	BSON_APPEND_ARRAY_BEGIN(doc, "spans", &array);
	for (i = 0; i < p->n; i++) {
		bson_uint32_to_string((uint32_t)i, &key, text, sizeof(text));
		BSON_APPEND_DOCUMENT_BEGIN(&array, key, &in);
		BSON_APPEND_INT64(&in, "documents", p->spans[i].documents);
		append_hours(&in, p->spans[i].from * HOUR_MS,
		    (p->spans[i].to - 1) * HOUR_MS);
		bson_append_document_end(&array, &in);
	}
	bson_append_array_end(doc, &array);
}

/* The array of parameters, then the hours of all of them together. */
static void
append_parameters(bson_t *doc, const struct catalogue_parameter *p, size_t n)
{
	int64_t first_ms = JOB_NO_TIME, last_ms = JOB_NO_TIME;
	const char *key;
	char text[16];
	bson_t array, in;
	size_t i;

	BSON_APPEND_ARRAY_BEGIN(doc, "parameters", &array);
	for (i = 0; i < n; i++) {
		bson_uint32_to_string((uint32_t)i, &key, text, sizeof(text));
		BSON_APPEND_DOCUMENT_BEGIN(&array, key, &in);
		BSON_APPEND_UTF8(&in, "name", p[i].name);
		BSON_APPEND_INT64(&in, "documents", p[i].documents);
		append_hours(&in, p[i].first_ms, p[i].last_ms);
		append_spans(&in, &p[i]);
		bson_append_document_end(&array, &in);
		if (p[i].first_ms == JOB_NO_TIME)
			continue;
		if (first_ms == JOB_NO_TIME || p[i].first_ms < first_ms)
			first_ms = p[i].first_ms;
		if (last_ms == JOB_NO_TIME || p[i].last_ms > last_ms)
			last_ms = p[i].last_ms;
	}
	bson_append_array_end(doc, &array);
	append_hours(doc, first_ms, last_ms);
}

enum catalogue_result
catalogue_put(struct catalogue *c, const char *name,
    const struct catalogue_parameter *parameters, size_t n)
{
	bson_t doc = BSON_INITIALIZER, *filter, *update, *opts;
	enum catalogue_result rc = CATALOGUE_OK;
	bson_error_t error;

	BSON_APPEND_UTF8(&doc, "_id", name);
	append_parameters(&doc, parameters, n);
	filter = BCON_NEW("_id", BCON_UTF8(name));
	/* $literal: a name with a $ or a dot in it is data, not an expression. */
	update = BCON_NEW("0", "{", "$replaceWith", "{", "$mergeObjects", "[",
	    "{", "$literal", BCON_DOCUMENT(&doc), "}",
	    "{", "checkedAt", BCON_UTF8("$$NOW"), "}", "]", "}", "}");
	opts = BCON_NEW("upsert", BCON_BOOL(true));
	if (!mongoc_collection_update_one(c->collection, filter, update, opts,
	    NULL, &error)) {
		mongo_log("catalogue", &error);
		rc = CATALOGUE_ERROR;
	}
	bson_destroy(opts);
	bson_destroy(update);
	bson_destroy(filter);
	bson_destroy(&doc);
	return rc;
}
