/*
 * What a document becomes: rows, bytes and seconds, as the latest exports had them.
 * Knows no catalogue and no request.
 */
#include "lib/jobs/rates.h"

#include <stdbool.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/jobs/spec.h"
#include "lib/jobs/tasks_impl.h"
#include "lib/servers/mongo.h"

#define LATEST 20
/* Of so many: what is before them is of another time, and takes time to find. */
#define LOOKED_AT 200
#define READ_MAX_MS 500

/* Least squares: large jobs say what a document takes, small ones what a job does. */
struct sums {
	double squares, rows, points, bytes, ms;
};

static double
number_at(const bson_t *doc, const char *path)
{
	bson_iter_t it, at;

	if (!bson_iter_init(&it, doc) ||
	    !bson_iter_find_descendant(&it, path, &at))
		return 0;
	return BSON_ITER_HOLDS_DATE_TIME(&at) ?
	    (double)bson_iter_date_time(&at) : bson_iter_as_double(&at);
}

/* Of the object, if it were of CSVs. */
static double
csv_bytes(const bson_t *doc)
{
	const char *parquet = spec_format_names[SPEC_FORMAT_PARQUET];
	const double size = number_at(doc, "object.size");
	bson_iter_t it;

	return bson_iter_init_find(&it, doc, "format") && BSON_ITER_HOLDS_UTF8(&it) &&
	    strcmp(bson_iter_utf8(&it, NULL), parquet) == 0 ? size / RATES_PARQUET : size;
}

static void
sums_add(struct sums *s, const bson_t *doc)
{
	const double n = number_at(doc, "progress.documents");

	s->squares += n * n;
	s->rows += n * number_at(doc, "progress.rows");
	s->points += n * number_at(doc, "progress.points");
	s->bytes += n * csv_bytes(doc);
	s->ms += n * (number_at(doc, "finishedAt") - number_at(doc, "startedAt"));
}

/* The index `lapse` has the FINISHED ones in order of expiresAt. */
static bson_t *
latest_pipeline(void)
{
	return BCON_NEW("pipeline", "[",
	    "{", "$match", "{", "state", "FINISHED", "expiresAt", "{",
	    "$gt", BCON_DATE_TIME(0), "}", "}", "}",
	    "{", "$sort", "{", "expiresAt", BCON_INT32(-1), "}", "}",
	    "{", "$limit", BCON_INT64(LOOKED_AT), "}",
	    "{", "$match", "{", "everyMs", "{", "$exists", BCON_BOOL(false), "}", "}", "}",
	    "{", "$limit", BCON_INT64(LATEST), "}",
	    "{", "$project", "{", "progress", BCON_INT32(1), "object.size", BCON_INT32(1),
	    "format", BCON_INT32(1), "startedAt", BCON_INT32(1),
	    "finishedAt", BCON_INT32(1), "}", "}", "]");
}

enum jobs_result
rates_get(struct jobs *jobs, struct rates *rates)
{
	bson_t *pipeline = latest_pipeline();
	bson_t *opts = BCON_NEW("maxTimeMS", BCON_INT32(READ_MAX_MS));
	struct sums s = { 0 };
	enum jobs_result rc = JOBS_OK;
	mongoc_cursor_t *cursor;
	bson_error_t error;
	const bson_t *doc;

	*rates = (struct rates){ 0 };
	cursor = mongoc_collection_aggregate(jobs->tasks.collection, MONGOC_QUERY_NONE,
	    pipeline, opts, NULL);
	while (mongoc_cursor_next(cursor, &doc))
		sums_add(&s, doc);
	if (mongoc_cursor_error(cursor, &error)) {
		mongo_log("rates", &error);
		rc = JOBS_ERROR;
	} else if (s.squares > 0) {
		rates->rows = s.rows / s.squares;
		rates->points = s.points / s.squares;
		rates->bytes = s.bytes / s.squares;
		rates->seconds = s.ms / 1000 / s.squares;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(pipeline);
	return rc;
}
