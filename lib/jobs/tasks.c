/*
 * Both collections of tasks, as far as they are alike: claiming, renewing and ending,
 * each a transition of the table (lib/jobs/transition.c) carried out by MongoDB. It
 * knows no job and no unit.
 */
#include "lib/jobs/tasks.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <mongoc/mongoc.h>

#include "lib/base/conf.h"
#include "lib/base/timestamp.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/tasks_impl.h"

#define MESSAGE_MAX 512

void
tasks_open(struct tasks *tasks, mongoc_client_t *client,
    const struct conf *conf, enum task_kind kind)
{
	tasks->kind = kind;
	tasks->conf = conf;
	tasks->client = client;
	tasks->collection = mongoc_client_get_collection(client, "exports",
	    kind == TASK_UNIT ? "units" : "jobs");
}

void
tasks_close(struct tasks *tasks)
{
	mongoc_collection_destroy(tasks->collection);
}

struct tasks *
tasks_new(mongoc_client_t *client, const struct conf *conf,
    enum task_kind kind)
{
	struct tasks *tasks;

	if ((tasks = calloc(1, sizeof(*tasks))) != NULL)
		tasks_open(tasks, client, conf, kind);
	return tasks;
}

void
tasks_free(struct tasks *tasks)
{
	if (tasks == NULL)
		return;
	tasks_close(tasks);
	free(tasks);
}

/* The settings that a transition is made with, and the task it is for. */
static struct transition_args
args_for(const struct tasks *tasks, const struct task *task)
{
	/* A unit's id is none of exports.jobs, and the reverse. */
	assert(task == NULL || task->kind == tasks->kind);
	return (struct transition_args){
		.id = task == NULL ? NULL : task->id,
		.fence = task == NULL ? 0 : task->fence,
		.lease_ms = tasks->conf->lease_ms,
		.retention_ms = tasks->conf->retention_days * DAY_MS,
		.max_attempts = tasks->conf->max_attempts,
	};
}

int64_t
tasks_number(const bson_t *doc, const char *name)
{
	bson_iter_t it;

	return bson_iter_init_find(&it, doc, name) ? bson_iter_as_int64(&it) : 0;
}

enum jobs_result
tasks_update(mongoc_collection_t *collection, const char *op, const bson_t *filter,
    const bson_t *update)
{
	enum jobs_result rc = JOBS_ERROR;
	bson_error_t error;
	bson_iter_t it;
	bson_t reply;

	if (!mongoc_collection_update_one(collection, filter, update,
	    NULL, &reply, &error))
		mongo_log(op, &error);
	else if (bson_iter_init_find(&it, &reply, "matchedCount"))
		rc = bson_iter_as_int64(&it) == 1 ? JOBS_OK : JOBS_NONE;
	bson_destroy(&reply);
	return rc;
}

enum jobs_result
tasks_transit(struct tasks *tasks, enum transition_id t,
    const struct transition_args *args)
{
	bson_t *filter = transition_filter(t, args);
	bson_t *pipeline = transition_update(t, args);
	enum jobs_result rc;

	rc = tasks_update(tasks->collection, transitions[t].name, filter, pipeline);
	bson_destroy(filter);
	bson_destroy(pipeline);
	return rc;
}

/* Make a transition of all whose guard holds. */
static enum jobs_result
transit_all(struct tasks *tasks, enum transition_id t,
    const struct transition_args *args)
{
	bson_t *filter = transition_filter(t, args);
	bson_t *pipeline = transition_update(t, args);
	enum jobs_result rc = JOBS_OK;
	bson_error_t error;

	if (!mongoc_collection_update_many(tasks->collection, filter, pipeline,
	    NULL, NULL, &error)) {
		mongo_log(transitions[t].name, &error);
		rc = JOBS_ERROR;
	}
	bson_destroy(filter);
	bson_destroy(pipeline);
	return rc;
}

/* When the server did what it replies to; none where it does not say. */
static struct read_time
operation_time(const bson_t *reply)
{
	struct read_time at = { 0 };
	bson_iter_t it;

	if (bson_iter_init_find(&it, reply, "operationTime") &&
	    BSON_ITER_HOLDS_TIMESTAMP(&it))
		bson_iter_timestamp(&it, &at.s, &at.i);
	return at;
}

