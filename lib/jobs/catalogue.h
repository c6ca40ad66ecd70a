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
struct scope;

/*
 * exports.vehicles: what can be requested. The API may not read the vehicles'
 * databases, so the workers do from time to time (worker/catalogue_refresh.h), and
 * write down what they found:
 *   { _id: "vehicle_001", checkedAt, first?, last?,
 *     parameters: [ { name, documents, first?, last? } ] }
 * first and last are the hours of the first and the last document. For people and
 * estimates only: an export reads the databases themselves.
 */

/* The result of a call. */
enum catalogue_result {
	CATALOGUE_OK = 0,
	CATALOGUE_NONE = 1,		/* no such vehicle, or another worker checks it */
	CATALOGUE_ERROR = -1		/* logged */
};

/* catalogue_new(client, conf): Both outlive it. NULL when memory ends. */
struct catalogue *catalogue_new(struct _mongoc_client_t *client,
    const struct conf *conf);
void catalogue_free(struct catalogue *c);

/*
 * catalogue_scope(c, scope): From now on no other vehicle is there, whatever is called;
 * NULL, as it begins: all are. scope is the caller's, and outlives its use.
 */
void catalogue_scope(struct catalogue *c, const struct scope *scope);

/* *o, set on CATALOGUE_OK only, is the caller's to put. */

/* Vehicles in order of name: after `after`, beginning with prefix ("": all). */
struct catalogue_page {
	const char *prefix, *after;
	int64_t limit;
};

/*
 * catalogue_list(c, page, o): {"vehicles": [...], "next"?}.
 * catalogue_get(c, name, o): One vehicle with everything the catalogue has of
 * it.
 */
enum catalogue_result catalogue_list(struct catalogue *c,
    const struct catalogue_page *page, struct json_object **o);
enum catalogue_result catalogue_get(struct catalogue *c, const char *name,
    struct json_object **o);

/* What a job would read, by the catalogue. */
struct catalogue_estimate {
	int64_t documents;	/* less than 0: not known, as the database is slow */
	int64_t vehicles;	/* known ones, of all or of those requested */
	/*
	 * Only of a job with steps, the sums over vehicles: hours that have documents, by
	 * the parameter that has most; steps from the first to the last document.
	 */
	int64_t hours, steps;
};

/*
 * catalogue_estimate(c, job, e):
 * By the share of each collection's hours that are in the job's range; of all vehicles
 * of a large fleet, by its totals (lib/jobs/totals.h), which know no scope.
 * catalogue_documents(c, job, vehicles, documents):
 * The same of each vehicle of the job, one query for all; documents[i] of one that
 * is not in the catalogue stays as it is.
 * catalogue_unknown(c, job, unknown): Append the requested vehicles that are
 * not in the catalogue.
 */
enum catalogue_result catalogue_estimate(struct catalogue *c,
    const struct job *job, struct catalogue_estimate *e);
enum catalogue_result catalogue_documents(struct catalogue *c,
    const struct job *job, const struct names *vehicles, uint64_t *documents);
enum catalogue_result catalogue_unknown(struct catalogue *c,
    const struct job *job, struct names *unknown);

#endif
