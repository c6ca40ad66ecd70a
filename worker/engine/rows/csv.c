/*
 * CSV text of any point (FORMAT.md, 3): the exact path's writer, and the
 * reference that the fast path's bytes are tested against. Knows neither blocks
 * nor files: it appends to a buffer.
 */
#include "worker/engine/rows/csv.h"

#include <math.h>
#include <string.h>

#include "lib/base/buf.h"
#include "worker/engine/decode/leaftext.h"
#include "worker/engine/decode/numtext.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/rows/timetext.h"

/* Enough for a time, or any value but a string, with a comma, a line's end. */
#define CELL_BYTES 64

_Static_assert(CELL_BYTES > LEAFTEXT_SIZE + 3 &&
    CELL_BYTES > NUMTEXT_SIZE + 3 && CELL_BYTES > TIMETEXT_ROOM + 3,
    "a cell has room for any number or time");

static int
put_end(struct buf *b, const struct csv_style *style)
{
	return buf_adds(b, style->excel ? "\r\n" : "\n");
}

int
csv_header(struct buf *b, const struct csv_style *style,
    const char *const *names, size_t n)
{
	const char separator = csv_separator(style);
	size_t i;

	if ((style->excel && buf_adds(b, CSV_BOM) != 0) ||
	    buf_adds(b, "time") != 0)
		return -1;
	for (i = 0; i < n; i++)
		if (buf_add(b, &separator, 1) != 0 || leaftext_string(b,
		    names[i], strlen(names[i]), separator) != 0)
			return -1;
	return put_end(b, style);
}

static size_t
put_double(uint64_t bits, char *to, uint64_t *non_finite)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	if (isfinite(d))
		return numtext_double(d, to);
	(*non_finite)++;
	return 0;
}

static size_t
put_decimal128(const uint8_t *ref, char *to, uint64_t *non_finite)
{
	const size_t len = leaftext_decimal128(ref, to);

	*non_finite += len == 0;
	return len;
}

/* Any value but a string; to has room for CELL_BYTES. Returns the length. */
static size_t
put_value(const struct point *p, const struct csv_style *style, char *to,
    uint64_t *non_finite)
{
	size_t len;

	switch (p->type) {
	case LEAF_DOUBLE:
		len = put_double(p->v.bits, to, non_finite);
		break;
	case LEAF_DECIMAL128:
		len = put_decimal128(p->v.ref, to, non_finite);
		break;
	case LEAF_BOOL:
		return leaftext_bool(p->v.bits, to);
	default:
		return numtext_int((int64_t)p->v.bits, to);
	}
	if (style->semicolon)
		numtext_comma(to, len);
	return len;
}

/*
 * Room for the time and n cells of bounded size is reserved once, and written
 * through `to`. A string has no bound: b->len is set for leaftext_string(), and what
 * is left of the row reserved again after it.
 */
int
csv_row(struct buf *b, const struct csv_style *style, int64_t t_ms,
    const struct point *const *cells, size_t n, uint64_t *non_finite)
{
	const char separator = csv_separator(style);
	char *to;
	size_t i;

	if ((to = (char *)buf_reserve(b, (n + 2) * CELL_BYTES)) == NULL)
		return -1;
	to += timetext_any(style, t_ms, to);
	for (i = 0; i < n; i++) {
		*to++ = separator;
		if (cells[i] == NULL)
			continue;
		if (cells[i]->type != LEAF_STRING) {
			to += put_value(cells[i], style, to, non_finite);
			continue;
		}
		/* BSON: int32 length, which counts the NUL, then the text. */
		b->len = (size_t)(to - (char *)b->data);
		if (leaftext_string(b, (const char *)cells[i]->v.ref + 4,
		    le32(cells[i]->v.ref) - 1, separator) != 0)
			return -1;
		to = (char *)buf_reserve(b, (n - i + 1) * CELL_BYTES);
		if (to == NULL)
			return -1;
	}
	b->len = (size_t)(to - (char *)b->data);
	return put_end(b, style);
}
