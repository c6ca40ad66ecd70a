/*
 * How fast a worker may read: ceilings, and a gap that follows the database's
 * own answers. Pure: time is an argument, and waiting is the reader's business.
 */
#include "worker/pace.h"

#include <string.h>

void
pace_init(struct pace *p, const struct pace_ceilings *own,
    const struct pace_ceilings *total, bool follow)
{
	memset(p, 0, sizeof(*p));
	p->own = *own;
	p->total = *total;
	p->sharers = 1;
	p->follow = follow;
}

void
pace_share(struct pace *p, int64_t n)
{
	p->sharers = n > 0 ? n : 1;
}

/* The floor falls at once, and rises by a 64th each fetch: servers change. */
static void
floor_learn(struct pace_floor *floor, int64_t took_us)
{
	const int64_t risen = floor->us + floor->us / 64 + 1;

	floor->us = floor->us == 0 || took_us < risen ? took_us : risen;
}

static void
pace_follow(struct pace *p, struct pace_floor *floor, int64_t took_us)
{
	p->fetches++;
	if (floor->us > 0 && took_us > PACE_SLOW * floor->us) {
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
	floor_learn(floor, took_us);
}

static int64_t
at_rate_us(int64_t n, int64_t per_s, int64_t sharers)
{
	return per_s > 0 ? (int64_t)((double)n * 1e6 * (double)sharers /
	    (double)per_s) : 0;
}

/*
 * The time of the next fetch by these ceilings, next_us at the earliest. Unused
 * allowance does not accumulate.
 */
static int64_t
pace_later(int64_t next_us, int64_t began_us, const struct pace_ceilings *c,
    int64_t sharers, int64_t bytes, int64_t documents)
{
	const int64_t a_us = began_us + at_rate_us(bytes, c->bytes_s, sharers);
	const int64_t b_us = began_us + at_rate_us(documents, c->documents_s,
	    sharers);

	next_us = a_us > next_us ? a_us : next_us;
	return b_us > next_us ? b_us : next_us;
}

void
pace_fetched(struct pace *p, struct pace_floor *floor, int64_t now_us,
    int64_t took_us, int64_t documents, int64_t bytes)
{
	const int64_t began_us = now_us - took_us;
	int64_t next_us;

	if (p->follow)
		pace_follow(p, floor, took_us);
	next_us = now_us + p->gap_us;
	next_us = pace_later(next_us, began_us, &p->own, 1, bytes, documents);
	p->due_us = pace_later(next_us, began_us, &p->total, p->sharers, bytes,
	    documents);
}

int64_t
pace_wait_us(const struct pace *p, int64_t now_us)
{
	return p->due_us > now_us ? p->due_us - now_us : 0;
}
