#include "worker/lease.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mongoc/mongoc.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "lib/servers/queue.h"
#include "lib/jobs/job.h"
#include "lib/jobs/jobs.h"
#include "lib/jobs/units.h"

/* Heartbeats are due every few seconds: look at least this often. */
#define SERVE_MS 1000

struct lease {
	mongoc_client_pool_t *pool;
	mongoc_client_t *client;
	const struct conf *conf;
	struct jobs *jobs;
	struct queue *q;
	const struct job *job;
	void (*hung)(void);

	pthread_t thread;
	int wake_fd;
	atomic_bool quit;
	atomic_int word;
	atomic_llong renewed_ms;	/* before the call that went well last */
	atomic_llong sharers;

	pthread_mutex_t lock;	/* for what follows */
	struct job_progress progress;
	int64_t progress_ms;
};

static int64_t
last_progress(struct lease *k, struct job_progress *p)
{
	int64_t at_ms;

	pthread_mutex_lock(&k->lock);
	*p = k->progress;
	at_ms = k->progress_ms;
	pthread_mutex_unlock(&k->lock);
	return at_ms;
}

/* An error leaves it as it was. */
static void
count_sharers(struct lease *k)
{
	int64_t n;

	if (k->conf->total_read_bytes_s == 0 &&
	    k->conf->total_read_documents_s == 0)
		return;
	if (jobs_running(k->jobs, &n) == JOBS_OK && n > 0)
		atomic_store(&k->sharers, n);
}

static bool
is_late(struct lease *k)
{
	return clock_monotonic_ms() - atomic_load(&k->renewed_ms) >
	    k->conf->lease_ms * 3 / 4;
}

/* Returns 1 when all is over. */
static int
renew(struct lease *k)
{
	/* The lease counts from before the call, not from when it returned. */
	const int64_t now = clock_monotonic_ms();
	struct job_progress p;
	bool cancel = false;

	if (now - last_progress(k, &p) > k->conf->stall_ms) {
		log_msg(LOG_ERROR, "keeper", "no progress for %lld ms: the "
		    "export hangs", (long long)k->conf->stall_ms);
		k->hung();
		return 1;
	}
	crash_at(CRASH_BEFORE_RENEW);
	switch (jobs_renew(k->jobs, k->job, &p, &cancel)) {
	case JOBS_OK:
		crash_at(CRASH_AFTER_RENEW);
		atomic_store(&k->renewed_ms, now);
		break;
	case JOBS_NONE:
		log_msg(LOG_WARN, "keeper", "the lease is lost");
		atomic_store(&k->word, LEASE_LOST);
		return 1;
	default:
		break;
	}
	if (is_late(k)) {
		log_msg(LOG_WARN, "keeper", "the lease was not renewed in time");
		atomic_store(&k->word, LEASE_LOST);
		return 1;
	}
	if (cancel)
		atomic_store(&k->word, LEASE_CANCEL);
	count_sharers(k);
	return 0;
}

static void *
run(void *arg)
{
	struct lease *k = arg;
	int64_t next_ms = clock_monotonic_ms() + k->conf->renew_ms, wait_ms;
	struct pollfd fds[2] = { { .fd = k->wake_fd, .events = POLLIN },
	    { .events = POLLIN } };
	int over = 0;

	while (!atomic_load(&k->quit)) {
		if (k->q != NULL)
			queue_heartbeat(k->q);
		if (!over && clock_monotonic_ms() >= next_ms) {
			over = renew(k);
			next_ms = clock_monotonic_ms() + k->conf->renew_ms;
		}
		wait_ms = next_ms - clock_monotonic_ms();
		fds[1].fd = k->q != NULL ? queue_fd(k->q) : -1;
		poll(fds, 2, wait_ms < 0 ? 0 : over || wait_ms > SERVE_MS ?
		    SERVE_MS : (int)wait_ms);
	}
	return NULL;
}

static void
lease_free(struct lease *k)
{
	jobs_free(k->jobs);
	if (k->client != NULL)
		mongoc_client_pool_push(k->pool, k->client);
	if (k->wake_fd >= 0)
		close(k->wake_fd);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

struct lease *
lease_start(mongoc_client_pool_t *pool, const struct conf *conf,
    struct queue *q, const struct job *job, void (*hung)(void))
{
	struct lease *k;
	int rc = ENOMEM;

	if ((k = calloc(1, sizeof(*k))) == NULL)
		goto fail;
	k->pool = pool;
	k->conf = conf;
	k->q = q;
	k->job = job;
	k->hung = hung;
	k->progress = job->progress;
	k->progress_ms = clock_monotonic_ms();
	pthread_mutex_init(&k->lock, NULL);
	if ((k->wake_fd = eventfd(0, EFD_CLOEXEC)) < 0) {
		rc = errno;
		goto fail;
	}
	k->client = mongoc_client_pool_pop(pool);
	k->jobs = job->parent[0] != '\0' ? units_new(k->client, conf) :
	    jobs_new(k->client, conf);
	if (k->jobs == NULL)
		goto fail;
	atomic_store(&k->renewed_ms, clock_monotonic_ms());
	atomic_store(&k->sharers, 1);
	count_sharers(k);
	if ((rc = pthread_create(&k->thread, NULL, run, k)) != 0)
		goto fail;
	return k;
fail:
	log_msg(LOG_ERROR, "keeper", "%s", strerror(rc));
	if (k != NULL)
		lease_free(k);
	return NULL;
}

void
lease_progress(struct lease *k, const struct job_progress *p)
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

	/* The thread may be waiting for the database just now. */
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
	const uint64_t one = 1;
	enum lease_state word;

	atomic_store(&k->quit, true);
	/* An eventfd of 0 always takes it; poll() would time out anyway. */
	if (write(k->wake_fd, &one, sizeof(one)) < 0)
		log_msg(LOG_WARN, "keeper", "%s", strerror(errno));
	pthread_join(k->thread, NULL);
	word = lease_state(k);
	lease_free(k);
	return word;
}
