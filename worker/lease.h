#ifndef WORKER_LEASE_H
#define WORKER_LEASE_H

#include <stdbool.h>
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
	LEASE_LOST,		/* another worker has it, or nobody could renew it for long */
	LEASE_CANCEL
};

/*
 * A thread that keeps a claimed job, or unit, ours while another thread exports
 * it: renews the lease every renew_ms, writes the progress, brings a cancel
 * back, and serves the broker's heartbeats on q (NULL: another lease does),
 * which it owns until lease_stop(). While the database is away the lease may run out: it
 * is held all the same, for patience_ms more, since only another worker's claim ends it.
 * Without a sign of life for stall_ms the thread
 * stops renewing and calls hung(), which must end the process, for a thread
 * cannot be ended.
 * lease_start(): NULL after a logged error; the functions that take a NULL say so.
 */
struct lease *lease_start(struct _mongoc_client_pool_t *pool,
    const struct conf *conf, struct queue *q, const struct task *task,
    void (*hung)(void));

/* lease_progress(k, p): What to write at the next renewal. No sign of life. */
void lease_progress(struct lease *k, const struct task_progress *p);

/* lease_alive(k): NULL is fine. The export works, or waits for a server within a limit of time. */
void lease_alive(struct lease *k);

/* lease_state(k): Cheap; call it often. NULL: it is held. */
enum lease_state lease_state(struct lease *k);

/*
 * lease_late(k): It was not renewed in time. Another worker may have the task by now, so
 * an export reads no more of the telemetry until it is. Cheap.
 */
bool lease_late(struct lease *k);

/*
 * lease_sharers(k): The number of running jobs, this one included, as counted
 * at most renew_ms ago; 1 without ceilings that all workers share. Cheap.
 */
int64_t lease_sharers(struct lease *k);

/*
 * lease_ending(k): The end of the attempt is about to be written, after which there is
 * nothing to renew. Returns the state so far; NULL: it is held.
 */
enum lease_state lease_ending(struct lease *k);

/* lease_stop(k): End the thread, free k. */
void lease_stop(struct lease *k);

#endif
