#include "worker/report.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mongoc/mongoc.h>

#include "lib/conf.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/mongo.h"
#include "lib/version.h"

struct report {
	mongoc_client_pool_t *pool;
	const struct conf *conf;
	const char *worker;
	pthread_t thread;
	int stop_fd;
};

static bool
write_report(const struct report *r, mongoc_collection_t *workers, bool last,
    bson_error_t *error)
{
	bson_t *filter = BCON_NEW("_id", BCON_UTF8(r->worker));
	bson_t *opts = BCON_NEW("upsert", BCON_BOOL(true));
	bson_t values = BSON_INITIALIZER, *update;
	uint64_t slots[METRICS_SLOTS];
	bool good;

	metrics_read(slots);
	metrics_bson(slots, &values);
	update = BCON_NEW("0", "{", "$set", "{", "at", BCON_UTF8("$$NOW"),
	    "startedAt", "{", "$ifNull", "[", BCON_UTF8("$startedAt"),
	    BCON_UTF8("$$NOW"), "]", "}",
	    "version", BCON_UTF8(EXPORT_VERSION), "stopped", BCON_BOOL(last),
	    "values", "{", "$literal", BCON_DOCUMENT(&values), "}", "}", "}");
	good = mongoc_collection_update_one(workers, filter, update, opts, NULL,
	    error);
	bson_destroy(update);
	bson_destroy(&values);
	bson_destroy(opts);
	bson_destroy(filter);
	return good;
}

static void *
run(void *arg)
{
	struct report *r = arg;
	mongoc_client_t *client = mongoc_client_pool_pop(r->pool);
	mongoc_collection_t *workers = mongoc_client_get_collection(client,
	    "exports", "workers");
	struct pollfd stop = { .fd = r->stop_fd, .events = POLLIN };
	bool last = false, good = true;
	bson_error_t error;

	while (!last) {
		last = poll(&stop, 1, (int)r->conf->metrics_s * 1000) > 0;
		if (write_report(r, workers, last, &error)) {
			good = true;
		} else {
			if (good)
				mongo_log("report", &error);
			good = false;
		}
	}
	mongoc_collection_destroy(workers);
	mongoc_client_pool_push(r->pool, client);
	return NULL;
}

struct report *
report_start(mongoc_client_pool_t *pool, const struct conf *conf,
    const char *worker)
{
	struct report *r;
	int rc = ENOMEM;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		goto fail;
	r->pool = pool;
	r->conf = conf;
	r->worker = worker;
	if ((r->stop_fd = eventfd(0, EFD_CLOEXEC)) < 0) {
		rc = errno;
		goto fail;
	}
	if ((rc = pthread_create(&r->thread, NULL, run, r)) == 0)
		return r;
	close(r->stop_fd);
fail:
	log_msg(LOG_WARN, "report", "%s: no metrics of this worker",
	    strerror(rc));
	free(r);
	return NULL;
}

void
report_stop(struct report *r)
{
	const uint64_t one = 1;

	if (r == NULL)
		return;
	/* An eventfd of 0 always takes it. */
	if (write(r->stop_fd, &one, sizeof(one)) < 0)
		log_msg(LOG_WARN, "report", "%s", strerror(errno));
	pthread_join(r->thread, NULL);
	close(r->stop_fd);
	free(r);
}
