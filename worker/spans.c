/*
 * When a collection has its documents: halves what is uneven, until the parts are even.
 * Knows no database.
 */
#include "worker/spans.h"

#include <stdbool.h>
#include <string.h>

/* What is shorter is taken for even. */
#define SHORT_HOURS 24
/* Documents an hour that differ less are the same. */
#define SAME_PART 0.1

static double
rate_of(const struct catalogue_span *s)
{
	return (double)s->documents / (double)(s->to - s->from);
}

/* One an hour, as usual: nothing is missing, and none is too many. */
static bool
is_usual(const struct catalogue_span *s)
{
	const double rate = rate_of(s);

	return rate >= 1 - SAME_PART && rate <= 1 + SAME_PART;
}

static bool
is_even(const struct catalogue_span *s)
{
	return s->to - s->from <= SHORT_HOURS || is_usual(s);
}

/* The longest of those that are uneven, or n. */
static size_t
longest_uneven(const struct catalogue_span *v, size_t n)
{
	size_t i, at = n;

	for (i = 0; i < n; i++)
		if (!is_even(&v[i]) && (at == n ||
		    v[i].to - v[i].from > v[at].to - v[at].from))
			at = i;
	return at;
}

/* v[at] becomes these two, of which an empty one is left out. */
static size_t
put_halves(struct catalogue_span *v, size_t n, size_t at,
    const struct catalogue_span *left, const struct catalogue_span *right)
{
	const struct catalogue_span *halves[] = { left, right };
	const size_t k = (left->documents > 0) + (right->documents > 0);
	size_t i, j = at;

	memmove(&v[at + k], &v[at + 1], (n - at - 1) * sizeof(*v));
	for (i = 0; i < 2; i++)
		if (halves[i]->documents > 0)
			v[j++] = *halves[i];
	return n - 1 + k;
}

/* Neighbours with the same rate are one; usual ones as soon as they are found. */
static size_t
join(struct catalogue_span *v, size_t n, bool usual)
{
	size_t i, k = 0;

	for (i = 1; i < n; i++) {
		const double a = rate_of(&v[k]), b = rate_of(&v[i]);

		if (v[k].to == v[i].from && (usual ?
		    is_usual(&v[k]) && is_usual(&v[i]) :
		    a - b <= SAME_PART * a && b - a <= SAME_PART * a)) {
			v[k].to = v[i].to;
			v[k].documents += v[i].documents;
		} else {
			v[++k] = v[i];
		}
	}
	return n == 0 ? 0 : k + 1;
}

int
spans_find(const struct catalogue_span *whole,
    int (*count)(void *arg, int64_t from, int64_t to, int64_t *documents),
    void *arg, struct catalogue_span *v, size_t *n)
{
	struct catalogue_span left, right;
	size_t at;

	v[0] = *whole;
	if (!is_even(whole) &&
	    count(arg, whole->from, whole->to, &v[0].documents) != 0)
		return -1;
	*n = v[0].documents > 0;
	/* Two halves take one place more. */
	while (*n < CATALOGUE_SPANS && (at = longest_uneven(v, *n)) < *n) {
		left = right = v[at];
		left.to = right.from = left.from + (left.to - left.from) / 2;
		if (count(arg, left.from, left.to, &left.documents) != 0 ||
		    count(arg, right.from, right.to, &right.documents) != 0)
			return -1;
		*n = join(v, put_halves(v, *n, at, &left, &right), true);
	}
	*n = join(v, *n, false);
	return 0;
}
