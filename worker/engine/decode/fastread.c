#include "worker/engine/decode/fastread.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "worker/engine/decode/document.h"
#include "worker/engine/decode/numtext.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/decode/unwind.h"

/* 03 "values" 00: type and name of the one element of a level. */
#define VALUES UINT64_C(0x007365756c617603)
#define LEVELS_MAX 16
#define KEY_DIGITS 9
#define COLUMN_FIRST 512
#define LONGER_MAX ((size_t)1 << 28)

struct fastreader {
	struct fastread_range range;
	struct column_text *column;
};

void
column_text_init(struct column_text *l)
{
	memset(l, 0, sizeof(*l));
	buf_init(&l->longer, LONGER_MAX);
	l->last = INT64_MIN;
}

void
column_text_clear(struct column_text *l)
{
	l->n = 0;
	l->last = INT64_MIN;
	l->longer.len = 0;
}

void
column_text_release(struct column_text *l)
{
	free(l->t);
	free(l->v);
	buf_release(&l->longer);
	column_text_init(l);
}

static int
column_text_grow(struct column_text *l)
{
	size_t cap = l->cap ? l->cap * 2 : COLUMN_FIRST;
	struct cell_text *v;
	int32_t *t;

	if ((t = realloc(l->t, (cap + 1) * sizeof(*t))) == NULL)
		return -1;
	l->t = t;
	if ((v = realloc(l->v, (cap + 1) * sizeof(*v))) == NULL)
		return -1;
	l->v = v;
	l->cap = cap;
	return 0;
}

int
column_text_end(struct column_text *l)
{
	if (l->cap == 0 && column_text_grow(l) != 0)
		return -1;
	l->t[l->n] = INT32_MAX;
	memset(&l->v[l->n], 0, sizeof(l->v[l->n]));
	return 0;
}

const char *
column_text_long(const struct column_text *l, const struct cell_text *v, size_t *len)
{
	uint32_t at;

	memcpy(&at, v->s, sizeof(at));
	*len = (uint8_t)v->s[sizeof(at)];
	return (const char *)l->longer.data + at;
}

static int
keep_long(struct column_text *l, struct cell_text *v, const char *text, size_t len)
{
	const uint32_t at = (uint32_t)l->longer.len;

	if (buf_add(&l->longer, text, len) != 0)
		return -1;
	memcpy(v->s, &at, sizeof(at));
	v->s[sizeof(at)] = (char)len;
	v->len = CELL_TEXT_LONG;
	return 0;
}

static size_t
double_text(uint64_t bits, char *to)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	return isfinite(d) ? numtext_double(d, to) : 0;
}

/* Append a leaf; its size was checked. */
static inline enum fastread_result
add_point(struct column_text *l, uint8_t type, const uint8_t *value, int64_t t)
{
	char text[NUMTEXT_SIZE];
	struct cell_text *v;
	size_t len;

	if (l->n == l->cap && column_text_grow(l) != 0)
		return FASTREAD_NO_MEMORY;
	switch (type) {
	case LEAF_INT32:
		len = numtext_int((int32_t)le32(value), text);
		break;
	case LEAF_INT64:
		len = numtext_int((int64_t)le64(value), text);
		break;
	default:
		len = double_text(le64(value), text);
		break;
	}
	v = &l->v[l->n];
	memcpy(v->s, text, CELL_TEXT_BYTES);
	v->len = (uint8_t)len;
	if (len > CELL_TEXT_BYTES && keep_long(l, v, text, len) != 0)
		return FASTREAD_NO_MEMORY;
	l->t[l->n++] = (int32_t)t;
	return FASTREAD_DONE;
}

static inline enum fastread_result
read_leaf(const struct fastreader *w, uint8_t type, const uint8_t *value, int64_t t)
{
	if (t <= w->column->last || t >= w->range.end)
		return FASTREAD_UNUSUAL;
	w->column->last = t;
	if (t < w->range.from || t >= w->range.to)
		return FASTREAD_DONE;
	return add_point(w->column, type, value, t);
}

/*
 * A level that begins at p and has room up to end: nothing but values. Returns
 * where its first element is, NULL when it is not so; *size is the level's.
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

/* The elements from p to the terminator at end. */
static enum fastread_result
read_elements(const struct fastreader *w, const uint8_t *p, const uint8_t *end,
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
		/* The terminator is no digit: this ends in the document. Too
		 * many digits wrap around, and are refused below. */
		for (digits = p, key = 0; (d = (unsigned)*p - '0') <= 9; p++)
			key = key * 10 + d;
		if (*p != 0 || p == digits || p - digits > KEY_DIGITS ||
		    (int64_t)key <= last)
			return FASTREAD_UNUSUAL;
		last = (int64_t)key;
		p++;
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
			rc = read_elements(w, below, p + size - 2, t + last,
			    depth + 1);
			if (rc != FASTREAD_DONE)
				return rc;
			p += size;
			continue;
		default:
			return FASTREAD_UNUSUAL;
		}
		if (p > end || (size_t)(end - p) < size)
			return FASTREAD_UNUSUAL;
		if ((rc = read_leaf(w, type, p, t + last)) != FASTREAD_DONE)
			return rc;
		p += size;
	}
	return FASTREAD_DONE;
}

/* Any element of the hour document but its values. */
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

enum fastread_result
fastread_document(const uint8_t *doc, size_t len, const struct fastread_range *range,
    struct column_text *column)
{
	const struct fastreader w = { *range, column };
	const uint8_t *p, *end, *values;
	int has_id = 0, has_values = 0;
	enum fastread_result rc;
	int64_t t_ms = 0;
	size_t size;

	if (len < 5 || len > INT32_MAX || le32(doc) != len ||
	    doc[len - 1] != 0)
		return FASTREAD_UNUSUAL;
	p = doc + 4;
	end = doc + len - 1;
	while (p < end) {
		/* 8 bytes of type and name, an empty document of 5 */
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
		rc = read_elements(&w, values + 4, values + size - 1,
		    t_ms - range->base_ms, 1);
		if (rc != FASTREAD_DONE)
			return rc;
		p = values + size;
	}
	return has_values ? FASTREAD_DONE : FASTREAD_UNUSUAL;
}
