#include "lib/base/timestamp.h"

#include <stdlib.h>
#include <time.h>

#include "t/tap.h"

static const struct {
	const char *text;
	int64_t t_ms;
} taken[] = {
	{ "1970-01-01", 0 },
	{ "1970-01-01T00:00:00Z", 0 },
	{ "1970-01-01T00:00:00.001Z", 1 },
	{ "2018-11-30", 1543536000000 },
	{ "2018-11-30T00:00:00Z", 1543536000000 },
	{ "2018-11-30T23:59:59.999Z", 1543622399999 },
	{ "2100-01-01", TIMESTAMP_MAX_MS },
	{ "2100-01-01T00:00:00.000Z", TIMESTAMP_MAX_MS },
	{ "2099-12-31T23:59:59.999Z", TIMESTAMP_MAX_MS - 1 },
	/* leap years */
	{ "1972-02-29", 68169600000 },
	{ "2000-02-29", 951782400000 },
	{ "2000-03-01", 951868800000 },
	{ "2016-02-29T12:00:00Z", 1456747200000 },
	{ "2096-02-29", 3981312000000 },
	{ "2096-12-31", 4007750400000 },
	/* the last day of each kind of month */
	{ "2018-01-31", 1517356800000 },
	{ "2018-02-28", 1519776000000 },
	{ "2018-04-30", 1525046400000 },
	{ "2018-12-31", 1546214400000 },
	/* ABNF's literals are of either case (RFC 3339, 5.6) */
	{ "2018-11-30t00:00:00z", 1543536000000 },
	{ "2018-11-30T01:00:00z", 1543539600000 },
	/* offsets, also across the limits and days */
	{ "2018-11-30T00:00:00+00:00", 1543536000000 },
	{ "2018-11-30T00:00:00-00:00", 1543536000000 },
	{ "2018-11-30T00:00:00+01:00", 1543532400000 },
	{ "2018-11-30T00:00:00-01:30", 1543541400000 },
	{ "2018-11-30T00:00:00+23:59", 1543536000000 - 86340000 },
	{ "2018-11-30T00:00:00-23:59", 1543536000000 + 86340000 },
	{ "2018-03-01T00:30:00.250+01:00", 1519860600250 },
	{ "1969-12-31T23:00:00-01:00", 0 },
	{ "2100-01-01T01:00:00+01:00", TIMESTAMP_MAX_MS },
	/* fractions */
	{ "2018-11-30T00:00:00.5Z", 1543536000500 },
	{ "2018-11-30T00:00:00.05Z", 1543536000050 },
	{ "2018-11-30T00:00:00.005Z", 1543536000005 },
	{ "2018-11-30T00:00:00.0Z", 1543536000000 },
	{ "2018-11-30T00:00:00.1230Z", 1543536000123 },
	{ "2018-11-30T00:00:00.123000000Z", 1543536000123 },
	{ "2018-11-30T00:00:00.000000000+00:00", 1543536000000 },
	/* of any length, cut to ms: as Python, Java and Go write them */
	{ "2018-11-30T00:00:00.123456+00:00", 1543536000123 },
	{ "2018-11-30T00:00:00.123456789Z", 1543536000123 },
	{ "2018-11-30T00:00:00.0009Z", 1543536000000 },
	{ "2018-11-30T00:00:00.999999999999999999999999Z", 1543536000999 },
	{ "2018-11-30T00:00:00.000000000000000000000Z", 1543536000000 },
	{ "2100-01-01T00:00:00.0009Z", TIMESTAMP_MAX_MS },
};

