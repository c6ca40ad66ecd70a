/*
 * What a job would read, by the catalogue: of a fleet, of each vehicle. Knows no
 * request and no reply.
 */
#include "lib/jobs/catalogue.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/log.h"
#include "lib/base/timestamp.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/catalogue_impl.h"
#include "lib/jobs/fields.h"
#include "lib/jobs/job.h"
#include "lib/jobs/scope.h"
#include "lib/jobs/totals.h"

/* All of a reply that the server can hold, at once. */
#define DOCUMENTS_BATCH 1000000
/* It is wanted at once, or not at all. */
#define ESTIMATE_MAX_MS 1000
/* Up to so many vehicles each is looked at: some 10 ms, with 50 parameters. */
#define SMALL_FLEET 200

/*
 * The hours whose documents may have points of the range, or before it for hold: one
 * before them may reach in.
 */
static int64_t
lowest_hour(const struct job *job)
{
	const int64_t first_ms = job->spec.start_ms - job->spec.hold_ms;
	const int64_t hour = (first_ms + HOUR_MS - 1) / HOUR_MS - (first_ms % HOUR_MS != 0);

	return hour > 0 ? hour : 0;
}

static int64_t
highest_hour(const struct job *job)
{
	return (job->spec.end_ms - 1) / HOUR_MS;
}

/* The number of the hour that a date field lies in. */
static bson_t *
hour_of(const char *field)
{
	return BCON_NEW("$floor", "{", "$divide", "[", "{", "$toLong",
	    BCON_UTF8(field), "}", BCON_INT64(HOUR_MS), "]", "}");
}

/*
 * The documents of the span "$$s" that would be read: their number times the share
 * of its hours. A document of the hour before the range may reach into it, and is
 * read unless the range begins on the hour.
 */
static bson_t *
share_of_span(const struct job *job)
{
	const int64_t lowest = lowest_hour(job), highest = highest_hour(job);
	bson_t *first = hour_of("$$s.first"), *last = hour_of("$$s.last");
	bson_t *in;

	in = BCON_NEW("$let", "{", "vars", "{",
	    "first", BCON_DOCUMENT(first), "last", BCON_DOCUMENT(last), "}",
	    "in", "{", "$multiply", "[", BCON_UTF8("$$s.documents"),
	    "{", "$max", "[", BCON_INT64(0), "{", "$divide", "[",
	    "{", "$add", "[", BCON_INT64(1), "{", "$subtract", "[",
	    "{", "$min", "[", BCON_UTF8("$$last"), BCON_INT64(highest), "]", "}",
	    "{", "$max", "[", BCON_UTF8("$$first"), BCON_INT64(lowest), "]", "}",
	    "]", "}", "]", "}",
	    "{", "$add", "[", BCON_INT64(1), "{", "$subtract", "[",
	    BCON_UTF8("$$last"), BCON_UTF8("$$first"), "]", "}", "]", "}",
	    "]", "}", "]", "}", "]", "}", "}");
	bson_destroy(first);
	bson_destroy(last);
	return in;
}

/* Of the parameter "$$p": the sum over its spans, of which most have only one. */
static bson_t *
expected(const struct job *job)
{
	bson_t *share = share_of_span(job), *in;

	in = BCON_NEW("$sum", "{", "$map", "{",
	    "input", "{", "$ifNull", "[", BCON_UTF8("$$p.spans"),
	    "[", BCON_UTF8("$$p"), "]", "]", "}",
	    "as", BCON_UTF8("s"), "in", BCON_DOCUMENT(share), "}", "}");
	bson_destroy(share);
	return in;
}

/* The same, but 0 for a parameter that was not requested. */
static bson_t *
expected_of_chosen(const struct job *job)
{
	bson_t *all = expected(job), names = BSON_INITIALIZER, *chosen;

	if (job->spec.parameters.n == 0)
		return all;
	names_bson(&job->spec.parameters, "$literal", &names);
	chosen = BCON_NEW("$cond", "[", "{", "$in", "[", BCON_UTF8("$$p.name"),
	    BCON_DOCUMENT(&names), "]", "}", BCON_DOCUMENT(all),
	    BCON_INT64(0), "]");
	bson_destroy(&names);
	bson_destroy(all);
	return chosen;
}

/* Of a vehicle: those of each of its parameters. */
static bson_t *
expected_of_each(const struct job *job)
{
	bson_t *one = expected_of_chosen(job), *in;

	in = BCON_NEW("$map", "{",
	    "input", BCON_UTF8("$parameters"), "as", BCON_UTF8("p"),
	    "in", BCON_DOCUMENT(one), "}");
	bson_destroy(one);
	return in;
}

/*
 * The sum over them. ($unwind, which makes a document of each parameter, takes three
 * times as long.)
 */
