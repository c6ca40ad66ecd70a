#ifndef LIB_JOBS_CATALOGUE_IMPL_H
#define LIB_JOBS_CATALOGUE_IMPL_H

#include "lib/jobs/catalogue.h"

struct _bson_t;
struct _mongoc_collection_t;
struct conf;
struct names;

/* What catalogue.c and catalogue_upkeep.c share, and nobody else. */
struct catalogue {
	const struct conf *conf;
	struct _mongoc_collection_t *collection;
};

/*
 * catalogue_names(c, filter, projection, member, list):
 * Append the _id of all that filter finds whose member is true, or, where
 * member is NULL, of all.
 */
enum catalogue_result catalogue_names(struct catalogue *c,
    const struct _bson_t *filter, const struct _bson_t *projection,
    const char *member, struct names *list);

#endif
