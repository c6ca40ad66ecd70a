/*
 * Dates and RFC 3339 times to Unix ms and back, without the C library's
 * calendar: no time zone, no locale, no leap second. Pure, and fuzzed.
 */
#include "lib/base/timestamp.h"

#include <string.h>

/*
 * Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant's formula).
 */
int64_t
timestamp_days(int64_t y, int m, int d)
{
	int64_t era;
	int yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = (int)(y - era * 400);
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

static void
civil_from_days(int64_t z, int *y, int *m, int *d)
{
	int64_t era;
	int doe, yoe, doy, mp;

	z += 719468;
	era = (z >= 0 ? z : z - 146096) / 146097;
	doe = (int)(z - era * 146097);
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp + (mp < 10 ? 3 : -9);
	*y = (int)(yoe + era * 400) + (*m <= 2);
}

bool
timestamp_leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

int
timestamp_year(int64_t t_ms)
{
	int y, m, d;

	civil_from_days(t_ms / DAY_MS - (t_ms % DAY_MS < 0), &y, &m, &d);
	return y;
}

/* Read exactly n digits at text[*at] and move on; -1 if they are not there. */
static int
read_digits(const char *text, size_t len, size_t *at, int n)
{
	int v = 0;

	if (len - *at < (size_t)n)
		return -1;
	for (; n > 0; n--, (*at)++) {
		if (text[*at] < '0' || text[*at] > '9')
			return -1;
		v = v * 10 + (text[*at] - '0');
	}
	return v;
}

static int
read_one_of(const char *text, size_t len, size_t *at, const char *set)
{
	if (*at >= len || text[*at] == '\0' || strchr(set, text[*at]) == NULL)
		return -1;
	return text[(*at)++];
}

static int
parse_date(const char *text, size_t len, size_t *at, int64_t *t_ms)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
	    30, 31 };
	int y, m, d;

	if ((y = read_digits(text, len, at, 4)) < 0 ||
	    read_one_of(text, len, at, "-") < 0 ||
	    (m = read_digits(text, len, at, 2)) < 1 || m > 12 ||
	    read_one_of(text, len, at, "-") < 0 ||
	    (d = read_digits(text, len, at, 2)) < 1)
		return -1;
	if (d > lengths[m - 1] + (m == 2 && timestamp_leap(y)))
		return -1;
	*t_ms = timestamp_days(y, m, d) * DAY_MS;
	return 0;
}

/* RFC 3339 has one or more digits; those after the ms are cut off. */
static int
parse_fraction(const char *text, size_t len, size_t *at, int64_t *t_ms)
{
	const size_t first = *at;
	int unit = 100;

	for (; *at < len && text[*at] >= '0' && text[*at] <= '9'; (*at)++) {
		*t_ms += (text[*at] - '0') * unit;
		unit /= 10;
	}
	return *at > first ? 0 : -1;
}

/* HH:MM:SS[.fraction] and the zone, which is subtracted. No leap second. */
static int
parse_time(const char *text, size_t len, size_t *at, int64_t *t_ms)
{
	int h, m, s, sign;

	if ((h = read_digits(text, len, at, 2)) < 0 || h > 23 ||
	    read_one_of(text, len, at, ":") < 0 ||
	    (m = read_digits(text, len, at, 2)) < 0 || m > 59 ||
	    read_one_of(text, len, at, ":") < 0 ||
	    (s = read_digits(text, len, at, 2)) < 0 || s > 59)
		return -1;
	*t_ms += ((h * 60 + m) * 60 + s) * INT64_C(1000);
	if (*at < len && text[*at] == '.') {
		(*at)++;
		if (parse_fraction(text, len, at, t_ms) != 0)
			return -1;
	}
	if ((sign = read_one_of(text, len, at, "Zz+-")) < 0)
		return -1;
	if (sign == 'Z' || sign == 'z')
		return 0;
	if ((h = read_digits(text, len, at, 2)) < 0 || h > 23 ||
	    read_one_of(text, len, at, ":") < 0 ||
	    (m = read_digits(text, len, at, 2)) < 0 || m > 59)
		return -1;
	*t_ms -= (sign == '-' ? -1 : 1) * (h * 60 + m) * INT64_C(60000);
	return 0;
}

int
timestamp_parse(const char *text, size_t len, int64_t *t_ms)
{
	int64_t t = 0;
	size_t at = 0;

	if (parse_date(text, len, &at, &t) != 0)
		return -1;
	if (at < len && (read_one_of(text, len, &at, "Tt") < 0 ||
	    parse_time(text, len, &at, &t) != 0))
		return -1;
	if (at != len || t < 0 || t > TIMESTAMP_MAX_MS)
		return -1;
	*t_ms = t;
	return 0;
}

static char *
put_digits(char *to, int value, int n)
{
	int i;

	for (i = n - 1; i >= 0; i--, value /= 10)
		to[i] = (char)('0' + value % 10);
	return to + n;
}

size_t
timestamp_format(int64_t t_ms, char text[TIMESTAMP_SIZE])
{
	const int64_t first = -62167219200000, last = 253402300799999;
	int64_t day, in_day;
	char *p = text;
	int y, m, d;

	/* 0000-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z. */
	if (t_ms < first)
		t_ms = first;
	if (t_ms > last)
		t_ms = last;
	day = t_ms / DAY_MS - (t_ms % DAY_MS < 0);
	in_day = t_ms - day * DAY_MS;
	civil_from_days(day, &y, &m, &d);
	p = put_digits(p, y, 4);
	*p++ = '-';
	p = put_digits(p, m, 2);
	*p++ = '-';
	p = put_digits(p, d, 2);
	*p++ = 'T';
	p = put_digits(p, (int)(in_day / HOUR_MS), 2);
	*p++ = ':';
	p = put_digits(p, (int)(in_day / 60000 % 60), 2);
	*p++ = ':';
	p = put_digits(p, (int)(in_day / 1000 % 60), 2);
	*p++ = '.';
	p = put_digits(p, (int)(in_day % 1000), 3);
	*p++ = 'Z';
	*p = '\0';
	return TIMESTAMP_SIZE - 1;
}
