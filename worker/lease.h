#ifndef WORKER_LEASE_H
#define WORKER_LEASE_H

#include <stdint.h>

struct _mongoc_client_pool_t;
struct conf;
struct lease;
struct queue;
struct task;
struct task_progress;

/* What the keeper says of the job that is being exported. */
enum lease_state {
	LEASE_HELD,
	LEASE_LOST,		/* the lease is another's, or was not renewed in time */
	LEASE_CANCEL
};

/*
 * A thread that keeps a claimed job ours while another exports it: renews the
 * lease every renew_ms, writes the progress, brings cancellation back, serves
 * the broker's heartbeats on q (NULL: another does), which is its own until
 * lease_stop(). The job may be a unit. When no
 * life was shown for stall_ms it stops renewing and calls hung(), which must
 * end the process, for the exporting thread cannot be ended.
 * lease_start(): NULL after a logged error.
 */
struct lease *lease_start(struct _mongoc_client_pool_t *pool,
    const struct conf *conf, struct queue *q, const struct task *task,
    void (*hung)(void));

/* lease_progress(k, p): The exporting thread lives, and this far it is. */
void lease_progress(struct lease *k, const struct task_progress *p);

/* lease_alive(k): It lives, waiting for a server that has a limit of its own. */
void lease_alive(struct lease *k);

/* lease_state(k): Cheap; to be asked often. */
enum lease_state lease_state(struct lease *k);

/*
 * lease_sharers(k): How many jobs ran, this one included, when it was asked last,
 * at most renew_ms ago; 1 where there are no ceilings for all. Cheap.
 */
int64_t lease_sharers(struct lease *k);

/* lease_stop(k): End the thread, free k. Returns its last word. */
enum lease_state lease_stop(struct lease *k);

#endif
