/*
 * Collects values. Knows what a double holds, and no bytes of Parquet.
 */
#include "worker/engine/parquet/rows.h"

#include <stdlib.h>
#include <string.h>

#include "worker/engine/decode/leaftext.h"
#include "worker/engine/decode/numtext.h"

#define FIRST 64
/* Values, and bytes of texts, that are kept for the next piece; of all columns. */
#define KEEP_VALUES ((size_t)512 * 1024)
#define KEEP_TEXTS ((size_t)512 * 1024)
#define TEXTS_MAX ((size_t)1 << 30)

static void
free_columns(struct parquet_rows *r)
{
	size_t i;

	for (i = 0; i < r->cap; i++) {
		free(r->columns[i].at);
		free(r->columns[i].bits);
		free(r->columns[i].others);
	}
	free(r->columns);
	r->columns = NULL;
	r->n = r->cap = 0;
}

void
parquet_rows_release(struct parquet_rows *r)
{
	free_columns(r);
	buf_release(&r->texts);
	timeset_release(&r->set);
	free(r->times);
	memset(r, 0, sizeof(*r));
}

int
parquet_rows_begin(struct parquet_rows *r, size_t columns, bool steps)
{
	struct parquet_column *v;
	size_t i;

	if (columns > r->cap) {
		if ((v = realloc(r->columns, columns * sizeof(*v))) == NULL)
			return -1;
		memset(v + r->cap, 0, (columns - r->cap) * sizeof(*v));
		r->columns = v;
		r->cap = columns;
	}
	r->n = columns;
	for (i = 0; i < columns; i++) {
		r->columns[i].rows = r;
		r->columns[i].n = r->columns[i].n_others = 0;
	}
	r->texts.max = TEXTS_MAX;
	r->texts.len = 0;
	r->n_rows = 0;
	r->steps = steps;
	return 0;
}

void
parquet_rows_keep(struct parquet_rows *r)
{
	size_t i, values = 0;

	for (i = 0; i < r->cap; i++)
		values += r->columns[i].cap + r->columns[i].cap_others;
	if (values > KEEP_VALUES)
		free_columns(r);
	if (r->texts.cap > KEEP_TEXTS)
		buf_release(&r->texts);
	if (r->cap_rows > KEEP_VALUES) {
		free(r->times);
		r->times = NULL;
		r->cap_rows = 0;
	}
}

int
parquet_grow(struct parquet_column *c)
{
	const size_t cap = c->cap ? c->cap * 2 : FIRST;
	uint64_t *bits;
	uint32_t *at;

	if ((at = realloc(c->at, cap * sizeof(*at))) == NULL)
		return -1;
	c->at = at;
	if ((bits = realloc(c->bits, cap * sizeof(*bits))) == NULL)
		return -1;
	c->bits = bits;
	c->cap = cap;
	return 0;
}

static int
add_other(struct parquet_column *c, uint32_t at, size_t offset, uint32_t len)
{
	const size_t cap = c->cap_others ? c->cap_others * 2 : FIRST;
	struct parquet_other *v;

	if (c->n_others == c->cap_others) {
		if ((v = realloc(c->others, cap * sizeof(*v))) == NULL)
			return -1;
		c->others = v;
		c->cap_others = cap;
	}
	c->others[c->n_others++] = (struct parquet_other){ at, (uint32_t)offset,
	    len };
	return 0;
}

int
parquet_other(struct parquet_column *c, const char *text, size_t len, uint32_t at)
{
	struct buf *texts = &c->rows->texts;
	const size_t offset = texts->len;

	return buf_add(texts, text, len) != 0 ? -1 :
	    add_other(c, at, offset, (uint32_t)len);
}

/* What a double does not hold. */
static int
add_text(struct parquet_column *c, const struct point *p, uint32_t at)
{
	char text[LEAFTEXT_SIZE];

	_Static_assert(LEAFTEXT_SIZE >= NUMTEXT_SIZE, "room for any of them");
	switch (p->type) {
	case LEAF_STRING:
		return parquet_other(c, (const char *)p->v.ref + 4,
		    le32(p->v.ref) - 1, at);
	case LEAF_BOOL:
		return parquet_other(c, text, leaftext_bool(p->v.bits, text), at);
	case LEAF_DECIMAL128:
		return parquet_other(c, text, leaftext_decimal128(p->v.ref, text),
		    at);
	default:
		return parquet_other(c, text, numtext_int((int64_t)p->v.bits, text),
		    at);
	}
}

int
parquet_add(struct parquet_column *c, const struct point *p, uint32_t at)
{
	uint64_t bits = p->v.bits;
	double d;

	if (!point_is_finite(p))
		return add_other(c, at, 0, PARQUET_NONE);
	if (!parquet_holds(p))
		return add_text(c, p, at);
	if (p->type != LEAF_DOUBLE) {
		d = (double)(int64_t)bits;
		memcpy(&bits, &d, sizeof(bits));
	}
	return parquet_double(c, bits, at);
}

static int
reserve_rows(struct parquet_rows *r, size_t n)
{
	size_t cap = r->cap_rows ? r->cap_rows : FIRST;
	int64_t *times;

	if (n <= r->cap_rows)
		return 0;
	while (cap < n)
		cap *= 2;
	if ((times = realloc(r->times, cap * sizeof(*times))) == NULL)
		return -1;
	r->times = times;
	r->cap_rows = cap;
	return 0;
}

int
parquet_row(struct parquet_rows *r, int64_t t_ms)
{
	if (reserve_rows(r, r->n_rows + 1) != 0)
		return -1;
	r->times[r->n_rows++] = t_ms;
	return 0;
}

int
parquet_sort(struct parquet_rows *r, int64_t base_ms)
{
	struct parquet_column *c;
	size_t i, k, points = 0;

	for (i = 0; i < r->n; i++)
		points += r->columns[i].n + r->columns[i].n_others;
	if (reserve_rows(r, points) != 0)
		return -1;
	r->n_rows = timeset_list(&r->set, base_ms, r->times);
	for (i = 0; i < r->n; i++) {
		c = &r->columns[i];
		for (k = 0; k < c->n; k++)
			c->at[k] = timeset_place(&r->set, c->at[k]);
		for (k = 0; k < c->n_others; k++)
			c->others[k].at = timeset_place(&r->set, c->others[k].at);
	}
	return 0;
}
