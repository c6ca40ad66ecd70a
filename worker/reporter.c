/*
 * Writes this worker's counters to the database at intervals, while
 * exports go on.
 * Knows none of the counters: lib/jobs/workers.c writes them all.
 */
#include "worker/reporter.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/base/ticker.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/workers.h"

struct reporter {
	struct _mongoc_client_pool_t *pool;
	struct _mongoc_client_t *client;
	const char *worker;
	int every_ms;
	bool good;		/* the last report was written */
	struct ticker *ticker;
};

static void
report(struct reporter *r, bool last)
{
	r->good = workers_report(r->client, r->worker, last, !r->good) == 0;
}

static int
reporter_tick(void *arg)
{
	struct reporter *r = arg;

	report(r, false);
	return r->every_ms;
}

struct reporter *
reporter_start(struct _mongoc_client_pool_t *pool, const struct conf *conf,
    const char *worker)
{
	struct reporter *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		goto fail;
	r->pool = pool;
	/* A client of its own, for as long as it runs: see POOL_LEAST. */
	r->client = mongo_take(pool);
	r->worker = worker;
	r->every_ms = (int)conf->metrics_s * 1000;
	r->good = true;
	r->ticker = ticker_start(r->every_ms, reporter_tick, NULL, r);
	if (r->ticker != NULL)
		return r;
fail:
	log_msg(LOG_WARN, "report", "%s: no metrics of this worker",
	    strerror(errno));
	if (r != NULL)
		mongo_give(pool, r->client);
	free(r);
	return NULL;
}

void
reporter_stop(struct reporter *r)
{
	if (r == NULL)
		return;
	ticker_stop(r->ticker);
	report(r, true);
	mongo_give(r->pool, r->client);
	free(r);
}
