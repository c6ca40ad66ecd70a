#ifndef WORKER_LEASE_H
#define WORKER_LEASE_H

#include <stdint.h>

struct _mongoc_client_pool_t;
struct conf;
struct lease;
struct queue;
struct task;
struct task_progress;

/* The state of the lease of the job that is being exported. */
enum lease_state {
	LEASE_HELD,
	LEASE_LOST,		/* taken by another worker, or not renewed in time */
	LEASE_CANCEL
};

/*
 * A thread that keeps a claimed job, or unit, ours while another thread exports
 * it: renews the lease every renew_ms, writes the progress, brings a cancel
 * back, and serves the broker's heartbeats on q (NULL: another lease does),
 * which it owns until lease_stop(). Without a sign of life for stall_ms it
 * stops renewing and calls hung(), which must end the process, for a thread
 * cannot be ended.
 * lease_start(): NULL after a logged error.
 */
struct lease *lease_start(struct _mongoc_client_pool_t *pool,
    const struct conf *conf, struct queue *q, const struct task *task,
    void (*hung)(void));

/* lease_progress(k, p): The exporting thread lives, and has got this far. */
void lease_progress(struct lease *k, const struct task_progress *p);

/* lease_alive(k): It lives, waiting for a server within a limit of time. */
void lease_alive(struct lease *k);

/* lease_state(k): Cheap; call it often. */
enum lease_state lease_state(struct lease *k);

/*
 * lease_sharers(k): The number of running jobs, this one included, as counted
 * at most renew_ms ago; 1 without ceilings that all workers share. Cheap.
 */
int64_t lease_sharers(struct lease *k);

/* lease_stop(k): End the thread, free k. Returns the last state. */
enum lease_state lease_stop(struct lease *k);

#endif
