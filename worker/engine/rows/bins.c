/*
 * Count, smallest, largest and exact sum of numbers, by parts of a range of time.
 * Knows no documents, no rows and no JSON.
 */
#include "worker/engine/rows/bins.h"

#include <stdlib.h>
#include <string.h>

#define PART_ONE ((bin_int)1 << BIN_PART_BITS)

void
bin_empty(struct bin *b)
{
	*b = (struct bin){ .min = INFINITY, .max = -INFINITY };
}

void
bin_merge(struct bin *b, const struct bin *from)
{
	b->n += from->n;
	b->min = from->min < b->min ? from->min : b->min;
	b->max = from->max > b->max ? from->max : b->max;
	b->ints += from->ints;
	b->milli += from->milli;
	b->whole += from->whole;
	b->part += from->part;
	b->large = b->large || from->large;
}

void
bin_add(struct bin *b, double d)
{
	const double x = fabs(d);
	int64_t whole;

	if (x < BIN_INTS_BELOW && (double)(int64_t)d == d) {
		bin_add_int(b, (int64_t)d);
		return;
	}
	if (x < BIN_MILLI_BELOW && (double)(uint32_t)(x * 1000 + 0.5) / 1000 == x) {
		bin_add_milli(b, d);
		return;
	}
	bin_count(b, d);
	if (!(x < BIN_SUM_BELOW)) {
		b->large = true;
		return;
	}
	whole = (int64_t)d;
	b->whole += whole;
	b->part += (int64_t)((d - (double)whole) * 0x1p62);
}

static int
bits_of(bin_int n)
{
	int bits = 0;

	for (; n > 0; n >>= 1)
		bits++;
	return bits;
}

/*
 * The nearest double of whole + part / 2^62, both >= 0, part below 2^62. The highest
 * 64 bits decide, with all below them as one that is set where any of them is: a
 * double has 53, so more than one bit is left to round by.
 */
static double
rounded(bin_int whole, uint64_t part)
{
	const int over = bits_of(whole) - (64 - BIN_PART_BITS);
	uint64_t high;
	bool rest;

	if (over <= 0)
		return ldexp((double)((uint64_t)whole << BIN_PART_BITS | part),
		    -BIN_PART_BITS);
	if (over <= BIN_PART_BITS) {
		high = (uint64_t)(whole << (BIN_PART_BITS - over)) | part >> over;
		rest = (part & ((UINT64_C(1) << over) - 1)) != 0;
	} else {
		high = (uint64_t)(whole >> (over - BIN_PART_BITS));
		rest = part != 0 ||
		    (bin_int)high << (over - BIN_PART_BITS) != whole;
	}
	return ldexp((double)(high | rest), over - BIN_PART_BITS);
}

/* The nearest double of whole + part / 2^62. */
static double
sum_of_others(const struct bin *b)
{
	bin_int whole = b->whole + (b->part >> BIN_PART_BITS);
	bin_int part = b->part & (PART_ONE - 1);
	const bool negative = whole < 0;
	double sum;

	if (negative) {
		whole = -whole - (part > 0);
		part = part > 0 ? PART_ONE - part : 0;
	}
	sum = rounded(whole, (uint64_t)part);
	return negative ? -sum : sum;
}

bool
bin_sum(const struct bin *b, double *sum)
{
	*sum = (double)((bin_int)b->ints * 1000 + b->milli) / 1000 +
	    sum_of_others(b);
	return !b->large;
}

/* Which part of the range a time in it is in. */
static int
index_of(const struct bins *b, int64_t t_ms)
{
	return (int)((t_ms - b->from_ms) * BINS / (b->to_ms - b->from_ms));
}

int
bins_init(struct bins *b, int64_t from_ms, int64_t to_ms, size_t columns,
    int64_t begin_ms, int64_t end_ms)
{
	*b = (struct bins){ .from_ms = from_ms, .to_ms = to_ms, .columns = columns };
	if (begin_ms < from_ms)
		begin_ms = from_ms;
	if (end_ms > to_ms)
		end_ms = to_ms;
	if (begin_ms < end_ms) {
		b->first = index_of(b, begin_ms);
		b->n = index_of(b, end_ms - 1) - b->first + 1;
	}
	b->v = malloc((columns * (size_t)b->n + 1) * sizeof(*b->v));
	if (b->v == NULL)
		return -1;
	bins_clear(b);
	return 0;
}

void
bins_clear(struct bins *b)
{
	size_t i;

	for (i = 0; i < b->columns * (size_t)b->n; i++)
		bin_empty(&b->v[i]);
}

void
bins_release(struct bins *b)
{
	free(b->v);
	memset(b, 0, sizeof(*b));
}

struct bin *
bins_at(const struct bins *b, size_t column, int i)
{
	if (column >= b->columns || i < b->first || i - b->first >= b->n)
		return NULL;
	return &b->v[column * (size_t)b->n + (size_t)(i - b->first)];
}

void
bins_merge(struct bins *to, const struct bins *from)
{
	struct bin *bin;
	size_t c;
	int i;

	for (c = 0; c < from->columns; c++)
		for (i = from->first; i < from->first + from->n; i++)
			if ((bin = bins_at(to, c, i)) != NULL)
				bin_merge(bin, bins_at(from, c, i));
}

void
bins_add(struct bins *b, size_t column, int64_t t_ms, double d)
{
	struct bin *bin;

	if (t_ms < b->from_ms || t_ms >= b->to_ms ||
	    (bin = bins_at(b, column, index_of(b, t_ms))) == NULL)
		return;
	bin_add(bin, d);
}

void
bin_cursor_begin(struct bin_cursor *c, struct bins *bins, size_t column,
    int64_t base_ms)
{
	*c = (struct bin_cursor){ .column = column, .base_ms = base_ms,
	    .end = INT64_MIN };
	bin_empty(&c->none);
	if (bins != NULL && column < bins->columns)
		c->bins = bins;
}

void
bin_cursor_move(struct bin_cursor *c, int64_t t)
{
	const struct bins *b = c->bins;
	const int64_t t_ms = c->base_ms + t, width = b->to_ms - b->from_ms;
	int i;

	c->bin = &c->none;
	c->end = t + 1;
	if (t_ms < b->from_ms || t_ms >= b->to_ms)
		return;
	i = index_of(b, t_ms);
	if ((c->bin = bins_at(b, c->column, i)) == NULL)
		c->bin = &c->none;
	/* The first ms of the next one: rounded up. */
	c->end = b->from_ms + ((i + 1) * width + BINS - 1) / BINS - c->base_ms;
}
