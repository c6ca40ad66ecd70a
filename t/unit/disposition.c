/* What a browser calls a download: names, days, and what no file name may have. */
#include "lib/base/disposition.h"

#include <stdint.h>
#include <string.h>

#include "t/tap.h"

#define DAY INT64_C(86400000)
/* 2026-09-30 */
#define FROM (INT64_C(20726) * DAY)
/* 2026-11-30 */
#define TO (INT64_C(20787) * DAY)
#define DAYS "_2026-09-30_2026-11-29.zip"

static const struct {
	const char *name;
	int64_t from_ms, to_ms;
	const char *expected;
} rows[] = {
	{ "Autumn fleet", FROM, TO, "\"autumn-fleet" DAYS "\"" },
	{ NULL, FROM, TO, "\"export" DAYS "\"" },
	/* the last day is that of the last ms */
	{ NULL, FROM, FROM + 1, "\"export_2026-09-30_2026-09-30.zip\"" },
	{ NULL, FROM, FROM + DAY, "\"export_2026-09-30_2026-09-30.zip\"" },
	{ NULL, FROM, FROM + DAY + 1, "\"export_2026-09-30_2026-10-01.zip\"" },
	{ NULL, FROM + DAY - 1, FROM + DAY, "\"export_2026-09-30_2026-09-30.zip\"" },
	{ NULL, 0, 1, "\"export_1970-01-01_1970-01-01.zip\"" },
	/* runs become a dash, none at the ends */
	{ "  a  --  B_9. ", FROM, TO, "\"a-b-9" DAYS "\"" },
	{ "../../etc/passwd", FROM, TO, "\"etc-passwd" DAYS "\"" },
	{ "a\"; filename=\"x\\", FROM, TO, "\"a-filename-x" DAYS "\"" },
	{ " -./", FROM, TO, "\"export" DAYS "\"" },
	{ "%41", FROM, TO, "\"41" DAYS "\"" },
	/* other letters */
	{ "Flotte M\xc3\xbcller", FROM, TO, "\"flotte-m-ller" DAYS
	    "\"; filename*=UTF-8''flotte-m%C3%BCller" DAYS },
	{ "\xe6\x9d\xb1\xe4\xba\xac", FROM, TO, "\"export" DAYS
	    "\"; filename*=UTF-8''%E6%9D%B1%E4%BA%AC" DAYS },
	{ "\xf0\x9f\x9a\x97 1", FROM, TO, "\"1" DAYS
	    "\"; filename*=UTF-8''%F0%9F%9A%97-1" DAYS },
	/* a mark that turns the text around, a full-width slash, a blank: no letters */
	{ "a\xe2\x80\xae" "piz\xef\xbc\x8f" "b\xc2\xa0", FROM, TO, "\"a-piz-b" DAYS "\"" },
	{ "\xe2\x80\xae\xc3\xa4", FROM, TO, "\"export" DAYS
	    "\"; filename*=UTF-8''%C3%A4" DAYS },
	/* half a character ends it */
	{ "ab\xc3", FROM, TO, "\"ab" DAYS "\"" },
};

static void
test_longest(void)
{
	char name[202] = "", text[DISPOSITION_SIZE];
	size_t i;

	for (i = 0; i < 50; i++)
		memcpy(name + 2 * i, "\xc3\xa4", 3);
	disposition(name, FROM, TO, text);
	ok(strlen(text) > 300 && strcmp(text + strlen(text) - 26, DAYS) == 0,
	    "100 bytes of other letters fit: %zu", strlen(text));
	memset(name, 'a', 201);
	disposition(name, FROM, TO, text);
	is_int((int64_t)strlen(text), 22 + 100 + 26 + 1, "more is cut off");
}

int
main(void)
{
	char text[DISPOSITION_SIZE], expected[DISPOSITION_SIZE];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		disposition(rows[i].name, rows[i].from_ms, rows[i].to_ms, text);
		snprintf(expected, sizeof(expected), "attachment; filename=%s",
		    rows[i].expected);
		is_str(text, expected, "row %zu", i);
	}
	test_longest();
	return done_testing();
}
