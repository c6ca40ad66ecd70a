/*
 * The thread that keeps a claimed job ours: renews, brings a cancel back,
 * serves the broker, and ends the process when the export hangs. Does not end
 * the attempt: the exporting thread asks lease_state() and ends it.
 */
#include "worker/lease.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "lib/base/ticker.h"
#include "lib/servers/mongo.h"
#include "lib/servers/queue.h"
#include "lib/jobs/tasks.h"

/*
 * Heartbeats are due every few seconds: serve the broker at least this often.
 */
#define SERVE_MS 1000

struct lease {
	struct _mongoc_client_pool_t *pool;
	struct _mongoc_client_t *client;
	const struct conf *conf;
	struct tasks *tasks;
	struct queue *q;
	const struct task *task;
	void (*hung)(void);

	struct ticker *ticker;
	int64_t next_ms;		/* when to renew; the ticker's, as is over */
	bool over;			/* the lease is lost: nothing to renew */
	atomic_int word;
	atomic_llong renewed_ms;	/* before the last call that succeeded */
	atomic_llong sharers;

	pthread_mutex_t lock;	/* of the members below */
	struct task_progress progress;
	int64_t progress_ms;
};

static int64_t
last_progress(struct lease *k, struct task_progress *p)
{
	int64_t at_ms;

	pthread_mutex_lock(&k->lock);
	*p = k->progress;
	at_ms = k->progress_ms;
	pthread_mutex_unlock(&k->lock);
	return at_ms;
}

/* An error leaves the number as it was. */
static void
count_sharers(struct lease *k)
{
	int64_t n;

	if (k->conf->total_read_bytes_s == 0 &&
	    k->conf->total_read_documents_s == 0)
		return;
	if (tasks_running(k->tasks, &n) == JOBS_OK && n > 0)
		atomic_store(&k->sharers, n);
}

static bool
is_late(struct lease *k)
{
	return clock_monotonic_ms() - atomic_load(&k->renewed_ms) >
	    k->conf->lease_ms * 3 / 4;
}

/* Returns true when there is nothing left to renew. */
static bool
lease_renew(struct lease *k)
{
	/* The lease runs from before the call, not from its return. */
	const int64_t now = clock_monotonic_ms();
	struct task_progress p;
	bool cancel = false;

	if (now - last_progress(k, &p) > k->conf->stall_ms) {
		log_msg(LOG_ERROR, "keeper", "no progress for %lld ms: the "
		    "export hangs", (long long)k->conf->stall_ms);
		k->hung();
		return true;
	}
	crash_at(CRASH_BEFORE_RENEW);
	switch (tasks_renew(k->tasks, k->task, &p, &cancel)) {
	case JOBS_OK:
		crash_at(CRASH_AFTER_RENEW);
		atomic_store(&k->renewed_ms, now);
		break;
	case JOBS_NONE:
		log_msg(LOG_WARN, "keeper", "the lease is lost");
		atomic_store(&k->word, LEASE_LOST);
		return true;
	default:
		break;
	}
	if (is_late(k)) {
		log_msg(LOG_WARN, "keeper", "the lease was not renewed in time");
		atomic_store(&k->word, LEASE_LOST);
		return true;
	}
	if (cancel)
		atomic_store(&k->word, LEASE_CANCEL);
	count_sharers(k);
	return false;
}

/*
 * Serves the broker; renews when that is due. Returns ms until the next time.
 */
static int
lease_tick(void *arg)
{
	struct lease *k = arg;
	int64_t wait_ms;

	if (k->q != NULL)
		queue_heartbeat(k->q);
	if (!k->over && clock_monotonic_ms() >= k->next_ms) {
		k->over = lease_renew(k);
		k->next_ms = clock_monotonic_ms() + k->conf->renew_ms;
	}
	wait_ms = k->next_ms - clock_monotonic_ms();
	return wait_ms < 0 ? 0 : k->over || wait_ms > SERVE_MS ? SERVE_MS :
	    (int)wait_ms;
}

static int
lease_fd(void *arg)
{
	const struct lease *k = arg;

	return k->q != NULL ? queue_fd(k->q) : -1;
}

static void
lease_free(struct lease *k)
{
	tasks_free(k->tasks);
	mongo_give(k->pool, k->client);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

struct lease *
lease_start(struct _mongoc_client_pool_t *pool, const struct conf *conf,
    struct queue *q, const struct task *task, void (*hung)(void))
{
	struct lease *k;

	if ((k = calloc(1, sizeof(*k))) == NULL)
		goto fail;
	k->pool = pool;
	k->conf = conf;
	k->q = q;
	k->task = task;
	k->hung = hung;
	k->progress = task->progress;
	k->progress_ms = clock_monotonic_ms();
	pthread_mutex_init(&k->lock, NULL);
	/* A client of its own: the exporting thread uses another. */
	k->client = mongo_take(pool);
	k->tasks = tasks_new(k->client, conf, task->kind);
	if (k->tasks == NULL) {
		errno = ENOMEM;
		goto fail;
	}
	atomic_store(&k->renewed_ms, clock_monotonic_ms());
	atomic_store(&k->sharers, 1);
	count_sharers(k);
	/* Last: from here the ticker uses everything but the locked members. */
	k->next_ms = clock_monotonic_ms() + conf->renew_ms;
	k->ticker = ticker_start(0, lease_tick, lease_fd, k);
	if (k->ticker != NULL)
		return k;
fail:
	log_msg(LOG_ERROR, "keeper", "%s", strerror(errno));
	if (k != NULL)
		lease_free(k);
	return NULL;
}

void
lease_progress(struct lease *k, const struct task_progress *p)
{
	pthread_mutex_lock(&k->lock);
	k->progress = *p;
	k->progress_ms = clock_monotonic_ms();
	pthread_mutex_unlock(&k->lock);
}

void
lease_alive(struct lease *k)
{
	pthread_mutex_lock(&k->lock);
	k->progress_ms = clock_monotonic_ms();
	pthread_mutex_unlock(&k->lock);
}

enum lease_state
lease_state(struct lease *k)
{
	const enum lease_state word = (enum lease_state)atomic_load(&k->word);

	/* The thread may be waiting for the database at this moment. */
	return word == LEASE_HELD && is_late(k) ? LEASE_LOST : word;
}

int64_t
lease_sharers(struct lease *k)
{
	return atomic_load(&k->sharers);
}

enum lease_state
lease_stop(struct lease *k)
{
	enum lease_state word;

	ticker_stop(k->ticker);
	word = lease_state(k);
	lease_free(k);
	return word;
}
