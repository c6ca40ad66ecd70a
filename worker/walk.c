#include "worker/walk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "worker/number.h"
#include "worker/points.h"

/* 03 "values" 00: type and name of the one element of a level. */
#define VALUES UINT64_C(0x007365756c617603)
/* "_id" 00 behind its type. */
#define ID UINT32_C(0x0064695f)
#define LEVELS_MAX 16
#define KEY_DIGITS 9
#define LANE_FIRST 512
#define LONGER_MAX ((size_t)1 << 28)
/* Beyond, a whole number is not exact in a double. */
#define ID_MAX_MS 9007199254740992

struct walker {
	struct walk_range range;
	struct lane *lane;
};

void
lane_init(struct lane *l)
{
	memset(l, 0, sizeof(*l));
	buf_init(&l->longer, LONGER_MAX);
	l->last = INT64_MIN;
}

void
lane_clear(struct lane *l)
{
	l->n = 0;
	l->last = INT64_MIN;
	l->longer.len = 0;
}

void
lane_release(struct lane *l)
{
	free(l->t);
	free(l->v);
	buf_release(&l->longer);
	lane_init(l);
}

static int
lane_grow(struct lane *l)
{
	size_t cap = l->cap ? l->cap * 2 : LANE_FIRST;
	struct text *v;
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
lane_end(struct lane *l)
{
	if (l->cap == 0 && lane_grow(l) != 0)
		return -1;
	l->t[l->n] = INT32_MAX;
	memset(&l->v[l->n], 0, sizeof(l->v[l->n]));
	return 0;
}

const char *
lane_long(const struct lane *l, const struct text *v, size_t *len)
{
	uint32_t at;

	memcpy(&at, v->s, sizeof(at));
	*len = (uint8_t)v->s[sizeof(at)];
	return (const char *)l->longer.data + at;
}

static int
keep_long(struct lane *l, struct text *v, const char *text, size_t len)
{
	const uint32_t at = (uint32_t)l->longer.len;

	if (buf_add(&l->longer, text, len) != 0)
		return -1;
	memcpy(v->s, &at, sizeof(at));
	v->s[sizeof(at)] = (char)len;
	v->len = TEXT_LONG;
	return 0;
}

static size_t
put_double(uint64_t bits, char *to)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	return isfinite(d) ? number_double(d, to) : 0;
}

/* Append a leaf; its size was checked. */
static inline enum walk
add(struct lane *l, uint8_t type, const uint8_t *value, int64_t t)
{
	char text[NUMBER_SIZE];
	struct text *v;
	size_t len;

	if (l->n == l->cap && lane_grow(l) != 0)
		return WALK_NO_MEMORY;
	switch (type) {
	case LEAF_INT32:
		len = number_int((int32_t)le32(value), text);
		break;
	case LEAF_INT64:
		len = number_int((int64_t)le64(value), text);
		break;
	default:
		len = put_double(le64(value), text);
		break;
	}
	v = &l->v[l->n];
	memcpy(v->s, text, TEXT_BYTES);
	v->len = (uint8_t)len;
	if (len > TEXT_BYTES && keep_long(l, v, text, len) != 0)
		return WALK_NO_MEMORY;
	l->t[l->n++] = (int32_t)t;
	return WALK_DONE;
}

static inline enum walk
leaf(const struct walker *w, uint8_t type, const uint8_t *value, int64_t t)
{
	if (t <= w->lane->last || t >= w->range.end)
		return WALK_UNUSUAL;
	w->lane->last = t;
	if (t < w->range.from || t >= w->range.to)
		return WALK_DONE;
	return add(w->lane, type, value, t);
}

/*
 * A level that begins at p and has room up to end: nothing but values. Returns
 * where its first element is, NULL when it is not so; *size is the level's.
 */
