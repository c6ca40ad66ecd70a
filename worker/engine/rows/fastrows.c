#include "worker/engine/rows/fastrows.h"

#include <stdlib.h>
#include <string.h>

#include "worker/engine/decode/fastread.h"
#include "worker/engine/decode/numtext.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/rows/csv.h"
#include "worker/engine/rows/timetext.h"

/* Where a lane is. t is the next point's time, INT32_MAX behind the last. */
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
 * The cells of the row of time t, and into *next the time of the row behind it;
 * returns where the line goes on.
 */
static inline char *
fastrows_cells(const struct column_text *columns, struct column_head *heads, size_t n, int32_t t,
    char *to, struct block *block, int32_t *next)
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
			/* Copied even when it is not its turn: no branch. */
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

static int
fastrows_write_all(struct column_text *columns, struct column_head *heads, size_t n, int64_t base_ms,
    const struct csv_style *style, struct blocks *b, struct deflater *d)
{
	const size_t room = TIMETEXT_ROOM + n * (NUMTEXT_SIZE + 1) + CELL_TEXT_BYTES;
	struct block *open = blocks_open(b);
	int32_t t = smallest(heads, n), next;
	struct timetext stamp;
	uint8_t *at;
	char *to;

	timetext_init(&stamp, style->rfc3339);
	for (; t != INT32_MAX; t = next) {
		if (open == NULL || (at = buf_reserve(&b->text, room)) == NULL)
			return -1;
		to = (char *)at + timetext_put(&stamp, base_ms + t, (char *)at);
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
	rc = fastrows_write_all(columns, heads, n, base_ms, style, blocks, deflater);
	free(heads);
	return rc;
}
