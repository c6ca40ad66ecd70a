/*
 * The times of rows, quickly: consecutive rows differ in their last digits
 * only. Knows no calendar: timestamp_format() does, once a minute of data.
 */
#include "worker/engine/rows/timetext.h"

/* How long the digits before the last ones stay the same, in ms. */
#define MS_SHARED 100000000	/* eight digits of a Unix time in ms */
#define RFC_SHARED 60000	/* seconds and ms of a minute */
#define YEAR_10000_MS INT64_C(253402300800000)

void
timetext_init(struct timetext *s, bool rfc3339)
{
	memset(s, 0, sizeof(*s));
	s->rfc3339 = rfc3339;
}

size_t
timetext_renew(struct timetext *s, int64_t t_ms, char *to)
{
	const int64_t shared = s->rfc3339 ? RFC_SHARED : MS_SHARED;

	/* Early times have fewer digits or a sign; late ones are clamped. */
	if (t_ms < shared || t_ms >= YEAR_10000_MS)
		return s->rfc3339 ? timestamp_format(t_ms, to) :
		    numtext_int(t_ms, to);
	s->from_ms = t_ms - t_ms % shared;
	s->to_ms = s->from_ms + shared;
	s->len = s->rfc3339 ? timestamp_format(s->from_ms, s->text) :
	    numtext_int(s->from_ms, s->text);
	return timetext_put(s, t_ms, to);
}
