#ifndef LIB_JOBS_CATALOGUE_UPKEEP_H
#define LIB_JOBS_CATALOGUE_UPKEEP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/jobs/catalogue.h"

struct names;

/* Hours since 1970, half-open, in which documents are spread about evenly. */
#define CATALOGUE_SPANS 32
struct catalogue_span {
	int64_t from, to;
	int64_t documents;
};

/*
 * A collection of a vehicle; hours are JOB_NO_TIME when it has no document. Its
 * documents are spread evenly, unless there are spans.
 */
struct catalogue_parameter {
	const char *name;
	int64_t documents, first_ms, last_ms;
	struct catalogue_span spans[CATALOGUE_SPANS];
	size_t n;
};

/*
 * catalogue_stale(c, all, stale):
 * Compare the catalogue with the names of all existing vehicles, which are
 * sorted here: remove those that are gone, append to stale those that are new
 * or were last checked more than catalogue_s ago.
 * catalogue_claim(c, name): CATALOGUE_OK: check it; no other worker does,
 * unless it is new.
 * catalogue_put(c, name, parameters, n): Write what was found, as checked now.
 */
enum catalogue_result catalogue_stale(struct catalogue *c,
    struct names *all, struct names *stale);
enum catalogue_result catalogue_claim(struct catalogue *c, const char *name);
enum catalogue_result catalogue_put(struct catalogue *c, const char *name,
    const struct catalogue_parameter *parameters, size_t n);

#endif
