#include "lib/jobs/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/base/timestamp.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/jobs_impl.h"
#include "lib/jobs/transition.h"

#define MESSAGE_MAX 512
/* Below electionTimeoutMillis of the replica set (10 s unless set otherwise). */
#define CONFIRMED_MS 2000
/* A worker moves a job on twice at most while an owner cancels it. */
#define DELETE_TRIES 5
/* MongoDB's code, of the one unique index beside _id: {owner, idempotencyKey}. */
#define DUPLICATE_KEY 11000

struct jobs *
jobs_open(mongoc_client_t *client, const struct conf *conf,
    const char *collection)
{
	struct jobs *jobs;

	if ((jobs = calloc(1, sizeof(*jobs))) == NULL)
		return NULL;
	jobs->conf = conf;
	jobs->client = client;
	jobs->collection = mongoc_client_get_collection(client, "exports",
	    collection);
	return jobs;
}

struct jobs *
jobs_new(mongoc_client_t *client, const struct conf *conf)
{
	return jobs_open(client, conf, "jobs");
}

void
jobs_free(struct jobs *jobs)
{
	if (jobs == NULL)
		return;
	mongoc_collection_destroy(jobs->collection);
	free(jobs);
}

/* The settings that transitions are made with, and the job they are for. */
static struct transition_args
args_for(const struct jobs *jobs, const struct job *job)
{
	return (struct transition_args){
		.id = job == NULL ? NULL : job->id,
		.fence = job == NULL ? 0 : job->fence,
		.lease_ms = jobs->conf->lease_ms,
		.retention_ms = jobs->conf->retention_days * DAY_MS,
		.max_attempts = jobs->conf->max_attempts,
	};
}

/* JOBS_NONE: nothing matched. */
static enum jobs_result
update_one(struct jobs *jobs, const char *op, const bson_t *filter,
    const bson_t *update)
{
	enum jobs_result rc = JOBS_ERROR;
	bson_error_t error;
	bson_iter_t it;
	bson_t reply;

	if (!mongoc_collection_update_one(jobs->collection, filter, update,
	    NULL, &reply, &error))
		mongo_log(op, &error);
	else if (bson_iter_init_find(&it, &reply, "matchedCount"))
		rc = bson_iter_as_int64(&it) == 1 ? JOBS_OK : JOBS_NONE;
	bson_destroy(&reply);
	return rc;
}

/* Make a transition of one job. JOBS_NONE: its guard did not hold. */
static enum jobs_result
transit_one(struct jobs *jobs, enum transition_id t,
    const struct transition_args *args)
{
	bson_t *filter = transition_filter(t, args);
	bson_t *pipeline = transition_update(t, args);
	enum jobs_result rc;

	rc = update_one(jobs, transitions[t].name, filter, pipeline);
	bson_destroy(filter);
	bson_destroy(pipeline);
	return rc;
}

/* Make a transition of all jobs whose guard holds. */
static enum jobs_result
transit_all(struct jobs *jobs, enum transition_id t,
    const struct transition_args *args)
{
	bson_t *filter = transition_filter(t, args);
	bson_t *pipeline = transition_update(t, args);
	enum jobs_result rc = JOBS_OK;
	bson_error_t error;

	if (!mongoc_collection_update_many(jobs->collection, filter, pipeline,
	    NULL, NULL, &error)) {
		mongo_log(transitions[t].name, &error);
		rc = JOBS_ERROR;
	}
	bson_destroy(filter);
	bson_destroy(pipeline);
	return rc;
}

/*
 * Update the first that filter finds and have it as it is then; on JOBS_OK doc
 * lies in reply, which the caller destroys in any case.
 */
static enum jobs_result
find_and_modify(struct jobs *jobs, const char *op, const bson_t *filter,
    const bson_t *pipeline, bson_t *reply, bson_t *doc)
{
	bson_t *sort = BCON_NEW("rank", BCON_INT32(1), "createdAt",
	    BCON_INT32(1));
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
	bson_destroy(sort);
	return rc;
}