/*
 * Update the first that filter finds; *doc, which the caller destroys, is what it is
 * then, *at (unless NULL) when that was.
 */
static enum jobs_result
find_and_modify(struct tasks *tasks, enum transition_id t, const bson_t *filter,
    const bson_t *pipeline, bson_t **doc, struct read_time *at)
{
	bson_t *sort = transition_sort(t), reply;
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
	if (!mongoc_collection_find_and_modify_with_opts(tasks->collection,
	    filter, opts, &reply, &error)) {
		mongo_log(transitions[t].name, &error);
	} else if (!bson_iter_init_find(&it, &reply, "value") ||
	    !BSON_ITER_HOLDS_DOCUMENT(&it)) {
		rc = JOBS_NONE;
	} else {
		bson_iter_document(&it, &len, &data);
		*doc = bson_new_from_data(data, len);
		rc = *doc != NULL ? JOBS_OK : JOBS_ERROR;
		if (at != NULL)
			*at = operation_time(&reply);
	}
	bson_destroy(&reply);
	mongoc_find_and_modify_opts_destroy(opts);
	bson_destroy(sort);
	return rc;
}

/* Make a transition of the first whose guard holds, and read it, as above. */
static enum jobs_result
transit_and_read(struct tasks *tasks, enum transition_id t,
    const struct transition_args *args, bson_t **doc, struct read_time *at)
{
	bson_t *filter = transition_filter(t, args);
	bson_t *pipeline = transition_update(t, args);
	enum jobs_result rc;

	rc = find_and_modify(tasks, t, filter, pipeline, doc, at);
	bson_destroy(filter);
	bson_destroy(pipeline);
	return rc;
}

enum jobs_result
tasks_first(mongoc_cursor_t *cursor, const char *op, bson_t **doc)
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
tasks_claim(struct tasks *tasks, const char *parent, const char *worker,
    bson_t **doc, struct read_time *at)
{
	const struct task_progress none = { .phase = "counting" };
	struct transition_args args = args_for(tasks, NULL);
	enum jobs_result rc;

	args.parent = parent;
	args.worker = worker;
	args.progress = &none;
	/* First what was started before, else newer jobs would starve it. */
	rc = transit_and_read(tasks, T_RECLAIM, &args, doc, at);
	return rc == JOBS_NONE ?
	    transit_and_read(tasks, T_CLAIM, &args, doc, at) : rc;
}

enum jobs_result
tasks_lapse(struct tasks *tasks)
{
	const struct transition_args args = args_for(tasks, NULL);

	return transit_all(tasks, T_LAPSE, &args);
}

enum jobs_result
tasks_sweep(struct tasks *tasks)
{
	static const enum transition_id ends[] = { T_BURY, T_EXHAUST, T_LAPSE };
	struct transition_args args = args_for(tasks, NULL);
	enum jobs_result rc = JOBS_OK;
	size_t i;

	args.error_code = failure_code(FAILURE_ATTEMPTS);
	args.error_message = failure_text(FAILURE_ATTEMPTS);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]) && rc == JOBS_OK; i++)
		/* A unit's result lasts as long as its job's record wants it. */
		if (tasks->kind == TASK_JOB || ends[i] != T_LAPSE)
			rc = transit_all(tasks, ends[i], &args);
	return rc;
}

void
tasks_reject(struct tasks *tasks, const struct task *task)
{
	/* Its id and fence are enough to end it. */
	if (task->id[0] != '\0')
		tasks_end_failed(tasks, task, FAILURE_BAD_JOB, NULL);
}

enum jobs_result
tasks_renew(struct tasks *tasks, const struct task *task,
    const struct task_progress *progress, bool *cancel)
{
	struct transition_args args = args_for(tasks, task);
	enum jobs_result rc;
	bson_iter_t it;
	bson_t *doc;

	args.progress = progress;
	rc = transit_and_read(tasks, T_RENEW, &args, &doc, NULL);
	if (rc != JOBS_OK)
		return rc;
	*cancel = bson_iter_init_find(&it, doc, "cancelRequested") &&
	    bson_iter_as_bool(&it);
	bson_destroy(doc);
	return JOBS_OK;
}