static const char *const refused[] = {
	"", "2", "2018", "2018-11", "2018-11-3", "2018-1-30", "18-11-30",
	"2018-11-30 ", " 2018-11-30", "2018-11-30\n", "2018-11-300",
	"2018/11/30", "2018-11_30", "20181130", "+018-11-30", "-018-11-30",
	"201a-11-30", "2018-1 -30", "2018-11- 3", "2018-+1-30", "2018-11--1",
	"12018-11-30", "2018-W48-5", "2018-334", "now", "0x12-11-30",
	/* no such day */
	"2018-00-01", "2018-13-01", "2018-11-00", "2018-11-31", "2018-01-32",
	"2018-02-29", "2018-02-30", "2016-02-30", "2099-02-29", "2018-04-31",
	"2018-06-31", "2018-09-31",
	/* out of range */
	"0000-01-01", "1900-02-29", "1969-12-31", "1969-12-31T23:59:59.999Z",
	"1970-01-01T00:00:00+00:01", "2100-01-01T00:00:00.001Z",
	"2100-01-01T00:00:00-00:01", "2100-01-02", "2101-01-01", "9999-12-31",
	"9999-12-31T23:59:59.999Z",
	/* no time, half a time */
	"2018-11-30T", "2018-11-30Z", "2018-11-30T00", "2018-11-30T00:00",
	"2018-11-30T00:00Z", "2018-11-30T0:00:00Z", "2018-11-30T00:0:00Z",
	"2018-11-30T00:00:0Z", "2018-11-30T000000Z", "2018-11-30T00-00-00Z",
	"2018-11-30T00:00:00", "2018-11-30T00:00:00.000",
	"2018-11-30_00:00:00Z", "2018-11-30T00:00:00 Z",
	"2018-11-30T00:00:00Z ", "2018-11-30T00:00:00ZZ",
	"2018-11-30TT00:00:00Z", "2018-11-30T-1:00:00Z",
	/* no such time */
	"2018-11-30T24:00:00Z", "2018-11-30T25:00:00Z", "2018-11-30T00:60:00Z",
	"2018-11-30T00:00:60Z", "2016-12-31T23:59:60Z", "2018-11-30T00:00:61Z",
	"2018-11-30T99:99:99Z",
	/* offsets */
	"2018-11-30T00:00:00+24:00", "2018-11-30T00:00:00+01:60",
	"2018-11-30T00:00:00+1:00", "2018-11-30T00:00:00+0100",
	"2018-11-30T00:00:00+01", "2018-11-30T00:00:00+01:",
	"2018-11-30T00:00:00+01:0", "2018-11-30T00:00:00+01:000",
	"2018-11-30T00:00:00+01:00Z", "2018-11-30T00:00:00Z+01:00",
	"2018-11-30T00:00:00+-1:00", "2018-11-30T00:00:00 +01:00",
	"2018-11-30T00:00:00 01:00", "2018-11-30T00:00:00UTC",
	("2018-11-30T00:00:00\xe2\x88\x92" "01:00"),
	/* fractions */
	"2018-11-30T00:00:00.Z", "2018-11-30T00:00:00.", "2018-11-30T00:00:00,5Z",
	"2018-11-30T00:00:00.-1Z", "2018-11-30T00:00:00.1 Z",
	"2018-11-30T00:00:00.1e1Z", "2018-11-30.5", "2018-11-30T00:00.5Z",
	"2018-11-30T00:00:00..5Z",
};

static const struct {
	int64_t t_ms;
	const char *text;
} formatted[] = {
	{ 0, "1970-01-01T00:00:00.000Z" },
	{ 1, "1970-01-01T00:00:00.001Z" },
	{ -1, "1969-12-31T23:59:59.999Z" },
	{ -1000, "1969-12-31T23:59:59.000Z" },
	{ -86400000, "1969-12-31T00:00:00.000Z" },
	{ -86400001, "1969-12-30T23:59:59.999Z" },
	{ 1543536000000, "2018-11-30T00:00:00.000Z" },
	{ 1543622399999, "2018-11-30T23:59:59.999Z" },
	{ 951782400000, "2000-02-29T00:00:00.000Z" },
	{ 951868799999, "2000-02-29T23:59:59.999Z" },
	{ TIMESTAMP_MAX_MS, "2100-01-01T00:00:00.000Z" },
	{ 4107542400000 - 1, "2100-02-28T23:59:59.999Z" },
	{ 4107542400000, "2100-03-01T00:00:00.000Z" },
	{ -2203891200000 - 1, "1900-02-28T23:59:59.999Z" },
	{ -2203891200000, "1900-03-01T00:00:00.000Z" },
	{ -62135596800000, "0001-01-01T00:00:00.000Z" },
	{ -62135596800001, "0000-12-31T23:59:59.999Z" },
	{ -62167219200000 + 59 * INT64_C(86400000), "0000-02-29T00:00:00.000Z" },
	{ -62167219200000, "0000-01-01T00:00:00.000Z" },
	{ 253402300799999, "9999-12-31T23:59:59.999Z" },
};

/* Beyond the years of four digits: still 24 bytes, of the nearest year. */
static const struct {
	int64_t t_ms;
	const char *year;
} clamped[] = {
	{ -62167219200001, "0000-" },
	{ -62167219200000 - INT64_C(31536000000), "0000-" },
	{ -1000000000000000, "0000-" },
	{ INT64_MIN, "0000-" },
	{ INT64_MIN + 1, "0000-" },
	{ 253402300800000, "9999-" },
	{ 1000000000000000, "9999-" },
	{ INT64_MAX, "9999-" },
	{ INT64_MAX - 1, "9999-" },
};

