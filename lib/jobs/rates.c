/*
 * What a document becomes: rows, bytes and seconds, as the latest exports had them.
 * Knows no catalogue and no request.
 */
#include "lib/jobs/rates.h"

#include <mongoc/mongoc.h>

#include "lib/servers/mongo.h"
#include "lib/jobs/tasks_impl.h"

#define LATEST 20
#define READ_MAX_MS 500

/* Least squares: large jobs say what a document takes, small ones what a job does. */
struct sums {
	double squares, rows, bytes, ms;
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

static void
sums_add(struct sums *s, const bson_t *doc)
{
	const double n = number_at(doc, "progress.documents");

	s->squares += n * n;
	s->rows += n * number_at(doc, "progress.rows");
	s->bytes += n * number_at(doc, "object.size");
	s->ms += n * (number_at(doc, "finishedAt") - number_at(doc, "startedAt"));
}

enum jobs_result
rates_get(struct jobs *jobs, struct rates *rates)
{
	/* The index `lapse` has the FINISHED ones in order of expiresAt. */
	bson_t *filter = BCON_NEW("state", "FINISHED", "expiresAt", "{",
	    "$gt", BCON_DATE_TIME(0), "}");
	bson_t *opts = BCON_NEW("sort", "{", "expiresAt", BCON_INT32(-1), "}",
	    "limit", BCON_INT64(LATEST), "singleBatch", BCON_BOOL(true),
	    "projection", "{", "progress", BCON_INT32(1), "object.size",
	    BCON_INT32(1),
	    "startedAt", BCON_INT32(1), "finishedAt", BCON_INT32(1), "}",
	    "maxTimeMS", BCON_INT32(READ_MAX_MS));
	struct sums s = { 0 };
	enum jobs_result rc = JOBS_OK;
	mongoc_cursor_t *cursor;
	bson_error_t error;
	const bson_t *doc;

	*rates = (struct rates){ 0, 0, 0 };
	cursor = mongoc_collection_find_with_opts(jobs->tasks.collection, filter,
	    opts, NULL);
	while (mongoc_cursor_next(cursor, &doc))
		sums_add(&s, doc);
	if (mongoc_cursor_error(cursor, &error)) {
		mongo_log("rates", &error);
		rc = JOBS_ERROR;
	} else if (s.squares > 0) {
		rates->rows = s.rows / s.squares;
		rates->bytes = s.bytes / s.squares;
		rates->seconds = s.ms / 1000 / s.squares;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}
