/*
 * The collection exports.units: plans of large jobs. A unit's life after its claim is
 * tasks.c's, how a job is cut is worker/split.c's.
 */
#include "lib/jobs/units.h"

#include <stdlib.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/fields.h"
#include "lib/jobs/leftovers.h"
#include "lib/jobs/scope.h"
#include "lib/jobs/tasks_impl.h"
#include "lib/jobs/transition.h"

/* Units stored in one call. */
#define INSERT_UNITS 200

struct units *
units_new(mongoc_client_t *client, const struct conf *conf)
{
	struct units *units;

	if ((units = calloc(1, sizeof(*units))) != NULL)
		tasks_open(&units->tasks, client, conf, TASK_UNIT);
	return units;
}

void
units_free(struct units *units)
{
	if (units == NULL)
		return;
	tasks_close(&units->tasks);
	free(units);
}

struct tasks *
units_tasks(struct units *units)
{
	return &units->tasks;
}

int64_t
units_plan_number(int64_t fence, bool whole)
{
	return 2 * fence + whole;
}

/* A new unit; its strings are the job's and the vehicles'. */
static struct unit
unit_of(const struct units *units, const struct job *job, int64_t plan,
    const struct names *vehicles, const struct unit_cut *cut, size_t place)
{
	struct unit unit;

	unit_init(&unit);
	unit.task.owner = job->task.owner;
	unit.task.traceparent = job->task.traceparent;
	/* Units are claimed by age: in the order of the archive. */
	unit.task.created_ms = job->task.claimed_ms + (int64_t)place;
	unit.task.due_ms = unit.task.created_ms;
	unit.task.turn = job->task.turn;
	unit.spec = job->spec;
	unit.spec.vehicles = (struct names){ vehicles->v + cut->first, cut->n };
	if (cut->parameters != NULL)
		unit.spec.parameters = *cut->parameters;
	memcpy(unit.parent, job->task.id, sizeof(unit.parent));
	unit.plan = plan;
	unit.place = (int64_t)place;
	unit.documents = (int64_t)cut->documents;
	unit.from_ms = cut->from_ms;
	unit.to_ms = cut->to_ms;
	unit.read_time = job->task.read_time;
	unit.csv_split_bytes = units->tasks.conf->csv_split_bytes;
	return unit;
}

static enum jobs_result
insert_some(struct units *units, const struct job *job, int64_t plan,
    const struct names *vehicles, const struct unit_cut *cuts, size_t from,
    size_t to)
{
	bson_t docs[INSERT_UNITS];
	const bson_t *list[INSERT_UNITS];
	enum jobs_result rc = JOBS_OK;
	bson_error_t error;
	struct unit unit;
	size_t i, n = 0;

	/* Backwards: see units_insert() in the header. */
	for (i = to; i-- > from;) {
		bson_init(&docs[n]);
		list[n] = &docs[n];
		unit = unit_of(units, job, plan, vehicles, &cuts[i], i);
		if (task_new_id(&unit.task) != 0)
			rc = JOBS_ERROR;
		unit_new_bson(&unit, &docs[n++]);
	}
	if (rc != JOBS_OK) {
		log_msg(LOG_ERROR, "plan", "no random numbers");
	} else if (!mongoc_collection_insert_many(units->tasks.collection, list, n,
	    NULL, NULL, &error)) {
		mongo_log("plan", &error);
		rc = JOBS_ERROR;
	}
	for (i = 0; i < n; i++)
		bson_destroy(&docs[i]);
	return rc;
}

enum jobs_result
units_insert(struct units *units, const struct job *job, int64_t plan,
    const struct names *vehicles, const struct unit_cut *cuts, size_t n)
{
	enum jobs_result rc = JOBS_OK;
	size_t from;

	for (; n > 0 && rc == JOBS_OK; n = from) {
		from = n > INSERT_UNITS ? n - INSERT_UNITS : 0;
		rc = insert_some(units, job, plan, vehicles, cuts, from, n);
	}
	return rc;
}

/* {job, ...} */
static bson_t *
units_of_job(const char *id)
{
	bson_oid_t oid;

	bson_oid_init_from_string(&oid, id);
	return BCON_NEW("job", BCON_OID(&oid));
}

/*
 * The first document that filter finds, as it came; the caller destroys *doc.
 * more: options of the read, "" being none. Takes over filter.
 */
