#ifndef LIB_JOBS_WORKERS_H
#define LIB_JOBS_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/jobs/task.h"
#include "lib/jobs/metrics.h"

struct _mongoc_client_t;

/*
 * What /metrics reads from the database (the values are not one snapshot), and what a
 * worker writes for it, exports.workers:
 *   { _id: "host:pid", at, startedAt, version, stopped, values: {name: [n]} }
 * A document that is not renewed is removed after an hour (TTL).
 */

struct jobs_stats {
	int64_t n[JOB_EXPIRED + 1];	/* by state */
	int64_t unheld;		/* STARTED, and no worker holds them */
	int64_t oldest_ms;	/* age of the oldest NOT_STARTED, 0 without one */
};

/* At most this many reports are read. */
#define WORKERS_MAX 1000
/* A worker whose report is older is gone. */
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
 * jobs_stats(client, jobs), worker_list(client, workers): Read them. Returns 0, -1
 * logged.
 * worker_list_release(workers): Also after an error, and of a zeroed struct.
 */
int jobs_stats(struct _mongoc_client_t *client, struct jobs_stats *jobs);
int worker_list(struct _mongoc_client_t *client,
    struct worker_list *workers);
void worker_list_release(struct worker_list *workers);

/*
 * workers_report(client, worker, last, quiet):
 * Write this process's counters (lib/jobs/metrics.h) as the worker's; last: it is
 * about to end. Returns 0, -1 logged unless quiet.
 */
int workers_report(struct _mongoc_client_t *client, const char *worker,
    bool last, bool quiet);

#endif
