/*
 * The thread that publishes stored jobs. A broker that hangs or has an alarm costs
 * it seconds a message, so it leaves the broker alone for a while after one, and
 * what is due meanwhile goes unpublished. How a message is sent and confirmed is
 * queue.c's business.
 */
#include "fcgi/doorbell.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/servers/queue.h"
#include "lib/jobs/metrics.h"
#include "lib/jobs/task.h"

#define REST_MS 10000
/* What arrives while one confirm is awaited, at some 100 jobs a second. */
#define WAITING_MAX 1024

struct doorbell {
	struct queue *queue;	/* the thread's */
	int64_t rest_until_ms;	/* the thread's */
	pthread_t thread;

	pthread_mutex_t lock;	/* of what follows */
	pthread_cond_t news;
	char ids[WAITING_MAX][JOB_ID_SIZE];	/* a ring */
	size_t first, n;
	bool stop;
};

static void
unpublished(const char *id)
{
	metrics_add(METRIC_UNPUBLISHED, 0, 1);
	/* The id by hand: log_job() is the other thread's. */
	log_fields(LOG_WARN, "publish", "job=%s", id);
}

static void
publish(struct doorbell *d, const char *id)
{
	if (clock_monotonic_ms() < d->rest_until_ms) {
		unpublished(id);
		return;
	}
	queue_publish(d->queue, id);
	if (queue_confirm(d->queue) == 0)
		return;
	unpublished(id);
	/* A broker that refuses a message answers at once: no reason to rest. */
	if (queue_fd(d->queue) < 0)
		d->rest_until_ms = clock_monotonic_ms() + REST_MS;
}

/* The next id; false after a stop, when all are published. */
static bool
next_id(struct doorbell *d, char id[JOB_ID_SIZE])
{
	bool found;

	pthread_mutex_lock(&d->lock);
	while (d->n == 0 && !d->stop)
		pthread_cond_wait(&d->news, &d->lock);
	if ((found = d->n > 0)) {
		snprintf(id, JOB_ID_SIZE, "%s", d->ids[d->first]);
		d->first = (d->first + 1) % WAITING_MAX;
		d->n--;
	}
	pthread_mutex_unlock(&d->lock);
	return found;
}

static void *
doorbell_run(void *arg)
{
	struct doorbell *d = arg;
	char id[JOB_ID_SIZE];

	while (next_id(d, id))
		publish(d, id);
	return NULL;
}

struct doorbell *
doorbell_new(const struct conf *conf)
{
	struct doorbell *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return NULL;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->news, NULL);
	/* No heartbeats: nobody would serve them between two jobs. */
	if ((d->queue = queue_new(conf, 0)) != NULL &&
	    pthread_create(&d->thread, NULL, doorbell_run, d) == 0)
		return d;
	queue_free(d->queue);
	free(d);
	return NULL;
}

void
doorbell_free(struct doorbell *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_cond_signal(&d->news);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	queue_free(d->queue);
	free(d);
}

void
doorbell_ring(struct doorbell *d, const char *id)
{
	bool full;

	pthread_mutex_lock(&d->lock);
	if (!(full = d->n == WAITING_MAX)) {
		snprintf(d->ids[(d->first + d->n) % WAITING_MAX], JOB_ID_SIZE, "%s",
		    id);
		d->n++;
		pthread_cond_signal(&d->news);
	}
	pthread_mutex_unlock(&d->lock);
	if (full)
		unpublished(id);
}