static bson_t *
expected_of_vehicle(const struct job *job)
{
	bson_t *each = expected_of_each(job), *in;

	in = BCON_NEW("$sum", BCON_DOCUMENT(each));
	bson_destroy(each);
	return in;
}

/*
 * The steps from a vehicle's first document to its last, of those in the range; with
 * hold there may be documents, but no such step.
 */
static bson_t *
steps_of_vehicle(const struct job *job)
{
	const struct export_spec *spec = &job->spec;

	return BCON_NEW("$max", "[", BCON_INT64(1), "{", "$add", "[", BCON_INT64(1),
	    "{", "$subtract", "[", "{", "$floor", "{", "$divide", "[",
	    "{", "$min", "[", BCON_INT64(spec->end_ms - 1), "{", "$add", "[",
	    BCON_INT64(HOUR_MS - 1), "{", "$toLong", BCON_UTF8("$last"), "}",
	    "]", "}", "]", "}", BCON_INT64(spec->every_ms), "]", "}", "}",
	    "{", "$floor", "{", "$divide", "[",
	    "{", "$max", "[", BCON_INT64(spec->start_ms),
	    "{", "$toLong", BCON_UTF8("$first"), "}", "]", "}",
	    BCON_INT64(spec->every_ms), "]", "}", "}",
	    "]", "}", "]", "}", "]");
}

/* The same sums, and those of hours and steps, over up to `most` vehicles. */
static bson_t *
steps_pipeline(const struct catalogue *c, const struct job *job, int64_t most)
{
	bson_t *requested = catalogue_requested(c, job), *each = expected_of_each(job);
	bson_t *steps = steps_of_vehicle(job), *pipeline;

	pipeline = BCON_NEW("pipeline", "[",
	    "{", "$match", BCON_DOCUMENT(requested), "}",
	    "{", "$limit", BCON_INT64(most), "}",
	    "{", "$project", "{", "each", BCON_DOCUMENT(each), "steps", BCON_DOCUMENT(steps),
	    "}", "}",
	    "{", "$group", "{", "_id", BCON_NULL,
	    "vehicles", "{", "$sum", BCON_INT64(1), "}",
	    "documents", "{", "$sum", "{", "$sum", BCON_UTF8("$each"), "}", "}",
	    "hours", "{", "$sum", "{", "$max", BCON_UTF8("$each"), "}", "}",
	    "steps", "{", "$sum", "{", "$cond", "[",
	    "{", "$gt", "[", "{", "$max", BCON_UTF8("$each"), "}", BCON_INT64(0), "]", "}",
	    BCON_UTF8("$steps"), BCON_INT64(0), "]", "}", "}", "}", "}", "]");
	bson_destroy(requested);
	bson_destroy(each);
	bson_destroy(steps);
	return pipeline;
}

/* The sum over all. */
static bson_t *
estimate_pipeline(const struct catalogue *c, const struct job *job)
{
	bson_t *requested = catalogue_requested(c, job), *each = expected_of_vehicle(job);
	bson_t *pipeline;

	pipeline = BCON_NEW("pipeline", "[",
	    "{", "$match", BCON_DOCUMENT(requested), "}",
	    "{", "$group", "{", "_id", BCON_NULL,
	    "vehicles", "{", "$sum", BCON_INT64(1), "}",
	    "documents", "{", "$sum", BCON_DOCUMENT(each), "}", "}", "}", "]");
	bson_destroy(requested);
	bson_destroy(each);
	return pipeline;
}

/* A server that is slow does not keep anybody from asking for an export. */
static enum catalogue_result
estimate_end(mongoc_cursor_t *cursor, struct catalogue_estimate *e)
{
	bson_error_t error;

	if (!mongoc_cursor_error(cursor, &error) ||
	    error.code != MONGO_MAX_TIME_EXPIRED)
		return catalogue_end(cursor, "estimate");
	log_msg(LOG_WARN, "estimate", "not known: it took more than %d ms",
	    ESTIMATE_MAX_MS);
	e->documents = -1;
	return CATALOGUE_OK;
}

/* A member of the group; 0 where there is none. */
static int64_t
sum_of(const bson_t *doc, const char *name)
{
	bson_iter_t it;

	return bson_iter_init_find(&it, doc, name) ?
	    (int64_t)(bson_iter_as_double(&it) + .5) : 0;
}

/* By what the catalogue has of each vehicle, with steps of the first `most`. */
static enum catalogue_result
estimate_each(struct catalogue *c, const struct job *job, int64_t most,
    struct catalogue_estimate *e)
{
	bson_t *pipeline = job->spec.every_ms > 0 ? steps_pipeline(c, job, most) :
	    estimate_pipeline(c, job);
	bson_t *opts = BCON_NEW("maxTimeMS", BCON_INT32(ESTIMATE_MAX_MS));
	enum catalogue_result rc;
	mongoc_cursor_t *cursor;
	const bson_t *doc;

