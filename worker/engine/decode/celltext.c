/*
 * A point's text in a cell of fixed size. Knows how a value is written, and no
 * columns or rows.
 */
#include "worker/engine/decode/celltext.h"

#include <math.h>
#include <string.h>

#include "lib/base/buf.h"
#include "worker/engine/decode/leaftext.h"
#include "worker/engine/decode/numtext.h"
#include "worker/engine/decode/points.h"

/* The long text of this cell is what was appended to longer from at on. */
static void
place_long(struct cell_text *v, const struct buf *longer, size_t at)
{
	const uint32_t place[2] = { (uint32_t)at,
	    (uint32_t)(longer->len - at) };

	/* By memcpy(): a cell is not aligned for a uint32. */
	memcpy(v->s, place, sizeof(place));
	v->len = CELL_TEXT_LONG;
}

const char *
celltext_long(const struct cell_text *v, const struct buf *longer, size_t *len)
{
	uint32_t place[2];

	memcpy(place, v->s, sizeof(place));
	*len = place[1];
	return (const char *)longer->data + place[0];
}

/* text has room for a cell's. */
static int
put_text(struct cell_text *v, const char *text, size_t len, struct buf *longer)
{
	const size_t at = longer->len;

	if (len > CELL_TEXT_BYTES) {
		if (buf_add(longer, text, len) != 0)
			return -1;
		place_long(v, longer, at);
		return 0;
	}
	memcpy(v->s, text, CELL_TEXT_BYTES);
	v->len = (uint8_t)len;
	return 0;
}

/* ref is a BSON string: int32 length, which counts the NUL, then the text. */
static int
put_string(struct cell_text *v, const uint8_t *ref, char separator,
    struct buf *longer)
{
	const size_t at = longer->len;
	size_t len;

	if (leaftext_string(longer, (const char *)ref + 4, le32(ref) - 1,
	    separator) != 0)
		return -1;
	if ((len = longer->len - at) > CELL_TEXT_BYTES) {
		place_long(v, longer, at);
		return 0;
	}
	memcpy(v->s, longer->data + at, len);
	v->len = (uint8_t)len;
	longer->len = at;
	return 0;
}

static int
put_number(struct cell_text *v, char *text, size_t len, char separator,
    struct buf *longer)
{
	if (separator == ';')
		numtext_comma(text, len);
	return put_text(v, text, len, longer);
}

int
celltext_double(struct cell_text *v, double d, char separator,
    struct buf *longer)
{
	char text[NUMTEXT_SIZE];

	return put_number(v, text, numtext_double(d, text), separator, longer);
}

/* FORMAT.md, 3: a NaN or an infinity is an empty cell. */
int
celltext_point(struct cell_text *v, const struct point *p, char separator,
    struct buf *longer)
{
	char text[LEAFTEXT_SIZE];
	double d;

	_Static_assert(LEAFTEXT_SIZE >= NUMTEXT_SIZE, "room for any of them");
	switch (p->type) {
	case LEAF_STRING:
		return put_string(v, p->v.ref, separator, longer);
	case LEAF_BOOL:
		return put_text(v, text, leaftext_bool(p->v.bits, text), longer);
	case LEAF_DECIMAL128:
		return put_number(v, text, leaftext_decimal128(p->v.ref, text),
		    separator, longer);
	case LEAF_DOUBLE:
		memcpy(&d, &p->v.bits, sizeof(d));
		if (isfinite(d))
			return celltext_double(v, d, separator, longer);
		v->len = 0;
		return 0;
	default:
		return put_text(v, text, numtext_int((int64_t)p->v.bits, text),
		    longer);
	}
}

int
celltext_copy(struct cell_text *to, struct buf *longer,
    const struct cell_text *from, const struct buf *from_longer)
{
	const size_t at = longer->len;
	const char *text;
	size_t len;

	*to = *from;
	if (from->len != CELL_TEXT_LONG)
		return 0;
	text = celltext_long(from, from_longer, &len);
	if (buf_add(longer, text, len) != 0)
		return -1;
	place_long(to, longer, at);
	return 0;
}