static inline const uint8_t *
level(const uint8_t *p, const uint8_t *end, size_t *size)
{
	uint64_t name;
	uint32_t outer, inner;

	/* 4 + 8 + an empty document of 5 + 1 */
	if (end - p < 18)
		return NULL;
	outer = le32(p);
	memcpy(&name, p + 4, sizeof(name));
	inner = le32(p + 12);
	if (outer > (size_t)(end - p) || outer < 18 || inner != outer - 13 ||
	    le64((const uint8_t *)&name) != VALUES || p[outer - 1] != 0 ||
	    p[outer - 2] != 0)
		return NULL;
	*size = outer;
	return p + 16;
}

/* The elements from p to the terminator at end. */
static enum walk
elements(const struct walker *w, const uint8_t *p, const uint8_t *end,
    int64_t t, int depth)
{
	const uint8_t *digits, *below;
	int64_t key, last = -1;
	enum walk rc;
	uint8_t type;
	size_t size;
	unsigned d;

	while (p < end) {
		type = *p++;
		/* The terminator is no digit: this ends in the document. */
		for (digits = p, key = 0; (d = (unsigned)*p - '0') <= 9; p++)
			key = key * 10 + d;
		if (*p != 0 || p == digits || p - digits > KEY_DIGITS ||
		    key <= last)
			return WALK_UNUSUAL;
		last = key;
		p++;
		switch (type) {
		case LEAF_INT32:
			size = 4;
			break;
		case LEAF_INT64:
		case LEAF_DOUBLE:
			size = 8;
			break;
		case 0x03:
			if (depth == LEVELS_MAX || p >= end ||
			    (below = level(p, end, &size)) == NULL)
				return WALK_UNUSUAL;
			rc = elements(w, below, p + size - 2, t + key,
			    depth + 1);
			if (rc != WALK_DONE)
				return rc;
			p += size;
			continue;
		default:
			return WALK_UNUSUAL;
		}
		if (p > end || (size_t)(end - p) < size)
			return WALK_UNUSUAL;
		if ((rc = leaf(w, type, p, t + key)) != WALK_DONE)
			return rc;
		p += size;
	}
	return WALK_DONE;
}

/* The _id that begins the document: its size with type and name, or 0. */
static size_t
id_of(const uint8_t *p, size_t len, int64_t *t_ms)
{
	uint64_t bits;
	double d;

	/* int32 of the document, type, "_id", 8 bytes */
	if (len < 17 || le32(p + 5) != ID)
		return 0;
	switch (p[4]) {
	case 0x01:
		bits = le64(p + 9);
		memcpy(&d, &bits, sizeof(d));
		if (!(fabs(d) <= (double)ID_MAX_MS) || d != floor(d))
			return 0;
		*t_ms = (int64_t)d;
		return 13;
	case 0x09:
	case 0x12:
		*t_ms = (int64_t)le64(p + 9);
		return *t_ms < -ID_MAX_MS || *t_ms > ID_MAX_MS ? 0 : 13;
	case 0x10:
		*t_ms = (int32_t)le32(p + 9);
		return 9;
	default:
		return 0;
	}
}

enum walk
walk(const uint8_t *doc, size_t len, const struct walk_range *range,
    struct lane *lane)
{
	const struct walker w = { *range, lane };
	const uint8_t *values;
	int64_t t_ms;
	size_t id;
	uint32_t size;

	if (len < 5 || len > INT32_MAX || le32(doc) != len ||
	    doc[len - 1] != 0 || (id = id_of(doc, len, &t_ms)) == 0)
		return WALK_UNUSUAL;
	/* As level(), with the _id before it. */
	values = doc + 4 + id;
	if (len < 4 + id + 8 + 5 + 1 || le64(values) != VALUES)
		return WALK_UNUSUAL;
	size = le32(values + 8);
	if (size < 5 || size != len - 4 - id - 8 - 1 || doc[len - 2] != 0)
		return WALK_UNUSUAL;
	return elements(&w, values + 12, doc + len - 2,
	    t_ms - range->base_ms, 1);
}