enum jobs_result
tasks_end_finished(struct tasks *tasks, const struct task *task,
    const struct task_progress *progress, const char *facts)
{
	struct transition_args args = args_for(tasks, task);

	args.progress = progress;
	args.object = &task->object;
	args.preview = task->preview;
	args.facts = facts;
	args.skipped = &task->skipped;
	return tasks_transit(tasks, T_FINISH, &args);
}

enum jobs_result
tasks_end_failed(struct tasks *tasks, const struct task *task,
    enum failure why, const char *detail)
{
	struct transition_args args = args_for(tasks, task);
	char message[MESSAGE_MAX];

	snprintf(message, sizeof(message), "%s%s%s", failure_text(why),
	    detail ? " " : "", detail ? detail : "");
	args.error_code = failure_code(why);
	args.error_message = message;
	args.error_detail = detail;
	return tasks_transit(tasks, T_FAIL, &args);
}

enum jobs_result
tasks_end_retry(struct tasks *tasks, const struct task *task,
    enum failure why, int64_t delay_ms)
{
	struct transition_args args = args_for(tasks, task);

	args.delay_ms = delay_ms;
	args.error_code = failure_code(why);
	args.error_message = failure_text(why);
	return tasks_transit(tasks, T_RETRY, &args);
}

enum jobs_result
tasks_end_cancelled(struct tasks *tasks, const struct task *task)
{
	struct transition_args args = args_for(tasks, task);

	return tasks_transit(tasks, T_CANCELLED, &args);
}

enum jobs_result
tasks_end_released(struct tasks *tasks, const struct task *task)
{
	struct transition_args args = args_for(tasks, task);

	return tasks_transit(tasks, T_RELEASE, &args);
}

enum jobs_result
tasks_finished(struct tasks *tasks, const struct task *task)
{
	bson_t *filter, *opts, *doc;
	enum jobs_result rc;
	bson_oid_t oid;

	/* Linearizable: a stale primary must not deny what was written. */
	bson_oid_init_from_string(&oid, task->id);
	filter = BCON_NEW("_id", BCON_OID(&oid),
	    "fence", BCON_INT64(task->fence),
	    "state", BCON_UTF8(job_state_name(JOB_FINISHED)));
	opts = BCON_NEW("limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true),
	    "projection", "{", "_id", BCON_INT32(1), "}",
	    "readConcern", "{", "level", BCON_UTF8("linearizable"), "}",
	    "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	rc = tasks_first(mongoc_collection_find_with_opts(tasks->collection,
	    filter, opts, NULL), "find", &doc);
	if (rc == JOBS_OK)
		bson_destroy(doc);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

/* Of each document of a collection that a worker holds: the worker. */
#define HELD "{", "$match", "{", \
	"state", BCON_UTF8(job_state_name(JOB_STARTED)), \
	"worker", "{", "$exists", BCON_BOOL(true), "}", "}", "}", \
	"{", "$project", "{", "worker", BCON_INT32(1), "}", "}"

enum jobs_result
tasks_running(struct tasks *tasks, int64_t *n)
{
	/* The workers of both collections, each once. */
	bson_t *pipeline = BCON_NEW("pipeline", "[", HELD,
	    "{", "$unionWith", "{", "coll", BCON_UTF8("units"),
	    "pipeline", "[", HELD, "]", "}", "}",
	    "{", "$group", "{", "_id", BCON_UTF8("$worker"), "}", "}",
	    "{", "$count", BCON_UTF8("n"), "}", "]");
	bson_t *opts = BCON_NEW("maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	mongoc_collection_t *held = mongoc_client_get_collection(tasks->client,
	    "exports", "jobs");
	enum jobs_result rc;
	bson_t *doc = NULL;

	rc = tasks_first(mongoc_collection_aggregate(held, MONGOC_QUERY_NONE,
	    pipeline, opts, NULL), "count_running", &doc);
	*n = rc == JOBS_OK ? tasks_number(doc, "n") : 0;
	bson_destroy(doc);
	mongoc_collection_destroy(held);
	bson_destroy(opts);
	bson_destroy(pipeline);
	return rc == JOBS_ERROR ? JOBS_ERROR : JOBS_OK;
}