/* Make a transition and have the document as it is then, as above. */
static enum jobs_result
transit_and_read(struct jobs *jobs, enum transition_id t,
    const struct transition_args *args, bson_t *reply, bson_t *doc)
{
	bson_t *filter = transition_filter(t, args);
	bson_t *pipeline = transition_update(t, args);
	enum jobs_result rc;

	rc = find_and_modify(jobs, transitions[t].name, filter, pipeline, reply,
	    doc);
	bson_destroy(filter);
	bson_destroy(pipeline);
	return rc;
}

static enum jobs_result
store_new(struct jobs *jobs, const struct job *job)
{
	enum jobs_result rc = JOBS_OK;
	bson_t doc = BSON_INITIALIZER;
	bson_error_t error;

	job_new_bson(job, &doc);
	if (!mongoc_collection_insert_one(jobs->collection, &doc, NULL, NULL,
	    &error)) {
		rc = error.code == DUPLICATE_KEY ? JOBS_TAKEN : JOBS_ERROR;
		if (rc == JOBS_ERROR)
			mongo_log("insert", &error);
	}
	bson_destroy(&doc);
	return rc;
}

enum jobs_result
jobs_insert(struct jobs *jobs, struct job *job)
{
	enum jobs_result rc = store_new(jobs, job);
	struct job stored;

	if (rc == JOBS_OK) {
		jobs->queued++;
		return JOBS_OK;
	}
	/* After an error the outcome is unknown: only what is read back counts. */
	if (jobs_find(jobs, job->id, job->owner, &stored) != JOBS_OK)
		return rc;
	job_release(job);
	*job = stored;
	return JOBS_OK;
}

