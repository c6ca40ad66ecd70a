#ifndef WORKER_REPORTER_H
#define WORKER_REPORTER_H

struct _mongoc_client_pool_t;
struct conf;
struct reporter;

/*
 * Writes this worker's counters to exports.workers (lib/jobs/workers.h) every
 * metrics_s, from a thread of its own, so that export-api can show them.
 * Nothing depends on it: an error is logged once, then suppressed until a
 * report succeeds.
 *
 * reporter_start(pool, conf, worker): All outlive it. NULL (logged): no report.
 * reporter_stop(r): Write the last numbers, marked as the last ones.
 */
struct reporter *reporter_start(struct _mongoc_client_pool_t *pool,
    const struct conf *conf, const char *worker);
void reporter_stop(struct reporter *r);

#endif
