#include "worker/reporter.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mongoc/mongoc.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/jobs/workers.h"

struct report {
	mongoc_client_pool_t *pool;
	const struct conf *conf;
	const char *worker;
	pthread_t thread;
	int stop_fd;
};

static void *
run(void *arg)
{
	struct report *r = arg;
	mongoc_client_t *client = mongoc_client_pool_pop(r->pool);
	struct pollfd stop = { .fd = r->stop_fd, .events = POLLIN };
	bool last = false, good = true;

	while (!last) {
		last = poll(&stop, 1, (int)r->conf->metrics_s * 1000) > 0;
		good = workers_report(client, r->worker, last, !good) == 0;
	}
	mongoc_client_pool_push(r->pool, client);
	return NULL;
}

struct report *
reporter_start(mongoc_client_pool_t *pool, const struct conf *conf,
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
reporter_stop(struct report *r)
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
