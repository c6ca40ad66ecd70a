/* Points as numbers, and their order. */
#include "worker/engine/decode/number.h"

#include <math.h>
#include <string.h>

#include "worker/engine/decode/points.h"

#include "t/tap.h"

#define P53 (INT64_C(1) << 53)

/* 1.50, 9E+6000 and NaN: BSON's Decimal128, the lowest byte first. */
static const uint8_t decimals[3][16] = {
	{ 150, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3c, 0x30 },
	{ 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0x5f },
	{ [15] = 0x7c },
};

static struct point
of_double(double d)
{
	struct point p = { .type = LEAF_DOUBLE };

	memcpy(&p.v.bits, &d, sizeof(d));
	return p;
}

static struct point
of_int(int64_t i)
{
	return (struct point){ .type = LEAF_INT64, .v.bits = (uint64_t)i };
}

static struct point
of_decimal(int i)
{
	return (struct point){ .type = LEAF_DECIMAL128, .v.ref = decimals[i] };
}

static int
order(struct point a, struct point b)
{
	struct number x, y;

	if (!number_of(&a, &x) || !number_of(&b, &y) ||
	    number_compare(&x, &y) != -number_compare(&y, &x))
		return 99;
	return number_compare(&x, &y);
}

static void
test_kinds(void)
{
	const struct point text = { .type = LEAF_STRING };
	const struct point flag = { .type = LEAF_BOOL, .v.bits = 1 };
	struct point p;
	struct number n;

	ok(!number_of(&text, &n) && !number_of(&flag, &n), "no text, no bool");
	p = of_double(NAN);
	ok(!number_of(&p, &n), "no NaN");
	p = of_double(-INFINITY);
	ok(!number_of(&p, &n), "no infinity");
	p = of_decimal(0);
	ok(number_of(&p, &n) && !n.whole && n.d == 1.5, "a Decimal128");
	p = of_decimal(1);
	ok(!number_of(&p, &n), "none beyond all doubles");
	p = of_decimal(2);
	ok(!number_of(&p, &n), "none that is NaN");
	p = of_int(P53 + 1);
	ok(number_of(&p, &n) && n.whole && n.i == P53 + 1 && n.d == 0x1p53,
	    "an int64");
}

int
main(void)
{
	test_kinds();
	is_int(order(of_int(3), of_int(4)), -1, "integers");
	is_int(order(of_int(P53), of_int(P53 + 1)), -1, "beyond 2^53");
	is_int(order(of_double(3), of_int(3)), 0, "a double as large");
	is_int(order(of_double(3.5), of_int(3)), 1, "a double that is larger");
	is_int(order(of_double(0x1p53), of_int(P53 + 1)), -1,
	    "whose nearest double is the same");
	is_int(order(of_int(INT64_MAX), of_double(0x1p63)), -1, "2^63");
	is_int(order(of_int(INT64_MIN), of_double(-0x1p63)), 0, "-2^63");
	is_int(order(of_double(-0.0), of_int(0)), 0, "-0");
	is_int(order(of_decimal(0), of_double(1.5)), 0, "a Decimal128");
	is_int(order(of_decimal(0), of_int(2)), -1, "and an integer");
	return done_testing();
}
