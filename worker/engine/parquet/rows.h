#ifndef WORKER_ENGINE_PARQUET_ROWS_H
#define WORKER_ENGINE_PARQUET_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/parquet/timeset.h"

/*
 * The rows of a piece, column by column, as they become Parquet (FORMAT.md, 3): what a
 * double holds, and texts of what it does not. They come in one of two ways: each
 * column by itself, with times (parquet_add() and then parquet_sort()), or row by row
 * (parquet_row()).
 */

/* What a double does not hold. */
struct parquet_other {
	uint32_t at;
	uint32_t offset, len;	/* of its text; PARQUET_NONE: none, it is not finite */
};
#define PARQUET_NONE UINT32_MAX

/* Values, ascending by `at`: the row, or the time until parquet_sort(). */
struct parquet_column {
	struct parquet_rows *rows;
	uint32_t *at;
	uint64_t *bits;			/* of doubles */
	size_t n, cap;
	struct parquet_other *others;
	size_t n_others, cap_others;
};

struct parquet_rows {
	struct parquet_column *columns;
	size_t n, cap;			/* columns */
	struct buf texts;		/* of all columns */
	struct timeset set;
	int64_t *times;			/* of the rows, Unix ms */
	size_t n_rows, cap_rows;
	bool steps;			/* points are counted elsewhere; see groups_write() */
};

/* Zeroed it is empty. parquet_rows_release(r): Free the memory. */
void parquet_rows_release(struct parquet_rows *r);

/*
 * parquet_rows_begin(r, columns, steps): No rows. Keeps some memory. Returns 0, -1: no
 * memory.
 * parquet_rows_keep(r): Let go of what is more than usual.
 */
int parquet_rows_begin(struct parquet_rows *r, size_t columns, bool steps);
void parquet_rows_keep(struct parquet_rows *r);

/*
 * parquet_add(c, p, at): A point, after those before: in the row, or at the time in ms
 * from what parquet_sort() is given, of which timeset_add() was told.
 * parquet_sort(r, base_ms): Times become rows.
 * parquet_row(r, t_ms): A row, the last one so far.
 * parquet_double(c, bits, at), parquet_other(c, text, len, at): As parquet_add().
 * All return 0, -1: no memory.
 */
int parquet_add(struct parquet_column *c, const struct point *p, uint32_t at);
int parquet_sort(struct parquet_rows *r, int64_t base_ms);
int parquet_row(struct parquet_rows *r, int64_t t_ms);
int parquet_other(struct parquet_column *c, const char *text, size_t len, uint32_t at);

/* parquet_holds(p): Whether a double holds it, of any point that is finite. */
static inline bool
parquet_holds(const struct point *p)
{
	const int64_t n = (int64_t)p->v.bits;

	return p->type == LEAF_DOUBLE || p->type == LEAF_INT32 ||
	    (p->type == LEAF_INT64 && n >= -(INT64_C(1) << 53) &&
	    n <= INT64_C(1) << 53);
}

int parquet_grow(struct parquet_column *c);

static inline int
parquet_double(struct parquet_column *c, uint64_t bits, uint32_t at)
{
	if (c->n == c->cap && parquet_grow(c) != 0)
		return -1;
	c->at[c->n] = at;
	c->bits[c->n++] = bits;
	return 0;
}

#endif
