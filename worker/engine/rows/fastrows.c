/*
 * The fast path's writer: merges columns of text into rows. Knows no values: a
 * cell is a text, and an empty one was not finite. Takes the points in the
 * order of rows, one by one, so an empty cell costs its comma and no more,
 * however wide the vehicle.
 */
#include "worker/engine/rows/fastrows.h"

#include <stdlib.h>
#include <string.h>

#include "worker/engine/decode/fastread.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/rows/csv.h"
#include "worker/engine/rows/periods.h"
#include "worker/engine/rows/timetext.h"

/*
 * A point's place among all: its time, made unsigned, above its column. Smaller
 * ones come first, and no two are equal.
 */
#define KEY_BIAS UINT32_C(0x80000000)
#define KEY_END ((uint64_t)(INT32_MAX ^ KEY_BIAS) << 32)

/* Separators are written this many at a time, over what comes after them. */
#define COMMAS 16

/*
 * What a row needs in addition to its time, n commas and n short texts: CRLF,
 * and what the last comma and the last text may write past their ends.
 */
#define ROW_SPARE (2 + COMMAS + sizeof(struct cell_text))

/* A column's next point. */
struct column_head {
	const int32_t *t;
	const struct cell_text *v;
};

/*
 * A tournament of the columns' next points: leaf i, of `leaves`, a power of
 * two, is column i. tree[0] is the smallest key, each other node the larger of
 * the two that met there.
 */
struct tournament {
	const struct column_text *columns;
	struct column_head *heads;
	uint64_t *tree;
	size_t n, leaves;
};

static uint64_t
key_of(int32_t t, size_t column)
{
	return (uint64_t)((uint32_t)t ^ KEY_BIAS) << 32 | column;
}

static int32_t
key_time(uint64_t key)
{
	return (int32_t)((uint32_t)(key >> 32) ^ KEY_BIAS);
}

/*
 * Let key play from the leaf of its column to the root. Both results of a match
 * are stored without a branch, which could not be predicted.
 */
static inline void
tournament_play(struct tournament *m, uint64_t key)
{
	size_t node = (m->leaves + (uint32_t)key) >> 1;
	uint64_t other;

	for (; node > 0; node >>= 1) {
		other = m->tree[node];
		m->tree[node] = other > key ? other : key;
		key = other > key ? key : other;
	}
	m->tree[0] = key;
}

/* The point of this key was written: its column's next one plays. */
static inline void
tournament_next(struct tournament *m, uint64_t key)
{
	struct column_head *h = &m->heads[(uint32_t)key];

	h->t++;
	h->v++;
	tournament_play(m, key_of(*h->t, (uint32_t)key));
}

static void
tournament_free(struct tournament *m)
{
	free(m->heads);
	free(m->tree);
}

/*
 * All nodes begin as key 0, which wins every match; so after each leaf has
 * played once, those are out. Leaves without a column never end a row.
 */
static int
tournament_init(struct tournament *m, const struct column_text *columns,
    size_t n)
{
	size_t i;

	*m = (struct tournament){ .columns = columns, .n = n, .leaves = 1 };
	while (m->leaves < n)
		m->leaves *= 2;
	m->heads = calloc(n + 1, sizeof(*m->heads));
	m->tree = calloc(m->leaves, sizeof(*m->tree));
	if (m->heads == NULL || m->tree == NULL) {
		tournament_free(m);
		return -1;
	}
	for (i = 0; i < n; i++)
		m->heads[i] = (struct column_head){ columns[i].t, columns[i].v };
	for (i = 0; i < m->leaves; i++)
		tournament_play(m, key_of(i < n ? *m->heads[i].t : INT32_MAX, i));
	return 0;
}

/* Rows go to text, in which a row of short texts always has room. */
struct rows {
	struct tournament merge;
	struct timetext time;
	int64_t base_ms;
	const struct periods *periods;
	bool excel;
	char commas[COMMAS];	/* or semicolons */
	struct buf *text;
	size_t room;		/* of the longest row of short texts */
};

