/*
 * A sink that is a multipart upload: bytes become parts, some threads send them
 * while the next is filled. Knows nothing of ZIP or jobs; a failed request is
 * lib/servers/s3_exchange.c's business until it is given up.
 */
#include "worker/upload.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "lib/base/patience.h"
#include "lib/servers/s3.h"
#include "lib/jobs/metrics.h"
#include "worker/engine/sink.h"

#define SENDERS_MAX 16	/* conf's own */
#define PARTS_MAX (SENDERS_MAX + 1)
/* Parts in memory take no more together, but for two that are larger. */
#define PARTS_BYTES ((size_t)64 * 1024 * 1024)

/*
 * Parts have the first one's size for as long as may be, then grow, in 8 steps of 5/2
 * each, to S3's largest: so 10,000 parts hold S3's largest object.
 */
#define STEADY 2000		/* parts of the first size */
#define STEADY_ESTIMATED 5600	/* where they hold 14/15 of the estimate */
#define GROWTHS 8
#define ESTIMATE_PARTS 9000	/* what 3/2 of an estimate is cut into */
#define PART_MAX ((size_t)5 << 30)

#define ABORT_MS 5000

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
	const struct patience *outer;	/* the caller's */
	struct patience patience;	/* of every transfer: the same, until quit */
	struct sender senders[SENDERS_MAX];
	int nsenders;
	struct part parts[PARTS_MAX];
	struct part *filling;
	size_t first_bytes, part_bytes;	/* of the first, of this one */
	bool estimated;
	int n;			/* parts handed over */
	_Atomic uint64_t bytes;
	uint64_t bytes_max;
	struct digest *digest;
	char sha256[DIGEST_HEX_SIZE];
	char etag[S3_ETAG_SIZE];

	pthread_mutex_t lock;	/* of the members below, and the parts' state */
	pthread_cond_t changed;
	atomic_bool quit;	/* read without the lock, too */
	enum failure failure;
};

size_t
upload_first_bytes(size_t part_bytes, uint64_t estimate_bytes)
{
	const uint64_t fits = (estimate_bytes + estimate_bytes / 2 +
	    ESTIMATE_PARTS - 1) / ESTIMATE_PARTS;

	return fits > PART_MAX ? PART_MAX : fits > part_bytes ? (size_t)fits :
	    part_bytes;
}

size_t
upload_part_bytes(size_t first, bool estimated, int number)
{
	const int steady = estimated ? STEADY_ESTIMATED : STEADY;
	const int step = (S3_PARTS_MAX - steady) / GROWTHS;
	size_t bytes = first;
	int n;

	for (n = steady; n < number && bytes < PART_MAX; n += step)
		bytes = bytes / 2 * 5;
	return bytes < PART_MAX ? bytes : PART_MAX;
}

int
upload_parts(int senders, size_t part_bytes)
{
	const size_t n = PARTS_BYTES / part_bytes;

	return n > (size_t)senders ? senders + 1 : n < 2 ? 2 : (int)n;
}

/* The caller's say, and the end of sending. */
static bool
upload_must_stop(void *arg)
{
	struct upload *u = arg;

	return atomic_load(&u->quit) || (u->outer->stop != NULL &&
	    u->outer->stop(u->outer->arg));
}

static void
upload_alive(void *arg)
{
	struct upload *u = arg;

	if (u->outer->alive != NULL)
		u->outer->alive(u->outer->arg);
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

	for (i = 0; i < PARTS_MAX; i++)
		if (u->parts[i].state == state && (first == NULL ||
		    u->parts[i].number < first->number))
			first = &u->parts[i];
	return first;
}

/*
 * A part to fill, if another may be in memory: one that has some already, so that no
 * more have. Called with the lock.
 */
static struct part *
part_to_fill(struct upload *u)
{
	struct part *part, *free_part = NULL;
	int i, busy = 0;

	for (i = 0; i < PARTS_MAX; i++) {
		part = &u->parts[i];
		if (part->state != PART_FREE)
			busy++;
		else if (free_part == NULL ||
		    part->data.cap > free_part->data.cap)
			free_part = part;
	}
	return busy < upload_parts(u->nsenders, u->part_bytes) ? free_part :
	    NULL;
}

