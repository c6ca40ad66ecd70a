/* Calendar days and months in a zone. Knows no rows and no files. */
#include "worker/engine/rows/periods.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/timestamp.h"
#include "lib/base/zone.h"

/* As text, from which a month's is cut. */
static void
date_of(int64_t day, char text[TIMESTAMP_SIZE])
{
	timestamp_format(day * DAY_MS, text);
}

/* Whether a later date, in days, is of another period. */
static bool
begins(const struct periods *p, int64_t day)
{
	char before[TIMESTAMP_SIZE], now[TIMESTAMP_SIZE];
	const int64_t last = p->n > 0 ? p->v[p->n - 1].day : INT64_MIN;

	if (p->n == 0 || p->split == ARCHIVE_SPLIT_DAY)
		return day > last;
	date_of(last, before);
	date_of(day, now);
	return day > last && strncmp(before, now, 7) != 0;
}

static int
append(struct periods *p, int64_t t_ms, int64_t day)
{
	struct period *v;

	/* Room for a power of two. */
	if ((p->n & (p->n - 1)) == 0) {
		v = realloc(p->v, (p->n == 0 ? 1 : p->n * 2) * sizeof(*v));
		if (v == NULL)
			return -1;
		p->v = v;
	}
	p->v[p->n++] = (struct period){ t_ms, day };
	return 0;
}

/* From midnight to midnight, and to each change of the zone's offset. */
int
periods_init(struct periods *p, enum archive_split split,
    const struct zone *zone, int64_t first_ms, int64_t to_ms)
{
	static const struct zone utc;
	int64_t t_ms = first_ms - PERIODS_BEFORE_MS, day, next_ms;
	struct zone_span span;
	size_t i;

	*p = (struct periods){ .split = split };
	while (t_ms < to_ms) {
		span = zone_span(zone != NULL ? zone : &utc, t_ms);
		day = timestamp_floor(t_ms + span.offset_ms, DAY_MS) / DAY_MS;
		if (begins(p, day) && append(p, t_ms, day) != 0)
			return -1;
		next_ms = (day + 1) * DAY_MS - span.offset_ms;
		t_ms = next_ms < span.to_ms ? next_ms : span.to_ms;
	}
	i = periods_at(p, first_ms);
	p->n -= i;
	memmove(p->v, p->v + i, p->n * sizeof(*p->v));
	return 0;
}

void
periods_release(struct periods *p)
{
	free(p->v);
	memset(p, 0, sizeof(*p));
}

size_t
periods_at(const struct periods *p, int64_t t_ms)
{
	size_t low = 0, high = p->n, mid;

	/* low: how many begin at t_ms or before. */
	while (low < high) {
		mid = low + (high - low) / 2;
		if (p->v[mid].begin_ms <= t_ms)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 ? low - 1 : 0;
}

int64_t
periods_end(const struct periods *p, int64_t t_ms)
{
	const size_t i = p != NULL ? periods_at(p, t_ms) + 1 : 0;

	return p != NULL && i < p->n ? p->v[i].begin_ms : INT64_MAX;
}

void
periods_name(const struct periods *p, size_t i, char name[PERIOD_NAME_SIZE])
{
	char text[TIMESTAMP_SIZE];

	date_of(p->v[i].day, text);
	text[p->split == ARCHIVE_SPLIT_MONTH ? 7 : 10] = '\0';
	memcpy(name, text, strlen(text) + 1);
}
