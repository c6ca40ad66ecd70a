#ifndef LIB_JOBS_CATALOGUE_IMPL_H
#define LIB_JOBS_CATALOGUE_IMPL_H

#include "lib/jobs/catalogue.h"

struct _bson_t;
struct _mongoc_collection_t;
struct _mongoc_cursor_t;
struct conf;
struct job;
struct names;
struct scope;

/* What the files catalogue*.c share, and nobody else. */
#define CATALOGUE_SCAN_MAX_MS 20000
struct catalogue {
	const struct conf *conf;
	const struct scope *scope;	/* NULL: every vehicle */
	struct _mongoc_collection_t *collection;	/* exports.vehicles */
	struct _mongoc_collection_t *totals;	/* exports.totals: lib/jobs/totals.h */
};

/*
 * catalogue_names(c, filter, projection, member, list):
 * Append the _id of all that filter finds whose member is true, or, where
 * member is NULL, of all.
 */
enum catalogue_result catalogue_names(struct catalogue *c,
    const struct _bson_t *filter, const struct _bson_t *projection,
    const char *member, struct names *list);

/*
 * catalogue_requested(c, job): A filter of the requested vehicles that are in c's scope;
 * {} for all.
 */
struct _bson_t *catalogue_requested(const struct catalogue *c, const struct job *job);

/* catalogue_end(cursor, op): CATALOGUE_OK, or CATALOGUE_ERROR of op, logged. */
enum catalogue_result catalogue_end(struct _mongoc_cursor_t *cursor,
    const char *op);

#endif
