#ifndef WORKER_ENGINE_ROWS_TIMETEXT_H
#define WORKER_ENGINE_ROWS_TIMETEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/timestamp.h"
#include "worker/engine/decode/numtext.h"

/* The longest time of a row, and the room that timetext_put() needs. */
#define TIMETEXT_ROOM 32

/*
 * A row's time, with the same bytes as csv_row() writes. What neighbours share
 * (all but the last 8 digits of the ms, all but seconds and ms in RFC 3339) is
 * kept as text; the digits after it take a few multiplications and no branch.
 */
struct timetext {
	bool rfc3339;
	int64_t from_ms, to_ms;		/* times that share text, half-open */
	char text[TIMETEXT_ROOM];	/* of from_ms */
	size_t len;
};

void timetext_init(struct timetext *s, bool rfc3339);

/*
 * timetext_renew(s, t_ms, to):
 * As timetext_put(), for any time; where it can, keep what the next ones share.
 */
size_t timetext_renew(struct timetext *s, int64_t t_ms, char *to);

/*
 * timetext_put(s, t_ms, to):
 * Write a time without a NUL. Returns its length; TIMETEXT_ROOM bytes of to may
 * change.
 */
static inline size_t
timetext_put(struct timetext *s, int64_t t_ms, char *to)
{
	uint64_t digits;

	if (t_ms < s->from_ms || t_ms >= s->to_ms)
		return timetext_renew(s, t_ms, to);
	/* The shared text in one copy of fixed size, then digits over it. */
	memcpy(to, s->text, TIMETEXT_ROOM);
	digits = numtext_eight((uint32_t)(t_ms - s->from_ms));
	if (!s->rfc3339) {
		numtext_put(NUMTEXT_ZEROS | digits, to + s->len - 8);
		return s->len;
	}
	/* 2018-11-30T00:00:SS.mmmZ: 000SSmmm becomes SS.mmmZ. */
	digits = (digits >> 24 & 0xffff) | digits >> 40 << 24;
	numtext_put(NUMTEXT_ZEROS | digits, to + 17);
	to[19] = '.';
	to[23] = 'Z';
	return s->len;
}

#endif
