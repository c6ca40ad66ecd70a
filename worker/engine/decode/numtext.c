/*
 * Integers and doubles as text. The common numbers of telemetry take a few
 * nanoseconds; all others go through libc, with the same result. Knows no CSV:
 * what a NaN looks like there is its callers' business.
 */
#include "worker/engine/decode/numtext.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A decimal: 0.d1d2...dk * 10^exp, no trailing zeros. */
struct decimal {
	char digits[20];
	int k;
	int exp;
};

/* "00" to "99": two digits at a time save 2 ns an integer. */
static const char pairs[] =
    "0001020304050607080910111213141516171819"
    "2021222324252627282930313233343536373839"
    "4041424344454647484950515253545556575859"
    "6061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

/* How many decimal digits u has. */
static size_t
digits_of(uint64_t u)
{
	size_t n = 1;

	for (; u >= 10000; u /= 10000)
		n += 4;
	return n + (u >= 10) + (u >= 100) + (u >= 1000);
}

void
numtext_digits(uint64_t u, size_t n, char *to)
{
	for (; n >= 2; n -= 2, u /= 100)
		memcpy(to + n - 2, pairs + u % 100 * 2, 2);
	if (n > 0)
		to[0] = (char)('0' + u % 10);
}

size_t
numtext_int(int64_t n, char text[NUMTEXT_SIZE])
{
	uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	size_t sign = n < 0, len = digits_of(u);

	text[0] = '-';
	numtext_digits(u, len, text + sign);
	text[sign + len] = '\0';
	return sign + len;
}

static void
decimal_trim(struct decimal *x)
{
	while (x->k > 1 && x->digits[x->k - 1] == '0')
		x->k--;
}

/* The decimal of k significant digits that is nearest to d > 0. */
static void
decimal_nearest(double d, int k, struct decimal *x)
{
	char text[NUMTEXT_SIZE + 8];

	snprintf(text, sizeof(text), "%.*e", k - 1, d);
	x->digits[0] = text[0];
	memcpy(x->digits + 1, text + 2, (size_t)k - 1);
	x->k = k;
	x->exp = atoi(strchr(text, 'e') + 1) + 1;
}

/* The double that x reads back to. */
static double
decimal_value(const struct decimal *x)
{
	char text[NUMTEXT_SIZE + 8];

	snprintf(text, sizeof(text), "0.%.*se%d", x->k, x->digits, x->exp);
	return strtod(text, NULL);
}

/* The next larger decimal of the same number of digits. */
static void
decimal_up(struct decimal *x)
{
	int i = x->k - 1;

	while (i >= 0 && x->digits[i] == '9')
		x->digits[i--] = '0';
	if (i >= 0) {
		x->digits[i]++;
		return;
	}
	x->digits[0] = '1';
	x->exp++;
}

/*
 * Whether k digits suffice. The nearest decimal decides, except at a power of
 * two: the gap between doubles below it is half of that above, so the next
 * decimal above may read back to d where the nearest one, below, does not.
 */
static bool
decimal_try(double d, int k, struct decimal *x)
{
	int e;

	decimal_nearest(d, k, x);
	if (decimal_value(x) == d)
		return true;
	if (frexp(d, &e) != 0.5 || decimal_value(x) > d)
		return false;
	decimal_up(x);
	return decimal_value(x) == d;
}

/* The shortest decimal that reads back to d > 0: at most 17 digits. */
static void
decimal_shortest(double d, struct decimal *x)
{
	/*
	 * If a decimal of up to 15 digits (DBL_DIG) reads back to a normal
	 * double, printing 15 digits gives that decimal, padded with zeros: no
	 * need to try fewer. Denormals have less precision.
	 */
	int k = d < DBL_MIN ? 1 : DBL_DIG;

	while (k < DBL_DECIMAL_DIG && !decimal_try(d, k, x))
		k++;
	if (k == DBL_DECIMAL_DIG)
		decimal_nearest(d, k, x);
	decimal_trim(x);
}

/*
 * ECMA-262, 6.1.6.1.20, with its names: k digits, value digits * 10^(n-k).
 * Up to 21 places before the point it is a plain number, as it is with up to
 * five zeros after "0."; otherwise it has an exponent.
 */
static size_t
decimal_format(const struct decimal *x, char *text)
{
	const int k = x->k, n = x->exp;
	char *p = text;

	if (n > 0 && n <= 21) {
		memcpy(p, x->digits, (size_t)(k < n ? k : n));
		if (k <= n) {
			memset(p + k, '0', (size_t)(n - k));
			p += n;
		} else {
			p[n] = '.';
			memcpy(p + n + 1, x->digits + n, (size_t)(k - n));
			p += k + 1;
		}
	} else if (n > -6 && n <= 0) {
		memcpy(p, "0.", 2);
		memset(p + 2, '0', (size_t)-n);
		memcpy(p + 2 - n, x->digits, (size_t)k);
		p += 2 - n + k;
	} else {
		*p++ = x->digits[0];
		if (k > 1) {
			*p++ = '.';
			memcpy(p, x->digits + 1, (size_t)k - 1);
			p += k - 1;
		}
		p += sprintf(p, "e%c%d", n > 0 ? '+' : '-', abs(n - 1));
	}
	*p = '\0';
	return (size_t)(p - text);
}

/*
 * Up to three decimals and 15 digits, which is nearly all telemetry. If m /
 * 1000, correctly rounded, gives back d, then m with its point moved by three
 * places is a decimal of at most 15 digits that reads back to d, and there is
 * only one such: only trailing zeros remain to be removed. Returns the length,
 * 0 where this does not apply. (6 ns, where snprintf() and strtod() take 400.)
 */
static size_t
double_fast(double d, char *text)
{
	uint64_t m, whole, rest;
	size_t len;

	/* Above, m may exceed 15 digits, or the range of the cast. */
	if (!(d < 1e12))
		return 0;
	m = (uint64_t)(d * 1000 + 0.5);
	if ((double)m / 1000 != d)
		return 0;
	whole = m / 1000;
	rest = m % 1000;
	len = digits_of(whole);
	numtext_digits(whole, len, text);
	if (rest != 0) {
		text[len] = '.';
		numtext_digits(rest, 3, text + len + 1);
		len += rest % 10 != 0 ? 4 : rest % 100 != 0 ? 3 : 2;
	}
	text[len] = '\0';
	return len;
}

size_t
numtext_double(double d, char text[NUMTEXT_SIZE])
{
	struct decimal x;
	size_t sign = 0, len;

	/* -0 has no sign in ECMAScript. */
	if (d == 0) {
		memcpy(text, "0", 2);
		return 1;
	}
	if (d < 0) {
		text[sign++] = '-';
		d = -d;
	}
	if ((len = double_fast(d, text + sign)) == 0) {
		decimal_shortest(d, &x);
		len = decimal_format(&x, text + sign);
	}
	return sign + len;
}
