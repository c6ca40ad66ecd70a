/* Numbers as text: by tables, by ECMAScript's results and by the definition. */
#include "worker/engine/decode/numtext.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "t/tap.h"
#include "t/unit/draw.h"

#define DOUBLES "t/data/doubles.txt"

static const struct {
	int64_t n;
	const char *text;
} ints[] = {
	{ 0, "0" },
	{ 1, "1" },
	{ -1, "-1" },
	{ 9, "9" },
	{ 10, "10" },
	{ -10, "-10" },
	{ 99, "99" },
	{ 100, "100" },
	{ INT32_MAX, "2147483647" },
	{ INT32_MIN, "-2147483648" },
	{ 4294967296, "4294967296" },
	{ INT64_MAX, "9223372036854775807" },
	{ INT64_MIN, "-9223372036854775808" },
	{ INT64_MIN + 1, "-9223372036854775807" },
	{ 1000000000000000000, "1000000000000000000" },
	{ 999999999999999999, "999999999999999999" },
};

static const struct {
	double d;
	const char *text;
} doubles[] = {
	{ 0.0, "0" },
	{ -0.0, "0" },
	{ 23.0, "23" },
	{ -23.0, "-23" },
	{ 0.5, "0.5" },
	{ -0.5, "-0.5" },
	{ 0.1, "0.1" },
	{ 0.1 + 0.2, "0.30000000000000004" },
	{ 1.0 / 3.0, "0.3333333333333333" },
	{ 100.0, "100" },
	{ 1e6, "1000000" },
	{ 35.85, "35.85" },
	{ 1.005, "1.005" },
	{ 0.001, "0.001" },
	{ 0.000001, "0.000001" },
	{ 0.0000001, "1e-7" },
	{ 0.00000123, "0.00000123" },
	{ 0.000000123, "1.23e-7" },
	{ -1.5e-7, "-1.5e-7" },
	{ 1e20, "100000000000000000000" },
	{ 123456789012345680000.0, "123456789012345680000" },
	{ 999999999999999868928.0, "999999999999999900000" },
	{ 1e21, "1e+21" },
	{ -1e21, "-1e+21" },
	{ 1.5e21, "1.5e+21" },
	{ 1.2345e22, "1.2345e+22" },
	{ 1e100, "1e+100" },
	{ 1e-100, "1e-100" },
	{ 1e23, "1e+23" },
	{ 9007199254740991.0, "9007199254740991" },
	{ 9007199254740992.0, "9007199254740992" },
	{ 9007199254740994.0, "9007199254740994" },
	{ 9223372036854775808.0, "9223372036854776000" },
	{ -9223372036854775808.0, "-9223372036854776000" },
	{ 18446744073709551616.0, "18446744073709552000" },
	{ 4503599627370495.5, "4503599627370495.5" },
	{ 5e-324, "5e-324" },
	{ DBL_MIN, "2.2250738585072014e-308" },
	{ 2.225073858507201e-308, "2.225073858507201e-308" },
	{ DBL_MAX, "1.7976931348623157e+308" },
	{ -DBL_MAX, "-1.7976931348623157e+308" },
	{ DBL_EPSILON, "2.220446049250313e-16" },
	{ 1.0 + DBL_EPSILON, "1.0000000000000002" },
	{ 0x1p-44, "5.684341886080802e-14" },
	{ 1543536000000.0, "1543536000000" },
	{ 1543536000000.25, "1543536000000.25" },
};

