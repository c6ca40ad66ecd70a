/*
 * The collection exports.parameters: units, labels and decimals. People write it, so
 * nothing in it is trusted; nothing in it makes an export fail either.
 */
#include "lib/jobs/parameters.h"

#include <stdlib.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/utf8.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/fields.h"

static int
parameter_compare(const void *a, const void *b)
{
	return strcmp(((const struct parameter *)a)->name,
	    ((const struct parameter *)b)->name);
}

static void
parameter_release(struct parameter *p)
{
	free(p->name);
	free(p->unit);
	free(p->label);
}

/* The text, which has no NUL; NULL: it cannot be used. */
static const char *
usable_text(const bson_iter_t *it, size_t most)
{
	const char *text;
	uint32_t len;

	if (!BSON_ITER_HOLDS_UTF8(it))
		return NULL;
	text = bson_iter_utf8(it, &len);
	return len == 0 || len > most || !utf8_valid(text, len) ||
	    utf8_has_control(text, len) ? NULL : text;
}

/* A whole number, also as a double: a shell may write 2 as 2.0. -1: none. */
static int
usable_decimals(const bson_iter_t *it)
{
	const double d = BSON_ITER_HOLDS_NUMBER(it) ? bson_iter_as_double(it) : -1;

	return d >= 0 && d <= PARAMETERS_DECIMALS_MAX && d == (int)d ? (int)d : -1;
}

/* Take one member. Returns whether it can be used; *no_memory: or not, for this. */
static bool
take_member(struct parameter *p, const bson_iter_t *it, bool *no_memory)
{
	const char *key = bson_iter_key(it), *text;
	char **to;

	if (strcmp(key, "decimals") == 0)
		return (p->decimals = usable_decimals(it)) >= 0;
	to = strcmp(key, "_id") == 0 ? &p->name : strcmp(key, "unit") == 0 ? &p->unit :
	    strcmp(key, "label") == 0 ? &p->label : NULL;
	if (to == NULL || *to != NULL)
		return true;
	text = usable_text(it, to == &p->name ? PARAMETERS_NAME_MAX :
	    PARAMETERS_TEXT_MAX);
	if (text != NULL && (*to = strdup(text)) == NULL)
		*no_memory = true;
	return text != NULL;
}

/* Room for one more. */
static int
parameters_grow(struct parameters *p)
{
	struct parameter *v;

	/* At 0, 1, 2, 4, ... entries. */
	if ((p->n & (p->n - 1)) != 0)
		return 0;
	v = realloc(p->v, (p->n == 0 ? 1 : 2 * p->n) * sizeof(*v));
	if (v == NULL)
		return -1;
	p->v = v;
	return 0;
}

int
parameters_add(struct parameters *p, const bson_t *doc, const char **wrong)
{
	struct parameter one = { .decimals = -1 };
	bool no_memory = false;
	bson_iter_t it;

	*wrong = NULL;
	if (!bson_iter_init(&it, doc))
		return -1;
	while (!no_memory && bson_iter_next(&it))
		if (!take_member(&one, &it, &no_memory) && *wrong == NULL)
			*wrong = strcmp(bson_iter_key(&it), "_id") == 0 ? "_id" :
			    strcmp(bson_iter_key(&it), "unit") == 0 ? "unit" :
			    strcmp(bson_iter_key(&it), "label") == 0 ? "label" :
			    "decimals";
	if (no_memory || (one.name != NULL && parameters_grow(p) != 0)) {
		parameter_release(&one);
		return -1;
	}
	if (one.name != NULL)
		p->v[p->n++] = one;
	else
		parameter_release(&one);
	return 0;
}

/* Of what is wrong, the first: each job, and each request for a vehicle, reads it. */
static void
warn(const struct parameters *p, const char *wrong, bool *warned)
{
	if (*warned)
		return;
	*warned = true;
	if (wrong == NULL)
		log_msg(LOG_WARN, "parameters", "exports.parameters has more than %d "
		    "entries: the rest is not used", PARAMETERS_MAX);
	else if (strcmp(wrong, "_id") == 0)
		log_msg(LOG_WARN, "parameters", "an entry of exports.parameters has no "
		    "name that can be used");
	else
		log_msg(LOG_WARN, "parameters", "exports.parameters: %s of %s cannot be "
		    "used: run scripts/parameters set for it again", wrong,
		    p->v[p->n - 1].name);
}

static enum jobs_result
take_all(mongoc_cursor_t *cursor, struct parameters *p)
{
	bool warned = false;
	bson_error_t error;
	const bson_t *doc;
	const char *wrong;
	int n = 0;

	while (mongoc_cursor_next(cursor, &doc)) {
		if (n++ == PARAMETERS_MAX) {
			warn(p, NULL, &warned);
			break;
		}
		if (parameters_add(p, doc, &wrong) != 0) {
			log_msg(LOG_ERROR, "parameters", "out of memory");
			return JOBS_ERROR;
		}
		if (wrong != NULL)
			warn(p, wrong, &warned);
	}
	if (mongoc_cursor_error(cursor, &error)) {
		mongo_log("parameters", &error);
		return JOBS_ERROR;
	}
	return JOBS_OK;
}

enum jobs_result
parameters_find(mongoc_client_t *client, const struct names *only,
    struct parameters *p)
{
	mongoc_collection_t *c = mongoc_client_get_collection(client, "exports",
	    "parameters");
	bson_t filter = BSON_INITIALIZER, in;
	bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}",
	    "limit", BCON_INT64(PARAMETERS_MAX + 1),
	    "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	mongoc_cursor_t *cursor;
	enum jobs_result rc;

	memset(p, 0, sizeof(*p));
	if (only->n > 0) {
		BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &in);
		names_bson(only, "$in", &in);
		bson_append_document_end(&filter, &in);
	}
	cursor = mongoc_collection_find_with_opts(c, &filter, opts, NULL);
	if ((rc = take_all(cursor, p)) != JOBS_OK)
		parameters_release(p);
	else if (p->n > 0)
		qsort(p->v, p->n, sizeof(*p->v), parameter_compare);
	mongoc_cursor_destroy(cursor);
	bson_destroy(opts);
	bson_destroy(&filter);
	mongoc_collection_destroy(c);
	return rc;
}

const struct parameter *
parameters_get(const struct parameters *p, const char *name)
{
	/* Compared only, so that it may lose its const. */
	const struct parameter wanted = { .name = (char *)(uintptr_t)name };

	return p->n == 0 ? NULL : bsearch(&wanted, p->v, p->n, sizeof(*p->v),
	    parameter_compare);
}

void
parameters_release(struct parameters *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		parameter_release(&p->v[i]);
	free(p->v);
	memset(p, 0, sizeof(*p));
}
