#ifndef LIB_JOBS_CATALOGUE_UPKEEP_H
#define LIB_JOBS_CATALOGUE_UPKEEP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/jobs/catalogue.h"

struct names;

/* A collection of a vehicle; hours are JOB_NO_TIME when it has no document. */
struct catalogue_parameter {
	const char *name;
	int64_t documents, first_ms, last_ms;
};

/*
 * catalogue_stale(c, all, stale):
 * Compare with the names of all vehicles there are, which are sorted: take out those that are gone
 * and append to stale those that are new or were checked more than catalogue_s
 * ago.
 * catalogue_claim(c, name): CATALOGUE_OK: it is to be checked, by nobody else
 * unless it is new.
 * catalogue_put(c, name, parameters, n): Write what was seen, checked now.
 */
enum catalogue_result catalogue_stale(struct catalogue *c,
    struct names *all, struct names *stale);
enum catalogue_result catalogue_claim(struct catalogue *c, const char *name);
enum catalogue_result catalogue_put(struct catalogue *c, const char *name,
    const struct catalogue_parameter *parameters, size_t n);

#endif
