/* worker/spans: when a collection has its documents. */
#include "worker/spans.h"

#include <stdlib.h>

#include "t/tap.h"

#define HOURS (24 * 365 * 50)

static unsigned char there[HOURS];	/* documents of each hour */
static int64_t asked, keys;

static int
count(void *arg, int64_t from, int64_t to, int64_t *documents)
{
	(void)arg;
	asked++;
	*documents = 0;
	while (from < to)
		*documents += there[from++];
	keys += *documents;
	return 0;
}

static int
fails(void *arg, int64_t from, int64_t to, int64_t *documents)
{
	*documents = 1;
	return --*(int *)arg < 0 || from > to ? -1 : 0;
}

static int
find(int64_t from, int64_t to, struct catalogue_span *v, size_t *n)
{
	struct catalogue_span whole = { from, to, 0 };

	count(NULL, from, to, &whole.documents);
	asked = keys = 0;
	return spans_find(&whole, count, NULL, v, n);
}

/* What spans say of some hours. */
static double
estimate(const struct catalogue_span *v, size_t n, int64_t from, int64_t to)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		const int64_t a = from > v[i].from ? from : v[i].from;
		const int64_t b = to < v[i].to ? to : v[i].to;

		if (a < b)
			sum += (double)v[i].documents * (double)(b - a) /
			    (double)(v[i].to - v[i].from);
	}
	return sum;
}

static void
fill(int64_t from, int64_t to, int64_t step, unsigned char documents)
{
	for (; from < to; from += step)
		there[from] = documents;
}

static void
empty(void)
{
	fill(0, HOURS, 1, 0);
	asked = keys = 0;
}

/* The largest difference of a month from its true number, or from half a month: percent. */
static double
worst_month(const struct catalogue_span *v, size_t n, int64_t from, int64_t to)
{
	double worst = 0, off;
	int64_t have;

	for (; from + 720 <= to; from += 720) {
		count(NULL, from, from + 720, &have);
		off = estimate(v, n, from, from + 720) - (double)have;
		off = (off < 0 ? -off : off) / (have > 360 ? (double)have : 360);
		if (off > worst)
			worst = off;
	}
	return worst * 100;
}

int
main(void)
{
	struct catalogue_span v[CATALOGUE_SPANS];
	const int64_t first = 24 * 17000, year = 8760;
	int64_t i, spent;
	size_t n;
	int left = 3;

	empty();
	fill(first, first + year, 1, 1);
	is_int(find(first, first + year, v, &n), 0, "a year");
	ok(n == 1 && v[0].from == first && v[0].to == first + year && asked == 0,
	    "an hour each: one span, and no question");

	/* One document of 1970. */
	there[7] = 1;
	find(7, first + year, v, &n);
	spent = asked;
	ok(n >= 2 && v[0].documents == 1 && v[0].to - v[0].from <= 24,
	    "one of 1970 is a span of its own: %zu", n);
	ok(worst_month(v, n, first, first + year) < 5, "and changes no month");
	is_int((int64_t)(estimate(v, n, first + 720, first + 1440) + .5), 720,
	    "of which one has what it has");
	ok(spent < 80, "%d questions", (int)spent);

	/* A year in which every third month is missing. */
	empty();
	for (i = 0; i < 12; i++)
		if (i % 3 != 0)
			fill(first + i * 720, first + (i + 1) * 720, 1, 1);
	find(first + 720, first + 12 * 720, v, &n);
	ok(worst_month(v, n, first, first + 12 * 720) < 20, "months that are missing");

	/* One each two hours; six an hour. */
	empty();
	fill(first, first + year, 2, 1);
	find(first, first + year - 1, v, &n);
	is_int((int64_t)n, 1, "every other hour: one span");
	fill(first, first + year, 1, 6);
	find(first, first + year, v, &n);
	is_int((int64_t)n, 1, "six an hour: one span");
	ok(worst_month(v, n, first, first + year) < 1, "with six an hour");

	/* At first one, later four an hour. */
	fill(first, first + year / 2, 1, 1);
	fill(first + year / 2, first + year, 1, 4);
	find(first, first + year, v, &n);
	ok(worst_month(v, n, first, first + year) < 20 && n <= 4, "a change of rate: %zu spans", n);

	/* Work days only, eight hours each: too fine for spans, and fair for a month. */
	empty();
	for (i = 0; i < 365; i++)
		if (i % 7 < 5)
			fill(first + i * 24 + 8, first + i * 24 + 16, 1, 1);
	find(first + 8, first + 365 * 24 - 8, v, &n);
	spent = keys;
	ok(n <= CATALOGUE_SPANS && worst_month(v, n, first, first + year) < 20,
	    "work days: %zu spans", n);
	ok(spent <= 10 * 365 * 8, "%d keys counted for %d documents", (int)spent, 365 * 8 * 5 / 7);

	empty();
	find(first, first + year, v, &n);
	is_int((int64_t)n, 0, "no document");
	is_int(spans_find(&(struct catalogue_span){ first, first + year, 9 }, fails,
	    &left, v, &n), -1, "a question that fails");
	return done_testing();
}
