#ifndef WORKER_ENGINE_ROWS_BINS_H
#define WORKER_ENGINE_ROWS_BINS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the numbers of a column are like over time: count, smallest, largest and sum
 * of all of them in each of BINS equal parts of a range. A number is an int32, int64,
 * double or Decimal128, as the nearest double; bools, texts, NaN and infinities (also
 * a Decimal128 beyond all doubles) are none.
 *
 * Sums do not depend on how the numbers came together: what is usual, whole numbers
 * below 10^8 and those below 99,999 with up to three decimals, is added as thousandths;
 * each other number is cut, toward zero, to a multiple of 2^-62 (nothing is cut off from
 * 2^-10 up). Both are added as integers, each of the two is rounded to a double in the
 * end, and the sum is that of these. With a number of 2^60 or more, a bin has no sum.
 */
#define BINS 240
#define BIN_INTS_BELOW 1e8
#define BIN_MILLI_BELOW 99999
#define BIN_SUM_BELOW 0x1p60
#define BIN_PART_BITS 62

__extension__ typedef __int128 bin_int;

/* No sum of it overflows with a number for each ms of centuries. */
struct bin {
	uint64_t n;
	double min, max;	/* with n > 0 */
	int64_t ints, milli;	/* usual numbers: ints + milli / 1000 */
	bin_int whole, part;	/* the others: whole + part / 2^62 */
	bool large;		/* no sum */
};

/* bin_empty(b): As it begins. bin_merge(b, from): Add what another has. */
void bin_empty(struct bin *b);
void bin_merge(struct bin *b, const struct bin *from);

/* bin_add(b, d): Any finite number. bin_sum(b, sum): Returns whether there is one. */
void bin_add(struct bin *b, double d);
bool bin_sum(const struct bin *b, double *sum);

static inline void
bin_count(struct bin *b, double d)
{
	b->n++;
	b->min = d < b->min ? d : b->min;
	b->max = d > b->max ? d : b->max;
}

/*
 * The same for those that the fast path has recognised: bin_add_int(b, n): below
 * BIN_INTS_BELOW. bin_add_milli(b, d): what numtext_small_double() takes.
 */
static inline void
bin_add_int(struct bin *b, int64_t n)
{
	bin_count(b, (double)n);
	b->ints += n;
}

static inline void
bin_add_milli(struct bin *b, double d)
{
	const int64_t m = (uint32_t)(fabs(d) * 1000 + 0.5);

	bin_count(b, d);
	b->milli += d < 0 ? -m : m;
}

/* Bins `first` to first + n - 1 of the range, of each column; the struct is its holder's. */
struct bins {
	int64_t from_ms, to_ms;	/* what BINS are the parts of, half-open */
	size_t columns;
	int first, n;
	struct bin *v;		/* column by column */
};

/*
 * bins_init(b, from_ms, to_ms, columns, begin_ms, end_ms): Of the range [from_ms,
 * to_ms), those bins that [begin_ms, end_ms) touches, empty. Returns 0, -1: no memory.
 * bins_clear(b): All empty again. bins_release(b): Free the memory.
 * bins_merge(to, from): Add what another of the same range has; columns and bins that
 * only one has are left out.
 */
int bins_init(struct bins *b, int64_t from_ms, int64_t to_ms, size_t columns,
    int64_t begin_ms, int64_t end_ms);
void bins_clear(struct bins *b);
void bins_release(struct bins *b);
void bins_merge(struct bins *to, const struct bins *from);

/* bins_at(b, column, i): Bin i of the range, of BINS; NULL: it does not have it. */
struct bin *bins_at(const struct bins *b, size_t column, int i);

/* bins_add(b, column, t_ms, d): What it does not have bins for is left out. */
void bins_add(struct bins *b, size_t column, int64_t t_ms, double d);

/* A place in one column, for numbers whose times ascend; t is in ms from base_ms. */
struct bin_cursor {
	struct bins *bins;	/* NULL: nothing is to be counted */
	size_t column;
	int64_t base_ms;
	struct bin *bin;	/* of the number before, and where it ends */
	int64_t end;
	struct bin none;	/* takes what there is no bin for */
};

/* bin_cursor_begin(c, bins, column, base_ms): bins may be NULL, or lack the column. */
void bin_cursor_begin(struct bin_cursor *c, struct bins *bins, size_t column,
    int64_t base_ms);

/* bin_cursor_move(c, t): Set bin and end. */
void bin_cursor_move(struct bin_cursor *c, int64_t t);

/* bin_cursor_at(c, t): The bin of this time; c->bins is not NULL. */
static inline struct bin *
bin_cursor_at(struct bin_cursor *c, int64_t t)
{
	if (t >= c->end)
		bin_cursor_move(c, t);
	return c->bin;
}

#endif
