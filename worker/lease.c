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
/* After an error: the first to reach the database again should be the holder. */
#define AGAIN_MS 1000

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
	bool late;			/* that it runs out has been logged */
	atomic_int word;
	atomic_bool ending;		/* of the attempt: it may have been written */
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

static int64_t
since_renewal_ms(struct lease *k)
{
	return clock_monotonic_ms() - atomic_load(&k->renewed_ms);
}

bool
lease_late(struct lease *k)
{
	return since_renewal_ms(k) > k->conf->lease_ms * 3 / 4;
}

/*
 * Nobody can claim the task of a database that is away: what could not be renewed is
 * held until another worker's claim is seen, but not for ever.
 */
static bool
is_given_up(struct lease *k)
{
	return since_renewal_ms(k) > k->conf->lease_ms + k->conf->patience_ms;
}

/* The call failed; a lease that runs out is worth a line. */
static bool
lease_not_renewed(struct lease *k)
{
	if (is_given_up(k)) {
		log_msg(LOG_WARN, "keeper", "the lease was not renewed for %lld "
		    "ms: given up", (long long)since_renewal_ms(k));
		atomic_store(&k->word, LEASE_LOST);
		return true;
	}
	if (!k->late && lease_late(k)) {
		log_msg(LOG_WARN, "keeper", "the lease was not renewed in time: "
		    "the export waits until it is, or another worker has it");
		k->late = true;
	}
	return false;
}

/* Whether the export works, or waits within its limits; else ends the process. */
static bool
check_life(struct lease *k, struct task_progress *p)
{
	if (clock_monotonic_ms() - last_progress(k, p) <= k->conf->stall_ms)
		return true;
	log_msg(LOG_ERROR, "keeper", "no progress for %lld ms: the export hangs",
	    (long long)k->conf->stall_ms);
	k->hung();
	return false;
}

/* Returns the time until the next renewal, ms; k->over: there is none. */
static int64_t
lease_renew(struct lease *k)
{
	/* The lease runs from before the call, not from its return. */
	const int64_t now = clock_monotonic_ms();
	struct task_progress p;
	bool cancel = false;

	if ((k->over = !check_life(k, &p)))
		return SERVE_MS;
	crash_at(CRASH_BEFORE_RENEW);
	switch (tasks_renew(k->tasks, k->task, &p, &cancel)) {
	case JOBS_OK:
		crash_at(CRASH_AFTER_RENEW);
		atomic_store(&k->renewed_ms, now);
		k->late = false;
		break;
	case JOBS_NONE:
		if (!atomic_load(&k->ending))
			log_msg(LOG_WARN, "keeper", "the lease is lost");
		atomic_store(&k->word, LEASE_LOST);
		k->over = true;
		return SERVE_MS;
	default:
		k->over = lease_not_renewed(k);
		return k->conf->renew_ms < AGAIN_MS ? k->conf->renew_ms :
		    AGAIN_MS;
	}
	if (cancel)
		atomic_store(&k->word, LEASE_CANCEL);
	count_sharers(k);
	return k->conf->renew_ms;
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
	if (!k->over && clock_monotonic_ms() >= k->next_ms)
		k->next_ms = clock_monotonic_ms() + lease_renew(k);
	wait_ms = k->next_ms - clock_monotonic_ms();
	/* Nothing to renew: no hurry, whatever next_ms is. */
	return k->over || wait_ms > SERVE_MS ? SERVE_MS : wait_ms < 0 ? 0 :
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
	pthread_mutex_unlock(&k->lock);
}

void
lease_alive(struct lease *k)
{
	if (k == NULL)
		return;
	pthread_mutex_lock(&k->lock);
	k->progress_ms = clock_monotonic_ms();
	pthread_mutex_unlock(&k->lock);
}

enum lease_state
lease_state(struct lease *k)
{
	return k == NULL ? LEASE_HELD : (enum lease_state)atomic_load(&k->word);
}

enum lease_state
lease_ending(struct lease *k)
{
	const enum lease_state word = lease_state(k);

	if (k != NULL)
		atomic_store(&k->ending, true);
	return word;
}

int64_t
lease_sharers(struct lease *k)
{
	return atomic_load(&k->sharers);
}

void
lease_stop(struct lease *k)
{
	ticker_stop(k->ticker);
	lease_free(k);
}
