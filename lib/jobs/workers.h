#ifndef LIB_JOBS_WORKERS_H
#define LIB_JOBS_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/jobs/task.h"
#include "lib/jobs/metrics.h"

struct _mongoc_client_t;

/*
 * What /metrics asks of the database, each answer of its own moment, and what a
 * worker writes there for it, exports.workers:
 *   { _id: "host:pid", at, startedAt, version, stopped, values: {name: [n]} }
 * A document that is not renewed goes after an hour (TTL).
 */

struct jobs_stats {
	int64_t n[JOB_EXPIRED + 1];	/* by state */
	int64_t resting;	/* STARTED, and no worker holds it */
	int64_t oldest_ms;	/* age of the oldest NOT_STARTED, 0 without one */
};

/* Reports above this are left out. */
#define WORKERS_MAX 1000
/* A worker whose report is older is not there any more. */
#define WORKERS_REPORT_MS INT64_C(300000)

struct worker_entry {
	char name[128], version[32];
	int64_t age_ms;
	uint64_t slots[METRICS_SLOTS];
};

struct worker_list {
	struct worker_entry *v;
	size_t n;
};

/*
 * jobs_stats(client, jobs), worker_list(client, workers): 0, -1 logged.
 * worker_list_release(workers): In any case; of a zeroed struct, too.
 */
int jobs_stats(struct _mongoc_client_t *client, struct jobs_stats *jobs);
int worker_list(struct _mongoc_client_t *client,
    struct worker_list *workers);
void worker_list_release(struct worker_list *workers);

/*
 * workers_report(client, worker, last, quiet):
 * Write this process's counters (lib/jobs/metrics.h) as the worker's; last: it ends.
 * Returns 0, -1 logged unless quiet.
 */
int workers_report(struct _mongoc_client_t *client, const char *worker,
    bool last, bool quiet);

#endif
