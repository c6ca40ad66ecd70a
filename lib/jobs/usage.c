/*
 * What an owner's results take up: counted, and kept for all owners. What the limits
 * are is owners.c's.
 */
#include "lib/jobs/usage.h"

#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/conf.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/owners.h"
#include "lib/jobs/tasks_impl.h"

/* Only workers sum up, where nobody waits for an answer. */
#define PASS_MAX_MS 30000

/*
 * All of it is in the index "kept". What has expired is not FINISHED after the next
 * sweep; to compare with the database's time, each job would have to be read.
 */
#define KEPT "state", BCON_UTF8(job_state_name(JOB_FINISHED))
#define SUMS "results", "{", "$sum", BCON_INT64(1), "}", \
	"bytes", "{", "$sum", BCON_UTF8("$object.size"), "}"

/* The first document that a cursor gives, as u. Takes over cursor. */
static enum jobs_result
read_usage(mongoc_cursor_t *cursor, struct usage *u)
{
	enum jobs_result rc;
	bson_t *doc = NULL;

	memset(u, 0, sizeof(*u));
	rc = tasks_first(cursor, "usage", &doc);
	if (rc == JOBS_OK) {
		u->results = tasks_number(doc, "results");
		u->bytes = tasks_number(doc, "bytes");
	}
	bson_destroy(doc);
	return rc;
}

static mongoc_cursor_t *
aggregate_jobs(mongoc_client_t *client, const bson_t *pipeline)
{
	mongoc_collection_t *jobs = mongoc_client_get_collection(client, "exports",
	    "jobs");
	bson_t *opts = BCON_NEW("maxTimeMS", BCON_INT32(PASS_MAX_MS));
	mongoc_cursor_t *cursor = mongoc_collection_aggregate(jobs,
	    MONGOC_QUERY_NONE, pipeline, opts, NULL);

	bson_destroy(opts);
	mongoc_collection_destroy(jobs);
	return cursor;
}

enum jobs_result
usage_count(mongoc_client_t *client, const char *owner, struct usage *u)
{
	bson_t *pipeline = BCON_NEW("pipeline", "[",
	    "{", "$match", "{", "owner", BCON_UTF8(owner), KEPT, "}", "}",
	    "{", "$group", "{", "_id", BCON_NULL, SUMS, "}", "}", "]");
	enum jobs_result rc;

	rc = read_usage(aggregate_jobs(client, pipeline), u);
	bson_destroy(pipeline);
	return rc == JOBS_NONE ? JOBS_OK : rc;
}

static mongoc_collection_t *
usage_collection(mongoc_client_t *client)
{
	return mongoc_client_get_collection(client, "exports", "usage");
}

enum jobs_result
usage_get(mongoc_client_t *client, const char *owner, struct usage *u)
{
	mongoc_collection_t *kept = usage_collection(client);
	bson_t *filter = BCON_NEW("_id", BCON_UTF8(owner));
	bson_t *opts = BCON_NEW("limit", BCON_INT64(1), "singleBatch",
	    BCON_BOOL(true), "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	enum jobs_result rc;

	rc = read_usage(mongoc_collection_find_with_opts(kept, filter, opts, NULL), u);
	bson_destroy(opts);
	bson_destroy(filter);
	mongoc_collection_destroy(kept);
	return rc;
}

bool
usage_wanted(const struct conf *conf)
{
	return conf->owner_bytes_kept > 0 || owners_listed(conf);
}

/* The number of the last pass, if it is older than every_ms; else JOBS_NONE. */
static enum jobs_result
find_due(mongoc_collection_t *kept, int64_t every_ms, int64_t *pass)
{
	bson_t *filter = BCON_NEW("_id", BCON_UTF8(""), "$expr", "{", "$lte", "[",
	    BCON_UTF8("$at"), "{", "$subtract", "[", BCON_UTF8("$$NOW"),
	    BCON_INT64(every_ms), "]", "}", "]", "}");
	bson_t *doc = NULL;
	enum jobs_result rc;

	rc = tasks_first(mongoc_collection_find_with_opts(kept, filter, NULL, NULL),
	    "usage", &doc);
	if (rc == JOBS_OK)
		*pass = tasks_number(doc, "pass");
	bson_destroy(doc);
	bson_destroy(filter);
	return rc;
}

/* Of several workers one gets the pass after this one. */
static enum jobs_result
claim_pass(mongoc_collection_t *kept, int64_t pass)
{
	bson_t *filter = BCON_NEW("_id", BCON_UTF8(""), "pass", BCON_INT64(pass));
	bson_t *pipeline = BCON_NEW("0", "{", "$set", "{",
	    "pass", BCON_INT64(pass + 1), "at", BCON_UTF8("$$NOW"), "}", "}");
	enum jobs_result rc = tasks_update(kept, "usage", filter, pipeline);

	bson_destroy(pipeline);
	bson_destroy(filter);
	return rc;
}

/* Add up all owners' results, in the database. */
static enum jobs_result
merge_sums(mongoc_client_t *client, int64_t pass)
{
	bson_t *pipeline = BCON_NEW("pipeline", "[",
	    "{", "$match", "{", KEPT, "}", "}",
	    "{", "$group", "{", "_id", BCON_UTF8("$owner"), SUMS, "}", "}",
	    "{", "$set", "{", "pass", BCON_INT64(pass), "}", "}",
	    "{", "$merge", "{", "into", BCON_UTF8("usage"),
	    "whenMatched", BCON_UTF8("replace"), "}", "}", "]");
	mongoc_cursor_t *cursor = aggregate_jobs(client, pipeline);
	enum jobs_result rc;
	bson_t *doc = NULL;

	/* It gives no document. */
	rc = tasks_first(cursor, "usage", &doc);
	bson_destroy(doc);
	bson_destroy(pipeline);
	return rc == JOBS_ERROR ? rc : JOBS_OK;
}

/* Those that were not among them have no results any more. */
static enum jobs_result
drop_others(mongoc_collection_t *kept, int64_t pass)
{
	bson_t *filter = BCON_NEW("_id", "{", "$ne", BCON_UTF8(""), "}",
	    "pass", "{", "$lt", BCON_INT64(pass), "}");
	enum jobs_result rc = JOBS_OK;
	bson_error_t error;

	if (!mongoc_collection_delete_many(kept, filter, NULL, NULL, &error)) {
		mongo_log("usage", &error);
		rc = JOBS_ERROR;
	}
	bson_destroy(filter);
	return rc;
}

enum jobs_result
usage_keep(mongoc_client_t *client, int64_t every_ms)
{
	mongoc_collection_t *kept = usage_collection(client);
	enum jobs_result rc;
	int64_t pass;

	if ((rc = find_due(kept, every_ms, &pass)) == JOBS_OK &&
	    (rc = claim_pass(kept, pass)) == JOBS_OK &&
	    (rc = merge_sums(client, pass + 1)) == JOBS_OK)
		rc = drop_others(kept, pass + 1);
	mongoc_collection_destroy(kept);
	return rc;
}
