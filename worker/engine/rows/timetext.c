/*
 * The times of rows: one by itself, and quickly those of consecutive rows, which differ
 * in their last digits only. Knows no calendar: timestamp_format() does, once a minute
 * of data; and of a zone only its table.
 */
#include "worker/engine/rows/timetext.h"

#include "lib/base/zone.h"
#include "worker/engine/rows/style.h"

/* How long the digits before the last ones stay the same, in ms. */
#define MS_SHARED 100000000	/* eight digits of a Unix time in ms */
#define DATED_SHARED 60000	/* seconds and ms of a minute */
#define YEAR_10000_MS INT64_C(253402300800000)
/* Where RFC 3339 differs from a local time: 2018-11-30T01:00:00.000Z */
#define AT_T 10
#define AT_POINT 19
#define LOCAL_LEN (TIMESTAMP_SIZE - 2)

static char
point_of(const struct csv_style *style)
{
	return style->zone != NULL && style->semicolon ? ',' : '.';
}

/* A local time, given as if it were UTC. */
static size_t
put_local(const struct csv_style *style, int64_t local_ms, char *to)
{
	timestamp_format(local_ms, to);
	to[AT_T] = ' ';
	to[AT_POINT] = point_of(style);
	return LOCAL_LEN;
}

size_t
timetext_any(const struct csv_style *style, int64_t t_ms, char *to)
{
	if (style->zone != NULL) {
		/* Others are clamped. */
		if (t_ms > -YEAR_10000_MS && t_ms < YEAR_10000_MS)
			t_ms += zone_span(style->zone, t_ms).offset_ms;
		return put_local(style, t_ms, to);
	}
	return style->rfc3339 ? timestamp_format(t_ms, to) :
	    numtext_int(t_ms, to);
}

void
timetext_init(struct timetext *s, const struct csv_style *style)
{
	memset(s, 0, sizeof(*s));
	s->style = style;
	s->dated = style->rfc3339 || style->zone != NULL;
	s->point = point_of(style);
}

/* Whether one offset holds for all of what shares text. */
static bool
is_even(const struct timetext *s, const struct zone_span *span)
{
	return span->from_ms <= s->from_ms && s->to_ms <= span->to_ms;
}

size_t
timetext_renew(struct timetext *s, int64_t t_ms, char *to)
{
	const int64_t shared = s->dated ? DATED_SHARED : MS_SHARED;
	struct zone_span span = { INT64_MIN, INT64_MAX, 0 };
	int64_t local_ms;

	s->from_ms = s->to_ms = 0;
	/* Early times have fewer digits or a sign; late ones are clamped. */
	if (t_ms < shared || t_ms >= YEAR_10000_MS)
		return timetext_any(s->style, t_ms, to);
	if (s->style->zone != NULL)
		span = zone_span(s->style->zone, t_ms);
	local_ms = t_ms + span.offset_ms;
	if (local_ms < shared || local_ms >= YEAR_10000_MS)
		return timetext_any(s->style, t_ms, to);
	s->from_ms = t_ms - local_ms % shared;
	s->to_ms = s->from_ms + shared;
	/* Some offsets of old have seconds, and change within a minute. */
	if (!is_even(s, &span)) {
		s->to_ms = s->from_ms;
		return timetext_any(s->style, t_ms, to);
	}
	s->len = timetext_any(s->style, s->from_ms, s->text);
	return timetext_put(s, t_ms, to);
}
