#include "lib/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/conf.h"
#include "lib/log.h"
#include "lib/mongo.h"

#define MESSAGE_MAX 512

struct jobs {
	const struct conf *conf;
	mongoc_client_t *client;
	mongoc_collection_t *collection;
};

struct jobs *
jobs_new(mongoc_client_t *client, const struct conf *conf)
{
	struct jobs *jobs;

	if ((jobs = calloc(1, sizeof(*jobs))) == NULL)
		return NULL;
	jobs->conf = conf;
	jobs->client = client;
	jobs->collection = mongoc_client_get_collection(client, "exports",
	    "jobs");
	return jobs;
}

void
jobs_free(struct jobs *jobs)
{
	if (jobs == NULL)
		return;
	mongoc_collection_destroy(jobs->collection);
	free(jobs);
}

enum jobs_result
jobs_ping(struct jobs *jobs)
{
	mongoc_read_prefs_t *primary;
	bson_error_t error;
	bson_t *ping;
	bool ok;

	primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
	ping = BCON_NEW("ping", BCON_INT32(1));
	ok = mongoc_client_command_simple(jobs->client, "admin", ping, primary,
	    NULL, &error);
	if (!ok)
		mongo_log("ping", &error);
	bson_destroy(ping);
	mongoc_read_prefs_destroy(primary);
	return ok ? JOBS_OK : JOBS_ERROR;
}

/* Update the one document that filter finds. Takes over filter and pipeline. */
static enum jobs_result
update(struct jobs *jobs, const char *op, bson_t *filter, bson_t *pipeline,
    bool upsert)
{
	bson_error_t error;
	bson_iter_t it;
	bson_t opts = BSON_INITIALIZER, reply;
	enum jobs_result rc = JOBS_ERROR;

	if (upsert)
		BSON_APPEND_BOOL(&opts, "upsert", true);
	if (!mongoc_collection_update_one(jobs->collection, filter, pipeline,
	    &opts, &reply, &error))
		mongo_log(op, &error);
	else if (upsert)
		rc = JOBS_OK;
	else if (bson_iter_init_find(&it, &reply, "matchedCount"))
		rc = bson_iter_as_int64(&it) == 1 ? JOBS_OK : JOBS_NONE;
	bson_destroy(&reply);
	bson_destroy(&opts);
	bson_destroy(filter);
	bson_destroy(pipeline);
	return rc;
}

/* What every write of a worker matches: its own claim, and nothing later. */
static bson_t *
claimed(const struct job *job)
{
	bson_oid_t oid;

	bson_oid_init_from_string(&oid, job->id);
	return BCON_NEW("_id", BCON_OID(&oid), "fence",
	    BCON_INT64(job->fence), "state", BCON_UTF8("STARTED"));
}

static enum jobs_result
count_unfinished(struct jobs *jobs, const char *owner, int64_t *n)
{
	bson_error_t error;
	bson_t *filter;

	filter = BCON_NEW("owner", BCON_UTF8(owner), "state", "{", "$in", "[",
	    BCON_UTF8("NOT_STARTED"), BCON_UTF8("STARTED"), "]", "}");
	*n = mongoc_collection_count_documents(jobs->collection, filter, NULL,
	    NULL, NULL, &error);
	bson_destroy(filter);
	if (*n >= 0)
		return JOBS_OK;
	mongo_log("jobs_insert", &error);
	return JOBS_ERROR;
}