	cursor = mongoc_collection_aggregate(c->collection, MONGOC_QUERY_NONE,
	    pipeline, opts, NULL);
	if (mongoc_cursor_next(cursor, &doc))
		*e = (struct catalogue_estimate){ sum_of(doc, "documents"),
		    sum_of(doc, "vehicles"), sum_of(doc, "hours"), sum_of(doc, "steps") };
	rc = estimate_end(cursor, e);
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(pipeline);
	return rc;
}

/* Append {_id: {$gte: {p, first page}, $lte: {p, last page}}}. */
static void
put_pages(bson_t *or, uint32_t n, const char *p, int64_t first, int64_t last)
{
	bson_t *from = BCON_NEW("p", BCON_UTF8(p), "page", BCON_INT64(first));
	bson_t *to = BCON_NEW("p", BCON_UTF8(p), "page", BCON_INT64(last));
	bson_t *pages = BCON_NEW("_id", "{", "$gte", BCON_DOCUMENT(from),
	    "$lte", BCON_DOCUMENT(to), "}");
	const char *key;
	char text[16];

	bson_uint32_to_string(n, &key, text, sizeof(text));
	BSON_APPEND_DOCUMENT(or, key, pages);
	bson_destroy(pages);
	bson_destroy(to);
	bson_destroy(from);
}

/* The last pass, and the pages of the job's days and parameters. */
static bson_t *
totals_filter(const struct job *job, int64_t lowest, int64_t highest)
{
	const struct names *asked = &job->spec.parameters;
	const int64_t first = lowest / DAY_HOURS / TOTALS_DAYS;
	const int64_t last = highest / DAY_HOURS / TOTALS_DAYS;
	bson_t *filter = bson_new(), *pass = BCON_NEW("_id", "pass"), or;
	size_t i;

	BSON_APPEND_ARRAY_BEGIN(filter, "$or", &or);
	BSON_APPEND_DOCUMENT(&or, "0", pass);
	for (i = 0; i < asked->n; i++)
		put_pages(&or, (uint32_t)i + 1, asked->v[i], first, last);
	if (asked->n == 0)
		put_pages(&or, 1, "", first, last);
	bson_append_array_end(filter, &or);
	bson_destroy(pass);
	return filter;
}

/* What a page has of some hours, both included; the share of those of a day. */
static double
sum_page(const bson_t *doc, int64_t lowest, int64_t highest)
{
	bson_iter_t it, in, days;
	int64_t day, from, to;
	double sum = 0;

	if (!bson_iter_init(&it, doc) ||
	    !bson_iter_find_descendant(&it, "_id.page", &in) ||
	    !bson_iter_init_find(&it, doc, "days") ||
	    !BSON_ITER_HOLDS_ARRAY(&it) || !bson_iter_recurse(&it, &days))
		return 0;
	for (day = bson_iter_as_int64(&in) * TOTALS_DAYS; bson_iter_next(&days);
	    day++) {
		from = day * DAY_HOURS > lowest ? day * DAY_HOURS : lowest;
		to = (day + 1) * DAY_HOURS < highest + 1 ?
		    (day + 1) * DAY_HOURS : highest + 1;
		if (from < to)
			sum += bson_iter_as_double(&days) *
			    (double)(to - from) / DAY_HOURS;
	}
	return sum;
}

/* What the last pass says of itself. */
static bool
take_pass(const bson_t *doc, struct catalogue_estimate *e, bool *complete)
{
	bson_iter_t it;

	if (!bson_iter_init_find(&it, doc, "_id") || !BSON_ITER_HOLDS_UTF8(&it))
		return false;
	if (bson_iter_init_find(&it, doc, "vehicles"))
		e->vehicles = bson_iter_as_int64(&it);
	*complete = bson_iter_init_find(&it, doc, "complete") &&
	    bson_iter_as_bool(&it);
	return true;
}

/* By the fleet's totals. e->vehicles stays 0 where there are none yet. */
static enum catalogue_result
estimate_all(struct catalogue *c, const struct job *job,
    struct catalogue_estimate *e)
{
	const int64_t lowest = lowest_hour(job), highest = highest_hour(job);
	bson_t *filter = totals_filter(job, lowest, highest);
	bson_t *opts = BCON_NEW("maxTimeMS", BCON_INT32(ESTIMATE_MAX_MS));
	mongoc_cursor_t *cursor;
	enum catalogue_result rc;
	bool complete = false;
	const bson_t *doc;
	double sum = 0;

