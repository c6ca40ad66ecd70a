/*
 * The fast path's reader: checks a document and prints its values in one pass.
 * Trusts no byte, and decides nothing: at the first doubt it gives up, so it
 * knows no duplicates, no order but the ascending one and no reason to skip.
 */
#include "worker/engine/decode/fastread.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "worker/engine/decode/document.h"
#include "worker/engine/decode/leaftext.h"
#include "worker/engine/decode/number.h"
#include "worker/engine/decode/numtext.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/decode/unwind.h"
#include "worker/engine/parquet/rows.h"
#include "worker/engine/rows/grid.h"

/* 03 "values" 00, read by le64(): type and name of a level's only element. */
#define VALUES UINT64_C(0x007365756c617603)
/* Deeper levels are the exact path's: bounds the recursion. */
#define LEVELS_MAX 16
/* Longer keys are the exact path's: sums of times stay far from overflow. */
#define KEY_DIGITS 9
#define COLUMN_FIRST 64
/* Long texts that grew larger than this are not kept for the next slice. */
#define LONGER_KEEP ((size_t)64 * 1024)

_Static_assert(FASTREAD_TEXT_MAX >= LEAFTEXT_STRING_BOUND(FASTREAD_STRING_MAX),
    "no string's text is longer than a cell's may be");
_Static_assert(CELL_TEXT_BYTES >= NUMTEXT_SMALL, "small numbers fit a cell");

struct fastreader {
	struct fastread_range range;
	struct column_text *column;
	char separator, point;
};

void
column_text_init(struct column_text *c)
{
	memset(c, 0, sizeof(*c));
	buf_init(&c->longer, CELL_TEXT_LONGER_MAX);
	c->last = INT64_MIN;
}

void
column_text_clear(struct column_text *c)
{
	c->n = 0;
	c->last = INT64_MIN;
	c->bins.bins = NULL;
	c->grid = NULL;
	c->parquet = NULL;
	if (c->longer.cap > LONGER_KEEP)
		buf_release(&c->longer);
	c->longer.len = 0;
}

void
column_text_release(struct column_text *c)
{
	free(c->t);
	free(c->v);
	buf_release(&c->longer);
	column_text_init(c);
}

/* One more than cap is allocated, for the end mark. */
static int
column_text_grow(struct column_text *c)
{
	size_t cap = c->cap ? c->cap * 2 : COLUMN_FIRST;
	struct cell_text *v;
	int32_t *t;

	if ((t = realloc(c->t, (cap + 1) * sizeof(*t))) == NULL)
		return -1;
	c->t = t;
	if ((v = realloc(c->v, (cap + 1) * sizeof(*v))) == NULL)
		return -1;
	c->v = v;
	c->cap = cap;
	return 0;
}

int
column_text_end(struct column_text *c)
{
	if (c->cap == 0 && column_text_grow(c) != 0)
		return -1;
	c->t[c->n] = INT32_MAX;
	memset(&c->v[c->n], 0, sizeof(c->v[c->n]));
	return 0;
}

static inline struct point
point_of(uint8_t type, const uint8_t *value, int64_t t_ms)
{
	struct point p = { .t_ms = t_ms, .type = type };

	switch (type) {
	case LEAF_INT32:
		p.v.bits = (uint64_t)(int32_t)le32(value);
		break;
	case LEAF_INT64:
	case LEAF_DOUBLE:
		p.v.bits = le64(value);
		break;
	case LEAF_BOOL:
		p.v.bits = *value;
		break;
	default:
		p.v.ref = value;
	}
	return p;
}

/* The text of a value that is not a small number. */
static enum fastread_result
other_text(const struct fastreader *r, struct cell_text *v,
    const struct point *p)
{
	struct column_text *c = r->column;

	/* Room for the longest is there at the ceiling, too. */
	if (c->longer.len > CELL_TEXT_LONGER_MAX - FASTREAD_TEXT_MAX)
		return FASTREAD_UNUSUAL;
	return celltext_point(v, p, r->separator, &c->longer) == 0 ?
	    FASTREAD_DONE : FASTREAD_NO_MEMORY;
}

/* Of any type, for the bins. */
static inline void
count_point(struct column_text *c, const struct point *p)
{
	struct number number;

	if (c->bins.bins != NULL && number_of(p, &number))
		bin_add(bin_cursor_at(&c->bins, p->t_ms), number.d);
}

/* A value that is neither an integer nor a double. */
static enum fastread_result
rare_text(const struct fastreader *r, struct cell_text *v, uint8_t type,
    const uint8_t *value, int64_t t)
{
	const struct point p = point_of(type, value, t);

	count_point(r->column, &p);
	return other_text(r, v, &p);
}

