#ifndef LIB_JOBS_CATALOGUE_H
#define LIB_JOBS_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

struct _mongoc_client_t;
struct catalogue;
struct conf;
struct job;
struct json_object;
struct names;

/*
 * exports.vehicles: what can be asked for. The API may not read the vehicles'
 * databases, so the workers look there once in a while (worker/catalogue_refresh.h) and
 * write what they saw:
 *   { _id: "vehicle_001", checkedAt, first?, last?,
 *     parameters: [ { name, documents, first?, last? } ] }
 * first and last are hours, of the first and the last document. It is a hint for
 * people and estimates: an export reads the databases themselves.
 */

/* What a call came to. */
enum catalogue_result {
	CATALOGUE_OK = 0,
	CATALOGUE_NONE = 1,		/* no such vehicle, or not ours to check */
	CATALOGUE_ERROR = -1		/* logged */
};

/* catalogue_new(client, conf): Both outlive it. NULL when memory ends. */
struct catalogue *catalogue_new(struct _mongoc_client_t *client,
    const struct conf *conf);
void catalogue_free(struct catalogue *c);

/* For the API. What *o is set to is put by the caller; on CATALOGUE_OK alone. */

/* Which vehicles: by name, behind after, that begin with prefix ("" for all). */
struct catalogue_page {
	const char *prefix, *after;
	int64_t limit;
};

/*
 * catalogue_list(c, page, o): {"vehicles": [...], "next"?}.
 * catalogue_get(c, name, o): One vehicle with all that is known of it.
 */
enum catalogue_result catalogue_list(struct catalogue *c,
    const struct catalogue_page *page, struct json_object **o);
enum catalogue_result catalogue_get(struct catalogue *c, const char *name,
    struct json_object **o);

/* What a job would read, as far as is known. */
struct catalogue_estimate {
	int64_t documents;
	int64_t vehicles;	/* those known, of all or of those asked for */
};

/*
 * catalogue_estimate(c, job, e):
 * By the share that the job's range has of each collection's hours.
 * catalogue_unknown(c, job, unknown): Append the vehicles asked for that are not
 * in the catalogue.
 */
enum catalogue_result catalogue_estimate(struct catalogue *c,
    const struct job *job, struct catalogue_estimate *e);
enum catalogue_result catalogue_unknown(struct catalogue *c,
    const struct job *job, struct names *unknown);

#endif