/* What is too small for a part by now is no use; called with the lock. */
static void
drop_small_parts(struct upload *u)
{
	int i;

	for (i = 0; i < PARTS_MAX; i++)
		if (u->parts[i].state == PART_FREE &&
		    u->parts[i].data.cap < u->part_bytes)
			buf_release(&u->parts[i].data);
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

	for (i = 0; i < u->nsenders; i++) {
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

/* Parts that are not yet sent are dropped, also in the middle of a transfer. */
void
upload_stop(struct upload *u)
{
	int i;

	pthread_mutex_lock(&u->lock);
	atomic_store(&u->quit, true);
	pthread_cond_broadcast(&u->changed);
	pthread_mutex_unlock(&u->lock);
	for (i = 0; i < u->nsenders; i++) {
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
	u->part_bytes = upload_part_bytes(u->first_bytes, u->estimated, u->n + 1);
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
	while ((u->filling = part_to_fill(u)) == NULL &&
	    u->failure == FAILURE_NONE)
		pthread_cond_wait(&u->changed, &u->lock);
	drop_small_parts(u);
	pthread_mutex_unlock(&u->lock);
	if (u->filling == NULL)
		return -1;
	u->filling->data.len = 0;
	return 0;
}

static void
upload_fail(struct upload *u, enum failure failure)
{
	pthread_mutex_lock(&u->lock);
	if (u->failure == FAILURE_NONE)
		u->failure = failure;
	pthread_mutex_unlock(&u->lock);
}

void
upload_limit(struct upload *u, uint64_t bytes)
{
	u->bytes_max = bytes;
}

static int
upload_write(struct sink *s, const void *data, size_t len)
{
	struct upload *u = (struct upload *)s;
	const char *from = data;

	if (upload_failure(u) != FAILURE_NONE)
		return -1;
	u->bytes += len;
	if (u->bytes > u->bytes_max) {
		upload_fail(u, FAILURE_RESULTS_FULL);
		return -1;
	}
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
	if (s3_complete(u->s3_upload, u->n, u->bytes, u->etag,
	    sizeof(u->etag)) != 0) {
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
	upload_stop(u);
	s3_abort(u->s3_upload, ABORT_MS);
}

static int
upload_set_up(struct upload *u, const struct conf *conf,
    const struct patience *patience, bool of_archive)
{
	int i;

	u->outer = patience;
	u->patience = *patience;
	u->patience.stop = upload_must_stop;
	u->patience.alive = upload_alive;
	u->patience.arg = u;
	/* Each thread has a client of its own; the parts are shared. */
	u->sink.write = upload_write;
	u->sink.close = upload_close;
	u->sink.abort = upload_abort;
	u->part_bytes = u->first_bytes;
	u->bytes_max = UINT64_MAX;
	u->nsenders = (int)conf->senders;
	u->filling = &u->parts[0];
	for (i = 0; i < PARTS_MAX; i++)
		buf_init(&u->parts[i].data, PART_MAX);
	for (i = 0; i < u->nsenders; i++) {
		u->senders[i].u = u;
		u->senders[i].s3 = s3_new(conf, &u->patience);
		if (u->senders[i].s3 == NULL)
			return -1;
	}
	if ((of_archive && (u->digest = digest_new()) == NULL) ||
	    (u->s3 = s3_new(conf, &u->patience)) == NULL)
		return -1;
	return 0;
}

struct upload *
upload_open(const struct conf *conf, const struct patience *patience,
    const char *key, const char *disposition, uint64_t estimate_bytes,
    enum failure *why)
{
	struct upload *u;

	*why = FAILURE_INTERNAL;
	if ((u = calloc(1, sizeof(*u))) == NULL)
		goto nomem;
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->changed, NULL);
	u->first_bytes = upload_first_bytes((size_t)conf->part_bytes,
	    estimate_bytes);
	u->estimated = estimate_bytes > 0;
	if (upload_set_up(u, conf, patience, disposition != NULL) != 0)
		goto nomem;
	/* Last: from here S3 keeps something that only an abort removes. */
	if ((u->s3_upload = s3_begin(u->s3, key, disposition)) != NULL)
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
	upload_stop(u);
	for (i = 0; i < u->nsenders; i++)
		s3_free(u->senders[i].s3);
	for (i = 0; i < PARTS_MAX; i++)
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