/* For the bins; len: of what numtext_small_int() or _double() wrote. */
static inline void
count_number(struct column_text *c, int64_t t, uint8_t type, size_t len,
    uint64_t bits)
{
	struct bin *bin = bin_cursor_at(&c->bins, t);
	double d = (double)(int64_t)bits;

	if (type != LEAF_DOUBLE) {
		if (len != 0)
			bin_add_int(bin, (int64_t)bits);
		else
			bin_add(bin, d);
		return;
	}
	memcpy(&d, &bits, sizeof(d));
	if (len != 0)
		bin_add_milli(bin, d);
	else if (isfinite(d))
		bin_add(bin, d);
}

/*
 * Append a point; its value was checked. Nearly all are small numbers, whose
 * text is made in the cell.
 */
static inline enum fastread_result
add_point(const struct fastreader *r, uint8_t type, const uint8_t *value,
    int64_t t)
{
	struct column_text *c = r->column;
	enum fastread_result rc = FASTREAD_DONE;
	struct cell_text *v;
	uint64_t bits;
	size_t len;
	double d;

	if (c->n == c->cap && column_text_grow(c) != 0)
		return FASTREAD_NO_MEMORY;
	v = &c->v[c->n];
	switch (type) {
	case LEAF_INT32:
		bits = (uint64_t)(int32_t)le32(value);
		len = numtext_small_int((int64_t)bits, v->s);
		break;
	case LEAF_INT64:
		bits = le64(value);
		len = numtext_small_int((int64_t)bits, v->s);
		break;
	case LEAF_DOUBLE:
		bits = le64(value);
		memcpy(&d, &bits, sizeof(d));
		len = numtext_small_double(d, v->s, r->point);
		break;
	default:
		rc = rare_text(r, v, type, value, t);
		goto out;
	}
	v->len = (uint8_t)len;
	if (len == 0)
		rc = other_text(r, v, &(struct point){ .type = type,
		    .v.bits = bits });
	if (c->bins.bins != NULL)
		count_number(c, t, type, len, bits);
out:
	if (rc == FASTREAD_DONE)
		c->t[c->n++] = (int32_t)t;
	return rc;
}

/* Its text is made once it is known which of its step counts. */
static inline enum fastread_result
step_point(const struct fastreader *r, uint8_t type, const uint8_t *value,
    int64_t t)
{
	const struct point p = point_of(type, value, r->range.base_ms + t);

	return grid_add(r->column->grid, &p) == 0 ? FASTREAD_DONE :
	    FASTREAD_NO_MEMORY;
}

static inline enum fastread_result
parquet_point(const struct fastreader *r, uint8_t type, const uint8_t *value,
    int64_t t)
{
	const struct point p = point_of(type, value, t);
	struct column_text *c = r->column;

	count_point(c, &p);
	timeset_add(&c->parquet->rows->set, (uint32_t)t);
	return parquet_add(c->parquet, &p, (uint32_t)t) == 0 ? FASTREAD_DONE :
	    FASTREAD_NO_MEMORY;
}

/*
 * Times must ascend through all documents of a column, outside the range too,
 * so that nothing needs sorting and no point has a rival; and no point may
 * reach into the next slice.
 */
static inline enum fastread_result
read_leaf(const struct fastreader *r, uint8_t type, const uint8_t *value,
    int64_t t)
{
	if (t <= r->column->last || t >= r->range.end)
		return FASTREAD_UNUSUAL;
	r->column->last = t;
	if (t < r->range.from || t >= r->range.to)
		return FASTREAD_DONE;
	if (r->column->grid != NULL)
		return step_point(r, type, value, t);
	if (r->column->parquet != NULL)
		return parquet_point(r, type, value, t);
	return add_point(r, type, value, t);
}

/*
 * Read a level, a document that holds values and nothing else, at p, with room
 * up to end. Returns its first element, or NULL when it is none; *size is the
 * level's. Around the inner document lie 13 bytes: 4 of the outer length, 8 of
 * type and name, and the outer terminator.
 */
static inline const uint8_t *
read_level(const uint8_t *p, const uint8_t *end, size_t *size)
{
	uint32_t outer, inner;

	/* 4 + 8 + an empty document of 5 + 1 */
	if (end - p < 18)
		return NULL;
	outer = le32(p);
	inner = le32(p + 12);
	if (outer > (size_t)(end - p) || outer < 18 || inner != outer - 13 ||
	    le64(p + 4) != VALUES || p[outer - 1] != 0 ||
	    p[outer - 2] != 0)
		return NULL;
	*size = outer;
	return p + 16;
}

/*
 * The size of a string, 0 where it does not end before end or is none of the
 * fast path. Length and terminator are those of document_valid(). One that is
 * not UTF-8 is a skip, and so unusual, whether its time is in the range or not.
 */
static size_t
string_bytes(const uint8_t *p, const uint8_t *end)
{
	uint32_t n;

	if (end - p < 5 || (n = le32(p)) < 1 || n > FASTREAD_STRING_MAX + 1 ||
	    n > (size_t)(end - p) - 4 || p[4 + n - 1] != 0 ||
	    !utf8_valid((const char *)p + 4, n - 1))
		return 0;
	return 4 + (size_t)n;
}

