#ifndef WORKER_SWEEPER_H
#define WORKER_SWEEPER_H

struct _mongoc_client_pool_t;
struct conf;
struct sweeper;

/*
 * Ends jobs and units on which nobody works any more, and results that have expired
 * (tasks_sweep() of lib/jobs/tasks.h), every idle_ms, from a thread of its own: so a
 * cancelled job of a worker that died ends while all others are busy for hours, too.
 * With s3_delete = yes it also removes their objects (worker/removal.h).
 *
 * sweeper_start(pool, conf): Both outlive it. NULL (logged): other workers do it.
 * sweeper_stop(s): NULL is fine.
 */
struct sweeper *sweeper_start(struct _mongoc_client_pool_t *pool,
    const struct conf *conf);
void sweeper_stop(struct sweeper *s);

#endif
