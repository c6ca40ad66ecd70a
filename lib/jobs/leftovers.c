/*
 * Records whose objects are still to be removed from S3. Knows no S3: what becomes of
 * an object is worker/removal.c's.
 */
#include "lib/jobs/leftovers.h"

#include <stdio.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/servers/mongo.h"
#include "lib/jobs/tasks_impl.h"

/* {state: EXPIRED, removedAt: null}: the index "leftovers" has just these first. */
static bson_t *
leftovers_filter(void)
{
	return BCON_NEW("state", BCON_UTF8(job_state_name(JOB_EXPIRED)),
	    "removedAt", BCON_NULL);
}

static void
read_leftover(const bson_t *doc, struct leftover *l)
{
	bson_iter_t it, key;

	memset(l, 0, sizeof(*l));
	if (bson_iter_init_find(&it, doc, "_id") && BSON_ITER_HOLDS_OID(&it))
		bson_oid_to_string(bson_iter_oid(&it), l->id);
	l->fence = tasks_number(doc, "fence");
	if (bson_iter_init(&it, doc) &&
	    bson_iter_find_descendant(&it, "object.key", &key) &&
	    BSON_ITER_HOLDS_UTF8(&key))
		snprintf(l->key, sizeof(l->key), "%s", bson_iter_utf8(&key, NULL));
}

enum jobs_result
leftovers_next(struct tasks *tasks, const char *after, struct leftover *l)
{
	bson_t *filter = leftovers_filter(), *doc = NULL;
	bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}",
	    "limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true),
	    /* By _id it would pass over all that were removed before. */
	    "hint", BCON_UTF8("leftovers"),
	    "projection", "{", "fence", BCON_INT32(1), "object.key", BCON_INT32(1), "}",
	    "readConcern", "{", "level", BCON_UTF8("majority"), "}",
	    "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	enum jobs_result rc;
	bson_oid_t oid;

	if (after[0] != '\0') {
		bson_oid_init_from_string(&oid, after);
		BCON_APPEND(filter, "_id", "{", "$gt", BCON_OID(&oid), "}");
	}
	rc = tasks_first(mongoc_collection_find_with_opts(tasks->collection, filter,
	    opts, NULL), "leftovers", &doc);
	if (rc == JOBS_OK)
		read_leftover(doc, l);
	bson_destroy(doc);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

enum jobs_result
leftovers_removed(struct tasks *tasks, const struct leftover *l)
{
	bson_t *filter = leftovers_filter(), *update;
	enum jobs_result rc = JOBS_OK;
	bson_error_t error;
	bson_oid_t oid;

	bson_oid_init_from_string(&oid, l->id);
	BSON_APPEND_OID(filter, "_id", &oid);
	if (tasks->kind == TASK_JOB) {
		update = BCON_NEW("$currentDate", "{", "removedAt", BCON_BOOL(true),
		    "}");
		rc = tasks_update(tasks->collection, "leftovers", filter, update);
		bson_destroy(update);
	} else if (!mongoc_collection_delete_one(tasks->collection, filter, NULL,
	    NULL, &error)) {
		mongo_log("leftovers", &error);
		rc = JOBS_ERROR;
	}
	bson_destroy(filter);
	return rc;
}

enum jobs_result
leftovers_keep(struct tasks *tasks, const bson_t *units)
{
	/* A job of its own: the next plan may have the same number. */
	bson_t *pipeline = BCON_NEW("0", "{", "$set", "{", "job", BCON_UTF8("$_id"),
	    "state", BCON_UTF8(job_state_name(JOB_EXPIRED)), "}", "}",
	    "1", "{", "$unset", "[", BCON_UTF8("worker"), BCON_UTF8("facts"), "]", "}");
	enum jobs_result rc = JOBS_OK;
	bson_error_t error;

	if (!mongoc_collection_update_many(tasks->collection, units, pipeline, NULL,
	    NULL, &error)) {
		mongo_log("drop_units", &error);
		rc = JOBS_ERROR;
	}
	bson_destroy(pipeline);
	return rc;
}
