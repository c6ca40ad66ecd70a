/*
 * One thread that does something at intervals until it is stopped, woken by an
 * eventfd so that a stop waits for no interval. Knows nothing of what is done.
 */
#include "lib/base/ticker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct ticker {
	int (*tick)(void *);
	int (*fd)(void *);
	void *arg;
	int wait_ms;
	int stop_fd;
	pthread_t thread;
};

static void *
ticker_run(void *arg)
{
	struct ticker *t = arg;
	struct pollfd fds[2] = { { .fd = t->stop_fd, .events = POLLIN },
	    { .events = POLLIN } };

	for (;;) {
		/* Asked each time: a connection may be another one now. */
		fds[1].fd = t->fd != NULL ? t->fd(t->arg) : -1;
		poll(fds, 2, t->wait_ms);
		if (fds[0].revents != 0)
			return NULL;
		t->wait_ms = t->tick(t->arg);
	}
}

struct ticker *
ticker_start(int first_ms, int (*tick)(void *), int (*fd)(void *), void *arg)
{
	struct ticker *t;
	int rc;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return NULL;
	t->tick = tick;
	t->fd = fd;
	t->arg = arg;
	t->wait_ms = first_ms;
	if ((t->stop_fd = eventfd(0, EFD_CLOEXEC)) < 0) {
		rc = errno;
		goto fail;
	}
	/* Last: from here the thread owns wait_ms. */
	if ((rc = pthread_create(&t->thread, NULL, ticker_run, t)) == 0)
		return t;
	close(t->stop_fd);
fail:
	free(t);
	errno = rc;
	return NULL;
}

void
ticker_stop(struct ticker *t)
{
	if (t == NULL)
		return;
	/* An eventfd of 0 takes it: it cannot fail, nor block. */
	eventfd_write(t->stop_fd, 1);
	pthread_join(t->thread, NULL);
	close(t->stop_fd);
	free(t);
}
