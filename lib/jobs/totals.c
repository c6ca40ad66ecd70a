/*
 * A pass over the catalogue: adds up by day what all vehicles have, and writes it down
 * for estimates. Knows no telemetry and no request.
 */
#include "lib/jobs/totals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/linkhash.h>
#include <mongoc/mongoc.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/base/timestamp.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/catalogue_impl.h"

/* Vehicles of a step: some ms, with 50 parameters each. */
#define STEP_VEHICLES 100
/* Pages of parameters: some 4 MB. */
#define PAGES_MAX 16384
#define WRITES 500
/* The rest after a pass, as a multiple of what it took, and a part of catalogue_s. */
#define REST 10
#define PASSES 10

struct page {
	const char *p;			/* within its key */
	int64_t page;
	double days[TOTALS_DAYS];
};

struct totals {
	struct catalogue *c;
	struct lh_table *pages;		/* "PAGE P" -> struct page */
	bool complete;
	int64_t vehicles;
	char *last;			/* name of the last vehicle */
	bson_value_t pass;		/* when it began: checkedAt */
	int64_t began_ms;
};

static void
page_free(struct lh_entry *entry)
{
	free(lh_entry_k(entry));
	free((void *)(uintptr_t)lh_entry_v(entry));
}

struct totals *
totals_new(struct catalogue *c)
{
	struct totals *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->c = c;
	t->complete = true;
	t->began_ms = clock_monotonic_ms();
	if ((t->pages = lh_kchar_table_new(1024, page_free)) == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void
totals_free(struct totals *t)
{
	if (t == NULL)
		return;
	lh_table_free(t->pages);
	bson_value_destroy(&t->pass);
	free(t->last);
	free(t);
}

/* Its key, to be freed. NULL: no memory. */
static char *
page_key(const char *p, int64_t number)
{
	char *key;

	return asprintf(&key, "%lld %s", (long long)number, p) < 0 ? NULL : key;
}

static struct page *
page_find(const struct totals *t, const char *key)
{
	const struct lh_entry *entry = lh_table_lookup_entry(t->pages, key);

	return entry != NULL ? (struct page *)(uintptr_t)lh_entry_v(entry) : NULL;
}

/* The page of a parameter, made where it is missing. NULL: no memory. */
static struct page *
page_of(struct totals *t, const char *p, int64_t number)
{
	char *key = page_key(p, number);
	struct page *page;

	if (key == NULL || (page = page_find(t, key)) != NULL) {
		free(key);
		return key == NULL ? NULL : page;
	}
	if ((page = calloc(1, sizeof(*page))) == NULL ||
	    lh_table_insert(t->pages, key, page) != 0) {
		free(page);
		free(key);
		return NULL;
	}
	page->p = strchr(key, ' ') + 1;
	page->page = number;
	return page;
}

/* A rate of documents an hour, for the hours from..to of one parameter, half-open. */
static int
add_hours(struct totals *t, const char *p, int64_t from, int64_t to, double rate)
{
	const bool all = p[0] == '\0';
	struct page *page = NULL;
	int64_t day, end;

	for (; from < to; from = end) {
		day = from / DAY_HOURS;
		end = (day + 1) * DAY_HOURS < to ? (day + 1) * DAY_HOURS : to;
		if (page == NULL || page->page != day / TOTALS_DAYS) {
			t->complete = t->complete && (all ||
			    lh_table_length(t->pages) < PAGES_MAX);
			if (!all && !t->complete)
				return 0;
			page = page_of(t, p, day / TOTALS_DAYS);
			if (page == NULL)
				return -1;
		}
		page->days[day % TOTALS_DAYS] += rate * (double)(end - from);
	}
	return 0;
}

/* {first, last, documents}, of a span or of a parameter. */
static int
add_span(struct totals *t, const char *p, bson_iter_t in)
{
	int64_t documents = 0, first_ms = -1, last_ms = -1, from, to;
	double rate;

	while (bson_iter_next(&in)) {
		if (strcmp(bson_iter_key(&in), "documents") == 0)
			documents = bson_iter_as_int64(&in);
		else if (!BSON_ITER_HOLDS_DATE_TIME(&in))
			continue;
		else if (strcmp(bson_iter_key(&in), "first") == 0)
			first_ms = bson_iter_date_time(&in);
		else if (strcmp(bson_iter_key(&in), "last") == 0)
			last_ms = bson_iter_date_time(&in);
	}
	if (first_ms < 0 || last_ms < first_ms || last_ms >= TIMESTAMP_MAX_MS)
		return 0;
	from = first_ms / HOUR_MS;
	to = last_ms / HOUR_MS + 1;
	rate = (double)documents / (double)(to - from);
	return add_hours(t, "", from, to, rate) != 0 ||
	    add_hours(t, p, from, to, rate) != 0 ? -1 : 0;
}

static int
add_parameter(struct totals *t, const bson_iter_t *parameter)
{
	bson_iter_t in = *parameter, name, spans, each, span;

	if (!bson_iter_find(&in, "name") || !BSON_ITER_HOLDS_UTF8(&in) ||
	    bson_iter_utf8(&in, NULL)[0] == '\0')
		return 0;
	name = in;
	spans = *parameter;
	if (!bson_iter_find(&spans, "spans") || !BSON_ITER_HOLDS_ARRAY(&spans) ||
	    !bson_iter_recurse(&spans, &each))
		return add_span(t, bson_iter_utf8(&name, NULL), *parameter);
	while (bson_iter_next(&each))
		if (BSON_ITER_HOLDS_DOCUMENT(&each) &&
		    bson_iter_recurse(&each, &span) &&
		    add_span(t, bson_iter_utf8(&name, NULL), span) != 0)
			return -1;
	return 0;
}

int
totals_add(struct totals *t, const bson_t *vehicle)
{
	bson_iter_t it, array, in;

	t->vehicles++;
	if (!bson_iter_init_find(&it, vehicle, "parameters") ||
	    !BSON_ITER_HOLDS_ARRAY(&it) || !bson_iter_recurse(&it, &array))
		return 0;
	while (bson_iter_next(&array))
		if (BSON_ITER_HOLDS_DOCUMENT(&array) &&
		    bson_iter_recurse(&array, &in) && add_parameter(t, &in) != 0)
			return -1;
	return 0;
}

double
totals_of(const struct totals *t, const char *p, int64_t day)
{
	char *key = page_key(p, day / TOTALS_DAYS);
	const struct page *page = key != NULL ? page_find(t, key) : NULL;

	free(key);
	return page != NULL ? page->days[day % TOTALS_DAYS] : 0;
}

/* There is no pass yet: one that is old enough. Whoever is first makes it. */
static enum catalogue_result
first_pass(struct catalogue *c)
{
	bson_t *doc = BCON_NEW("_id", "pass", "checkedAt", BCON_DATE_TIME(0),
	    "tookMs", BCON_INT64(0), "vehicles", BCON_INT64(0),
	    "complete", BCON_BOOL(true));
	enum catalogue_result rc = CATALOGUE_NONE;
	bson_error_t error;

	if (!mongoc_collection_insert_one(c->totals, doc, NULL, NULL, &error) &&
	    error.code != MONGO_DUPLICATE_KEY) {
		mongo_log("totals", &error);
		rc = CATALOGUE_ERROR;
	}
	bson_destroy(doc);
	return rc;
}

/* {_id: "pass"}, where the last one is old: by catalogue_s, and by what it took. */
static bson_t *
old_pass(const struct catalogue *c)
{
	return BCON_NEW("_id", "pass", "$expr", "{", "$lt", "[",
	    "$checkedAt", "{", "$subtract", "[", "$$NOW", "{", "$max", "[",
	    BCON_INT64(c->conf->catalogue_s * 1000 / PASSES),
	    "{", "$multiply", "[", "$tookMs", BCON_INT64(REST), "]", "}",
	    "]", "}", "]", "}", "]", "}");
}

enum catalogue_result
totals_begin(struct catalogue *c, struct totals **t)
{
	mongoc_find_and_modify_opts_t *opts = mongoc_find_and_modify_opts_new();
	bson_t *filter = old_pass(c), *update, reply;
	enum catalogue_result rc = CATALOGUE_ERROR;
	bson_iter_t it, at;
	bson_error_t error;

	*t = NULL;
	update = BCON_NEW("0", "{", "$set", "{", "checkedAt", "$$NOW", "}", "}");
	mongoc_find_and_modify_opts_set_update(opts, update);
	mongoc_find_and_modify_opts_set_flags(opts,
	    MONGOC_FIND_AND_MODIFY_RETURN_NEW);
	if (!mongoc_collection_find_and_modify_with_opts(c->totals, filter, opts,
	    &reply, &error)) {
		mongo_log("totals", &error);
	} else if (!bson_iter_init_find(&it, &reply, "value") ||
	    !bson_iter_recurse(&it, &at) ||
	    !bson_iter_find(&at, "checkedAt")) {
		rc = first_pass(c);
	} else if ((*t = totals_new(c)) == NULL) {
		log_msg(LOG_ERROR, "totals", "out of memory");
	} else {
		bson_value_copy(bson_iter_value(&at), &(*t)->pass);
		rc = CATALOGUE_OK;
	}
	bson_destroy(&reply);
	bson_destroy(update);
	bson_destroy(filter);
	mongoc_find_and_modify_opts_destroy(opts);
	return rc;
}

/* The next vehicles, in order of name. *more: whether there were any. */
static enum catalogue_result
add_vehicles(struct totals *t, bool *more)
{
	bson_t *filter = t->last == NULL ? bson_new() :
	    BCON_NEW("_id", "{", "$gt", BCON_UTF8(t->last), "}");
	bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}",
	    "limit", BCON_INT64(STEP_VEHICLES),
	    "maxTimeMS", BCON_INT32(CATALOGUE_SCAN_MAX_MS));
	mongoc_read_prefs_t *prefs = mongoc_read_prefs_new(
	    MONGOC_READ_SECONDARY_PREFERRED);
	enum catalogue_result rc = CATALOGUE_OK;
	mongoc_cursor_t *cursor;
	const bson_t *doc;
	bson_iter_t it;

	*more = false;
	cursor = mongoc_collection_find_with_opts(t->c->collection, filter, opts,
	    prefs);
	while (rc == CATALOGUE_OK && mongoc_cursor_next(cursor, &doc)) {
		if (!bson_iter_init_find(&it, doc, "_id") ||
		    !BSON_ITER_HOLDS_UTF8(&it))
			continue;
		*more = true;
		free(t->last);
		t->last = strdup(bson_iter_utf8(&it, NULL));
		if (t->last == NULL || totals_add(t, doc) != 0) {
			log_msg(LOG_ERROR, "totals", "out of memory");
			rc = CATALOGUE_ERROR;
		}
	}
	if (rc == CATALOGUE_OK)
		rc = catalogue_end(cursor, "totals");
	mongoc_cursor_destroy(cursor);
	mongoc_read_prefs_destroy(prefs);
	bson_destroy(opts);
	bson_destroy(filter);
	return rc;
}