enum jobs_result
jobs_insert(struct jobs *jobs, struct job *job)
{
	bson_t doc = BSON_INITIALIZER, *pipeline, *filter;
	struct job stored;
	bson_oid_t oid;

	if (count_unfinished(jobs, job->owner, &job->rank) != JOBS_OK)
		return JOBS_ERROR;
	job_new_bson(job, &doc);
	bson_oid_init_from_string(&oid, job->id);
	filter = BCON_NEW("_id", BCON_OID(&oid));
	/* An upsert, since only a pipeline can take the database's time. */
	pipeline = BCON_NEW("0", "{", "$replaceWith", "{", "$mergeObjects", "[",
	    "{", "$literal", BCON_DOCUMENT(&doc), "}",
	    "{", "createdAt", BCON_UTF8("$$NOW"),
	    "dueAt", BCON_UTF8("$$NOW"), "}", "]", "}", "}");
	bson_destroy(&doc);
	update(jobs, "jobs_insert", filter, pipeline, true);
	/* After an error the outcome is unknown: only what is read back counts. */
	if (jobs_find(jobs, job->id, job->owner, &stored) != JOBS_OK)
		return JOBS_ERROR;
	job_release(job);
	*job = stored;
	return JOBS_OK;
}

enum jobs_result
jobs_find(struct jobs *jobs, const char *id, const char *owner,
    struct job *job)
{
	enum jobs_result rc = JOBS_ERROR;
	mongoc_cursor_t *cursor;
	bson_error_t error;
	const bson_t *doc;
	bson_oid_t oid;
	bson_t *filter, *opts;