/* n separators; COMMAS bytes may change. */
static inline char *
put_commas(const struct rows *r, char *to, size_t n)
{
	memcpy(to, r->commas, COMMAS);
	if (n > COMMAS)
		memset(to + COMMAS, r->commas[0], n - COMMAS);
	return to + n;
}

/*
 * A text of longer, for which the room is made here, and that for what may
 * follow it in the row. Returns where the row continues, NULL: no memory.
 */
static char *
put_long(struct rows *r, char *to, const struct column_text *column,
    const struct cell_text *v)
{
	const char *text;
	size_t len;

	text = celltext_long(v, &column->longer, &len);
	r->text->len = (size_t)(to - (char *)r->text->data);
	if ((to = (char *)buf_reserve(r->text, len + r->room)) == NULL)
		return NULL;
	memcpy(to, text, len);
	return to + len;
}

/* Room for a row of short texts, mostly without a call. */
static inline int
make_room(struct rows *r)
{
	if (r->text->cap - r->text->len >= r->room)
		return 0;
	return buf_reserve(r->text, r->room) != NULL ? 0 : -1;
}

/*
 * Write the row of the smallest key at the end of the text. *points and
 * *non_finite count its cells.
 */
static inline int
put_row(struct rows *r, uint64_t *points, uint64_t *non_finite)
{
	struct tournament *m = &r->merge;
	uint64_t key = m->tree[0];
	const uint64_t row = key >> 32;
	const struct cell_text *v;
	size_t written = 0, column;
	char *to = (char *)r->text->data + r->text->len;

	to += timetext_put(&r->time, r->base_ms + key_time(key), to);
	do {
		column = (uint32_t)key;
		v = m->heads[column].v;
		tournament_next(m, key);
		to = put_commas(r, to, column + 1 - written);
		written = column + 1;
		if (v->len != CELL_TEXT_LONG) {
			memcpy(to, v, sizeof(*v));
			to += v->len;
		} else if ((to = put_long(r, to, &m->columns[column], v)) ==
		    NULL) {
			return -1;
		}
		++*points;
		*non_finite += v->len == 0;
		key = m->tree[0];
	} while (key >> 32 == row);
	to = put_commas(r, to, m->n - written);
	if (r->excel)
		*to++ = '\r';
	*to++ = '\n';
	r->text->len = (size_t)(to - (char *)r->text->data);
	return 0;
}

/* Rows up to the one that fills the open block, or the last of its period. */
static int
put_block(struct rows *r, struct blocks *b)
{
	struct block *open = blocks_open(b);
	uint64_t points = 0, non_finite = 0, end = KEY_END;
	int64_t end_ms;

	if (open == NULL)
		return -1;
	end_ms = periods_end(r->periods, r->base_ms +
	    key_time(r->merge.tree[0])) - r->base_ms;
	if (end_ms < INT32_MAX)
		end = key_of((int32_t)end_ms, 0);
	while (r->merge.tree[0] < end && !blocks_full(b)) {
		block_row(open, r->base_ms + key_time(r->merge.tree[0]));
		if (make_room(r) != 0 ||
		    put_row(r, &points, &non_finite) != 0)
			return -1;
	}
	open->points += points;
	open->non_finite += non_finite;
	return 0;
}

int
fastrows_write(struct column_text *columns, size_t n, int64_t base_ms,
    const struct csv_style *style, struct blocks *blocks,
    struct deflater *deflater)
{
	struct rows r = { .base_ms = base_ms, .excel = style->excel,
	    .periods = style->periods,
	    .text = &blocks->text,
	    .room = TIMETEXT_ROOM + n * (1 + CELL_TEXT_BYTES) + ROW_SPARE };
	int rc = 0;

	if (tournament_init(&r.merge, columns, n) != 0)
		return -1;
	timetext_init(&r.time, style);
	memset(r.commas, csv_separator(style), sizeof(r.commas));
	while (rc == 0 && r.merge.tree[0] < KEY_END) {
		rc = put_block(&r, blocks);
		if (rc == 0)
			rc = blocks_end(blocks, deflater);
	}
	tournament_free(&r.merge);
	return rc;
}
