#ifndef LIB_JOBS_WORKERS_H
#define LIB_JOBS_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/jobs/job.h"
#include "lib/jobs/metrics.h"

struct _mongoc_client_t;

/*
 * What /metrics asks of the database, each answer of its own moment, and what a
 * worker writes there for it, exports.workers:
 *   { _id: "host:pid", at, startedAt, version, stopped, values: {name: [n]} }
 * A document that is not renewed goes after an hour (TTL).
 */

struct stats_jobs {
	int64_t n[JOB_EXPIRED + 1];	/* by state */
	int64_t resting;	/* STARTED, and no worker holds it */
	int64_t oldest_ms;	/* age of the oldest NOT_STARTED, 0 without one */
};

/* Reports above this are left out. */
#define STATS_WORKERS_MAX 1000
/* A worker whose report is older is not there any more. */
#define STATS_REPORT_MS INT64_C(300000)

struct stats_worker {
	char name[128], version[32];
	int64_t age_ms;
	uint64_t slots[METRICS_SLOTS];
};

struct stats_workers {
	struct stats_worker *v;
	size_t n;
};

/*
 * stats_jobs(client, jobs), stats_workers(client, workers): 0, -1 logged.
 * stats_workers_release(workers): In any case; of a zeroed struct, too.
 */
int stats_jobs(struct _mongoc_client_t *client, struct stats_jobs *jobs);
int stats_workers(struct _mongoc_client_t *client,
    struct stats_workers *workers);
void stats_workers_release(struct stats_workers *workers);

/*
 * stats_report(client, worker, last, quiet):
 * Write this process's counters (lib/jobs/metrics.h) as the worker's; last: it ends.
 * Returns 0, -1 logged unless quiet.
 */
int stats_report(struct _mongoc_client_t *client, const char *worker,
    bool last, bool quiet);

#endif
