/*
 * Queries over many jobs: counts, lists, admission. Each is one question that an index
 * answers, for clients wait for it.
 */
#include "lib/jobs/joblist.h"

#include <stdio.h>

#include <mongoc/mongoc.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/timestamp.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/tasks_impl.h"
#include "lib/jobs/transition.h"

/* How long a count of all unfinished jobs is used, with our own new ones added. */
#define QUEUED_MS 1000
/* An owner's first job is taken up to queue_max times this. */
#define FIRST_JOBS 2
#define HOUR_S (HOUR_MS / 1000)
/* Jobs ahead are counted up to this: each poll costs as much. */
#define AHEAD_MAX 1000
/* Jobs of a reply: with 1,000 names each it has some MB. */
#define LIST_BATCH 50

/* How many match, at most limit (0: all). Takes over filter. */
static enum jobs_result
count_jobs(struct jobs *jobs, const char *op, bson_t *filter, int64_t limit,
    int64_t *n)
{
	bson_t *opts = BCON_NEW("maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	bson_error_t error;

	if (limit > 0)
		BSON_APPEND_INT64(opts, "limit", limit);
	*n = mongoc_collection_count_documents(jobs->tasks.collection, filter, opts,
	    NULL, NULL, &error);
	bson_destroy(opts);
	bson_destroy(filter);
	if (*n >= 0)
		return JOBS_OK;
	mongo_log(op, &error);
	return JOBS_ERROR;
}

static enum jobs_result
count_unfinished(struct jobs *jobs)
{
	const int64_t now_ms = clock_monotonic_ms();
	bson_t *filter;

	if (jobs->queued_ms != 0 && now_ms - jobs->queued_ms < QUEUED_MS)
		return JOBS_OK;
	filter = bson_new();
	transition_match_states(filter, JOB_UNFINISHED);
	if (count_jobs(jobs, "count_queued", filter,
	    jobs->tasks.conf->queue_max * FIRST_JOBS,
	    &jobs->queued) != JOBS_OK)
		return JOBS_ERROR;
	jobs->queued_ms = now_ms;
	return JOBS_OK;
}

/* The newest turn that has begun. An index holds the jobs that have begun, by turn. */
static bson_t *
begun_pipeline(void)
{
	return BCON_NEW("0", "{", "$match", "{", "startedAt", "{", "$exists",
	    BCON_BOOL(true), "}", "}", "}",
	    "1", "{", "$sort", "{", "turn", BCON_INT32(-1), "}", "}",
	    "2", "{", "$limit", BCON_INT32(1), "}",
	    "3", "{", "$project", "{", "turn", BCON_INT32(1),
	    "_id", BCON_INT32(0), "}", "}");
}

/*
 * {_id: null, n, turn, now, same} of the owner's unfinished jobs and the newest that has
 * begun, which has no state here.
 */
static bson_t *
precheck_group(const struct job *job)
{
	return BCON_NEW("_id", BCON_NULL,
	    "n", "{", "$sum", "{", "$cond", "[", BCON_UTF8("$state"), BCON_INT64(1),
	    BCON_INT64(0), "]", "}", "}",
	    "turn", "{", "$max", BCON_UTF8("$turn"), "}",
	    "now", "{", "$max", BCON_UTF8("$$NOW"), "}",
	    "same", "{", "$max", "{", "$cond", "[", "{", "$and", "[",
	    "{", "$eq", "[", BCON_UTF8("$requestHash"),
	    BCON_UTF8(job->spec.hash), "]", "}",
	    "{", "$not", "[", BCON_UTF8("$cancelRequested"), "]", "}", "]", "}",
	    BCON_UTF8("$_id"), BCON_NULL, "]", "}", "}");
}

/*
 * {n, turn, now, same}, or nothing where the owner has no unfinished job and none has
 * ever begun: one query instead of four, the owner's half answered from the index
 * "unfinished" only. One $group after the union: with one before it, too, MongoDB 6 takes
 * 1.4 times the cpu, and 1.8 times with 1,000 jobs.
 */
static bson_t *
precheck_pipeline(const struct job *job, int64_t limit)
{
	bson_t match = BSON_INITIALIZER, *pipeline;
	bson_t *group = precheck_group(job), *begun = begun_pipeline();

	BSON_APPEND_UTF8(&match, "owner", job->task.owner);
	transition_match_states(&match, JOB_UNFINISHED);
	pipeline = BCON_NEW("pipeline", "[",
	    "{", "$match", BCON_DOCUMENT(&match), "}",
	    "{", "$limit", BCON_INT64(limit), "}",
	    "{", "$unionWith", "{", "coll", BCON_UTF8("jobs"),
	    "pipeline", BCON_ARRAY(begun), "}", "}",
	    "{", "$group", BCON_DOCUMENT(group), "}", "]");
	bson_destroy(begun);
	bson_destroy(group);
	bson_destroy(&match);
	return pipeline;
}

static void
read_precheck(const bson_t *doc, struct job *job, struct jobs_found *found)
{
	bson_iter_t it;

	if (bson_iter_init_find(&it, doc, "n"))
		found->unfinished = bson_iter_as_int64(&it);
	if (bson_iter_init_find(&it, doc, "turn"))
		job->task.turn = bson_iter_as_int64(&it);
	if (bson_iter_init_find(&it, doc, "same") && BSON_ITER_HOLDS_OID(&it))
		bson_oid_to_string(bson_iter_oid(&it), found->same);
	if (bson_iter_init_find(&it, doc, "now") &&
	    BSON_ITER_HOLDS_DATE_TIME(&it))
		job->task.created_ms = bson_iter_date_time(&it);
}

/* The primary's own time, where no document came that could carry it. */
static enum jobs_result
server_time(struct jobs *jobs, int64_t *t_ms)
{
	mongoc_read_prefs_t *primary = mongoc_read_prefs_new(
	    MONGOC_READ_PRIMARY);
	bson_t *hello = BCON_NEW("hello", BCON_INT32(1)), reply;
	enum jobs_result rc = JOBS_ERROR;
	bson_error_t error;
	bson_iter_t it;

	if (!mongoc_client_command_simple(jobs->tasks.client, "admin", hello, primary,
	    &reply, &error)) {
		mongo_log("hello", &error);
	} else if (bson_iter_init_find(&it, &reply, "localTime") &&
	    BSON_ITER_HOLDS_DATE_TIME(&it)) {
		*t_ms = bson_iter_date_time(&it);
		rc = JOBS_OK;
	}
	bson_destroy(&reply);
	bson_destroy(hello);
	mongoc_read_prefs_destroy(primary);
	return rc;
}

enum jobs_result
jobs_precheck(struct jobs *jobs, struct job *job, const struct jobs_limits *limits,
    struct jobs_found *found)
{
	bson_t *pipeline = precheck_pipeline(job, limits->unfinished);
	bson_t *opts = BCON_NEW("maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	enum jobs_result rc;
	bson_t *doc = NULL;

	job->task.turn = 0;
	job->task.created_ms = JOB_NO_TIME;
	*found = (struct jobs_found){ 0 };
	rc = tasks_first(mongoc_collection_aggregate(jobs->tasks.collection,
	    MONGOC_QUERY_NONE, pipeline, opts, NULL), "look", &doc);
	if (rc == JOBS_OK)
		read_precheck(doc, job, found);
	/* After the one that began last, and the owner's own. */
	job->task.turn++;
	/* Without any job there was no document to carry the time. */
	if (rc != JOBS_ERROR)
		rc = job->task.created_ms != JOB_NO_TIME ? JOBS_OK :
		    server_time(jobs, &job->task.created_ms);
	bson_destroy(doc);
	bson_destroy(opts);
	bson_destroy(pipeline);
	return rc;
}

/* {_id} of the owner's newest jobs but skip, no older than from_s; the index has it all. */
static enum jobs_result
find_nth_newest(struct jobs *jobs, const char *owner, int64_t from_s, int64_t skip,
    bson_t **doc)
{
	enum jobs_result rc;
	bson_t *filter, *opts;
	char text[JOB_ID_SIZE];
	bson_oid_t from;

	snprintf(text, sizeof(text), "%08llx0000000000000000",
	    (unsigned long long)from_s & 0xffffffff);
	bson_oid_init_from_string(&from, text);
	filter = BCON_NEW("owner", BCON_UTF8(owner), "_id", "{", "$gt", BCON_OID(&from),
	    "}");
	opts = BCON_NEW("sort", "{", "_id", BCON_INT32(-1), "}",
	    "skip", BCON_INT64(skip), "limit", BCON_INT64(1),
	    "projection", "{", "_id", BCON_INT32(1), "}",
	    "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	rc = tasks_first(mongoc_collection_find_with_opts(jobs->tasks.collection, filter,
	    opts, NULL), "owner_rate", doc);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

/*
 * An id begins with the second in which its job was made, so the index "owner" has an
 * owner's jobs by time, those that ended too. When as many are younger than an hour as
 * there may be, the oldest of them says when there is room.
 */
static enum jobs_result
check_owner_rate(struct jobs *jobs, const struct job *job, int64_t max, int64_t *retry_s)
{
	enum jobs_result rc;
	bson_t *doc = NULL;
	bson_iter_t it;
	bson_oid_t id;
	int64_t now_s;

	if (max == 0)
		return JOBS_OK;
	bson_oid_init_from_string(&id, job->task.id);
	now_s = bson_oid_get_time_t(&id);
	rc = find_nth_newest(jobs, job->task.owner, now_s - HOUR_S, max - 1, &doc);
	if (rc != JOBS_OK)
		return rc == JOBS_NONE ? JOBS_OK : rc;
	*retry_s = 1;
	if (bson_iter_init_find(&it, doc, "_id") && BSON_ITER_HOLDS_OID(&it))
		*retry_s += bson_oid_get_time_t(bson_iter_oid(&it)) + HOUR_S - now_s;
	/* Another host's clock may be ahead of this one's. */
	if (*retry_s > HOUR_S)
		*retry_s = HOUR_S;
	bson_destroy(doc);
	return JOBS_OWNER_OFTEN;
}

enum jobs_result
jobs_admit(struct jobs *jobs, const struct job *job, const struct jobs_limits *limits,
    struct jobs_found *found)
{
	enum jobs_result rc;
	int64_t max;

	if (found->unfinished >= limits->unfinished)
		return JOBS_OWNER_FULL;
	if ((rc = check_owner_rate(jobs, job, limits->per_hour, &found->retry_s)) !=
	    JOBS_OK)
		return rc;
	if (count_unfinished(jobs) != JOBS_OK)
		return JOBS_ERROR;
	/* Those who have none yet are not shut out by those who have many. */
	max = jobs->tasks.conf->queue_max;
	if (found->unfinished == 0)
		max *= FIRST_JOBS;
	return jobs->queued >= max ? JOBS_QUEUE_FULL : JOBS_OK;
}

enum jobs_result
jobs_ahead(struct jobs *jobs, const struct job *job, int64_t *n)
{
	enum jobs_result rc;

	/* "Not at or above": jobs of earlier versions, without a turn, come first. */
	rc = count_jobs(jobs, "count_ahead", BCON_NEW("state",
	    BCON_UTF8("NOT_STARTED"), "$or", "[",
	    "{", "turn", "{", "$not", "{", "$gte", BCON_INT64(job->task.turn), "}", "}", "}",
	    "{", "turn", BCON_INT64(job->task.turn),
	    "createdAt", "{", "$lt", BCON_DATE_TIME(job->task.created_ms), "}", "}",
	    "]"), AHEAD_MAX + 1, n);
	if (rc == JOBS_OK && *n > AHEAD_MAX)
		*n = -1;
	return rc;
}

/* The states as job_seen() has them; what had expired is EXPIRED by now. */
static void
match_seen(bson_t *filter, unsigned states, int64_t now_ms)
{
	const unsigned finished = 1u << JOB_FINISHED, expired = 1u << JOB_EXPIRED;

	transition_match_states(filter, states);
	if ((states & (finished | expired)) == finished)
		BCON_APPEND(filter, "expiresAt", "{", "$not", "{", "$lte",
		    BCON_DATE_TIME(now_ms), "}", "}");
}

static bson_t *
list_filter(const struct jobs_page *page, int64_t now_ms)
{
	bson_t *filter = bson_new();
	bson_oid_t after;

	if (page->owner != NULL)
		BSON_APPEND_UTF8(filter, "owner", page->owner);
	else
		/* Nobody's: lib/jobs/records.h. */
		BCON_APPEND(filter, "removeAt", "{", "$exists", BCON_BOOL(false), "}");
	if (page->after != NULL) {
		bson_oid_init_from_string(&after, page->after);
		BCON_APPEND(filter, "_id", "{", "$lt", BCON_OID(&after), "}");
	}
	if (page->states != 0)
		match_seen(filter, page->states, now_ms);
	return filter;
}

/* A list of more than JOBS_NAMES_MAX is its number instead. */
static void
put_short(bson_t *set, const char *name, const char *count, const char *field)
{
	bson_t *size = BCON_NEW("$size", "{", "$ifNull", "[", BCON_UTF8(field),
	    "[", "]", "]", "}");
	bson_t *is_long = BCON_NEW("$gt", "[", BCON_DOCUMENT(size),
	    BCON_INT64(JOBS_NAMES_MAX), "]");

	BCON_APPEND(set, name, "{", "$cond", "[", BCON_DOCUMENT(is_long),
	    "$$REMOVE", BCON_UTF8(field), "]", "}",
	    count, "{", "$cond", "[", BCON_DOCUMENT(is_long),
	    BCON_DOCUMENT(size), "$$REMOVE", "]", "}");
	bson_destroy(is_long);
	bson_destroy(size);
}

/* The database sends no more than the page shows. */
static bson_t *
list_pipeline(const struct jobs_page *page, int64_t now_ms)
{
	bson_t *filter = list_filter(page, now_ms), set = BSON_INITIALIZER;
	bson_t *pipeline;

	BCON_APPEND(&set, "preview", "$$REMOVE", "skippedVehicles", "$$REMOVE");
	if (!page->whole) {
		put_short(&set, "vehicles", "vehiclesCount", "$vehicles");
		put_short(&set, "parameters", "parametersCount", "$parameters");
	}
	pipeline = BCON_NEW("pipeline", "[",
	    "{", "$match", BCON_DOCUMENT(filter), "}",
	    "{", "$sort", "{", "_id", BCON_INT32(-1), "}", "}",
	    "{", "$limit", BCON_INT64(page->limit), "}",
	    "{", "$set", BCON_DOCUMENT(&set), "}", "]");
	bson_destroy(&set);
	bson_destroy(filter);
	return pipeline;
}

enum jobs_result
jobs_list(struct jobs *jobs, const struct jobs_page *page,
    int (*each)(const struct job *, void *), void *arg)
{
	const int64_t now_ms = clock_real_ms();
	bson_t *pipeline = list_pipeline(page, now_ms);
	bson_t *opts = BCON_NEW("batchSize", BCON_INT64(LIST_BATCH),
	    "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	enum jobs_result rc = JOBS_OK;
	mongoc_cursor_t *cursor;
	bson_error_t error;
	const bson_t *doc;
	struct job job;
	int end = 0;

	if (page->states & 1u << JOB_EXPIRED)
		rc = tasks_lapse(&jobs->tasks);
	cursor = mongoc_collection_aggregate(jobs->tasks.collection,
	    MONGOC_QUERY_NONE, pipeline, opts, NULL);
	while (rc == JOBS_OK && end == 0 && mongoc_cursor_next(cursor, &doc)) {
		/* One that cannot be understood (logged) does not hide the others. */
		if (job_from_bson(doc, &job) == 0) {
			job_seen(&job, now_ms);
			end = each(&job, arg);
			rc = end < 0 ? JOBS_ERROR : JOBS_OK;
		}
		job_release(&job);
	}
	if (mongoc_cursor_error(cursor, &error)) {
		mongo_log("list", &error);
		rc = JOBS_ERROR;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(pipeline);
	return rc;
}
