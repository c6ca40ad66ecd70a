/*
 * The timer that ends what nobody works on any more, and has its objects removed. What
 * that is, the table in lib/jobs/transition.c says.
 */
#include "worker/sweeper.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/base/ticker.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/tasks.h"
#include "lib/jobs/usage.h"
#include "worker/removal.h"

/* What is kept of owners' results is renewed each so many ticks: once a minute. */
#define USAGE_TICKS 4

struct sweeper {
	struct _mongoc_client_pool_t *pool;
	struct _mongoc_client_t *client;
	struct tasks *jobs, *units;
	struct removal *removal;	/* NULL: the lifecycle rule removes */
	bool usage;			/* what owners' results take up is kept */
	atomic_bool stopping;
	int every_ms;
	struct ticker *ticker;
};

static void
sweeper_free(struct sweeper *s)
{
	if (s == NULL)
		return;
	removal_free(s->removal);
	tasks_free(s->units);
	tasks_free(s->jobs);
	mongo_give(s->pool, s->client);
	free(s);
}

static int
sweeper_tick(void *arg)
{
	struct sweeper *s = arg;

	/* Errors are logged there; the next tick tries again. */
	if (tasks_sweep(s->jobs) == JOBS_OK)
		tasks_sweep(s->units);
	if (s->usage)
		usage_keep(s->client, (int64_t)s->every_ms * USAGE_TICKS);
	/* Last: S3 may be slow. A cancelled job does not wait for it. */
	return s->removal != NULL && removal_step(s->removal) ? 0 : s->every_ms;
}

static bool
sweeper_stopping(void *arg)
{
	struct sweeper *s = arg;

	return atomic_load(&s->stopping);
}

struct sweeper *
sweeper_start(struct _mongoc_client_pool_t *pool, const struct conf *conf)
{
	struct sweeper *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		goto fail;
	s->pool = pool;
	/* A client of its own, for as long as it runs: see POOL_LEAST. */
	s->client = mongo_take(pool);
	s->every_ms = (int)conf->idle_ms;
	s->usage = usage_wanted(conf);
	s->jobs = tasks_new(s->client, conf, TASK_JOB);
	s->units = tasks_new(s->client, conf, TASK_UNIT);
	if (s->jobs == NULL || s->units == NULL)
		goto fail;
	if (conf->s3_delete && (s->removal = removal_new(conf, s->jobs, s->units,
	    sweeper_stopping, s)) == NULL)
		goto fail;
	s->ticker = ticker_start(s->every_ms, sweeper_tick, NULL, s);
	if (s->ticker != NULL)
		return s;
fail:
	log_msg(LOG_WARN, "sweep", "%s: this worker ends no cancelled or spent jobs",
	    strerror(errno));
	sweeper_free(s);
	return NULL;
}

void
sweeper_stop(struct sweeper *s)
{
	if (s != NULL) {
		atomic_store(&s->stopping, true);
		ticker_stop(s->ticker);
	}
	sweeper_free(s);
}
