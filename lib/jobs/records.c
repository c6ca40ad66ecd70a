/*
 * How many records of ended jobs an owner has at most. When records go by their age is
 * an index's business, in scripts/provision.
 */
#include "lib/jobs/records.h"

#include <stdlib.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/conf.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/job.h"
#include "lib/jobs/tasks_impl.h"
#include "lib/jobs/transition.h"

#define TRIMMED (1u << JOB_FAILED | 1u << JOB_CANCELLED | 1u << JOB_EXPIRED)
/* A backlog, as of a limit that was just set, goes in steps: a client waits. */
#define TRIM_MAX 1000

/* Whether it is this job's turn: the end of an id is random. */
static bool
is_drawn(const struct job *job)
{
	return strtoul(job->task.id + strlen(job->task.id) - 4, NULL, 16) %
	    RECORDS_EVERY == 0;
}

static bson_t *
ended_of(const char *owner)
{
	bson_t *filter = BCON_NEW("owner", BCON_UTF8(owner));

	transition_match_states(filter, TRIMMED);
	return filter;
}

/* The newest and the oldest of some records that are too many. */
struct surplus {
	bson_oid_t newest, oldest;
	int n;
};

/* They begin after the keep newest ones; the index owner_state has it all. */
static enum jobs_result
find_surplus(struct jobs *jobs, const char *owner, int64_t keep, struct surplus *s)
{
	bson_t *filter = ended_of(owner);
	bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(-1), "}",
	    /* Else by "owner", where each document is read for its state. */
	    "hint", BCON_UTF8("owner_state"),
	    "skip", BCON_INT64(keep), "limit", BCON_INT64(TRIM_MAX),
	    "projection", "{", "_id", BCON_INT32(1), "}",
	    "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(
	    jobs->tasks.collection, filter, opts, NULL);
	enum jobs_result rc = JOBS_OK;
	bson_error_t error;
	const bson_t *doc;
	bson_iter_t it;

	s->n = 0;
	while (mongoc_cursor_next(cursor, &doc)) {
		if (!bson_iter_init_find(&it, doc, "_id") || !BSON_ITER_HOLDS_OID(&it))
			continue;
		s->oldest = *bson_iter_oid(&it);
		if (s->n++ == 0)
			s->newest = s->oldest;
	}
	if (mongoc_cursor_error(cursor, &error)) {
		mongo_log("trim", &error);
		rc = JOBS_ERROR;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

/* No owner has the name "", so they are nobody's, and not found here again. */
static bson_t *
giving_up(void)
{
	return BCON_NEW("0", "{", "$set", "{", "owner", BCON_UTF8(""),
	    "removeAt", BCON_UTF8("$$NOW"), "}", "}",
	    "1", "{", "$unset", "[", BCON_UTF8("idempotencyKey"), BCON_UTF8("name"),
	    BCON_UTF8("vehicles"), BCON_UTF8("parameters"), "]", "}");
}

static enum jobs_result
give_up(struct jobs *jobs, const char *owner, const struct surplus *s)
{
	bson_t *filter = ended_of(owner), *pipeline = giving_up();
	enum jobs_result rc = JOBS_OK;
	bson_error_t error;

	BCON_APPEND(filter, "_id", "{", "$lte", BCON_OID(&s->newest),
	    "$gte", BCON_OID(&s->oldest), "}");
	if (jobs->tasks.conf->s3_delete)
		BCON_APPEND(filter, "$or", "[",
		    "{", "state", "{", "$ne",
		    BCON_UTF8(job_state_name(JOB_EXPIRED)), "}", "}",
		    "{", "removedAt", "{", "$exists", BCON_BOOL(true), "}", "}", "]");
	if (!mongoc_collection_update_many(jobs->tasks.collection, filter, pipeline,
	    NULL, NULL, &error)) {
		mongo_log("trim", &error);
		rc = JOBS_ERROR;
	}
	bson_destroy(pipeline);
	bson_destroy(filter);
	return rc;
}

enum jobs_result
records_trim(struct jobs *jobs, const struct job *job, int64_t least)
{
	const int64_t max = jobs->tasks.conf->owner_records_max;
	struct surplus s;
	enum jobs_result rc;

	if (max == 0 || !is_drawn(job))
		return JOBS_OK;
	rc = find_surplus(jobs, job->task.owner, max > least ? max : least, &s);
	return rc == JOBS_OK && s.n > 0 ? give_up(jobs, job->task.owner, &s) : rc;
}
