/*
 * A sink that is a multipart upload: bytes become parts, two threads send them
 * while the next is filled. Knows nothing of ZIP or jobs; a failed request is
 * lib/servers/s3.c's business until it is given up.
 */
#include "worker/upload.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "lib/servers/s3.h"
#include "lib/jobs/metrics.h"
#include "worker/engine/sink.h"

#define SENDERS 2
#define PARTS (SENDERS + 1)
/* Larger parts earlier would allow larger archives, and take more memory. */
#define PARTS_PER_SIZE 2000
#define PART_MAX ((size_t)1 << 30)

enum part_state { PART_FREE, PART_FULL, PART_SENDING };

struct part {
	struct buf data;
	int number;
	enum part_state state;
};

struct sender {
	struct upload *u;
	struct s3 *s3;
	pthread_t thread;
	bool started;
};

struct upload {
	struct sink sink;	/* first: a sink is cast back to its upload */
	struct s3 *s3;		/* of the owner's thread */
	struct s3_upload *s3_upload;
	struct sender senders[SENDERS];
	struct part parts[PARTS];
	struct part *filling;
	size_t first_bytes, part_bytes;	/* of the first, of this one */
	int n;			/* parts handed over */
	_Atomic uint64_t bytes;
	struct digest *digest;
	char sha256[DIGEST_HEX_SIZE];
	char etag[S3_ETAG_SIZE];

	pthread_mutex_t lock;	/* of the members below, and the parts' state */
	pthread_cond_t changed;
	bool quit;
	enum failure failure;
};

size_t
upload_part_bytes(size_t first, int number)
{
	size_t bytes = first;
	int n;

	for (n = PARTS_PER_SIZE; n < number && bytes <= PART_MAX / 2;
	    n += PARTS_PER_SIZE)
		bytes *= 2;
	return bytes;
}

static void
count_part(const struct part *part, int64_t took_us)
{
	metrics_observe(METRIC_PART_SECONDS, took_us);
	metrics_add(METRIC_BYTES_WRITTEN, 0, part->data.len);
	crash_at(CRASH_AFTER_PART);
}

static int
send_part(struct upload *u, struct s3 *s3, struct part *part)
{
	enum failure failure = FAILURE_NONE;

	const int64_t began_us = clock_monotonic_us();

	crash_at(CRASH_BEFORE_PART);
	if (s3_part(s3, u->s3_upload, part->number, part->data.data,
	    part->data.len) != 0)
		failure = s3_failure(s3) != FAILURE_NONE ? s3_failure(s3) :
		    FAILURE_STORAGE;
	else
		count_part(part, clock_monotonic_us() - began_us);
	/* The first failure is the upload's. */
	pthread_mutex_lock(&u->lock);
	part->state = PART_FREE;
	if (u->failure == FAILURE_NONE)
		u->failure = failure;
	pthread_cond_broadcast(&u->changed);
	pthread_mutex_unlock(&u->lock);
	return failure == FAILURE_NONE ? 0 : -1;
}

/* The part with the lowest number in this state; called with the lock. */
static struct part *
part_first(struct upload *u, enum part_state state)
{
	struct part *first = NULL;
	int i;

	for (i = 0; i < PARTS; i++)
		if (u->parts[i].state == state && (first == NULL ||
		    u->parts[i].number < first->number))
			first = &u->parts[i];
	return first;
}

static void *
sender_run(void *arg)
{
	struct sender *sender = arg;
	struct upload *u = sender->u;
	struct part *part = NULL;

	pthread_mutex_lock(&u->lock);
	for (;;) {
		while (!u->quit && (part = part_first(u, PART_FULL)) == NULL)
			pthread_cond_wait(&u->changed, &u->lock);
		if (u->quit)
			break;
		part->state = PART_SENDING;
		pthread_mutex_unlock(&u->lock);
		send_part(u, sender->s3, part);
		pthread_mutex_lock(&u->lock);
	}
	pthread_mutex_unlock(&u->lock);
	return NULL;
}

static int
start_senders(struct upload *u)
{
	int i, rc;

	for (i = 0; i < SENDERS; i++) {
		struct sender *sender = &u->senders[i];

		if (sender->started)
			continue;
		rc = pthread_create(&sender->thread, NULL, sender_run,
		    sender);
		if (rc != 0) {
			log_msg(LOG_ERROR, "upload", "thread: %s",
			    strerror(rc));
			return -1;
		}
		sender->started = true;
	}
	return 0;
}

/* Queued parts that are not yet being sent are dropped. */
static void
end_senders(struct upload *u)
{
	int i;

	pthread_mutex_lock(&u->lock);
	u->quit = true;
	pthread_cond_broadcast(&u->changed);
	pthread_mutex_unlock(&u->lock);
	for (i = 0; i < SENDERS; i++) {
		if (u->senders[i].started)
			pthread_join(u->senders[i].thread, NULL);
		u->senders[i].started = false;
	}
}

/* Number the filled part, and digest it. */
static int
upload_seal(struct upload *u)
{
	struct part *part = u->filling;

	if (u->digest != NULL &&
	    digest_add(u->digest, part->data.data, part->data.len) != 0) {
		log_msg(LOG_ERROR, "upload", "SHA-256 failed");
		return -1;
	}
	part->number = ++u->n;
	u->part_bytes = upload_part_bytes(u->first_bytes, u->n + 1);
	return 0;
}

