/*
 * The fast path's writer: merges columns of text into rows. Knows no values: a
 * cell is a text, and an empty one was not finite. Most of the time goes into
 * copying cells, so that loop branches only for texts of more than 15 bytes.
 */
#include "worker/engine/rows/fastrows.h"

#include <stdlib.h>
#include <string.h>

#include "worker/engine/decode/fastread.h"
#include "worker/engine/decode/numtext.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/rows/csv.h"
#include "worker/engine/rows/timetext.h"

/* A column's next point; *t is INT32_MAX after the last. */
struct column_head {
	const int32_t *t;
	const struct cell_text *v;
};

static int32_t
smallest(const struct column_head *heads, size_t n)
{
	int32_t t = INT32_MAX;
	size_t i;

	for (i = 0; i < n; i++)
		t = *heads[i].t < t ? *heads[i].t : t;
	return t;
}

/*
 * Write the cells of the row of time t, and find the time of the row after it
 * in the same loop. Returns where the line continues.
 */
static inline char *
fastrows_cells(const struct column_text *columns, struct column_head *heads,
    size_t n, int32_t t, char *to, struct block *block, int32_t *next)
{
	size_t i, hit, len, points = 0, non_finite = 0;
	int32_t first = INT32_MAX;

	for (i = 0; i < n; i++) {
		struct column_head h = heads[i];

		*to++ = ',';
		hit = *h.t == t;
		len = h.v->len;
		if (len == CELL_TEXT_LONG && hit) {
			const char *text = column_text_long(&columns[i], h.v, &len);

			memcpy(to, text, len);
			to += len;
		} else {
			/* Copied always, counted on a hit: no branch. */
			memcpy(to, h.v, sizeof(*h.v));
			to += len & (0 - hit);
		}
		points += hit;
		non_finite += hit & (len == 0);
		h.t += hit;
		h.v += hit;
		heads[i] = h;
		first = *h.t < first ? *h.t : first;
	}
	block->points += points;
	block->non_finite += non_finite;
	*next = first;
	return to;
}

/*
 * Row by row until all columns are at their end marks. A block ends after the
 * row that fills it, and with the slice.
 */
static int
fastrows_write_all(struct column_text *columns, struct column_head *heads,
    size_t n, int64_t base_ms, const struct csv_style *style,
    struct blocks *b, struct deflater *d)
{
	/* The longest row, and what a cell's copy may write past its end. */
	const size_t room = TIMETEXT_ROOM + n * (NUMTEXT_SIZE + 1) +
	    CELL_TEXT_BYTES;
	struct block *open = blocks_open(b);
	int32_t t = smallest(heads, n), next;
	struct timetext time;
	uint8_t *at;
	char *to;

	timetext_init(&time, style->rfc3339);
	for (; t != INT32_MAX; t = next) {
		if (open == NULL || (at = buf_reserve(&b->text, room)) == NULL)
			return -1;
		to = (char *)at + timetext_put(&time, base_ms + t, (char *)at);
		to = fastrows_cells(columns, heads, n, t, to, open, &next);
		if (style->excel)
			*to++ = '\r';
		*to++ = '\n';
		b->text.len += (size_t)(to - (char *)at);
		block_row(open, base_ms + t);
		if (blocks_full(b)) {
			if (blocks_end(b, d) != 0)
				return -1;
			open = blocks_open(b);
		}
	}
	return blocks_end(b, d);
}

int
fastrows_write(struct column_text *columns, size_t n, int64_t base_ms,
    const struct csv_style *style, struct blocks *blocks,
    struct deflater *deflater)
{
	struct column_head *heads;
	size_t i;
	int rc;

	if ((heads = malloc((n + 1) * sizeof(*heads))) == NULL)
		return -1;
	for (i = 0; i < n; i++)
		heads[i] = (struct column_head){ columns[i].t, columns[i].v };
	rc = fastrows_write_all(columns, heads, n, base_ms, style, blocks,
	    deflater);
	free(heads);
	return rc;
}
