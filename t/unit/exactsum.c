/* Exact sums and their means: results by hand, and what must not change them. */
#include "worker/engine/rows/exactsum.h"

#include <math.h>
#include <stddef.h>

#include "t/tap.h"
#include "t/unit/draw.h"

#define LEAST 0x1p-1074
#define MOST 0x1.fffffffffffffp1023

static const struct {
	double v[4];
	int n;
	double mean;
} rows[] = {
	{ { 2.5 }, 1, 2.5 },
	{ { 0.1, 0.2, 0.3 }, 3, 0.2 },
	{ { -0.1, -0.2, -0.3 }, 3, -0.2 },
	{ { 0.1, 0.1, 0.1 }, 3, 0.1 },
	{ { 1, 2 }, 2, 1.5 },
	{ { 1, 1, 2 }, 3, 0x1.5555555555555p0 },
	{ { 1e308, 1, -1e308 }, 3, 0x1.5555555555555p-2 },
	{ { 1e16, 1, -1e16, 1e-300 }, 4, 0.25 },
	{ { MOST, MOST, MOST }, 3, MOST },
	{ { -MOST, -MOST }, 2, -MOST },
	{ { MOST, LEAST, -MOST }, 3, 0 },
	{ { 0.0, -0.0 }, 2, 0 },
	{ { LEAST }, 1, LEAST },
	{ { -LEAST, -LEAST }, 2, -LEAST },
	/* half of the smallest, and a little more */
	{ { LEAST, 0 }, 2, 0 },
	{ { 3 * LEAST, 0 }, 2, 2 * LEAST },
	{ { LEAST, LEAST, 0 }, 3, LEAST },
	{ { 0x1p-1022, LEAST }, 2, 0x1p-1023 },
	{ { 0x1p-1022, 3 * LEAST }, 2, 0x1p-1023 + 2 * LEAST },
	/* ties go to even, and what is far below breaks them */
	{ { 0x1p53, 1, 0x1p53, 1 }, 4, 0x1p52 + 0.5 },
	{ { 0x1p54, 2, 0x1p54 + 4, 2 }, 4, 0x1p53 + 2 },
	{ { 0x1p55, 4 }, 1, 0x1p55 },
	{ { 0x1p55, 4, LEAST }, 1, 0x1p55 + 8 },
	{ { -0x1p55, -4, -LEAST }, 1, -0x1p55 - 8 },
	{ { 0x1p55, 4, -LEAST }, 1, 0x1p55 },
};

/* A row of n numbers whose sum is one is over 1; all four are added. */
static void
test_rows(void)
{
	struct exactsum s;
	double mean;
	size_t i;
	int k;

	exactsum_init(&s);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		exactsum_clear(&s);
		for (k = 0; k < 4; k++)
			exactsum_add(&s, rows[i].v[k]);
		mean = exactsum_mean(&s, (uint64_t)rows[i].n);
		ok(mean == rows[i].mean && (mean != 0 || !signbit(mean)),
		    "row %zu: %a", i, mean);
	}
}

static void
test_integers(void)
{
	struct exactsum s;

	exactsum_init(&s);
	ok(exactsum_mean(&s, 5) == 0, "nothing");
	exactsum_add_int(&s, INT64_MAX);
	exactsum_add_int(&s, INT64_MIN);
	ok(exactsum_mean(&s, 2) == -0.5, "INT64_MAX and INT64_MIN");
	exactsum_clear(&s);
	exactsum_add_int(&s, (INT64_C(1) << 53) + 1);
	exactsum_add_int(&s, (INT64_C(1) << 53) + 3);
	ok(exactsum_mean(&s, 2) == 0x1p53 + 2, "beyond 2^53");
	exactsum_clear(&s);
	exactsum_add_int(&s, -3);
	exactsum_add(&s, 0.5);
	ok(exactsum_mean(&s, 1 << 30) == -0x1.4p-29, "over 2^30");
}

/* Any finite double, or one of a few sizes, so that sums cancel. */
static double
any(void)
{
	double d;
	uint64_t bits;

	if (draw(2) == 0)
		return ldexp((double)draw(1 << 20) - (1 << 19), (int)draw(80) - 40);
	do {
		bits = draw_bits();
		memcpy(&d, &bits, sizeof(d));
	} while (!isfinite(d));
	return d;
}

/* In any order, grouping and sign the same; n of one number have it as their mean. */
static void
test_order(void)
{
	enum { N = 50 };
	struct exactsum s, reverse, part[2];
	int round, i, bad = 0;
	double v[N];
	uint64_t n;

	draw_from(23);
	for (round = 0; round < 5000; round++) {
		exactsum_init(&s), exactsum_init(&reverse);
		exactsum_init(&part[0]), exactsum_init(&part[1]);
		for (i = 0; i < N; i++) {
			v[i] = any();
			exactsum_add(&s, v[i]);
			exactsum_add(&part[draw(2)], v[i]);
		}
		for (i = N - 1; i >= 0; i--)
			exactsum_add(&reverse, -v[i]);
		exactsum_merge(&part[0], &part[1]);
		n = 1 + draw(1000);
		bad += exactsum_mean(&s, n) != exactsum_mean(&part[0], n);
		bad += exactsum_mean(&s, n) != -exactsum_mean(&reverse, n);
		exactsum_clear(&s);
		for (i = 0; i < N; i++)
			exactsum_add(&s, v[0]);
		bad += exactsum_mean(&s, N) != v[0];
		/* A limb that is not cleared would show in the next sum. */
		exactsum_clear(&s);
		exactsum_add(&s, v[1]);
		bad += exactsum_mean(&s, 1) != v[1];
	}
	is_int(bad, 0, "5000 sums");
}

int
main(void)
{
	test_rows();
	test_integers();
	test_order();
	return done_testing();
}
