#ifndef WORKER_ENGINE_DECODE_NUMTEXT_H
#define WORKER_ENGINE_DECODE_NUMTEXT_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Numbers as text: FORMAT.md, 3, to the byte. Nothing here can fail. */

/* Room for any number's text and a NUL. */
#define NUMTEXT_SIZE 32

/* numtext_int(n, text): Decimal. Returns the length; a NUL follows. */
size_t numtext_int(int64_t n, char text[NUMTEXT_SIZE]);

/* numtext_comma(text, len): Make the point of a number's text, if any, a comma. */
static inline void
numtext_comma(char *text, size_t len)
{
	char *point = memchr(text, '.', len);

	if (point != NULL)
		*point = ',';
}

/* numtext_digits(u, n, to): Write u as n digits, zero-padded; no NUL. */
void numtext_digits(uint64_t u, size_t n, char *to);

/*
 * numtext_double(d, text):
 * The shortest decimal that reads back to d, of those the nearest to d, in the
 * form of ECMAScript's Number::toString (ECMA-262, 6.1.6.1.20). d is finite.
 * Returns the length; a NUL follows. Needs the C locale and rounding to
 * nearest.
 */
size_t numtext_double(double d, char text[NUMTEXT_SIZE]);

/*
 * numtext_eight(u): The eight digits of u < 10^8, zero-padded, as numbers of a
 * byte each: the first digit in the lowest byte. Fours, pairs and digits
 * are split by multiplications, all of them at once: 10486 / 2^20 and 103 /
 * 2^10 are above 1/100 and 1/10 by so little that the quotients are right
 * below 10^4 and 10^2.
 */
static inline uint64_t
numtext_eight(uint32_t u)
{
	uint64_t v = u / 10000 | (uint64_t)(u % 10000) << 32, q;

	q = (v * 10486 >> 20) & UINT64_C(0x0000007f0000007f);
	v = q | (v - q * 100) << 16;
	q = (v * 103 >> 10) & UINT64_C(0x000f000f000f000f);
	return q | (v - q * 10) << 8;
}

/* numtext_put(bytes, to): Write eight bytes, the lowest first. */
static inline void
numtext_put(uint64_t bytes, char *to)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	bytes = __builtin_bswap64(bytes);
#endif
	memcpy(to, &bytes, sizeof(bytes));
}

/* NUMTEXT_ZEROS | what numtext_eight() returned: the digits' text. */
#define NUMTEXT_ZEROS UINT64_C(0x3030303030303030)

/* What the two functions below may write of text. */
#define NUMTEXT_SMALL 14

/*
 * numtext_small_int(n, text), numtext_small_double(d, text, point):
 * As numtext_int() and numtext_double(), but without the NUL, with the decimal sign
 * point, and only for what
 * most telemetry is: integers of up to 8 digits; doubles below 10^5 with up to
 * three decimals, in any of which -0 is. No branch but for that. Returns the
 * length, 0: not one of these.
 */
static inline size_t
numtext_small_int(int64_t n, char text[NUMTEXT_SMALL])
{
	const uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	const size_t sign = n < 0;
	uint64_t digits;
	unsigned zeros;

	if (u >= 100000000)
		return 0;
	digits = numtext_eight((uint32_t)u);
	/* In bits; the last digit stays. */
	zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) & ~7U;
	text[0] = '-';
	/* What comes in from above is after the end. */
	numtext_put((NUMTEXT_ZEROS | digits) >> zeros, text + sign);
	return sign + 8 - zeros / 8;
}

/*
 * If m / 1000, correctly rounded, gives back |d|, then m with its point moved by
 * three places is a decimal of at most 15 digits that reads back to |d|, and
 * there is only one such: only zeros at both ends remain to be removed.
 */
static inline size_t
numtext_small_double(double d, char text[NUMTEXT_SMALL], char point)
{
	const double x = fabs(d);
	uint64_t digits, rest;
	size_t sign, at, places;
	uint32_t m;
	unsigned zeros;

	/* A NaN is not below. 99999.9999 rounds up to 10^8. */
	if (!(x < 99999))
		return 0;
	m = (uint32_t)(x * 1000 + 0.5);
	if ((double)m / 1000 != x)
		return 0;
	digits = numtext_eight(m);
	/* Five digits before the point, of which the last one stays. */
	zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 32) & ~7U;
	sign = (d < 0) & (m != 0);
	text[0] = '-';
	numtext_put((NUMTEXT_ZEROS | digits) >> zeros, text + sign);
	/* After the point: digits without the zeros at the end, 0 to 3. */
	at = sign + 5 - zeros / 8;
	rest = digits >> 40 << 8 | 1;
	places = (63 - (unsigned)__builtin_clzll(rest)) / 8;
	rest = (uint8_t)point | (NUMTEXT_ZEROS | digits) >> 40 << 8;
	numtext_put(rest, text + at);
	return at + places + (places != 0);
}

#endif
