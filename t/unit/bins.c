/* Bins: which bin, what is counted, and sums against arithmetic that is exact. */
#include "worker/engine/rows/bins.h"


#include "t/tap.h"
#include "t/unit/draw.h"

static const struct {
	double v[4];
	int n;
	double min, max, sum;
} rows[] = {
	{ { 2.5 }, 1, 2.5, 2.5, 2.5 },
	{ { -2.5 }, 1, -2.5, -2.5, -2.5 },
	{ { 0.1, 0.2, 0.3 }, 3, 0.1, 0.3, 0.6 },
	{ { 0.1, 0.2, -0.3 }, 3, -0.3, 0.2, 0 },
	{ { 99998.999, 0.001 }, 2, 0.001, 99998.999, 99999 },
	{ { -99999999, -1 }, 2, -99999999, -1, -1e8 },
	/* more decimals: doubles */
	{ { 0.0001, 0.0002, -0.0003 }, 3, -0.0003, 0.0002, -0x1p-62 },
	{ { 1e8, 0.1 }, 2, 0.1, 1e8, 100000000.1 },
	{ { 1e15, 0.0625, -1e15 }, 3, -1e15, 1e15, 0.0625 },
	{ { 1, -0.25, -0.75 }, 3, -0.75, 1, 0 },
	{ { -1, 0.25 }, 2, -1, 0.25, -0.75 },
	{ { 0x1p59, 1, 0x1p59, 1 }, 4, 1, 0x1p59, 0x1p60 },
	/* a tie goes to even, and what is below it breaks it */
	{ { 0x1p53, 1 }, 2, 1, 0x1p53, 0x1p53 },
	{ { 0x1p53, 0x1.0000002p0, -0x1p-27 }, 3, -0x1p-27, 0x1p53, 0x1p53 },
	{ { 0x1p53, 0x1.0000001p0 }, 2, 0x1.0000001p0, 0x1p53, 0x1p53 + 2 },
	{ { -0x1p53, -0x1.0000001p0 }, 2, -0x1p53, -0x1.0000001p0, -0x1p53 - 2 },
	{ { 0x1p53 + 2, 0x1.8p27, 0x1.8p27 }, 3, 0x1.8p27, 0x1p53 + 2, 0x1p53 + 0x1.8p28 + 2 },
	/* cut toward zero at 2^-62 */
	{ { 0x1p-62, 0x1.8p-62 }, 2, 0x1p-62, 0x1.8p-62, 0x1p-61 },
	{ { -0x1.8p-62, 0x1p-63 }, 2, -0x1.8p-62, 0x1p-63, -0x1p-62 },
};

static void
test_rows(void)
{
	struct bin b;
	size_t i;
	double sum;
	int k;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bin_empty(&b);
		for (k = 0; k < rows[i].n; k++)
			bin_add(&b, rows[i].v[k]);
		k = bin_sum(&b, &sum);
		ok(k && b.n == (uint64_t)rows[i].n && b.min == rows[i].min &&
		    b.max == rows[i].max && sum == rows[i].sum, "row %zu: %.17g", i, sum);
	}
	bin_empty(&b);
	bin_add(&b, 1);
	bin_add(&b, -0x1p60);
	ok(b.min == -0x1p60 && !bin_sum(&b, &sum), "too large for a sum");
	bin_empty(&b);
	ok(bin_sum(&b, &sum) && sum == 0 && b.n == 0, "nothing");
}