static int
same_bits(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

static void
test_tables(void)
{
	char text[NUMTEXT_SIZE];
	size_t i, len;

	for (i = 0; i < sizeof(ints) / sizeof(ints[0]); i++) {
		memset(text, '!', sizeof(text));
		len = numtext_int(ints[i].n, text);
		is_str(len == strlen(ints[i].text) ? text : "another length",
		    ints[i].text, "int %s", ints[i].text);
	}
	for (i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++) {
		memset(text, '!', sizeof(text));
		len = numtext_double(doubles[i].d, text);
		is_str(len == strlen(doubles[i].text) ? text :
		    "another length", doubles[i].text, "double %s",
		    doubles[i].text);
	}
}

/* The results of ECMAScript's own String(): t/data/doubles.js. */
static void
test_file(void)
{
	char line[128], text[NUMTEXT_SIZE];
	unsigned long bad = 0, n = 0;
	char *expected;
	uint64_t bits;
	double d;
	FILE *f;

	if ((f = fopen(DOUBLES, "re")) == NULL) {
		ok(0, "%s can be read", DOUBLES);
		return;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		bits = strtoull(line, &expected, 16);
		expected++;
		memcpy(&d, &bits, sizeof(d));
		numtext_double(d, text);
		if (strcmp(text, expected) != 0)
			bad_row(&bad, "%s: %s", line, text);
		n++;
	}
	fclose(f);
	ok(n > 4000 && bad == 0, "%lu doubles as ECMAScript prints them", n);
}

/*
 * digits_of(text, digits): The significant digits of a text, without leading
 * and trailing zeros. Returns how many.
 */
static size_t
digits_of(const char *text, char *digits)
{
	size_t n = 0;

	for (; *text != '\0' && *text != 'e'; text++) {
		if (*text < '0' || *text > '9' || (n == 0 && *text == '0'))
			continue;
		digits[n++] = *text;
	}
	while (n > 0 && digits[n - 1] == '0')
		n--;
	digits[n] = '\0';
	return n;
}

/*
 * wrong(d): What is wrong with the text of d, by the definition only: it reads
 * back, no shorter one does, and it is the nearest of its length.
 */
static const char *
wrong(double d, char text[NUMTEXT_SIZE])
{
	char digits[64], other[64], shorter[64];
	size_t n;
	uint64_t bits;

	if (numtext_double(d, text) != strlen(text))
		return "the length";
	if (strlen(text) >= NUMTEXT_SIZE)
		return "too long";
	if (!same_bits(strtod(text, NULL), d))
		return "it does not read back";
	n = digits_of(text, digits);
	if (n > 1) {
		snprintf(shorter, sizeof(shorter), "%.*e", (int)n - 2, d);
		if (same_bits(strtod(shorter, NULL), d))
			return "a shorter one reads back";
	}
	/* At a power of two the nearest of n digits may not read back. */
	memcpy(&bits, &d, sizeof(bits));
	snprintf(shorter, sizeof(shorter), "%.*e", (int)n - 1, d);
	if ((bits & 0xfffffffffffff) != 0) {
		digits_of(shorter, other);
		if (strcmp(digits, other) != 0)
			return "another one is nearer";
	}
	return NULL;
}

static void
test_random(void)
{
	unsigned long bad = 0, n = 0;
	char text[NUMTEXT_SIZE];
	const char *why;
	uint64_t x;
	double d;

	draw_from(88172645463325252);
	while (n < 100000) {
		x = draw_bits();
		memcpy(&d, &x, sizeof(d));
		if (!isfinite(d))
			continue;
		n++;
		if ((why = wrong(d, text)) != NULL)
			bad_row(&bad, "%a: %s: %s", d, text, why);
	}
	is_int((int64_t)bad, 0, "100,000 random doubles");
	/* Of the magnitudes of sensors. */
	for (n = 0; n < 100000; n++) {
		d = (double)(int64_t)(draw_bits() >> 24) / 1e6;
		d = n % 2 == 0 ? d : -d * 1e-3;
		if ((why = wrong(d, text)) != NULL)
			bad_row(&bad, "%a: %s: %s", d, text, why);
	}
	is_int((int64_t)bad, 0, "100,000 of the size of measurements");
}

/* snprintf() with this many decimals, without trailing zeros. */
static void
trimmed(char *text, size_t size, int places, double d)
{
	size_t n;

	snprintf(text, size, "%.*f", places, d);
	if (places > 0) {
		for (n = strlen(text); text[n - 1] == '0'; n--)
			;
		if (text[n - 1] == '.')
			n--;
		text[n] = '\0';
	}
	if (strcmp(text, "-0") == 0)
		strcpy(text, "0");
}

static void
test_decimals(void)
{
	static const double scale[] = { 1, 10, 100, 1000 };
	char text[NUMTEXT_SIZE], expected[64];
	unsigned long bad = 0;
	long i;
	int p;

	for (p = 0; p <= 3; p++) {
		for (i = -2000000; i <= 2000000; i += p == 3 ? 1 : 7) {
			double d = (double)i / scale[p];

			numtext_double(d, text);
			trimmed(expected, sizeof(expected), p, d);
			if (strcmp(text, expected) != 0)
				bad_row(&bad, "%ld/%g: %s, not %s", i,
				    scale[p], text, expected);
		}
	}
	is_int((int64_t)bad, 0, "decimals of up to three places");
	for (i = -300000; i <= 300000; i++) {
		snprintf(expected, sizeof(expected), "%ld", i * 30030007);
		numtext_double((double)(i * 30030007), text);
		if (strcmp(text, expected) != 0)
			bad_row(&bad, "%s: %s", expected, text);
	}
	is_int((int64_t)bad, 0, "whole doubles");
}

static void
test_ints(void)
{
	uint64_t x = 88172645463325252;
	char text[NUMTEXT_SIZE], expected[64];
	unsigned long bad = 0;
	int64_t n;
	int i;

	for (i = 0; i < 200000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		n = (int64_t)x >> (i % 64);
		snprintf(expected, sizeof(expected), "%" PRId64, n);
		if (numtext_int(n, text) != strlen(expected) ||
		    strcmp(text, expected) != 0)
			bad_row(&bad, "%s: %s", expected, text);
	}
	is_int((int64_t)bad, 0, "200,000 integers of all lengths");
}

/* small_wrong(d, text): Whether a small double's text differs; text is exact. */
static int
small_wrong(double d, char *small)
{
	const size_t len = numtext_small_double(d, small, '.');
	char text[NUMTEXT_SIZE];

	return len > 0 && (len != numtext_double(d, text) ||
	    memcmp(small, text, len) != 0);
}

static void
test_small(void)
{
	char *small = malloc(NUMTEXT_SMALL), text[NUMTEXT_SIZE];
	static const int64_t large[] = { 100000000, -100000000, INT64_MAX,
	    INT64_MIN };
	static const double other[] = { 99999, 1e5, 1e300, NAN, INFINITY, 1e-4,
	    0.0001, 0.1 + 0.2, 5e-324, 1234.5678 };
	unsigned long bad = 0;
	size_t i, len, zero;
	double d;
	int64_t n;

	if (small == NULL)
		abort();
	/* 331 meets every digit at every place. */
	for (n = -99999999; n < 100000000; n += 331) {
		len = numtext_small_int(n, small);
		if (len != numtext_int(n, text) || memcmp(small, text, len) != 0)
			bad_row(&bad, "%s", text);
		d = (double)n / 1000;
		if (fabs(d) < 99999 && numtext_small_double(d, small, '.') == 0)
			bad_row(&bad, "%.17g: not small", d);
		if (small_wrong(d, small) || small_wrong(nextafter(d, 0), small) ||
		    small_wrong(nextafter(d, 1e9), small))
			bad_row(&bad, "about %.17g", d);
	}
	is_int((int64_t)bad, 0, "integers of 8 digits, doubles of 3 decimals");
	for (i = zero = 0; i < sizeof(large) / sizeof(*large); i++)
		zero += numtext_small_int(large[i], small);
	for (i = 0; i < sizeof(other) / sizeof(*other); i++)
		zero += numtext_small_double(other[i], small, '.') +
		    numtext_small_double(-other[i], small, '.');
	is_int((int64_t)zero, 0, "others are not small");
	is_int((int64_t)numtext_small_double(-0.0, small, '.'), 1, "-0 is");
	ok(small[0] == '0', "and has no sign");
	free(small);
}

int
main(void)
{
	test_tables();
	test_file();
	test_random();
	test_decimals();
	test_ints();
	test_small();
	return done_testing();
}
