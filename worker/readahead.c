/*
 * One range ahead: a thread fetches what is likely to be asked for next. Knows
 * ranges of an object, and not what they hold.
 */
#include "worker/readahead.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/servers/s3.h"

/* A range of an object. */
struct range {
	char *key;
	uint64_t at;
	size_t len;
};

enum state { IDLE, ASKED, READY };

struct readahead {
	struct s3 *s3;			/* the thread's */
	pthread_t thread;
	bool started;
	enum failure failure;		/* of the last call */

	pthread_mutex_t lock;		/* of the members below */
	pthread_cond_t changed;
	enum state state;
	bool quit;
	struct range range;		/* that is asked for, or ready */
	struct buf data;
	enum readahead_result result;
	enum failure why;
};

/* Without the lock: the caller waits, or leaves the range alone. */
static enum readahead_result
fetch(struct readahead *r)
{
	r->why = FAILURE_NONE;
	if (s3_get(r->s3, r->range.key, r->range.at, r->range.len,
	    &r->data) == 0)
		return READAHEAD_OK;
	r->why = s3_failure(r->s3);
	return s3_not_found(r->s3) ? READAHEAD_GONE : s3_refused(r->s3) ?
	    READAHEAD_REFUSED : READAHEAD_FAILED;
}

static void *
readahead_run(void *arg)
{
	struct readahead *r = arg;
	enum readahead_result result;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		while (!r->quit && r->state != ASKED)
			pthread_cond_wait(&r->changed, &r->lock);
		if (r->quit)
			break;
		pthread_mutex_unlock(&r->lock);
		result = fetch(r);
		pthread_mutex_lock(&r->lock);
		r->result = result;
		r->state = READY;
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

struct readahead *
readahead_new(const struct conf *conf, const struct patience *patience)
{
	struct readahead *r;
	int rc;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		goto nomem;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	buf_init(&r->data, SIZE_MAX / 2);
	if ((r->s3 = s3_new(conf, patience)) == NULL)
		goto nomem;
	if ((rc = pthread_create(&r->thread, NULL, readahead_run, r)) != 0) {
		log_msg(LOG_ERROR, "split", "thread: %s", strerror(rc));
		readahead_free(r);
		return NULL;
	}
	r->started = true;
	return r;
nomem:
	log_msg(LOG_ERROR, "split", "out of memory");
	readahead_free(r);
	return NULL;
}

void
readahead_free(struct readahead *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->quit = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	if (r->started)
		pthread_join(r->thread, NULL);
	s3_free(r->s3);
	free(r->range.key);
	buf_release(&r->data);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* With the lock held, nothing under way. Returns 0, -1: no memory. */
static int
ask(struct readahead *r, const char *key, uint64_t at, size_t len)
{
	char *copy = strdup(key);

	if (copy == NULL)
		return -1;
	free(r->range.key);
	r->range = (struct range){ copy, at, len };
	r->state = ASKED;
	pthread_cond_broadcast(&r->changed);
	return 0;
}

static void
wait_for_answer(struct readahead *r)
{
	while (r->state == ASKED)
		pthread_cond_wait(&r->changed, &r->lock);
}

static bool
is_asked(const struct readahead *r, const char *key, uint64_t at, size_t len)
{
	return r->state != IDLE && r->range.at == at && r->range.len == len &&
	    strcmp(r->range.key, key) == 0;
}

/* With the lock held: the answer into *to, whose memory is for the next one. */
static enum readahead_result
take(struct readahead *r, struct buf *to)
{
	struct buf spare = *to;

	wait_for_answer(r);
	r->state = IDLE;
	r->failure = r->why;
	if (r->result != READAHEAD_OK)
		return r->result;
	*to = r->data;
	r->data = spare;
	r->data.max = to->max;
	r->data.len = 0;
	return READAHEAD_OK;
}

enum readahead_result
readahead_get(struct readahead *r, const char *key, uint64_t at, size_t len,
    uint64_t size, struct buf *to)
{
	enum readahead_result result = READAHEAD_FAILED;
	const uint64_t next = at + len;
	uint64_t left = size > next ? size - next : 0;

	pthread_mutex_lock(&r->lock);
	if (!is_asked(r, key, at, len)) {
		wait_for_answer(r);
		r->failure = FAILURE_INTERNAL;
		if (ask(r, key, at, len) != 0) {
			log_msg(LOG_ERROR, "split", "out of memory");
			goto out;
		}
	}
	result = take(r, to);
	/* What cannot be asked for ahead is asked for when it is needed. */
	if (result == READAHEAD_OK && left > 0)
		(void)ask(r, key, next, left < len ? (size_t)left : len);
out:
	pthread_mutex_unlock(&r->lock);
	return result;
}

enum failure
readahead_failure(const struct readahead *r)
{
	return r->failure;
}
