/*
 * Each group of 8 bytes is an integer, a double, and a decimal of a few places,
 * as sensors report them and random bits hardly ever are. Its text reads back,
 * no shorter one does, and it has ECMAScript's form.
 */
#include "worker/engine/decode/numtext.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "worker/engine/decode/points.h"

#include "t/fuzz/fuzz.h"

#define GROUPS_MAX 32

static const uint64_t powers[] = { 1, 10, 100, 1000, 10000, 100000, 1000000 };

static int
same_bits(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* skip_digits(p): After the digits at p: at least one, no leading zero. */
static const char *
skip_digits(const char *p)
{
	CHECK(isdigit((unsigned char)*p));
	CHECK(p[0] != '0' || !isdigit((unsigned char)p[1]));
	while (isdigit((unsigned char)*p))
		p++;
	return p;
}

static void
check_int(int64_t n)
{
	char text[NUMTEXT_SIZE], small[NUMTEXT_SMALL], *end;
	size_t len;

	memset(text, '!', sizeof(text));
	len = numtext_int(n, text);
	CHECK(len < NUMTEXT_SIZE && strnlen(text, NUMTEXT_SIZE) == len);
	CHECK((text[0] == '-') == (n < 0));
	CHECK(skip_digits(text + (n < 0)) == text + len);
	errno = 0;
	CHECK(strtoll(text, &end, 10) == n && errno == 0 && end == text + len);
	CHECK((numtext_small_int(n, small) > 0) == (len <= 8 + (size_t)(n < 0)));
	CHECK(len > 8 || memcmp(small, text, len) == 0);
}

/* With a mark on either side: not a byte too many or too few. */
static void
check_digits(uint64_t u, size_t n)
{
	char text[22], expected[22];
	uint64_t power = 1;
	size_t i;

	for (i = 0; i < n && power <= UINT64_MAX / 10; i++)
		power *= 10;
	/* Of 20 digits are all. */
	if (i == n)
		u %= power;
	memset(text, '!', sizeof(text));
	numtext_digits(u, n, text + 1);
	expected[0] = '!';
	for (i = n; i > 0; i--, u /= 10)
		expected[i] = (char)('0' + u % 10);
	expected[n + 1] = '!';
	CHECK(memcmp(text, expected, n + 2) == 0);
}

/*
 * digits_of(text, digits): The significant digits, without leading and trailing
 * zeros. Returns how many.
 */
static int
digits_of(const char *text, char digits[NUMTEXT_SIZE])
{
	int n = 0;

	for (; *text != '\0' && *text != 'e'; text++)
		if (isdigit((unsigned char)*text) && (n > 0 || *text != '0'))
			digits[n++] = *text;
	while (n > 0 && digits[n - 1] == '0')
		n--;
	digits[n] = '\0';
	return n;
}

/* ECMA-262, 6.1.6.1.20: the exponent's form beyond 21 digits and six places. */
static void
check_form(double d, const char *text)
{
	const char *p = text + (d < 0), *dot;

	CHECK(*p != '-');
	p = skip_digits(p);
	if (*p == '.') {
		for (dot = p++; isdigit((unsigned char)*p); p++)
			;
		CHECK(p - dot > 1 && p[-1] != '0');
	}
	d = fabs(d);
	if (d == 0 || (d >= 1e-6 && d < 1e21)) {
		CHECK(*p == '\0');
		return;
	}
	/* One digit before the point. */
	CHECK(text[text[0] == '-'] != '0');
	CHECK(strcspn(text, ".e") == 1 + (size_t)(text[0] == '-'));
	CHECK(p[0] == 'e' && p[1] == (d < 1 ? '-' : '+') && p[2] != '0');
	CHECK(*skip_digits(p + 2) == '\0');
}

/*
 * No decimal of n digits reads back to d > 0. If one does, the nearest does,
 * except at a power of two, where it may be the one next to it.
 */
static void
check_none(double d, int n)
{
	char text[2 * NUMTEXT_SIZE];
	uint64_t u = 0;
	const char *p;
	int exp, k;

	snprintf(text, sizeof(text), "%.*e", n - 1, d);
	for (p = text; *p != 'e'; p++)
		if (*p != '.')
			u = u * 10 + (uint64_t)(*p - '0');
	exp = atoi(p + 1) - (n - 1);
	for (k = -1; k <= 1; k++) {
		snprintf(text, sizeof(text), "%llue%d",
		    (unsigned long long)(u + (uint64_t)k), exp);
		CHECK(!same_bits(strtod(text, NULL), d));
	}
}

static void
check_double(double d)
{
	char text[NUMTEXT_SIZE], digits[NUMTEXT_SIZE], other[NUMTEXT_SIZE];
	char small[NUMTEXT_SMALL];
	char nearest[2 * NUMTEXT_SIZE], *end;
	size_t len;
	int n;

	if (!isfinite(d))
		return;
	memset(text, '!', sizeof(text));
	len = numtext_double(d, text);
	CHECK(len < NUMTEXT_SIZE && strnlen(text, NUMTEXT_SIZE) == len);
	if (numtext_small_double(d, small, '.') > 0)
		CHECK(numtext_small_double(d, small, '.') == len &&
		    memcmp(small, text, len) == 0);
	if (d == 0) {
		CHECK(strcmp(text, "0") == 0);
		return;
	}
	check_form(d, text);
	CHECK(same_bits(strtod(text, &end), d) && end == text + len);
	n = digits_of(text, digits);
	CHECK(n >= 1 && n <= 17);
	if (n > 1)
		check_none(fabs(d), n - 1);
	/* Of those of n digits it is the nearest, if that one reads back. */
	snprintf(nearest, sizeof(nearest), "%.*e", n - 1, d);
	if (same_bits(strtod(nearest, NULL), d)) {
		digits_of(nearest, other);
		CHECK(strcmp(digits, other) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t i;
	uint64_t u;
	int64_t n;
	double d;

	for (i = 0; i < GROUPS_MAX && len >= 8; i++, data += 8, len -= 8) {
		u = le64(data);
		memcpy(&n, &u, sizeof(n));
		memcpy(&d, &u, sizeof(d));
		check_int(n);
		check_double(d);
		check_digits(u, data[7] % 21);
		/* The lowest byte chooses size and places, the rest is it. */
		n = n / 256 / ((int64_t)1 << data[0] % 56);
		check_int(n);
		check_double((double)n / (double)powers[data[0] % 7]);
	}
	return 0;
}