/* Read the first that filter finds, at this read concern. Takes over filter. */
static enum jobs_result
find_first(struct jobs *jobs, bson_t *filter, const char *read_concern,
    mongoc_host_list_t *host, struct job *job)
{
	enum jobs_result rc = JOBS_ERROR;
	mongoc_cursor_t *cursor;
	bson_error_t error;
	const bson_t *doc;
	bson_t *opts;

	opts = BCON_NEW("limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true),
	    JOBS_WITHOUT_PREVIEW,
	    "readConcern", "{", "level", BCON_UTF8(read_concern), "}",
	    "maxTimeMS", BCON_INT32(JOBS_FIND_MAX_MS));
	cursor = mongoc_collection_find_with_opts(jobs->collection, filter,
	    opts, NULL);
	if (mongoc_cursor_next(cursor, &doc)) {
		if (job_from_bson(doc, job) == 0)
			rc = JOBS_OK;
		else
			job_release(job);
	} else if (mongoc_cursor_error(cursor, &error)) {
		mongo_log("find", &error);
	} else {
		rc = JOBS_NONE;
	}
	/* Where no server could be asked there is none to name. */
	if (rc != JOBS_ERROR)
		mongoc_cursor_get_host(cursor, host);
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

/* Whether a majority was with this primary a moment ago. */
static bool
is_confirmed(const struct jobs *jobs, const mongoc_host_list_t *host)
{
	return jobs->confirmed_ms != 0 &&
	    clock_monotonic_ms() - jobs->confirmed_ms < CONFIRMED_MS &&
	    strcmp(jobs->confirmed, host->host_and_port) == 0;
}

static enum jobs_result
find_id(struct jobs *jobs, const char *id, const char *owner,
    const char *read_concern, mongoc_host_list_t *host, struct job *job)
{
	enum jobs_result rc;
	bson_oid_t oid;
	bson_t *filter;

	bson_oid_init_from_string(&oid, id);
	filter = BCON_NEW("_id", BCON_OID(&oid));
	/* By _id alone: then the server plans nothing. */
	rc = find_first(jobs, filter, read_concern, host, job);
	if (rc == JOBS_OK && owner != NULL && strcmp(job->owner, owner) != 0) {
		job_release(job);
		rc = JOBS_NONE;
	}
	return rc;
}

/*
 * Around an election a read at "majority" may show what was: a primary that was
 * stopped does not know yet that there is another, and a new one has not caught
 * up yet with what the majority holds. To a client a state would go back, or its
 * job be gone. A linearizable read makes the primary ask the majority first; that
 * takes up to 100 ms (the journal's interval), so it is done once in a while. In
 * between the majority, having just heard of this very primary, elects no other:
 * its election timeout is longer.
 */
enum jobs_result
jobs_find(struct jobs *jobs, const char *id, const char *owner,
    struct job *job)
{
	const int64_t began_ms = clock_monotonic_ms();
	mongoc_host_list_t host;
	enum jobs_result rc;

	if (jobs->confirmed_ms != 0 &&
	    began_ms - jobs->confirmed_ms < CONFIRMED_MS) {
		rc = find_id(jobs, id, owner, "majority", &host, job);
		/* It may be another, or have been stopped while we asked. */
		if (rc == JOBS_ERROR || is_confirmed(jobs, &host))
			return rc;
		if (rc == JOBS_OK)
			job_release(job);
	}
	rc = find_id(jobs, id, owner, "linearizable", &host, job);
	if (rc != JOBS_ERROR) {
		jobs->confirmed_ms = began_ms;
		snprintf(jobs->confirmed, sizeof(jobs->confirmed), "%s",
		    host.host_and_port);
	}
	return rc;
}

enum jobs_result
jobs_first(mongoc_cursor_t *cursor, const char *op, bson_t **doc)
{
	enum jobs_result rc = JOBS_NONE;
	bson_error_t error;
	const bson_t *found;

	if (mongoc_cursor_next(cursor, &found)) {
		*doc = bson_copy(found);
		rc = JOBS_OK;
	} else if (mongoc_cursor_error(cursor, &error)) {
		mongo_log(op, &error);
		rc = JOBS_ERROR;
	}
	mongoc_cursor_destroy(cursor);
	return rc;
}

enum jobs_result
jobs_preview(struct jobs *jobs, const char *id, const char *owner, char **text)
{
	bson_t *filter, *opts, *doc = NULL;
	enum jobs_result rc;
	bson_iter_t it;
	bson_oid_t oid;

	bson_oid_init_from_string(&oid, id);
	filter = BCON_NEW("_id", BCON_OID(&oid), "owner", BCON_UTF8(owner));
	opts = BCON_NEW("limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true),
	    "projection", "{", "preview", BCON_INT32(1), "}",
	    "maxTimeMS", BCON_INT32(JOBS_FIND_MAX_MS));
	rc = jobs_first(mongoc_collection_find_with_opts(jobs->collection,
	    filter, opts, NULL), "preview", &doc);
	*text = NULL;
	if (rc == JOBS_OK && bson_iter_init_find(&it, doc, "preview") &&
	    BSON_ITER_HOLDS_UTF8(&it))
		*text = bson_iter_dup_utf8(&it, NULL);
	bson_destroy(doc);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

/* A key is its owner's for so long; a job that is older may have it no more. */
static bson_t *
key_filter(const char *owner, const char *key, const char *compare)
{
	return BCON_NEW("owner", BCON_UTF8(owner), "idempotencyKey",
	    BCON_UTF8(key), "$expr", "{", compare, "[",
	    BCON_UTF8("$createdAt"), "{", "$subtract", "[", BCON_UTF8("$$NOW"),
	    BCON_INT64(JOBS_KEY_S * INT64_C(1000)), "]", "}", "]", "}");
}

enum jobs_result
jobs_find_key(struct jobs *jobs, const char *owner, const char *key,
    struct job *job)
{
	mongoc_host_list_t host;

	return find_first(jobs, key_filter(owner, key, "$gt"), "majority",
	    &host, job);
}

enum jobs_result
jobs_expire_key(struct jobs *jobs, const char *owner, const char *key)
{
	bson_t *filter = key_filter(owner, key, "$lte");
	bson_t *update = BCON_NEW("$unset", "{", "idempotencyKey", BCON_INT32(1),
	    "}");
	enum jobs_result rc;

	rc = update_one(jobs, "free_key", filter, update);
	bson_destroy(filter);
	bson_destroy(update);
	return rc;
}

enum jobs_result
jobs_claim(struct jobs *jobs, const char *worker, struct job *job)
{
	return jobs_claim_unit(jobs, NULL, worker, job);
}

enum jobs_result
jobs_claim_unit(struct jobs *jobs, const char *parent, const char *worker,
    struct job *job)
{
	const struct job_progress none = { .phase = "counting" };
	struct transition_args args = args_for(jobs, NULL);
	enum jobs_result rc;
	bson_t reply, doc;

	args.parent = parent;
	args.worker = worker;
	args.progress = &none;
	args.error_code = failure_code(FAILURE_ATTEMPTS);
	args.error_message = failure_text(FAILURE_ATTEMPTS);
	if (transit_all(jobs, T_BURY, &args) != JOBS_OK ||
	    transit_all(jobs, T_EXHAUST, &args) != JOBS_OK)
		return JOBS_ERROR;
	/* First what was begun already, else newer jobs would starve it. */
	rc = transit_and_read(jobs, T_RECLAIM, &args, &reply, &doc);
	if (rc == JOBS_NONE) {
		bson_destroy(&reply);
		rc = transit_and_read(jobs, T_CLAIM, &args, &reply, &doc);
	}
	if (rc == JOBS_OK && job_from_bson(&doc, job) != 0) {
		/* Its id and fence alone are enough to end it. */
		if (job->id[0] != '\0')
			jobs_end_failed(jobs, job, FAILURE_BAD_JOB, NULL);
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
	struct transition_args args = args_for(jobs, job);
	enum jobs_result rc;
	bson_t reply, doc;
	bson_iter_t it;

	args.progress = progress;
	rc = transit_and_read(jobs, T_RENEW, &args, &reply, &doc);
	if (rc == JOBS_OK)
		*cancel = bson_iter_init_find(&it, &doc, "cancelRequested") &&
		    bson_iter_as_bool(&it);
	bson_destroy(&reply);
	return rc;
}

enum jobs_result
jobs_end_finished(struct jobs *jobs, const struct job *job,
    const struct job_progress *progress)
{
	struct transition_args args = args_for(jobs, job);

	args.progress = progress;
	args.object = job;
	return transit_one(jobs, T_FINISH, &args);
}

enum jobs_result
jobs_end_failed(struct jobs *jobs, const struct job *job, enum failure why,
    const char *detail)
{
	struct transition_args args = args_for(jobs, job);
	char message[MESSAGE_MAX];

	snprintf(message, sizeof(message), "%s%s%s", failure_text(why),
	    detail ? " " : "", detail ? detail : "");
	args.error_code = failure_code(why);
	args.error_message = message;
	return transit_one(jobs, T_FAIL, &args);
}

enum jobs_result
jobs_end_retry(struct jobs *jobs, const struct job *job, enum failure why,
    int64_t delay_ms)
{
	struct transition_args args = args_for(jobs, job);

	args.delay_ms = delay_ms;
	args.error_code = failure_code(why);
	args.error_message = failure_text(why);
	return transit_one(jobs, T_RETRY, &args);
}

enum jobs_result
jobs_end_cancelled(struct jobs *jobs, const struct job *job)
{
	struct transition_args args = args_for(jobs, job);

	return transit_one(jobs, T_CANCELLED, &args);
}

enum jobs_result
jobs_end_released(struct jobs *jobs, const struct job *job)
{
	struct transition_args args = args_for(jobs, job);

	return transit_one(jobs, T_RELEASE, &args);
}

/* Try the owner's transitions in turn; JOBS_NONE: none fitted just now. */
static enum jobs_result
delete_once(struct jobs *jobs, const struct transition_args *args)
{
	static const enum transition_id order[] = { T_CANCEL_WAITING,
	    T_CANCEL_RUNNING, T_EXPIRE };
	enum jobs_result rc = JOBS_NONE;
	size_t i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]) &&
	    rc == JOBS_NONE; i++)
		rc = transit_one(jobs, order[i], args);
	return rc;
}

enum jobs_result
jobs_delete(struct jobs *jobs, const char *id, const char *owner,
    struct job *job)
{
	struct transition_args args = { .id = id, .owner = owner };
	enum jobs_result rc;
	int try;

	/* Between two looks a worker may move it on: look again. */
	for (try = 0; try < DELETE_TRIES; try++) {
		if (delete_once(jobs, &args) == JOBS_ERROR)
			return JOBS_ERROR;
		if ((rc = jobs_find(jobs, id, owner, job)) != JOBS_OK)
			return rc;
		if (job->state == JOB_STARTED ? job->cancel_requested :
		    job_ended(job->state) && job->state != JOB_FINISHED)
			return JOBS_OK;
		job_release(job);
	}
	log_msg(LOG_ERROR, "delete", "the job changed its state %d times in "
	    "between", DELETE_TRIES);
	return JOBS_ERROR;
}
