/* Days and months of a range in a zone: where they begin, and what they are called. */
#include "worker/engine/rows/periods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/timestamp.h"
#include "lib/base/zone.h"

#include "t/tap.h"

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)

static int64_t
at(const char *text)
{
	int64_t t_ms;

	if (timestamp_parse(text, strlen(text), &t_ms) != 0)
		abort();
	return t_ms;
}

/* Every period's beginning and name, "2018-11-30T00:00:00.000Z 2018-11-30\n". */
static const char *
list(enum archive_split split, const struct zone *zone, const char *first,
    const char *to)
{
	static char text[4096];
	char name[PERIOD_NAME_SIZE], time[TIMESTAMP_SIZE];
	struct periods p;
	size_t i, n = 0;
	int bad = 0;

	if (periods_init(&p, split, zone, at(first), at(to)) != 0)
		abort();
	text[0] = '\0';
	for (i = 0; i < p.n; i++) {
		periods_name(&p, i, name);
		timestamp_format(p.v[i].begin_ms, time);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.16s %s\n", time,
		    name);
		bad += periods_at(&p, p.v[i].begin_ms) != i;
		bad += i > 0 && periods_at(&p, p.v[i].begin_ms - 1) != i - 1;
		bad += periods_end(&p, p.v[i].begin_ms) !=
		    (i + 1 < p.n ? p.v[i + 1].begin_ms : INT64_MAX);
	}
	bad += periods_at(&p, at(first)) != 0;
	periods_release(&p);
	return bad ? "found elsewhere" : text;
}

int
main(void)
{
	/* Kathmandu; St. John's sets back at 00:01; Apia goes around the date line. */
	const struct zone kathmandu = { .first_s = 20700 };
	struct zone_change v[1];
	struct zone zone = { .v = v, .n = 1 };

	is_str(list(ARCHIVE_SPLIT_DAY, NULL, "2018-11-30T10:00:00Z", "2018-12-02"),
	    "2018-11-30T00:00 2018-11-30\n2018-12-01T00:00 2018-12-01\n", "UTC");
	is_str(list(ARCHIVE_SPLIT_DAY, NULL, "2018-11-30", "2018-12-01T00:00:00.001Z"),
	    "2018-11-30T00:00 2018-11-30\n2018-12-01T00:00 2018-12-01\n",
	    "a ms of the next day");
	is_str(list(ARCHIVE_SPLIT_MONTH, NULL, "2018-11-30T23:00:00Z", "2019-02-01"),
	    "2018-11-28T23:00 2018-11\n2018-12-01T00:00 2018-12\n2019-01-01T00:00 2019-01\n",
	    "months");
	is_str(list(ARCHIVE_SPLIT_DAY, NULL, "2024-02-28", "2024-03-02"),
	    "2024-02-28T00:00 2024-02-28\n2024-02-29T00:00 2024-02-29\n"
	    "2024-03-01T00:00 2024-03-01\n", "a leap day");
	is_str(list(ARCHIVE_SPLIT_DAY, NULL, "1970-01-01", "1970-01-02"),
	    "1970-01-01T00:00 1970-01-01\n", "the first day");
	is_str(list(ARCHIVE_SPLIT_DAY, &kathmandu, "2018-11-30", "2018-12-01"),
	    "2018-11-29T18:15 2018-11-30\n2018-11-30T18:15 2018-12-01\n",
	    "a zone of 45 minutes");
	v[0] = (struct zone_change){ at("2008-11-02T02:31:00Z") / 1000, -12600 };
	zone.first_s = -9000;
	is_str(list(ARCHIVE_SPLIT_DAY, &zone, "2008-11-01T12:00:00Z", "2008-11-03T12:00:00Z"),
	    "2008-11-01T02:30 2008-11-01\n2008-11-02T02:30 2008-11-02\n"
	    "2008-11-03T03:30 2008-11-03\n", "set back across midnight");
	is_str(list(ARCHIVE_SPLIT_DAY, &zone, "2008-11-02T02:32:00Z", "2008-11-02T04:00:00Z"),
	    "2008-11-02T02:30 2008-11-02\n", "a range that begins in what is repeated");
	v[0] = (struct zone_change){ at("2011-12-30T10:00:00Z") / 1000, 50400 };
	zone.first_s = -36000;
	is_str(list(ARCHIVE_SPLIT_DAY, &zone, "2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z"),
	    "2011-12-29T10:00 2011-12-29\n2011-12-30T10:00 2011-12-31\n"
	    "2011-12-31T10:00 2012-01-01\n", "a day that was left out");
	v[0] = (struct zone_change){ at("2018-11-04T03:00:00Z") / 1000, -7200 };
	zone.first_s = -10800;
	is_str(list(ARCHIVE_SPLIT_DAY, &zone, "2018-11-03T12:00:00Z", "2018-11-04T12:00:00Z"),
	    "2018-11-03T03:00 2018-11-03\n2018-11-04T03:00 2018-11-04\n",
	    "a day that begins at one");
	is_int(periods_end(NULL, 5) == INT64_MAX, 1, "without a split no end");
	return done_testing();
}