	bson_oid_init_from_string(&oid, id);
	filter = BCON_NEW("_id", BCON_OID(&oid));
	if (owner != NULL)
		BSON_APPEND_UTF8(filter, "owner", owner);
	opts = BCON_NEW("limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true));
	cursor = mongoc_collection_find_with_opts(jobs->collection, filter,
	    opts, NULL);
	if (mongoc_cursor_next(cursor, &doc)) {
		if (job_from_bson(doc, job) == 0)
			rc = JOBS_OK;
		else
			job_release(job);
	} else if (mongoc_cursor_error(cursor, &error)) {
		mongo_log("jobs_find", &error);
	} else {
		rc = JOBS_NONE;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

/* {state unfinished, due} and whatever more the caller appends. */
static bson_t *
due(void)
{
	return BCON_NEW("state", "{", "$in", "[", BCON_UTF8("NOT_STARTED"),
	    BCON_UTF8("STARTED"), "]", "}", "$expr", "{", "$lte", "[",
	    BCON_UTF8("$dueAt"), BCON_UTF8("$$NOW"), "]", "}");
}

/* End, for all at once, the due jobs that filter finds. Takes over both. */
static enum jobs_result
sweep(struct jobs *jobs, bson_t *filter, bson_t *pipeline)
{
	bson_error_t error;
	enum jobs_result rc = JOBS_OK;

	if (!mongoc_collection_update_many(jobs->collection, filter, pipeline,
	    NULL, NULL, &error)) {
		mongo_log("jobs_claim", &error);
		rc = JOBS_ERROR;
	}
	bson_destroy(filter);
	bson_destroy(pipeline);
	return rc;
}

static enum jobs_result
sweep_due(struct jobs *jobs)
{
	bson_t *filter;

	filter = due();
	BSON_APPEND_BOOL(filter, "cancelRequested", true);
	if (sweep(jobs, filter, BCON_NEW("0", "{", "$set", "{",
	    "state", BCON_UTF8("CANCELLED"),
	    "finishedAt", BCON_UTF8("$$NOW"), "}", "}")) != JOBS_OK)
		return JOBS_ERROR;
	filter = due();
	BCON_APPEND(filter, "attempts", "{", "$gte",
	    BCON_INT64(jobs->conf->max_attempts), "}");
	return sweep(jobs, filter, BCON_NEW("0", "{", "$set", "{",
	    "state", BCON_UTF8("FAILED"), "finishedAt", BCON_UTF8("$$NOW"),
	    "error", "{",
	    "code", BCON_UTF8(failure_code(FAILURE_ATTEMPTS)),
	    "message", BCON_UTF8(failure_text(FAILURE_ATTEMPTS)), "}",
	    "}", "}"));
}

/* findAndModify; on JOBS_OK the document is in reply's value. Takes over all. */
static enum jobs_result
find_and_modify(struct jobs *jobs, const char *op, bson_t *filter,
    bson_t *sort, bson_t *pipeline, bson_t *reply, bson_t *doc)
{
	mongoc_find_and_modify_opts_t *opts;
	enum jobs_result rc = JOBS_ERROR;
	bson_error_t error;
	bson_iter_t it;
	const uint8_t *data;
	uint32_t len;

	opts = mongoc_find_and_modify_opts_new();
	mongoc_find_and_modify_opts_set_update(opts, pipeline);
	mongoc_find_and_modify_opts_set_flags(opts,
	    MONGOC_FIND_AND_MODIFY_RETURN_NEW);
	if (sort != NULL)
		mongoc_find_and_modify_opts_set_sort(opts, sort);
	if (!mongoc_collection_find_and_modify_with_opts(jobs->collection,
	    filter, opts, reply, &error)) {
		mongo_log(op, &error);
	} else if (!bson_iter_init_find(&it, reply, "value") ||
	    !BSON_ITER_HOLDS_DOCUMENT(&it)) {
		rc = JOBS_NONE;
	} else {
		bson_iter_document(&it, &len, &data);
		rc = bson_init_static(doc, data, len) ? JOBS_OK : JOBS_ERROR;
	}
	mongoc_find_and_modify_opts_destroy(opts);
	bson_destroy(filter);
	bson_destroy(sort);
	bson_destroy(pipeline);
	return rc;
}

enum jobs_result
jobs_claim(struct jobs *jobs, const char *worker, struct job *job)
{
	struct job_progress none = { .phase = "counting" };
	bson_t *filter, *pipeline, progress = BSON_INITIALIZER, reply, doc;
	enum jobs_result rc;

	if (sweep_due(jobs) != JOBS_OK)
		return JOBS_ERROR;
	filter = due();
	BCON_APPEND(filter, "attempts", "{", "$lt",
	    BCON_INT64(jobs->conf->max_attempts), "}",
	    "cancelRequested", BCON_BOOL(false));
	job_progress_bson(&none, &progress);
	pipeline = BCON_NEW("0", "{", "$set", "{",
	    "state", BCON_UTF8("STARTED"),
	    "startedAt", "{", "$ifNull", "[", BCON_UTF8("$startedAt"),
	    BCON_UTF8("$$NOW"), "]", "}",
	    "dueAt", "{", "$add", "[", BCON_UTF8("$$NOW"),
	    BCON_INT64(jobs->conf->lease_ms), "]", "}",
	    "fence", "{", "$add", "[", BCON_UTF8("$fence"), BCON_INT64(1),
	    "]", "}",
	    "attempts", "{", "$add", "[", BCON_UTF8("$attempts"),
	    BCON_INT32(1), "]", "}",
	    "worker", "{", "$literal", BCON_UTF8(worker), "}",
	    "progress", BCON_DOCUMENT(&progress),
	    "}", "}");
	bson_destroy(&progress);
	rc = find_and_modify(jobs, "jobs_claim", filter,
	    BCON_NEW("rank", BCON_INT32(1), "createdAt", BCON_INT32(1)),
	    pipeline, &reply, &doc);
	if (rc == JOBS_OK && job_from_bson(&doc, job) != 0) {
		/* It can be told from its id and fence alone that it is bad. */
		if (job->id[0] != '\0')
			jobs_fail(jobs, job, FAILURE_BAD_JOB, NULL);
		job_release(job);
		rc = JOBS_NONE;
	}
	bson_destroy(&reply);
	return rc;
}

enum jobs_result
jobs_renew(struct jobs *jobs, const struct job *job,
    const struct job_progress *progress, bool *cancel)
{
	bson_t *pipeline, stored = BSON_INITIALIZER, reply, doc;
	enum jobs_result rc;
	bson_iter_t it;

	job_progress_bson(progress, &stored);
	pipeline = BCON_NEW("0", "{", "$set", "{",
	    "dueAt", "{", "$add", "[", BCON_UTF8("$$NOW"),
	    BCON_INT64(jobs->conf->lease_ms), "]", "}",
	    "progress", BCON_DOCUMENT(&stored), "}", "}");
	bson_destroy(&stored);
	rc = find_and_modify(jobs, "jobs_renew", claimed(job), NULL, pipeline,
	    &reply, &doc);
	if (rc == JOBS_OK)
		*cancel = bson_iter_init_find(&it, &doc, "cancelRequested") &&
		    bson_iter_as_bool(&it);
	bson_destroy(&reply);
	return rc;
}

enum jobs_result
jobs_finish(struct jobs *jobs, const struct job *job,
    const struct job_progress *progress)
{
	bson_t stored = BSON_INITIALIZER, *pipeline;

	job_progress_bson(progress, &stored);
	pipeline = BCON_NEW("0", "{", "$set", "{",
	    "state", BCON_UTF8("FINISHED"),
	    "finishedAt", BCON_UTF8("$$NOW"),
	    "expiresAt", "{", "$add", "[", BCON_UTF8("$$NOW"),
	    BCON_INT64(jobs->conf->retention_days * 86400000), "]", "}",
	    "progress", BCON_DOCUMENT(&stored),
	    "object", "{", "$literal", "{",
	    "key", BCON_UTF8(job->object_key),
	    "size", BCON_INT64(job->object_size),
	    "sha256", BCON_UTF8(job->object_sha256),
	    "etag", BCON_UTF8(job->object_etag), "}", "}",
	    "}", "}", "1", "{", "$unset", BCON_UTF8("error"), "}");
	bson_destroy(&stored);
	return update(jobs, "jobs_finish", claimed(job), pipeline, false);
}

enum jobs_result
jobs_fail(struct jobs *jobs, const struct job *job, enum failure why,
    const char *detail)
{
	char message[MESSAGE_MAX];

	snprintf(message, sizeof(message), "%s%s%s", failure_text(why),
	    detail ? " " : "", detail ? detail : "");
	return update(jobs, "jobs_fail", claimed(job), BCON_NEW("0", "{",
	    "$set", "{", "state", BCON_UTF8("FAILED"),
	    "finishedAt", BCON_UTF8("$$NOW"), "error", "{", "$literal", "{",
	    "code", BCON_UTF8(failure_code(why)),
	    "message", BCON_UTF8(message), "}", "}", "}", "}"), false);
}

enum jobs_result
jobs_retry(struct jobs *jobs, const struct job *job, enum failure why,
    int64_t delay_ms)
{
	return update(jobs, "jobs_retry", claimed(job), BCON_NEW("0", "{",
	    "$set", "{", "dueAt", "{", "$add", "[", BCON_UTF8("$$NOW"),
	    BCON_INT64(delay_ms), "]", "}", "error", "{", "$literal", "{",
	    "code", BCON_UTF8(failure_code(why)),
	    "message", BCON_UTF8(failure_text(why)), "}", "}", "}", "}"),
	    false);
}

enum jobs_result
jobs_cancel(struct jobs *jobs, const struct job *job)
{
	return update(jobs, "jobs_cancel", claimed(job), BCON_NEW("0", "{",
	    "$set", "{", "state", BCON_UTF8("CANCELLED"),
	    "finishedAt", BCON_UTF8("$$NOW"), "}", "}"), false);
}

enum jobs_result
jobs_release(struct jobs *jobs, const struct job *job)
{
	return update(jobs, "jobs_release", claimed(job), BCON_NEW("0", "{",
	    "$set", "{", "dueAt", BCON_UTF8("$$NOW"),
	    "attempts", "{", "$subtract", "[", BCON_UTF8("$attempts"),
	    BCON_INT32(1), "]", "}", "}", "}"), false);
}
