#ifndef LIB_JOBS_PARAMETERS_H
#define LIB_JOBS_PARAMETERS_H

#include <stddef.h>

#include "lib/jobs/tasks.h"

struct _bson_t;
struct _mongoc_client_t;
struct names;

/*
 * exports.parameters, which scripts/parameters keeps: what is known of a parameter, for
 * people and for the headers of CSVs:
 *   { _id: "speed", unit?: "km/h", label?: "Speed over ground", decimals?: 1 }
 * API and workers read it, and write nothing.
 */

/* The most entries that are read; the longest name, and unit or label, in bytes. */
#define PARAMETERS_MAX 10000
#define PARAMETERS_NAME_MAX 255
#define PARAMETERS_TEXT_MAX 200
#define PARAMETERS_DECIMALS_MAX 20

/* An entry; texts are UTF-8 without control characters, NULL where not known. */
struct parameter {
	char *name, *unit, *label;
	int decimals;			/* -1: not known */
};

/* Entries by name (bytewise). Zeroed: none. */
struct parameters {
	struct parameter *v;
	size_t n;
};

/*
 * parameters_find(client, only, p):
 * The entries of these names, of all where the list is empty. Members that cannot be
 * used are as if they were not there, and entries without a name; the first of them is
 * logged, as entries beyond PARAMETERS_MAX are. JOBS_ERROR: logged, or no memory; p is
 * empty. parameters_release() in any case.
 * parameters_get(p, name): One of them, NULL: nothing is known.
 */
enum jobs_result parameters_find(struct _mongoc_client_t *client,
    const struct names *only, struct parameters *p);
const struct parameter *parameters_get(const struct parameters *p, const char *name);
void parameters_release(struct parameters *p);

/*
 * parameters_add(p, doc, wrong): Append the entry of a document, in no order yet.
 * *wrong is which member cannot be used, NULL: none. Returns 0, -1: no memory.
 */
int parameters_add(struct parameters *p, const struct _bson_t *doc, const char **wrong);

#endif
