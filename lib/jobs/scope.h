#ifndef LIB_JOBS_SCOPE_H
#define LIB_JOBS_SCOPE_H

#include <stdbool.h>

#include "lib/base/names.h"

struct _bson_t;

/*
 * The vehicles that an owner may have. A pattern is a vehicle's name, or a beginning of
 * names with a * after it; a * elsewhere is a character like any other. Zeroed it has
 * no vehicle at all.
 */
struct scope {
	bool all;		/* every vehicle, whatever the patterns */
	struct names patterns;
};

/*
 * A scope that is NULL has every vehicle.
 * scope_all(s): Whether it has every vehicle there may be.
 * scope_has(s, vehicle): Whether it has this one.
 * scope_filter(s, filter): Append to a filter that _id is a vehicle of the scope;
 * nothing where it has every one.
 */
bool scope_all(const struct scope *s);
bool scope_has(const struct scope *s, const char *vehicle);
void scope_filter(const struct scope *s, struct _bson_t *filter);

/* scope_end(prefix): The text after all that begin with it, to be freed; NULL: no memory. */
char *scope_end(const char *prefix);

#endif
