/*
 * The numbers of /metrics that come from the database: jobs by state, and the
 * counters that workers report. What the counters mean is metrics.c's business.
 */
#include "lib/jobs/workers.h"

#include <stdlib.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/clock.h"
#include "lib/base/version.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/transition.h"

/* Of the unfinished, by state: how many, how many no worker holds, the oldest's age. */
static bson_t *
unfinished_pipeline(void)
{
	bson_t match = BSON_INITIALIZER, *pipeline;

	transition_match_states(&match, JOB_UNFINISHED);
	pipeline = BCON_NEW("pipeline", "[",
	    "{", "$match", BCON_DOCUMENT(&match), "}",
	    "{", "$group", "{", "_id", BCON_UTF8("$state"),
	    "n", "{", "$sum", BCON_INT64(1), "}",
	    "unheld", "{", "$sum", "{", "$cond", "[", "{", "$gt", "[",
	    BCON_UTF8("$worker"), BCON_NULL, "]", "}", BCON_INT64(0),
	    BCON_INT64(1), "]", "}", "}",
	    "age", "{", "$max", "{", "$subtract", "[", BCON_UTF8("$$NOW"),
	    BCON_UTF8("$createdAt"), "]", "}", "}", "}", "}", "]");
	bson_destroy(&match);
	return pipeline;
}

