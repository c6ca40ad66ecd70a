/*
 * The times of rows, quickly: consecutive rows differ in their last digits
 * only. Knows no calendar: timestamp_format() does, once a minute of data.
 */
#include "worker/engine/rows/timetext.h"

#include <string.h>

#include "worker/engine/decode/numtext.h"

/* How long the digits before the last ones stay the same, in ms. */
#define MS_SHARED 100000	/* five digits of a Unix time in ms */
#define RFC_SHARED 60000	/* seconds and ms of a minute */
#define YEAR_10000_MS INT64_C(253402300800000)

void
timetext_init(struct timetext *s, bool rfc3339)
{
	memset(s, 0, sizeof(*s));
	s->rfc3339 = rfc3339;
}

/* Keep the text of the first time that shares its beginning with t_ms. */
static void
timetext_renew(struct timetext *s, int64_t t_ms)
{
	const int64_t shared = s->rfc3339 ? RFC_SHARED : MS_SHARED;

	s->from_ms = t_ms - t_ms % shared;
	s->to_ms = s->from_ms + shared;
	s->len = s->rfc3339 ? timestamp_format(s->from_ms, s->text) :
	    numtext_int(s->from_ms, s->text);
}

size_t
timetext_put(struct timetext *s, int64_t t_ms, char *to)
{
	uint64_t rest;

	/* Early times have fewer digits or a sign; late ones are clamped. */
	if (t_ms < MS_SHARED || t_ms >= YEAR_10000_MS)
		return s->rfc3339 ? timestamp_format(t_ms, to) :
		    numtext_int(t_ms, to);
	if (t_ms < s->from_ms || t_ms >= s->to_ms)
		timetext_renew(s, t_ms);
	/* The shared text in one copy of fixed size, then digits over it. */
	memcpy(to, s->text, TIMETEXT_ROOM);
	rest = (uint64_t)(t_ms - s->from_ms);
	if (!s->rfc3339) {
		numtext_digits(rest, 5, to + s->len - 5);
	} else {
		/* 2018-11-30T00:00:SS.mmmZ */
		numtext_digits(rest / 1000, 2, to + 17);
		numtext_digits(rest % 1000, 3, to + 20);
	}
	return s->len;
}
