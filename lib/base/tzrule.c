/*
 * The TZ string of POSIX: CET-1CEST,M3.5.0,M10.5.0/3. Names are passed over. Knows no
 * file and no table of changes.
 */
#include "lib/base/tzrule.h"

#include "lib/base/timestamp.h"
#include "lib/base/zone.h"

#define DAY_S 86400
/* Of an offset (POSIX), of a date's time (RFC 9636). */
#define OFFSET_HOURS 24
#define TIME_HOURS 167
#define NAME_LEAST 3

/* A place in the text. */
struct at {
	const char *p, *end;
};

static bool
take(struct at *at, char c)
{
	if (at->p == at->end || *at->p != c)
		return false;
	at->p++;
	return true;
}

/* Up to three digits, at most max; -1: not there. */
static int
take_number(struct at *at, int max)
{
	const char *first = at->p;
	int n = 0;

	while (at->p < at->end && at->p - first < 3 && *at->p >= '0' && *at->p <= '9')
		n = n * 10 + (*at->p++ - '0');
	return at->p > first && n <= max ? n : -1;
}

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Letters, or in <> also digits and signs. */
static int
take_name(struct at *at)
{
	const bool quoted = take(at, '<');
	const char *first = at->p;

	while (at->p < at->end && (is_letter(*at->p) || (quoted &&
	    (*at->p == '+' || *at->p == '-' || (*at->p >= '0' && *at->p <= '9')))))
		at->p++;
	if (at->p - first < NAME_LEAST)
		return -1;
	return quoted && !take(at, '>') ? -1 : 0;
}

/* [+-]hh[:mm[:ss]] */
static int
take_time(struct at *at, int hours, int32_t *seconds)
{
	const bool negative = take(at, '-');
	int h, m = 0, s = 0;

	if (!negative)
		take(at, '+');
	if ((h = take_number(at, hours)) < 0)
		return -1;
	if (take(at, ':') && ((m = take_number(at, 59)) < 0 ||
	    (take(at, ':') && (s = take_number(at, 59)) < 0)))
		return -1;
	*seconds = (h * 60 + m) * 60 + s;
	if (negative)
		*seconds = -*seconds;
	return 0;
}

/* Mm.w.d, Jn or n, then /time; 2 o'clock without. */
static int
take_date(struct at *at, struct tzrule_date *date)
{
	*date = (struct tzrule_date){ .time_s = 2 * 3600 };
	if (take(at, 'M')) {
		date->kind = TZRULE_WEEKDAY;
		if ((date->month = take_number(at, 12)) < 1 || !take(at, '.') ||
		    (date->week = take_number(at, 5)) < 1 || !take(at, '.') ||
		    (date->day = take_number(at, 6)) < 0)
			return -1;
	} else {
		date->kind = take(at, 'J') ? TZRULE_JULIAN : TZRULE_DAY;
		date->day = take_number(at, 365);
		if (date->day < (date->kind == TZRULE_JULIAN))
			return -1;
	}
	return take(at, '/') ? take_time(at, TIME_HOURS, &date->time_s) : 0;
}

int
tzrule_parse(const char *text, size_t len, struct tzrule *rule)
{
	struct at at = { text, text + len };
	int32_t west_s;

	*rule = (struct tzrule){ 0 };
	if (take_name(&at) != 0 || take_time(&at, OFFSET_HOURS, &west_s) != 0)
		return -1;
	rule->standard_s = -west_s;
	if (at.p == at.end)
		return 0;
	rule->changes = true;
	rule->other_s = rule->standard_s + 3600;
	if (take_name(&at) != 0)
		return -1;
	if (!take(&at, ',')) {
		if (take_time(&at, OFFSET_HOURS, &west_s) != 0 || !take(&at, ','))
			return -1;
		rule->other_s = -west_s;
	}
	return take_date(&at, &rule->begin) != 0 || !take(&at, ',') ||
	    take_date(&at, &rule->end) != 0 || at.p != at.end ? -1 : 0;
}

/* The day, since 1970, of a date in a year. */
static int64_t
day_of(const struct tzrule_date *date, int year)
{
	const int64_t first = timestamp_days(year, 1, 1);
	int64_t day, next;

	if (date->kind == TZRULE_DAY)
		return first + date->day;
	/* The 29th of February is never counted: J60 is the 1st of March. */
	if (date->kind == TZRULE_JULIAN)
		return first + date->day - 1 +
		    (timestamp_leap(year) && date->day >= 60);
	/* The first such weekday of the month, then weeks; 1970-01-01 was a 4. */
	day = timestamp_days(year, date->month, 1);
	next = date->month == 12 ? timestamp_days(year + 1, 1, 1) :
	    timestamp_days(year, date->month + 1, 1);
	day += (date->day - (day + 4) % 7 + 7) % 7 + 7 * (date->week - 1);
	/* Week 5 is the last one. */
	return day >= next ? day - 7 : day;
}

static struct zone_change
change_of(const struct tzrule_date *date, int year, int32_t before_s,
    int32_t after_s)
{
	return (struct zone_change){
		.at_s = day_of(date, year) * DAY_S + date->time_s - before_s,
		.offset_s = after_s,
	};
}

void
tzrule_year(const struct tzrule *rule, int year, struct zone_change *changes)
{
	changes[0] = change_of(&rule->end, year, rule->other_s, rule->standard_s);
	changes[1] = change_of(&rule->begin, year, rule->standard_s, rule->other_s);
}