/* In any order and grouping the same; of thousandths, what integers give. */
static void
test_order(void)
{
	enum { N = 1000 };
	static double v[N];
	struct bin one, part[3], all;
	int64_t sum_8 = 0;
	size_t bad = 0, i;
	double a, b, d;
	int round;

	draw_from(22);
	for (round = 0; round < 300; round++) {
		bin_empty(&one);
		bin_empty(&all);
		for (i = 0; i < 3; i++)
			bin_empty(&part[i]);
		for (i = 0; i < N; i++) {
			v[i] = ldexp((double)draw(INT32_MAX) - 0x1p30,
			    (int)draw(70) - 40);
			bin_add(&one, v[i]);
		}
		for (i = N; i-- > 0; )
			bin_add(&part[draw(3)], v[i]);
		for (i = 0; i < 3; i++)
			bin_merge(&all, &part[i]);
		bad += !bin_sum(&one, &a) || !bin_sum(&all, &b) || a != b ||
		    one.min != all.min || one.max != all.max || all.n != N;
	}
	is_int((int64_t)bad, 0, "sums do not depend on order or grouping");
	bin_empty(&one);
	for (i = 0; i < N; i++) {
		const int64_t n = (int64_t)draw(2000000000) - 1000000000;

		sum_8 += n;
		bin_add(&one, (double)n / 8);
	}
	ok(bin_sum(&one, &d) && d == (double)sum_8 / 8, "and are right");
}

static bool
same(const struct bin *a, const struct bin *b)
{
	return a->n == b->n && a->min == b->min && a->max == b->max &&
	    a->ints == b->ints && a->milli == b->milli &&
	    a->whole == b->whole && a->part == b->part && a->large == b->large;
}

/* Each ms is in the bin that the division says, with a cursor and without. */
static void
test_times(int64_t from, int64_t to)
{
	struct bins by_add, by_cursor, some;
	struct bin_cursor c;
	int64_t t, step = (to - from) / 5000 + 1;
	size_t bad = 0;
	int i;

	bins_init(&by_add, from, to, 2, from, to);
	bins_init(&by_cursor, from, to, 2, from, to);
	bins_init(&some, from, to, 2, from + (to - from) / 3, to - (to - from) / 3);
	bin_cursor_begin(&c, &by_cursor, 1, from - 77);
	for (t = from; t < to; t += step) {
		i = (int)((t - from) * BINS / (to - from));
		bad += bins_at(&by_add, 1, i) == NULL;
		bins_add(&by_add, 1, t, (double)t);
		bins_add(&some, 1, t, (double)t);
		bin_add(bin_cursor_at(&c, t - (from - 77)), (double)t);
		bad += bins_at(&by_add, 1, i)->max != (double)t;
	}
	bins_add(&by_add, 1, from - 1, 1), bins_add(&by_add, 1, to, 1);
	bins_add(&by_add, 2, from, 1);
	for (i = 0; i < 2 * by_add.n; i++)
		bad += !same(&by_add.v[i], &by_cursor.v[i]);
	bad += bins_at(&by_add, 0, 0)->n != 0;
	is_int((int64_t)bad, 0, "%lld ms from %lld", (long long)(to - from),
	    (long long)from);
	bad = 0;
	for (i = 0; i < BINS; i++)
		if (bins_at(&some, 1, i) != NULL && i > some.first &&
		    i < some.first + some.n - 1)
			bad += bins_at(&some, 1, i)->n != bins_at(&by_add, 1, i)->n;
	bad += bins_at(&some, 1, some.first - 1) != NULL;
	is_int((int64_t)bad, 0, "and of a part of it, %d bins", some.n);
	bins_clear(&by_cursor);
	bins_merge(&by_cursor, &some);
	bins_merge(&by_cursor, &some);
	is_int((int64_t)bins_at(&by_cursor, 1, some.first)->n,
	    2 * (int64_t)bins_at(&some, 1, some.first)->n, "merged twice");
	bins_release(&by_add), bins_release(&by_cursor), bins_release(&some);
}

int
main(void)
{
	struct bin_cursor c;

	test_rows();
	test_order();
	test_times(0, 240);
	test_times(0, 1);
	test_times(5, 12);
	test_times(-3000, 86400000);
	test_times(INT64_C(1543536000123), INT64_C(1575072000000));
	test_times(0, INT64_C(4102444800000));
	bin_cursor_begin(&c, NULL, 0, 0);
	ok(c.bins == NULL, "a cursor of nothing");
	return done_testing();
}
