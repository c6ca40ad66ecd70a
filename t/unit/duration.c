#include "lib/base/duration.h"

#include <stdlib.h>

#include "t/tap.h"

/* What is read, and as what it is written. */
static const struct {
	const char *text;
	int64_t ms;
	const char *again;
} taken[] = {
	{ "0ms", 0, "0s" }, { "0s", 0, "0s" }, { "0m", 0, "0s" },
	{ "0h", 0, "0s" },
	{ "1ms", 1, "1ms" }, { "100ms", 100, "100ms" }, { "999ms", 999, "999ms" },
	{ "1000ms", 1000, "1s" }, { "1500ms", 1500, "1500ms" },
	{ "60000ms", 60000, "1m" }, { "86400000ms", 86400000, "24h" },
	{ "1s", 1000, "1s" }, { "59s", 59000, "59s" }, { "60s", 60000, "1m" },
	{ "90s", 90000, "90s" }, { "3600s", 3600000, "1h" },
	{ "3601s", 3601000, "3601s" },
	{ "1m", 60000, "1m" }, { "10m", 600000, "10m" }, { "60m", 3600000, "1h" },
	{ "90m", 5400000, "90m" }, { "1440m", 86400000, "24h" },
	{ "1h", 3600000, "1h" }, { "24h", 86400000, "24h" },
	{ "48h", 172800000, "48h" },
	{ "1000000000000000ms", DURATION_MAX_MS, "1000000000000s" },
	{ "1000000000000s", DURATION_MAX_MS, "1000000000000s" },
	{ "277777777h", INT64_C(999999997200000), "277777777h" },
};

static const char *const refused[] = {
	"", "0", "1", "60", "s", "ms", "m", "h", " 1s", "1s ", "1 s", "1s\n",
	"+1s", "-1s", "-0s", "1.5s", "1,5s", "1e3s", "0x1s", "01s", "00s",
	"007ms", "1S", "1M", "1H", "1MS", "1Ms", "1mS", "1sec", "1min", "1d",
	"1w", "1us", "1hs", "1mss", "1ss", "1m30s", "1h0m", "PT1S", "1''", "s1",
	"one second", "\xef\xbc\x91s",
	/* above the ceiling, beyond an int64_t, beyond anything */
	"1000000000000001ms", "1000000000001s", "16666666667m", "277777778h",
	"9223372036854775807ms", "9223372036854775808ms",
	"18446744073709551617s", "2562047788015216h",
	"99999999999999999999999999999999999999s",
};

/* A text without a NUL after it: ASan sees a byte read too much. */
static int
parse(const char *text, size_t len, int64_t *ms)
{
	char *copy = malloc(len > 0 ? len : 1);
	int rc;

	if (copy == NULL)
		abort();
	memcpy(copy, text, len);
	rc = duration_parse(copy, len, ms);
	free(copy);
	return rc;
}

static void
test_all(void)
{
	unsigned long bad = 0;
	char text[DURATION_SIZE];
	int64_t ms, again;

	for (ms = 0; ms <= 86400000; ms += ms < 100000 ? 1 : 97) {
		duration_text(ms, text);
		again = -1;
		bad += parse(text, strlen(text), &again) != 0 || again != ms;
	}
	is_int((int64_t)bad, 0, "each that is written is read as it was");
}

int
main(void)
{
	char text[DURATION_SIZE];
	int64_t ms;
	size_t i;

	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		ms = -1;
		ok(parse(taken[i].text, strlen(taken[i].text), &ms) == 0 &&
		    ms == taken[i].ms, "%s", taken[i].text);
		duration_text(taken[i].ms, text);
		is_str(text, taken[i].again, "%s, written", taken[i].text);
	}
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		ms = 7;
		ok(parse(refused[i], strlen(refused[i]), &ms) == -1 && ms == 7,
		    "refused: '%s'", refused[i]);
	}
	ms = 7;
	ok(parse("1s\0", 3, &ms) == -1 && parse("1\0s", 3, &ms) == -1 && ms == 7,
	    "a NUL");
	ok(parse("10ms", 2, &ms) == -1, "cut by len, no unit");
	ok(parse("10ms1", 4, &ms) == 0 && ms == 10, "nothing after len is read");
	duration_text(INT64_MAX, text);
	is_str(text, "9223372036854775807ms", "the largest fits");
	test_all();
	return done_testing();
}