/* Hand the filled part to the senders, and wait for a free one. */
static int
upload_hand_over(struct upload *u)
{
	if (start_senders(u) != 0 || upload_seal(u) != 0)
		return -1;
	pthread_mutex_lock(&u->lock);
	u->filling->state = PART_FULL;
	pthread_cond_broadcast(&u->changed);
	while ((u->filling = part_first(u, PART_FREE)) == NULL &&
	    u->failure == FAILURE_NONE)
		pthread_cond_wait(&u->changed, &u->lock);
	pthread_mutex_unlock(&u->lock);
	if (u->filling == NULL)
		return -1;
	u->filling->data.len = 0;
	return 0;
}

static int
upload_write(struct sink *s, const void *data, size_t len)
{
	struct upload *u = (struct upload *)s;
	const char *from = data;

	if (upload_failure(u) != FAILURE_NONE)
		return -1;
	u->bytes += len;
	while (len > 0) {
		struct buf *to = &u->filling->data;
		size_t room = u->part_bytes - to->len;
		size_t n = len < room ? len : room;

		/*
		 * All of it at once: pages that are not written to take no
		 * memory.
		 */
		if (buf_reserve(to, room) == NULL || buf_add(to, from, n) != 0) {
			log_msg(LOG_ERROR, "upload", "out of memory");
			return -1;
		}
		from += n;
		len -= n;
		if (to->len == u->part_bytes && upload_hand_over(u) != 0)
			return -1;
	}
	return 0;
}

/* Wait until all parts that were handed over are sent. */
static int
all_sent(struct upload *u)
{
	pthread_mutex_lock(&u->lock);
	while (u->failure == FAILURE_NONE &&
	    (part_first(u, PART_FULL) != NULL || part_first(u, PART_SENDING) != NULL))
		pthread_cond_wait(&u->changed, &u->lock);
	pthread_mutex_unlock(&u->lock);
	return upload_failure(u) == FAILURE_NONE ? 0 : -1;
}

static int
upload_close(struct sink *s)
{
	struct upload *u = (struct upload *)s;

	/* The last part is sent from here, while others are under way. */
	if (u->filling->data.len > 0 &&
	    (upload_seal(u) != 0 || send_part(u, u->s3, u->filling) != 0))
		return -1;
	if (all_sent(u) != 0)
		return -1;
	if (u->digest != NULL && digest_hex(u->digest, u->sha256) != 0) {
		log_msg(LOG_ERROR, "upload", "SHA-256 failed");
		return -1;
	}
	crash_at(CRASH_BEFORE_COMPLETE);
	if (s3_complete(u->s3_upload, u->n, u->etag, sizeof(u->etag)) != 0) {
		u->failure = s3_failure(u->s3);
		return -1;
	}
	crash_at(CRASH_AFTER_COMPLETE);
	return 0;
}

static void
upload_abort(struct sink *s)
{
	struct upload *u = (struct upload *)s;

	/* A part that arrived after the abort would stay. */
	end_senders(u);
	s3_abort(u->s3_upload);
}

static int
upload_set_up(struct upload *u, const struct conf *conf, bool (*stop)(void *),
    void *arg, bool digest)
{
	int i;

	/* Each thread has a client of its own; the parts are shared. */
	u->sink.write = upload_write;
	u->sink.close = upload_close;
	u->sink.abort = upload_abort;
	u->first_bytes = u->part_bytes = (size_t)conf->part_bytes;
	u->filling = &u->parts[0];
	for (i = 0; i < PARTS; i++)
		buf_init(&u->parts[i].data, PART_MAX);
	for (i = 0; i < SENDERS; i++) {
		u->senders[i].u = u;
		u->senders[i].s3 = s3_new(conf, stop, arg);
		if (u->senders[i].s3 == NULL)
			return -1;
	}
	if ((digest && (u->digest = digest_new()) == NULL) ||
	    (u->s3 = s3_new(conf, stop, arg)) == NULL)
		return -1;
	return 0;
}

struct upload *
upload_open(const struct conf *conf, bool (*stop)(void *), void *arg,
    const char *key, const char *filename, bool digest, enum failure *why)
{
	struct upload *u;

	*why = FAILURE_INTERNAL;
	if ((u = calloc(1, sizeof(*u))) == NULL)
		goto nomem;
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->changed, NULL);
	if (upload_set_up(u, conf, stop, arg, digest) != 0)
		goto nomem;
	/* Last: from here S3 keeps something that only an abort removes. */
	if ((u->s3_upload = s3_begin(u->s3, key, filename)) != NULL)
		return u;
	*why = s3_failure(u->s3);
	upload_free(u);
	return NULL;
nomem:
	log_msg(LOG_ERROR, "upload", "out of memory");
	upload_free(u);
	return NULL;
}

void
upload_free(struct upload *u)
{
	int i;

	if (u == NULL)
		return;
	end_senders(u);
	for (i = 0; i < SENDERS; i++)
		s3_free(u->senders[i].s3);
	for (i = 0; i < PARTS; i++)
		buf_release(&u->parts[i].data);
	s3_upload_free(u->s3_upload);
	s3_free(u->s3);
	digest_free(u->digest);
	pthread_cond_destroy(&u->changed);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

struct sink *
upload_sink(struct upload *u)
{
	return &u->sink;
}

enum failure
upload_failure(struct upload *u)
{
	enum failure failure;

	pthread_mutex_lock(&u->lock);
	failure = u->failure;
	pthread_mutex_unlock(&u->lock);
	return failure;
}

uint64_t
upload_bytes(const struct upload *u)
{
	return u->bytes;
}

const char *
upload_sha256(const struct upload *u)
{
	return u->digest != NULL ? u->sha256 : NULL;
}

const char *
upload_etag(const struct upload *u)
{
	return u->etag;
}
