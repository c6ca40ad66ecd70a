/*
 * Exact sums of doubles and integers, and their means, rounded once. Knows nothing
 * but numbers.
 */
#include "worker/engine/rows/exactsum.h"

#include <math.h>
#include <string.h>

/* The unit is 2^-UNIT; an integer's lowest bit has this place. */
#define UNIT 1074
#define LIMB_BITS 32
#define LIMB_MASK UINT64_C(0xffffffff)
/* Digits of the quotient that are computed; the highest may be 0. */
#define DIGITS 5

void
exactsum_init(struct exactsum *s)
{
	memset(s, 0, sizeof(*s));
	s->low = EXACTSUM_LIMBS;
}

void
exactsum_clear(struct exactsum *s)
{
	for (; s->low < s->high; s->low++)
		s->limb[s->low] = 0;
	s->low = EXACTSUM_LIMBS;
	s->high = 0;
}

/* Add m units of 2^place, or subtract them. */
static void
add_bits(struct exactsum *s, uint64_t m, unsigned place, bool negative)
{
	const int k = (int)(place / LIMB_BITS);
	const unsigned shift = place % LIMB_BITS;
	const uint64_t low = m << shift;
	const int64_t v[3] = { (int64_t)(low & LIMB_MASK),
	    (int64_t)(low >> LIMB_BITS),
	    shift == 0 ? 0 : (int64_t)(m >> (64 - shift)) };
	int i;

	for (i = 0; i < 3; i++)
		s->limb[k + i] += negative ? -v[i] : v[i];
	s->low = k < s->low ? k : s->low;
	s->high = k + 3 > s->high ? k + 3 : s->high;
}

void
exactsum_add_int(struct exactsum *s, int64_t i)
{
	add_bits(s, i < 0 ? 0 - (uint64_t)i : (uint64_t)i, UNIT, i < 0);
}

/* IEEE 754: 52 bits, of which the one above is hidden but for the smallest. */
void
exactsum_add(struct exactsum *s, double d)
{
	uint64_t bits, m;
	unsigned exponent;

	memcpy(&bits, &d, sizeof(bits));
	exponent = (unsigned)(bits >> 52) & 0x7ff;
	m = bits & ((UINT64_C(1) << 52) - 1);
	if (exponent > 0)
		m |= UINT64_C(1) << 52;
	add_bits(s, m, exponent > 0 ? exponent - 1 : 0, bits >> 63);
}

void
exactsum_merge(struct exactsum *s, const struct exactsum *from)
{
	int k;

	for (k = from->low; k < from->high; k++)
		s->limb[k] += from->limb[k];
	s->low = from->low < s->low ? from->low : s->low;
	s->high = from->high > s->high ? from->high : s->high;
}

/* The sum's digits without its sign, which is returned: true where negative. */
static bool
digits_of(const struct exactsum *s, bool negate, uint32_t digit[EXACTSUM_LIMBS])
{
	int64_t carry = 0, v;
	int k;

	memset(digit, 0, EXACTSUM_LIMBS * sizeof(*digit));
	for (k = s->low; k < EXACTSUM_LIMBS; k++) {
		v = (negate ? -s->limb[k] : s->limb[k]) + carry;
		digit[k] = (uint32_t)((uint64_t)v & LIMB_MASK);
		/* Rounded down, of negative ones, too. */
		carry = (v - (int64_t)digit[k]) / (INT64_C(1) << LIMB_BITS);
	}
	if (carry < 0)
		digits_of(s, true, digit);
	return carry < 0;
}

/*
 * The double nearest to top * 2^(exponent - 63), top having its highest bit set; rest:
 * there is a little more than that. Below 2^-1022 doubles have fewer bits.
 */
static double
rounded(uint64_t top, bool rest, int exponent)
{
	const int bits = exponent >= -1022 ? 53 : exponent + UNIT + 1;
	const int shift = 64 - bits;
	uint64_t q, below, half;

	if (shift > 64)
		return 0;
	half = UINT64_C(1) << (shift - 1);
	q = shift == 64 ? 0 : top >> shift;
	below = shift == 64 ? top : top & (2 * half - 1);
	if (below > half || (below == half && (rest || q % 2 == 1)))
		q++;
	return ldexp((double)q, exponent - bits + 1);
}

/* The highest 64 bits of the digits q, of which the last one is of 2^unit units. */
static double
compose(const uint32_t q[DIGITS], bool rest, int unit)
{
	uint64_t top = 0;
	int i = 0, k, bits;

	while (i < DIGITS - 3 && q[i] == 0)
		i++;
	top = (uint64_t)q[i] << 32 | q[i + 1];
	bits = __builtin_clzll(top);
	if (bits > 0)
		top = top << bits | (uint64_t)q[i + 2] >> (32 - bits);
	rest = rest || (uint32_t)((uint64_t)q[i + 2] << bits) != 0;
	for (k = i + 3; k < DIGITS; k++)
		rest = rest || q[k] != 0;
	return rounded(top, rest,
	    unit + LIMB_BITS * (DIGITS - 1 - i) + 31 - bits - UNIT);
}

double
exactsum_mean(const struct exactsum *s, uint64_t n)
{
	uint32_t digit[EXACTSUM_LIMBS], q[DIGITS];
	uint64_t left = 0;
	const bool negative = digits_of(s, false, digit);
	int high = EXACTSUM_LIMBS - 1, i, k;
	bool rest;
	double mean;

	while (high >= 0 && digit[high] == 0)
		high--;
	if (high < 0)
		return 0;
	/* Long division from the highest digit on, and beyond the lowest. */
	for (i = 0; i < DIGITS; i++) {
		k = high - i;
		left = left << LIMB_BITS | (k >= 0 ? digit[k] : 0);
		q[i] = (uint32_t)(left / n);
		left %= n;
	}
	rest = left != 0;
	for (k = high - DIGITS; k >= 0; k--)
		rest = rest || digit[k] != 0;
	mean = compose(q, rest, LIMB_BITS * (high - DIGITS + 1));
	return negative ? -mean : mean;
}