/* Add one page to what is to be written. */
static void
put_page(const struct totals *t, mongoc_bulk_operation_t *bulk,
    const struct page *page)
{
	bson_t *id = BCON_NEW("p", BCON_UTF8(page->p), "page",
	    BCON_INT64(page->page));
	bson_t *filter = BCON_NEW("_id", BCON_DOCUMENT(id));
	bson_t *opts = BCON_NEW("upsert", BCON_BOOL(true));
	bson_t doc = BSON_INITIALIZER, days;
	const char *key;
	char text[16];
	uint32_t i;

	BSON_APPEND_DOCUMENT(&doc, "_id", id);
	BSON_APPEND_ARRAY_BEGIN(&doc, "days", &days);
	for (i = 0; i < TOTALS_DAYS; i++) {
		bson_uint32_to_string(i, &key, text, sizeof(text));
		BSON_APPEND_DOUBLE(&days, key, page->days[i]);
	}
	bson_append_array_end(&doc, &days);
	BSON_APPEND_VALUE(&doc, "pass", &t->pass);
	/* It fails for a filter or a document that is none: not these. */
	mongoc_bulk_operation_replace_one_with_opts(bulk, filter, &doc, opts,
	    NULL);
	bson_destroy(&doc);
	bson_destroy(opts);
	bson_destroy(filter);
	bson_destroy(id);
}