static enum jobs_result
units_first(struct units *units, const char *op, bson_t *filter, const bson_t *more,
    bson_t **doc)
{
	mongoc_cursor_t *cursor;
	enum jobs_result rc;
	bson_t *opts;

	opts = BCON_NEW("limit", BCON_INT64(1), "singleBatch", BCON_BOOL(true),
	    "readConcern", "{", "level", BCON_UTF8("majority"), "}",
	    "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	bson_concat(opts, more);
	cursor = mongoc_collection_find_with_opts(units->tasks.collection,
	    filter, opts, NULL);
	rc = tasks_first(cursor, op, doc);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

/* The one document that an aggregation gives; *doc as by tasks_first(). */
static enum jobs_result
aggregate_one(struct units *units, const char *op, const bson_t *pipeline,
    bson_t **doc)
{
	mongoc_cursor_t *cursor;
	enum jobs_result rc;
	bson_t *opts;

	opts = BCON_NEW("maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	cursor = mongoc_collection_aggregate(units->tasks.collection,
	    MONGOC_QUERY_NONE, pipeline, opts, NULL);
	rc = tasks_first(cursor, op, doc);
	bson_destroy(opts);
	return rc;
}

#define SUM(field) "{", "$sum", BCON_UTF8("$progress." field), "}"

/* How many units the plan has, and what they have done in all. */
static enum jobs_result
sum_plan(struct units *units, const char *id, int64_t plan, bson_t **doc)
{
	bson_t *match = units_of_job(id), *pipeline;
	enum jobs_result rc;

	BSON_APPEND_INT64(match, "plan", plan);
	pipeline = BCON_NEW("pipeline", "[",
	    "{", "$match", BCON_DOCUMENT(match), "}",
	    "{", "$group", "{", "_id", BCON_NULL,
	    "n", "{", "$sum", BCON_INT64(1), "}",
	    "documents", SUM("documents"),
	    "total", "{", "$sum", BCON_UTF8("$documents"), "}",
	    "rows", SUM("rows"), "points", SUM("points"),
	    "bytesRead", SUM("bytesRead"), "}", "}", "]");
	rc = aggregate_one(units, "unit_progress", pipeline, doc);
	bson_destroy(pipeline);
	bson_destroy(match);
	return rc;
}

enum jobs_result
units_find_plan(struct units *units, const char *id, struct units_plan *plan)
{
	bson_t *filter = units_of_job(id), *doc = NULL;
	bson_t *newest = BCON_NEW("sort", "{", "plan", BCON_INT32(-1), "}");
	enum jobs_result rc;
	struct unit unit;

	/* Unit 0 is there only when its plan is complete. */
	BSON_APPEND_INT64(filter, "unit", 0);
	rc = units_first(units, "find_plan", filter, newest, &doc);
	bson_destroy(newest);
	if (rc != JOBS_OK)
		return rc;
	rc = unit_from_bson(doc, &unit) == 0 ? JOBS_OK : JOBS_NONE;
	plan->plan = unit.plan;
	plan->began_ms = unit.task.created_ms;
	plan->read_time = unit.read_time;
	unit_release(&unit);
	bson_destroy(doc);
	if (rc != JOBS_OK ||
	    (rc = sum_plan(units, id, plan->plan, &doc)) != JOBS_OK)
		return rc;
	plan->n = tasks_number(doc, "n");
	plan->documents = (uint64_t)tasks_number(doc, "total");
	bson_destroy(doc);
	return JOBS_OK;
}

enum jobs_result
units_vehicles(struct units *units, const char *id, int64_t plan,
    struct names *list)
{
	bson_t *filter = units_of_job(id);
	bson_t *opts = BCON_NEW("projection", "{", "vehicles", BCON_INT32(1), "}",
	    "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	enum jobs_result rc = JOBS_OK;
	mongoc_cursor_t *cursor;
	bson_error_t error;
	const bson_t *doc;

	BSON_APPEND_INT64(filter, "plan", plan);
	cursor = mongoc_collection_find_with_opts(units->tasks.collection, filter,
	    opts, NULL);
	while (rc == JOBS_OK && mongoc_cursor_next(cursor, &doc))
		if (names_read(doc, "vehicles", list) != 0)
			rc = JOBS_NONE;
	if (mongoc_cursor_error(cursor, &error)) {
		mongo_log("find_units", &error);
		rc = JOBS_ERROR;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

enum jobs_result
units_within(struct units *units, const char *id, int64_t plan,
    const struct scope *scope)
{
	struct names vehicles = { 0 };
	enum jobs_result rc;
	size_t i;

	if (scope_all(scope))
		return JOBS_OK;
	rc = units_vehicles(units, id, plan, &vehicles);
	for (i = 0; i < vehicles.n && rc == JOBS_OK; i++)
		if (!scope_has(scope, vehicles.v[i]))
			rc = JOBS_NONE;
	names_release(&vehicles);
	return rc;
}

enum jobs_result
units_find(struct units *units, const char *id, int64_t plan, int64_t n,
    struct unit *unit)
{
	bson_t *filter = units_of_job(id), *doc = NULL;
	bson_t *opts = BCON_NEW("projection", "{", "facts", BCON_INT32(0),
	    "preview", BCON_INT32(0), "}");
	enum jobs_result rc;

	BSON_APPEND_INT64(filter, "plan", plan);
	BSON_APPEND_INT64(filter, "unit", n);
	rc = units_first(units, "find_unit", filter, opts, &doc);
	bson_destroy(opts);
	if (rc != JOBS_OK)
		return rc;
	if (unit_from_bson(doc, unit) != 0) {
		unit_release(unit);
		rc = JOBS_NONE;
	}
	bson_destroy(doc);
	return rc;
}

enum jobs_result
units_facts(struct units *units, const char *id, char **text)
{
	bson_t *opts = BCON_NEW("projection", "{", "facts", BCON_INT32(1), "}");
	bson_t *doc = NULL;
	enum jobs_result rc;
	bson_iter_t it;
	bson_oid_t oid;

	*text = NULL;
	bson_oid_init_from_string(&oid, id);
	rc = units_first(units, "find_facts", BCON_NEW("_id", BCON_OID(&oid)),
	    opts, &doc);
	bson_destroy(opts);
	if (rc != JOBS_OK)
		return rc;
	if (bson_iter_init_find(&it, doc, "facts") && BSON_ITER_HOLDS_UTF8(&it))
		*text = bson_iter_dup_utf8(&it, NULL);
	bson_destroy(doc);
	return *text == NULL ? JOBS_NONE : JOBS_OK;
}

enum jobs_result
units_claim(struct units *units, const char *parent, const char *worker,
    struct unit *unit)
{
	struct read_time at;
	enum jobs_result rc;
	bson_t *doc;

	rc = tasks_claim(&units->tasks, parent, worker, &doc, &at);
	if (rc != JOBS_OK)
		return rc;
	rc = unit_from_bson(doc, unit) == 0 ? JOBS_OK : JOBS_NONE;
	unit->task.read_time = at;
	if (rc != JOBS_OK) {
		tasks_reject(&units->tasks, &unit->task);
		unit_release(unit);
	}
	bson_destroy(doc);
	return rc;
}

enum jobs_result
units_progress(struct units *units, const char *id, int64_t plan,
    struct task_progress *p)
{
	bson_t *doc = NULL;
	enum jobs_result rc;

	if ((rc = sum_plan(units, id, plan, &doc)) != JOBS_OK)
		return rc;
	p->documents = (uint64_t)tasks_number(doc, "documents");
	p->rows = (uint64_t)tasks_number(doc, "rows");
	p->points = (uint64_t)tasks_number(doc, "points");
	p->bytes_read = (uint64_t)tasks_number(doc, "bytesRead");
	bson_destroy(doc);
	return JOBS_OK;
}

enum jobs_result
units_any(struct units *units)
{
	/* Two questions, since each has an index of its own. */
	const struct transition_args args = { .max_attempts =
	    units->tasks.conf->max_attempts };
	bson_t *begun = transition_filter(T_RECLAIM, &args), *doc = NULL;
	bson_t *new = transition_filter(T_CLAIM, &args);
	bson_t *opts = BCON_NEW("projection", "{", "_id", BCON_INT32(1), "}");
	enum jobs_result rc;

	rc = units_first(units, "find_units", BCON_NEW("$or", "[",
	    BCON_DOCUMENT(begun), BCON_DOCUMENT(new), "]"), opts, &doc);
	if (rc == JOBS_OK)
		bson_destroy(doc);
	bson_destroy(opts);
	bson_destroy(new);
	bson_destroy(begun);
	return rc;
}

static enum jobs_result
delete_units(struct units *units, const bson_t *filter)
{
	bson_error_t error;

	if (mongoc_collection_delete_many(units->tasks.collection, filter, NULL,
	    NULL, &error))
		return JOBS_OK;
	mongo_log("drop_units", &error);
	return JOBS_ERROR;
}

enum jobs_result
units_undo(struct units *units, const char *id, int64_t plan)
{
	bson_t *filter = units_of_job(id);
	enum jobs_result rc;

	BSON_APPEND_INT64(filter, "plan", plan);
	rc = delete_units(units, filter);
	bson_destroy(filter);
	return rc;
}

enum jobs_result
units_drop(struct units *units, const char *id, int64_t plan)
{
	bson_t *filter = units_of_job(id);
	enum jobs_result rc;

	BCON_APPEND(filter, "plan", "{", "$lte", BCON_INT64(plan), "}");
	rc = units->tasks.conf->s3_delete ?
	    leftovers_keep(&units->tasks, filter) : delete_units(units, filter);
	bson_destroy(filter);
	return rc;
}
