/*
 * How fast a worker may read: ceilings, and a gap that follows the database's
 * own answers. Pure but for its lock: time is an argument, and waiting is the
 * reader's business.
 */
#include "worker/pace.h"

#include <string.h>

/* A fetch under a ceiling brings what it allows in this part of a second. */
#define BURSTS_S 4
/* Bytes of a document where nothing is known: an hour at some 20 Hz. */
#define DOCUMENT_GUESS (INT64_C(1) << 20)
/* Until the one before has asked again. */
#define TURN_US 500

void
pace_init(struct pace *p, const struct pace_ceilings *own,
    const struct pace_ceilings *total, bool follow)
{
	memset(p, 0, sizeof(*p));
	pthread_mutex_init(&p->lock, NULL);
	p->own = *own;
	p->total = *total;
	p->sharers = 1;
	p->follow = follow;
}

void
pace_release(struct pace *p)
{
	pthread_mutex_destroy(&p->lock);
}

void
pace_share(struct pace *p, int64_t n)
{
	pthread_mutex_lock(&p->lock);
	p->sharers = n > 0 ? n : 1;
	pthread_mutex_unlock(&p->lock);
}

static int
class_of(int64_t bytes)
{
	int class = 0;

	while (bytes >= 2048 && class < PACE_CLASSES - 1) {
		bytes >>= 1;
		class++;
	}
	return class;
}

/*
 * The longest that a fetch of this class takes on an idle server, as far as
 * others tell: no longer than a larger one, no longer a KiB than a smaller one.
 * 0: nothing is known.
 */
static int64_t
floor_of(const struct pace *p, int class)
{
	int k;

	for (k = class; k >= 0; k--)
		if (p->floors_us[k] > 0)
			return p->floors_us[k] << (class - k);
	for (k = class + 1; k < PACE_CLASSES; k++)
		if (p->floors_us[k] > 0)
			return p->floors_us[k];
	return 0;
}

/* The floor falls at once, and rises by a 64th each fetch: servers change. */
static void
floor_learn(int64_t *floor_us, int64_t known_us, int64_t took_us)
{
	const int64_t base_us = *floor_us > 0 ? *floor_us : known_us;
	const int64_t risen_us = base_us + base_us / 64 + 1;

	*floor_us = base_us == 0 || took_us < risen_us ? took_us : risen_us;
}

static bool
pace_follow(struct pace *p, int64_t took_us, int64_t bytes)
{
	const int class = class_of(bytes);
	const int64_t floor_us = floor_of(p, class);
	const bool slow = floor_us > 0 && took_us > PACE_SLOW * floor_us;

	if (slow) {
		p->slow++;
		p->gap_us = p->gap_us == 0 ? PACE_GAP_FIRST_US : p->gap_us * 2;
		if (p->gap_us > PACE_GAP_TIMES * took_us)
			p->gap_us = PACE_GAP_TIMES * took_us;
		if (p->gap_us > PACE_GAP_MAX_US)
			p->gap_us = PACE_GAP_MAX_US;
	} else {
		p->gap_us -= p->gap_us / PACE_GAP_LESS;
		if (p->gap_us < PACE_GAP_LEAST_US)
			p->gap_us = 0;
	}
	floor_learn(&p->floors_us[class], floor_us, took_us);
	return slow;
}

static int64_t
at_rate_us(int64_t n, int64_t per_s, int64_t sharers)
{
	return per_s > 0 ? (int64_t)((double)n * 1e6 * (double)sharers /
	    (double)per_s) : 0;
}

static int64_t
larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The time that the ceilings allow for a load: that of the strictest. */
static int64_t
cost_us(const struct pace *p, const struct pace_load *l)
{
	const int64_t own_us = larger(at_rate_us(l->bytes, p->own.bytes_s, 1),
	    at_rate_us(l->documents, p->own.documents_s, 1));
	const int64_t total_us = larger(at_rate_us(l->bytes, p->total.bytes_s,
	    p->sharers), at_rate_us(l->documents, p->total.documents_s,
	    p->sharers));

	return larger(own_us, total_us);
}

/* At the end, unless it is there. */
static void
queue(struct pace *p, struct pace_waiter *w)
{
	struct pace_waiter **at = &p->waiting;

	if (w->waits)
		return;
	while (*at != NULL)
		at = &(*at)->next;
	w->next = NULL;
	w->waits = true;
	*at = w;
}

static void
leave(struct pace *p, struct pace_waiter *w)
{
	struct pace_waiter **at = &p->waiting;

	while (*at != NULL && *at != w)
		at = &(*at)->next;
	if (*at == w)
		*at = w->next;
	w->waits = false;
}

int64_t
pace_begin(struct pace *p, struct pace_waiter *w, int64_t now_us,
    const struct pace_load *expected)
{
	int64_t due_us, wait_us;

	pthread_mutex_lock(&p->lock);
	queue(p, w);
	due_us = larger(p->gap_due_us, p->debt_due_us);
	wait_us = due_us > now_us ? due_us - now_us :
	    p->waiting != w ? TURN_US : 0;
	if (wait_us == 0) {
		leave(p, w);
		p->gap_due_us = now_us + p->gap_us;
		/* Unused allowance does not accumulate, but for who asked late. */
		if (p->debt_due_us < now_us - PACE_AGAIN_US)
			p->debt_due_us = now_us;
		p->debt_due_us += cost_us(p, expected);
	}
	pthread_mutex_unlock(&p->lock);
	return wait_us;
}

void
pace_leave(struct pace *p, struct pace_waiter *w)
{
	pthread_mutex_lock(&p->lock);
	leave(p, w);
	pthread_mutex_unlock(&p->lock);
}

bool
pace_fetched(struct pace *p, int64_t now_us, int64_t took_us,
    const struct pace_load *expected, const struct pace_load *brought)
{
	bool slow = false;

	pthread_mutex_lock(&p->lock);
	p->fetches += took_us > 0;
	if (p->follow && took_us > 0)
		slow = pace_follow(p, took_us, brought->bytes);
	if (slow)
		p->gap_due_us = larger(p->gap_due_us, now_us + p->gap_us);
	p->debt_due_us += cost_us(p, brought) - cost_us(p, expected);
	pthread_mutex_unlock(&p->lock);
	return slow;
}

/* What one of these ceilings allows at once. */
static int64_t
limit_of(const struct pace_ceilings *c, int64_t sharers, int64_t document_bytes)
{
	const int64_t size = document_bytes > 0 ? document_bytes : DOCUMENT_GUESS;
	int64_t limit = INT64_MAX, n;

	if (c->documents_s > 0)
		limit = c->documents_s / sharers / BURSTS_S;
	if (c->bytes_s > 0 && (n = c->bytes_s / sharers / BURSTS_S / size) <
	    limit)
		limit = n;
	return limit;
}

int64_t
pace_limit(struct pace *p, int64_t document_bytes)
{
	int64_t own, total;

	pthread_mutex_lock(&p->lock);
	own = limit_of(&p->own, 1, document_bytes);
	total = limit_of(&p->total, p->sharers, document_bytes);
	pthread_mutex_unlock(&p->lock);
	return larger(1, own < total ? own : total);
}
