/*
 * The collection exports.jobs: storing, finding, deleting. What a read may rely on
 * around an election of MongoDB is decided here; how a job's state changes is
 * transition.c's table.
 */
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
#include "lib/jobs/tasks_impl.h"
#include "lib/jobs/transition.h"

/* Below electionTimeoutMillis of the replica set (10 s unless set otherwise). */
#define CONFIRMED_MS 2000
/* A worker moves a job on twice at most while an owner cancels it. */
#define DELETE_TRIES 5
/* As often as others of the owner are stored at the same moment. */
#define TURN_TRIES 1000

struct jobs *
jobs_new(mongoc_client_t *client, const struct conf *conf)
{
	struct jobs *jobs;

	if ((jobs = calloc(1, sizeof(*jobs))) != NULL)
		tasks_open(&jobs->tasks, client, conf, TASK_JOB);
	return jobs;
}

void
jobs_free(struct jobs *jobs)
{
	if (jobs == NULL)
		return;
	tasks_close(&jobs->tasks);
	free(jobs);
}

struct tasks *
jobs_tasks(struct jobs *jobs)
{
	return &jobs->tasks;
}

/* Whether another waiting job of the owner has this turn; else it has the key. */
static bool
is_turn_taken(const bson_t *reply)
{
	bson_iter_t it, at;

	return bson_iter_init(&it, reply) && bson_iter_find_descendant(&it,
	    "writeErrors.0.keyPattern.turn", &at);
}

static enum jobs_result
store_new(struct jobs *jobs, const struct job *job, bool *turn_taken)
{
	enum jobs_result rc = JOBS_OK;
	bson_t doc = BSON_INITIALIZER, reply;
	bson_error_t error;

	job_new_bson(job, &doc);
	if (!mongoc_collection_insert_one(jobs->tasks.collection, &doc, NULL,
	    &reply, &error)) {
		/* Unique are _id, {owner, idempotencyKey}, {owner, turn} of who waits. */
		rc = error.code == MONGO_DUPLICATE_KEY ? JOBS_TAKEN : JOBS_ERROR;
		if (rc == JOBS_ERROR)
			mongo_log("insert", &error);
	}
	*turn_taken = rc == JOBS_TAKEN && is_turn_taken(&reply);
	bson_destroy(&reply);
	bson_destroy(&doc);
	return rc;
}

enum jobs_result
jobs_insert(struct jobs *jobs, struct job *job)
{
	enum jobs_result rc;
	struct job stored;
	bool turn_taken;
	int tries = 0;

	job->task.due_ms = job->task.created_ms;
	while ((rc = store_new(jobs, job, &turn_taken)) != JOBS_OK &&
	    turn_taken && tries++ < TURN_TRIES)
		job->task.turn++;
	if (rc == JOBS_OK) {
		jobs->queued++;
		return JOBS_OK;
	}
	/* After an error the outcome is unknown: only a read can tell. */
	if (jobs_find(jobs, job->task.id, job->task.owner, &stored) != JOBS_OK)
		return turn_taken ? JOBS_ERROR : rc;
	job_release(job);
	*job = stored;
	return JOBS_OK;
}

/*
 * Whether it is the owner's (NULL: whose does not matter). Without a name it was given
 * up (lib/jobs/records.h).
 */
static bool
is_of(const bson_t *doc, const char *owner)
{
	const char *whose = "";
	bson_iter_t it;

	if (bson_iter_init_find(&it, doc, "owner") && BSON_ITER_HOLDS_UTF8(&it))
		whose = bson_iter_utf8(&it, NULL);
	return whose[0] != '\0' && (owner == NULL || strcmp(whose, owner) == 0);
}

/*
 * Read the first that filter finds, at this read concern, if it is the owner's. The rest
 * of another's is not looked at: it is none, and takes as long. Takes over filter.
 */
static enum jobs_result
find_first(struct jobs *jobs, bson_t *filter, const char *owner,
    const char *read_concern, mongoc_host_list_t *host, struct job *job)
{
	enum jobs_result rc = JOBS_ERROR;
	mongoc_cursor_t *cursor;
	bson_error_t error;
	const bson_t *doc;
	bson_t *opts;

	opts = BCON_NEW("limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true),
	    JOBS_WITHOUT_PREVIEW,
	    "readConcern", "{", "level", BCON_UTF8(read_concern), "}",
	    "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	cursor = mongoc_collection_find_with_opts(jobs->tasks.collection,
	    filter, opts, NULL);
	if (mongoc_cursor_next(cursor, &doc)) {
		if (!is_of(doc, owner)) {
			rc = JOBS_NONE;
		} else if (job_from_bson(doc, job) == 0) {
			job_seen(job, clock_real_ms());
			rc = JOBS_OK;
		} else {
			job_release(job);
		}
	} else if (mongoc_cursor_error(cursor, &error)) {
		mongo_log("find", &error);
	} else {
		rc = JOBS_NONE;
	}
	/* After an error there may be no server to name. */
	if (rc != JOBS_ERROR)
		mongoc_cursor_get_host(cursor, host);
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

/* Whether a majority confirmed this primary a moment ago. */
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
	bson_oid_t oid;

	bson_oid_init_from_string(&oid, id);
	/* By _id only: then the server need not plan the query. */
	return find_first(jobs, BCON_NEW("_id", BCON_OID(&oid)), owner, read_concern,
	    host, job);
}

