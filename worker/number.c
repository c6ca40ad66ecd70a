#include "worker/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A decimal: 0.d1d2...dk * 10^exp, no trailing zeros. */
struct decimal {
	char digits[20];
	int k;
	int exp;
};

size_t
number_int(int64_t n, char text[NUMBER_SIZE])
{
	char back[NUMBER_SIZE];
	uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	size_t len = 0, i = 0;

	do {
		back[i++] = (char)('0' + u % 10);
	} while ((u /= 10) != 0);
	if (n < 0)
		text[len++] = '-';
	while (i > 0)
		text[len++] = back[--i];
	text[len] = '\0';
	return len;
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
	char text[NUMBER_SIZE + 8];

	snprintf(text, sizeof(text), "%.*e", k - 1, d);
	x->digits[0] = text[0];
	memcpy(x->digits + 1, text + 2, (size_t)k - 1);
	x->k = k;
	x->exp = atoi(strchr(text, 'e') + 1) + 1;
}

static double
decimal_value(const struct decimal *x)
{
	char text[NUMBER_SIZE + 8];

	snprintf(text, sizeof(text), "0.%.*se%d", x->k, x->digits, x->exp);
	return strtod(text, NULL);
}

/* The next decimal of as many digits above x. */
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
 * Try k digits. The nearest decimal decides, except at a power of two: the gap
 * below it is half of that above, so there a decimal that is farther away, but
 * above, may read back where the nearest, below, does not.
 */
static int
decimal_try(double d, int k, struct decimal *x)
{
	int e;

	decimal_nearest(d, k, x);
	if (decimal_value(x) == d)
		return 1;
	if (frexp(d, &e) != 0.5 || decimal_value(x) > d)
		return 0;
	decimal_up(x);
	return decimal_value(x) == d;
}

static void
decimal_shortest(double d, struct decimal *x)
{
	/*
	 * A normal double that some decimal of up to 15 digits reads back to is
	 * given that decimal, with zeros behind it, by 15 digits (DBL_DIG).
	 */
	int k = d < DBL_MIN ? 1 : DBL_DIG;

	while (k < DBL_DECIMAL_DIG && !decimal_try(d, k, x))
		k++;
	if (k == DBL_DECIMAL_DIG)
		decimal_nearest(d, k, x);
	decimal_trim(x);
}

/* ECMA-262: k digits, the value is digits * 10^(n-k). */
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
 * Up to three decimals and 15 digits, the most of all telemetry: if m / 10^s,
 * divided exactly rounded, gives d back, m shifted by s places is a decimal of at most
 * 15 digits that reads back to d, and there is only one such. Returns 0 if not.
 */
static size_t
double_fast(double d, char *text)
{
	static const double scale[] = { 1, 10, 100, 1000 };
	char digits[NUMBER_SIZE];
	size_t len, whole;
	int s;

	for (s = 0; s <= 3; s++) {
		double m = nearbyint(d * scale[s]);

		if (!(m < 1e15))
			return 0;
		if (m / scale[s] != d)
			continue;
		len = number_int((int64_t)m, digits);
		if (s == 0) {
			memcpy(text, digits, len + 1);
			return len;
		}
		/* At least s + 1 digits: a zero before the point. */
		if (len <= (size_t)s) {
			size_t zeros = (size_t)s + 1 - len;

			memmove(digits + zeros, digits, len);
			memset(digits, '0', zeros);
			len += zeros;
		}
		whole = len - (size_t)s;
		memcpy(text, digits, whole);
		text[whole] = '.';
		memcpy(text + whole + 1, digits + whole, (size_t)s);
		text[len + 1] = '\0';
		return len + 1;
	}
	return 0;
}

size_t
number_double(double d, char text[NUMBER_SIZE])
{
	struct decimal x;
	size_t sign = 0, len;

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