/* Give each document to take(), which returns 0, or -1 to end. Takes over pipeline. */
static int
aggregate(mongoc_collection_t *collection, bson_t *pipeline,
    int (*take)(const bson_t *, void *), void *arg)
{
	bson_t *opts = BCON_NEW("maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	mongoc_cursor_t *cursor;
	bson_error_t error;
	const bson_t *doc;
	int rc = 0;

	cursor = mongoc_collection_aggregate(collection, MONGOC_QUERY_NONE,
	    pipeline, opts, NULL);
	while (rc == 0 && mongoc_cursor_next(cursor, &doc))
		rc = take(doc, arg);
	if (mongoc_cursor_error(cursor, &error)) {
		mongo_log("stats", &error);
		rc = -1;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(pipeline);
	return rc;
}

/* A document for each of the two states. */
static int
take_unfinished(const bson_t *doc, void *arg)
{
	struct jobs_stats *jobs = arg;
	const char *state = "";
	int64_t n = 0, unheld = 0, age_ms = 0;
	bson_iter_t it;

	if (!bson_iter_init(&it, doc))
		return 0;
	while (bson_iter_next(&it)) {
		const char *key = bson_iter_key(&it);

		if (strcmp(key, "_id") == 0 && BSON_ITER_HOLDS_UTF8(&it))
			state = bson_iter_utf8(&it, NULL);
		else if (strcmp(key, "n") == 0)
			n = bson_iter_as_int64(&it);
		else if (strcmp(key, "unheld") == 0)
			unheld = bson_iter_as_int64(&it);
		else if (strcmp(key, "age") == 0)
			age_ms = bson_iter_as_int64(&it);
	}
	if (strcmp(state, job_state_name(JOB_STARTED)) == 0) {
		jobs->n[JOB_STARTED] = n;
		jobs->unheld = unheld;
	} else {
		jobs->n[JOB_NOT_STARTED] = n;
		jobs->oldest_ms = age_ms > 0 ? age_ms : 0;
	}
	return 0;
}

static int64_t
count(mongoc_collection_t *collection, bson_t *filter)
{
	bson_t *opts = BCON_NEW("maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	bson_error_t error;
	int64_t n;

	n = mongoc_collection_count_documents(collection, filter, opts, NULL, NULL,
	    &error);
	if (n < 0)
		mongo_log("stats", &error);
	bson_destroy(opts);
	bson_destroy(filter);
	return n;
}

/*
 * By the index "ended", and by "lapse" those that have expired although no worker has
 * written it yet.
 */
static int
count_ended(mongoc_collection_t *collection, struct jobs_stats *jobs)
{
	int64_t over;
	int s;

	for (s = JOB_FINISHED; s <= JOB_EXPIRED; s++) {
		jobs->n[s] = count(collection, BCON_NEW("state",
		    BCON_UTF8(job_state_name((enum job_state)s))));
		if (jobs->n[s] < 0)
			return -1;
	}
	over = count(collection, BCON_NEW("state", BCON_UTF8("FINISHED"), "expiresAt",
	    "{", "$lte", BCON_DATE_TIME(clock_real_ms()), "}"));
	if (over < 0)
		return -1;
	if (over > jobs->n[JOB_FINISHED])
		over = jobs->n[JOB_FINISHED];
	jobs->n[JOB_FINISHED] -= over;
	jobs->n[JOB_EXPIRED] += over;
	return 0;
}

int
jobs_stats(mongoc_client_t *client, struct jobs_stats *jobs)
{
	mongoc_collection_t *collection = mongoc_client_get_collection(client,
	    "exports", "jobs");
	int rc = -1;

	memset(jobs, 0, sizeof(*jobs));
	if (aggregate(collection, unfinished_pipeline(), take_unfinished,
	    jobs) == 0)
		rc = count_ended(collection, jobs);
	mongoc_collection_destroy(collection);
	return rc;
}

static void
copy_text(bson_iter_t *it, char *to, size_t size)
{
	if (BSON_ITER_HOLDS_UTF8(it))
		bson_strncpy(to, bson_iter_utf8(it, NULL), size);
}

static void
take_worker(const bson_t *doc, struct worker_entry *w)
{
	const uint8_t *data;
	bson_iter_t it;
	uint32_t len;
	bson_t values;

	if (!bson_iter_init(&it, doc))
		return;
	while (bson_iter_next(&it)) {
		const char *key = bson_iter_key(&it);

		if (strcmp(key, "_id") == 0) {
			copy_text(&it, w->name, sizeof(w->name));
		} else if (strcmp(key, "version") == 0) {
			copy_text(&it, w->version, sizeof(w->version));
		} else if (strcmp(key, "age") == 0) {
			w->age_ms = bson_iter_as_int64(&it);
		} else if (strcmp(key, "values") == 0 &&
		    BSON_ITER_HOLDS_DOCUMENT(&it)) {
			bson_iter_document(&it, &len, &data);
			if (bson_init_static(&values, data, len))
				metrics_from_bson(&values, w->slots);
		}
	}
}

/* The workers that run, by name, with the age of their reports. */
static bson_t *
workers_pipeline(void)
{
	return BCON_NEW("pipeline", "[",
	    "{", "$match", "{", "stopped", BCON_BOOL(false), "$expr", "{",
	    "$gt", "[", BCON_UTF8("$at"), "{", "$subtract", "[",
	    BCON_UTF8("$$NOW"), BCON_INT64(WORKERS_REPORT_MS), "]", "}", "]", "}",
	    "}", "}",
	    "{", "$sort", "{", "_id", BCON_INT32(1), "}", "}",
	    "{", "$limit", BCON_INT64(WORKERS_MAX), "}",
	    "{", "$set", "{", "age", "{", "$subtract", "[", BCON_UTF8("$$NOW"),
	    BCON_UTF8("$at"), "]", "}", "}", "}", "]");
}

static int
add_worker(const bson_t *doc, void *arg)
{
	struct worker_list *workers = arg;
	struct worker_entry *v;

	v = realloc(workers->v, (workers->n + 1) * sizeof(*v));
	if (v == NULL)
		return -1;
	workers->v = v;
	memset(&v[workers->n], 0, sizeof(*v));
	take_worker(doc, &v[workers->n++]);
	return 0;
}

int
worker_list(mongoc_client_t *client, struct worker_list *workers)
{
	mongoc_collection_t *collection = mongoc_client_get_collection(client,
	    "exports", "workers");
	const int rc = aggregate(collection, workers_pipeline(), add_worker,
	    workers);

	mongoc_collection_destroy(collection);
	return rc;
}

void
worker_list_release(struct worker_list *workers)
{
	free(workers->v);
	memset(workers, 0, sizeof(*workers));
}

int
workers_report(mongoc_client_t *client, const char *worker, bool last,
    bool quiet)
{
	mongoc_collection_t *collection = mongoc_client_get_collection(client,
	    "exports", "workers");
	bson_t *filter = BCON_NEW("_id", BCON_UTF8(worker));
	bson_t *opts = BCON_NEW("upsert", BCON_BOOL(true));
	bson_t values = BSON_INITIALIZER, *update;
	uint64_t slots[METRICS_SLOTS];
	bson_error_t error;
	int rc = 0;

	/* Replaced as a whole: a metric of another version goes. */
	metrics_read(slots);
	metrics_bson(slots, &values);
	update = BCON_NEW("0", "{", "$set", "{", "at", BCON_UTF8("$$NOW"),
	    "startedAt", "{", "$ifNull", "[", BCON_UTF8("$startedAt"),
	    BCON_UTF8("$$NOW"), "]", "}",
	    "version", BCON_UTF8(EXPORT_VERSION), "stopped", BCON_BOOL(last),
	    "values", "{", "$literal", BCON_DOCUMENT(&values), "}", "}", "}");
	if (!mongoc_collection_update_one(collection, filter, update, opts,
	    NULL, &error)) {
		if (!quiet)
			mongo_log("report", &error);
		rc = -1;
	}
	bson_destroy(update);
	bson_destroy(&values);
	bson_destroy(opts);
	bson_destroy(filter);
	mongoc_collection_destroy(collection);
	return rc;
}