static void
test_parse(void)
{
	int64_t t_ms;
	size_t i;

	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		t_ms = -77;
		if (timestamp_parse(taken[i].text, strlen(taken[i].text),
		    &t_ms) != 0)
			t_ms = -78;
		is_int(t_ms, taken[i].t_ms, "%s", taken[i].text);
	}
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		t_ms = -77;
		ok(timestamp_parse(refused[i], strlen(refused[i]), &t_ms) ==
		    -1 && t_ms == -77, "refused: %s", refused[i]);
	}
}

/* Only len bytes count: what follows is not read, a NUL is no end. */
static void
test_length(void)
{
	static const char text[] = "2018-11-30T00:00:00.123456789+01:00";
	char *copy;
	int64_t t_ms = 0;
	size_t i;

	ok(timestamp_parse("2018-11-30xyz", 10, &t_ms) == 0 &&
	    t_ms == 1543536000000, "bytes after len are not read");
	ok(timestamp_parse("2018-11-30\0", 11, &t_ms) == -1,
	    "a NUL within len");
	ok(timestamp_parse("2018-11-30T00:00:00Z\0", 21, &t_ms) == -1,
	    "a NUL within len of a date-time");
	ok(timestamp_parse("2018\0-11-30", 11, &t_ms) == -1, "a NUL inside");
	/* Without a NUL after it: ASan sees a byte read too much. */
	for (i = 0; i < sizeof(text); i++) {
		if ((copy = malloc(i > 0 ? i : 1)) == NULL)
			abort();
		memcpy(copy, text, i);
		timestamp_parse(copy, i, &t_ms);
		free(copy);
	}
	ok(1, "every prefix");
}

static void
test_format(void)
{
	char text[TIMESTAMP_SIZE + 1];
	size_t i, len;

	for (i = 0; i < sizeof(formatted) / sizeof(formatted[0]); i++) {
		len = timestamp_format(formatted[i].t_ms, text);
		is_str(len == 24 ? text : "another length", formatted[i].text,
		    "%" PRId64, formatted[i].t_ms);
	}
	for (i = 0; i < sizeof(clamped) / sizeof(clamped[0]); i++) {
		text[TIMESTAMP_SIZE] = '!';
		len = timestamp_format(clamped[i].t_ms, text);
		ok(len == 24 && strlen(text) == 24 && text[23] == 'Z' &&
		    text[TIMESTAMP_SIZE] == '!' &&
		    strncmp(text, clamped[i].year, 5) == 0, "%" PRId64
		    " is in the year %.4s: %s", clamped[i].t_ms,
		    clamped[i].year, text);
	}
}

/* The C library's calendar says the same, and what is written reads back. */
static void
test_calendar(void)
{
	uint64_t x = 88172645463325252;
	unsigned long bad = 0;
	char text[TIMESTAMP_SIZE], expected[64];
	int64_t t_ms, again;
	struct tm tm;
	time_t s;
	int i;

	for (i = 0; i < 100000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		t_ms = (int64_t)(x % 315569519999999) - 62167219200000;
		if (i % 4 == 0)
			t_ms = (int64_t)(x % (TIMESTAMP_MAX_MS + 1));
		s = (time_t)((t_ms - ((t_ms % 1000) + 1000) % 1000) / 1000);
		if (gmtime_r(&s, &tm) == NULL)
			abort();
		snprintf(expected, sizeof(expected),
		    "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		    tm.tm_sec, (int)(((t_ms % 1000) + 1000) % 1000));
		timestamp_format(t_ms, text);
		if (strcmp(text, expected) != 0)
			bad_row(&bad, "%" PRId64 ": %s, not %s", t_ms, text,
			    expected);
		if (t_ms < 0 || t_ms > TIMESTAMP_MAX_MS)
			continue;
		if (timestamp_parse(text, 24, &again) != 0 || again != t_ms)
			bad_row(&bad, "%s does not read back", text);
	}
	is_int((int64_t)bad, 0, "100,000 times as gmtime_r() has them");
	for (i = 0; i <= 47482; i++) {
		timestamp_format(INT64_C(86400000) * i, text);
		if (timestamp_parse(text, 10, &again) != 0 ||
		    again != INT64_C(86400000) * i)
			bad_row(&bad, "day %d: %.10s", i, text);
	}
	is_int((int64_t)bad, 0, "every day of the range, both ways");
}

int
main(void)
{
	test_parse();
	test_length();
	test_format();
	test_calendar();
	return done_testing();
}