	cursor = mongoc_collection_find_with_opts(c->totals, filter, opts, NULL);
	while (mongoc_cursor_next(cursor, &doc))
		if (!take_pass(doc, e, &complete))
			sum += sum_page(doc, lowest, highest);
	e->documents = complete || job->spec.parameters.n == 0 ?
	    (int64_t)(sum + .5) : -1;
	rc = estimate_end(cursor, e);
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

/*
 * The hours and steps of a large fleet, whose totals do not have them: in proportion to
 * those of its first vehicles.
 */
static enum catalogue_result
estimate_steps(struct catalogue *c, const struct job *job,
    struct catalogue_estimate *e)
{
	const struct export_spec *spec = &job->spec;
	struct catalogue_estimate some = { 0 };
	enum catalogue_result rc = estimate_each(c, job, SMALL_FLEET, &some);
	double share;

	/* They have none of it: each document may be another hour. */
	e->hours = e->documents;
	e->steps = e->vehicles * ((spec->end_ms - 1) / spec->every_ms -
	    spec->start_ms / spec->every_ms + 1);
	if (rc != CATALOGUE_OK || some.documents <= 0 || e->documents <= 0)
		return rc;
	share = (double)e->documents / (double)some.documents;
	e->hours = (int64_t)((double)some.hours * share + .5);
	e->steps = (int64_t)((double)some.steps * share + .5);
	return rc;
}

enum catalogue_result
catalogue_estimate(struct catalogue *c, const struct job *job,
    struct catalogue_estimate *e)
{
	enum catalogue_result rc = CATALOGUE_OK;

	/* No vehicle, no group, no document: all is 0. */
	*e = (struct catalogue_estimate){ 0 };
	/* The totals are of every vehicle, so also of those out of the scope. */
	if (job->spec.vehicles.n == 0 && scope_all(c->scope))
		rc = estimate_all(c, job, e);
	if (rc != CATALOGUE_OK)
		return rc;
	if (e->vehicles > SMALL_FLEET)
		return job->spec.every_ms > 0 ? estimate_steps(c, job, e) : CATALOGUE_OK;
	/* A small fleet's vehicles themselves are as cheap, and never behind. */
	*e = (struct catalogue_estimate){ 0 };
	return estimate_each(c, job, INT32_MAX, e);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(**(char *const *const *)a, **(char *const *const *)b);
}

/* Where each vehicle is in the list, in order of name. NULL: no memory. */
static char ***
places_of(const struct names *vehicles)
{
	char ***places = calloc(vehicles->n + 1, sizeof(*places));
	size_t i;

	if (places == NULL)
		return NULL;
	for (i = 0; i < vehicles->n; i++)
		places[i] = &vehicles->v[i];
	qsort(places, vehicles->n, sizeof(*places), compare_names);
	return places;
}

/* {_id: name, documents: the sum over its parameters} of each vehicle. */
static bson_t *
documents_pipeline(const struct catalogue *c, const struct job *job)
{
	bson_t *requested = catalogue_requested(c, job), *each = expected_of_vehicle(job);
	bson_t *pipeline;

	pipeline = BCON_NEW("pipeline", "[",
	    "{", "$match", BCON_DOCUMENT(requested), "}",
	    "{", "$project", "{", "documents", BCON_DOCUMENT(each), "}", "}", "]");
	bson_destroy(requested);
	bson_destroy(each);
	return pipeline;
}

enum catalogue_result
catalogue_documents(struct catalogue *c, const struct job *job,
    const struct names *vehicles, uint64_t *documents)
{
	bson_t *pipeline = documents_pipeline(c, job);
	bson_t *opts = BCON_NEW("maxTimeMS", BCON_INT32(CATALOGUE_SCAN_MAX_MS),
	    "batchSize", BCON_INT64(DOCUMENTS_BATCH));
	char ***places = places_of(vehicles);
	enum catalogue_result rc = CATALOGUE_ERROR;
	mongoc_cursor_t *cursor;
	const bson_t *doc;
	bson_iter_t id, sum;

	cursor = mongoc_collection_aggregate(c->collection, MONGOC_QUERY_NONE,
	    pipeline, opts, NULL);
	while (places != NULL && mongoc_cursor_next(cursor, &doc)) {
		char *name, **key = &name, ***found;

		if (!bson_iter_init_find(&id, doc, "_id") ||
		    !BSON_ITER_HOLDS_UTF8(&id) ||
		    !bson_iter_init_find(&sum, doc, "documents"))
			continue;
		name = (char *)bson_iter_utf8(&id, NULL);
		found = bsearch(&key, places, vehicles->n, sizeof(*places),
		    compare_names);
		if (found != NULL)
			documents[*found - vehicles->v] =
			    (uint64_t)(bson_iter_as_double(&sum) + .5);
	}
	if (places != NULL)
		rc = catalogue_end(cursor, "estimate");
	mongoc_cursor_destroy(cursor);
	free(places);
	bson_destroy(opts);
	bson_destroy(pipeline);
	return rc;
}