/* The size of a value that is neither number nor level; 0: not a usual one. */
static size_t
rare_bytes(uint8_t type, const uint8_t *p, const uint8_t *end)
{
	if (p >= end)
		return 0;
	switch (type) {
	case LEAF_BOOL:
		return *p <= 1 ? 1 : 0;
	case LEAF_DECIMAL128:
		return 16;
	case LEAF_STRING:
		return string_bytes(p, end);
	default:
		return 0;
	}
}

/*
 * The elements of a level, from p to the terminator at end; t is the sum of the
 * base and the keys above. An element is a type, a key that is a number, and a
 * leaf or another level.
 */
static enum fastread_result
read_elements(const struct fastreader *r, const uint8_t *p, const uint8_t *end,
    int64_t t, int depth)
{
	const uint8_t *digits, *below;
	int64_t last = -1;
	uint64_t key;
	enum fastread_result rc;
	uint8_t type;
	size_t size;
	unsigned d;

	while (p < end) {
		type = *p++;
		/*
		 * The key. A terminator is no digit, so this may pass the end
		 * of the level but not that of the document; the value's check
		 * below notices. Too many digits wrap around: also refused.
		 */
		for (digits = p, key = 0; (d = (unsigned)*p - '0') <= 9; p++)
			key = key * 10 + d;
		if (*p != 0 || p == digits || p - digits > KEY_DIGITS ||
		    (int64_t)key <= last)
			return FASTREAD_UNUSUAL;
		last = (int64_t)key;
		p++;
		/* The value: a leaf's size, or a whole level at once. */
		switch (type) {
		case LEAF_INT32:
			size = 4;
			break;
		case LEAF_INT64:
		case LEAF_DOUBLE:
			size = 8;
			break;
		case ELEMENT_DOCUMENT:
			if (depth == LEVELS_MAX || p >= end ||
			    (below = read_level(p, end, &size)) == NULL)
				return FASTREAD_UNUSUAL;
			rc = read_elements(r, below, p + size - 2, t + last,
			    depth + 1);
			if (rc != FASTREAD_DONE)
				return rc;
			p += size;
			continue;
		default:
			if ((size = rare_bytes(type, p, end)) == 0)
				return FASTREAD_UNUSUAL;
			break;
		}
		if (p > end || (size_t)(end - p) < size)
			return FASTREAD_UNUSUAL;
		if ((rc = read_leaf(r, type, p, t + last)) != FASTREAD_DONE)
			return rc;
		p += size;
	}
	return FASTREAD_DONE;
}

/*
 * Any element of the hour document but its values document: check it, and take
 * the time base from _id. *has_id counts those. NULL: unusual, as is a second
 * _id or a "values" that is no document.
 */
static const uint8_t *
read_other(const uint8_t *p, const uint8_t *end, int64_t *t_ms, int *has_id)
{
	struct element e;

	if ((p = document_element(p, end, &e)) == NULL ||
	    strcmp(e.key, "values") == 0)
		return NULL;
	if (strcmp(e.key, "_id") != 0)
		return p;
	return (*has_id)++ != 0 || unwind_base(&e, t_ms) != 0 ? NULL : p;
}

/*
 * The hour document is a level whose base comes from its own _id, which has to
 * be read before values, and where other elements are allowed.
 */
enum fastread_result
fastread_document(const uint8_t *doc, size_t len,
    const struct fastread_range *range, char separator,
    struct column_text *column)
{
	const struct fastreader r = { *range, column, separator,
	    separator == ';' ? ',' : '.' };
	const uint8_t *p, *end, *values;
	int has_id = 0, has_values = 0;	/* how many so far */
	enum fastread_result rc;
	int64_t t_ms = 0;
	size_t size;

	if (len < 5 || len > INT32_MAX || le32(doc) != len ||
	    doc[len - 1] != 0)
		return FASTREAD_UNUSUAL;
	p = doc + 4;
	end = doc + len - 1;
	while (p < end) {
		/* 8 bytes of type and name, an empty document of 5. */
		if (end - p < 13 || le64(p) != VALUES) {
			if ((p = read_other(p, end, &t_ms, &has_id)) == NULL)
				return FASTREAD_UNUSUAL;
			continue;
		}
		values = p + 8;
		size = le32(values);
		if (!has_id || has_values++ != 0 || size < 5 ||
		    size > (size_t)(end - values) || values[size - 1] != 0)
			return FASTREAD_UNUSUAL;
		rc = read_elements(&r, values + 4, values + size - 1,
		    t_ms - range->base_ms, 1);
		if (rc != FASTREAD_DONE)
			return rc;
		p = values + size;
	}
	return has_values ? FASTREAD_DONE : FASTREAD_UNUSUAL;
}
