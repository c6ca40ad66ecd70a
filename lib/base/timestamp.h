#ifndef LIB_BASE_TIMESTAMP_H
#define LIB_BASE_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_HOURS 24
#define DAY_MS (DAY_HOURS * HOUR_MS)

/* Room for "2018-11-30T00:00:00.000Z" and its NUL. */
#define TIMESTAMP_SIZE 25
/* timestamp_parse() accepts 1970-01-01 to 2100-01-01, both included. */
#define TIMESTAMP_MAX_MS 4102444800000

/*
 * timestamp_parse(text, len, t_ms):
 * Read YYYY-MM-DD (midnight UTC) or an RFC 3339 date-time. A fraction may
 * have any number of digits; those after the ms are cut off. Leap seconds are
 * refused. Returns 0, or -1, *t_ms untouched, when it is neither or out of
 * range.
 */
int timestamp_parse(const char *text, size_t len, int64_t *t_ms);

/*
 * timestamp_format(t_ms, text):
 * Write RFC 3339 in UTC with ms. Years beyond 0 to 9999 are clamped to them.
 * Returns the number of bytes before the NUL, 24.
 */
size_t timestamp_format(int64_t t_ms, char text[TIMESTAMP_SIZE]);

/*
 * timestamp_floor(t_ms, unit_ms): The last multiple of unit_ms up to t_ms, also before
 * 1970: when its hour, day or step begins.
 */
static inline int64_t
timestamp_floor(int64_t t_ms, int64_t unit_ms)
{
	const int64_t over = t_ms % unit_ms;

	return t_ms - over - (over < 0 ? unit_ms : 0);
}

/*
 * timestamp_days(y, m, d): Days since 1970-01-01 of a date of the Gregorian calendar.
 * timestamp_leap(y): Whether that year has a 29th of February.
 * timestamp_year(t_ms): The year of a moment, UTC.
 */
int64_t timestamp_days(int64_t y, int m, int d);
bool timestamp_leap(int y);
int timestamp_year(int64_t t_ms);

#endif