/*
 * Around an election a read at "majority" may show the past: a primary that was
 * stopped does not know yet that there is another, and a new one has not caught
 * up yet with what the majority holds. A client would see a state go back, or its
 * job gone. A linearizable read makes the primary ask the majority first; that
 * takes up to 100 ms (the journal's interval), so it is done once per CONFIRMED_MS.
 * In between the majority, having just heard from this primary, elects no other:
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
		/* Another one may have answered, or this one been stopped meanwhile. */
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
jobs_preview(struct jobs *jobs, const char *id, const char *owner, char **text)
{
	bson_t *filter, *opts, *doc = NULL;
	enum jobs_result rc;
	bson_iter_t it;
	bson_oid_t oid;

	bson_oid_init_from_string(&oid, id);
	filter = BCON_NEW("_id", BCON_OID(&oid));
	if (owner != NULL)
		BSON_APPEND_UTF8(filter, "owner", owner);
	opts = BCON_NEW("limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true),
	    "projection", "{", "preview", BCON_INT32(1), "expiresAt", BCON_INT32(1),
	    "}", "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	rc = tasks_first(mongoc_collection_find_with_opts(jobs->tasks.collection,
	    filter, opts, NULL), "preview", &doc);
	*text = NULL;
	/* It is gone with the result, also before a worker has removed it. */
	if (rc == JOBS_OK && !(bson_iter_init_find(&it, doc, "expiresAt") &&
	    BSON_ITER_HOLDS_DATE_TIME(&it) &&
	    bson_iter_date_time(&it) <= clock_real_ms()) &&
	    bson_iter_init_find(&it, doc, "preview") && BSON_ITER_HOLDS_UTF8(&it))
		*text = bson_iter_dup_utf8(&it, NULL);
	bson_destroy(doc);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

/* Jobs with this key that are younger ("$gt"), or not, than JOBS_KEY_S. */
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

	return find_first(jobs, key_filter(owner, key, "$gt"), owner,
	    "majority", &host, job);
}

enum jobs_result
jobs_expire_key(struct jobs *jobs, const char *owner, const char *key)
{
	bson_t *filter = key_filter(owner, key, "$lte");
	bson_t *update = BCON_NEW("$unset", "{", "idempotencyKey", BCON_INT32(1),
	    "}");
	enum jobs_result rc;

	rc = tasks_update(jobs->tasks.collection, "free_key", filter, update);
	bson_destroy(filter);
	bson_destroy(update);
	return rc;
}

enum jobs_result
jobs_claim(struct jobs *jobs, const char *worker, struct job *job)
{
	struct read_time at;
	enum jobs_result rc;
	bson_t *doc;

	rc = tasks_claim(&jobs->tasks, NULL, worker, &doc, &at);
	if (rc != JOBS_OK)
		return rc;
	rc = job_from_bson(doc, job) == 0 ? JOBS_OK : JOBS_NONE;
	job->task.read_time = at;
	if (rc != JOBS_OK) {
		tasks_reject(&jobs->tasks, &job->task);
		job_release(job);
	}
	bson_destroy(doc);
	return rc;
}

/* Try the owner's transitions in turn; JOBS_NONE: none applied. */
static enum jobs_result
delete_once(struct jobs *jobs, const struct transition_args *args)
{
	static const enum transition_id order[] = { T_CANCEL_WAITING,
	    T_CANCEL_RUNNING, T_EXPIRE };
	enum jobs_result rc = JOBS_NONE;
	size_t i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]) &&
	    rc == JOBS_NONE; i++)
		rc = tasks_transit(&jobs->tasks, order[i], args);
	return rc;
}

enum jobs_result
jobs_delete(struct jobs *jobs, const char *id, const char *owner,
    struct job *job)
{
	struct transition_args args = { .id = id, .owner = owner };
	enum job_state state;
	enum jobs_result rc;
	int try;

	/* A worker may have moved the job between update and read; try again. */
	for (try = 0; try < DELETE_TRIES; try++) {
		if (delete_once(jobs, &args) == JOBS_ERROR)
			return JOBS_ERROR;
		if ((rc = jobs_find(jobs, id, owner, job)) != JOBS_OK)
			return rc;
		state = job->task.state;
		if (state == JOB_STARTED ? job->task.cancel_requested :
		    job_ended(state) && state != JOB_FINISHED)
			return JOBS_OK;
		job_release(job);
	}
	log_msg(LOG_ERROR, "delete", "the job changed its state %d times in "
	    "between", DELETE_TRIES);
	return JOBS_ERROR;
}
