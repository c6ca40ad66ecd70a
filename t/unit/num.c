#include "lib/base/num.h"

#include "t/tap.h"

static const struct {
	const char *text;
	int64_t min, max;
	int rc;
	int64_t value;
} rows[] = {
	{ "0", INT64_MIN, INT64_MAX, 0, 0 },
	{ "7", 0, 10, 0, 7 },
	{ "007", 0, 10, 0, 7 },
	{ "-1", -1, 1, 0, -1 },
	{ "-0", 0, 0, 0, 0 },
	{ "0000000000000000000000000000000000000001", 0, 10, 0, 1 },
	{ "9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX },
	{ "-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN },
	{ "9223372036854775806", INT64_MIN, INT64_MAX - 1, 0, INT64_MAX - 1 },
	/* the range's ends are in it */
	{ "5", 5, 5, 0, 5 },
	{ "4", 5, 6, -1, 0 },
	{ "7", 5, 6, -1, 0 },
	{ "-6", -5, 5, -1, 0 },
	{ "9223372036854775807", INT64_MIN, INT64_MAX - 1, -1, 0 },
	{ "-9223372036854775808", INT64_MIN + 1, INT64_MAX, -1, 0 },
	{ "1", 2, 0, -1, 0 },
	/* beyond 64 bits */
	{ "9223372036854775808", INT64_MIN, INT64_MAX, -1, 0 },
	{ "-9223372036854775809", INT64_MIN, INT64_MAX, -1, 0 },
	{ "18446744073709551616", INT64_MIN, INT64_MAX, -1, 0 },
	{ "18446744073709551617", 0, 10, -1, 0 },
	{ "99999999999999999999999999", INT64_MIN, INT64_MAX, -1, 0 },
	{ "-99999999999999999999999999", INT64_MIN, INT64_MAX, -1, 0 },
	/* not whole decimal numbers */
	{ "", INT64_MIN, INT64_MAX, -1, 0 },
	{ "-", INT64_MIN, INT64_MAX, -1, 0 },
	{ "+", INT64_MIN, INT64_MAX, -1, 0 },
	{ "+1", INT64_MIN, INT64_MAX, -1, 0 },
	{ "--1", INT64_MIN, INT64_MAX, -1, 0 },
	{ "-+1", INT64_MIN, INT64_MAX, -1, 0 },
	{ "- 1", INT64_MIN, INT64_MAX, -1, 0 },
	{ " 1", INT64_MIN, INT64_MAX, -1, 0 },
	{ "\t1", INT64_MIN, INT64_MAX, -1, 0 },
	{ "\n1", INT64_MIN, INT64_MAX, -1, 0 },
	{ "1 ", INT64_MIN, INT64_MAX, -1, 0 },
	{ "1\n", INT64_MIN, INT64_MAX, -1, 0 },
	{ "1 2", INT64_MIN, INT64_MAX, -1, 0 },
	{ "1.0", INT64_MIN, INT64_MAX, -1, 0 },
	{ "1.", INT64_MIN, INT64_MAX, -1, 0 },
	{ "1e3", INT64_MIN, INT64_MAX, -1, 0 },
	{ "1_000", INT64_MIN, INT64_MAX, -1, 0 },
	{ "1,000", INT64_MIN, INT64_MAX, -1, 0 },
	{ "0x10", INT64_MIN, INT64_MAX, -1, 0 },
	{ "0b1", INT64_MIN, INT64_MAX, -1, 0 },
	{ "10L", INT64_MIN, INT64_MAX, -1, 0 },
	{ "ten", INT64_MIN, INT64_MAX, -1, 0 },
	{ "\xd9\xa1", INT64_MIN, INT64_MAX, -1, 0 },
};

int
main(void)
{
	int64_t value;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		value = -4242;
		rc = num_parse(rows[i].text, rows[i].min, rows[i].max, &value);
		if (rows[i].rc == 0)
			ok(rc == 0 && value == rows[i].value, "'%s'",
			    rows[i].text);
		else
			ok(rc == -1 && value == -4242,
			    "refused: '%s' in %" PRId64 " to %" PRId64,
			    rows[i].text, rows[i].min, rows[i].max);
	}
	return done_testing();
}
