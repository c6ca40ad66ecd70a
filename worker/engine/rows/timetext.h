#ifndef WORKER_ENGINE_ROWS_TIMETEXT_H
#define WORKER_ENGINE_ROWS_TIMETEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/timestamp.h"
#include "worker/engine/decode/numtext.h"

struct csv_style;

/* The longest time of a row, and the room that timetext_put() needs. */
#define TIMETEXT_ROOM 32

/* timetext_any(style, t_ms, to): As timetext_put(), of one time by itself. */
size_t timetext_any(const struct csv_style *style, int64_t t_ms, char *to);

/*
 * A row's time, with the same bytes as csv_row() writes. What neighbours share
 * (all but the last 8 digits of the ms, all but seconds and ms of a date's time) is
 * kept as text; the digits after it take a few multiplications and no branch.
 */
struct timetext {
	const struct csv_style *style;
	bool dated;			/* RFC 3339 or local */
	char point;			/* before its ms */
	int64_t from_ms, to_ms;		/* times that share text, half-open */
	char text[TIMETEXT_ROOM];	/* of from_ms */
	size_t len;
};

/* timetext_init(s, style): style outlives it. */
void timetext_init(struct timetext *s, const struct csv_style *style);

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
	if (!s->dated) {
		numtext_put(NUMTEXT_ZEROS | digits, to + s->len - 8);
		return s->len;
	}
	/* 2018-11-30T00:00:SS.mmmZ: 000SSmmm becomes SS.mmmZ. Local has no Z. */
	digits = (digits >> 24 & 0xffff) | digits >> 40 << 24;
	numtext_put(NUMTEXT_ZEROS | digits, to + 17);
	to[19] = s->point;
	to[23] = 'Z';
	return s->len;
}

#endif
