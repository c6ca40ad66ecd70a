#include "worker/pace.h"

#include <string.h>

void
pace_init(struct pace *p, int64_t bytes_s, int64_t documents_s, int follow)
{
	memset(p, 0, sizeof(*p));
	p->bytes_s = bytes_s;
	p->documents_s = documents_s;
	p->follow = follow;
}

/* The floor sinks at once, and rises by a 64th a fetch: servers change. */
static void
learn(struct pace_floor *floor, int64_t took_us)
{
	const int64_t risen = floor->us + floor->us / 64 + 1;

	floor->us = floor->us == 0 || took_us < risen ? took_us : risen;
}

static void
follow(struct pace *p, struct pace_floor *floor, int64_t took_us)
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
	learn(floor, took_us);
}

static int64_t
at_rate_us(int64_t n, int64_t per_s)
{
	return per_s > 0 ? n * 1000000 / per_s : 0;
}

void
pace_fetched(struct pace *p, struct pace_floor *floor, int64_t now_us,
    int64_t took_us, int64_t documents, int64_t bytes)
{
	const int64_t began_us = now_us - took_us;
	int64_t next_us;

	if (p->follow)
		follow(p, floor, took_us);
	next_us = now_us + p->gap_us;
	/* What is under the ceiling for a while is not made up for later. */
	if (began_us + at_rate_us(bytes, p->bytes_s) > next_us)
		next_us = began_us + at_rate_us(bytes, p->bytes_s);
	if (began_us + at_rate_us(documents, p->documents_s) > next_us)
		next_us = began_us + at_rate_us(documents, p->documents_s);
	p->due_us = next_us;
}

int64_t
pace_wait_us(const struct pace *p, int64_t now_us)
{
	return p->due_us > now_us ? p->due_us - now_us : 0;
}