static mongoc_bulk_operation_t *
bulk_of(const struct totals *t)
{
	bson_t *opts = BCON_NEW("ordered", BCON_BOOL(false));
	mongoc_bulk_operation_t *bulk =
	    mongoc_collection_create_bulk_operation_with_opts(t->c->totals, opts);

	bson_destroy(opts);
	return bulk;
}

/* Send it. 0, -1 logged. */
static int
bulk_end(mongoc_bulk_operation_t *bulk)
{
	bson_error_t error;
	bson_t reply;
	int rc = 0;

	if (mongoc_bulk_operation_execute(bulk, &reply, &error) == 0) {
		mongo_log("totals", &error);
		rc = -1;
	}
	bson_destroy(&reply);
	mongoc_bulk_operation_destroy(bulk);
	return rc;
}

static int
write_pages(const struct totals *t)
{
	mongoc_bulk_operation_t *bulk = NULL;
	struct lh_entry *entry;
	int n = 0, rc = 0;

	lh_foreach(t->pages, entry) {
		const struct page *page = lh_entry_v(entry);

		if (page->p[0] != '\0' && !t->complete)
			continue;
		if (bulk == NULL)
			bulk = bulk_of(t);
		put_page(t, bulk, page);
		if (++n % WRITES == 0) {
			rc |= bulk_end(bulk);
			bulk = NULL;
		}
	}
	return bulk != NULL ? bulk_end(bulk) | rc : rc;
}

/* What earlier passes left, then the mark of this one. */
static int
end_pass(const struct totals *t)
{
	bson_t *old = BCON_NEW("pass", "{", "$lt", BCON_DATE_TIME(
	    t->pass.value.v_datetime), "}");
	bson_t *filter = BCON_NEW("_id", "pass");
	bson_t *update = BCON_NEW("$set", "{",
	    "tookMs", BCON_INT64(clock_monotonic_ms() - t->began_ms),
	    "vehicles", BCON_INT64(t->vehicles),
	    "complete", BCON_BOOL(t->complete), "}");
	bson_error_t error;
	int rc = 0;

	if (!mongoc_collection_delete_many(t->c->totals, old, NULL, NULL, &error) ||
	    !mongoc_collection_update_one(t->c->totals, filter, update, NULL, NULL,
	    &error)) {
		mongo_log("totals", &error);
		rc = -1;
	}
	bson_destroy(update);
	bson_destroy(filter);
	bson_destroy(old);
	return rc;
}

enum catalogue_result
totals_step(struct totals *t, bool *more)
{
	enum catalogue_result rc = add_vehicles(t, more);

	if (rc == CATALOGUE_OK && !*more && (write_pages(t) != 0 ||
	    end_pass(t) != 0))
		rc = CATALOGUE_ERROR;
	return rc;
}
