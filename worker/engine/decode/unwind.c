/*
 * The exact path's reader. Walks the levels of a document, adds up the keys of
 * each path, and skips and counts what FORMAT.md, 2, excludes. Knows only one
 * document at a time: points.c and exact.c settle what overlaps.
 */
#include "worker/engine/decode/unwind.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "worker/engine/decode/document.h"
#include "worker/engine/decode/points.h"

#define KEY_DIGITS_MAX 10
/* 2^53: whole numbers up to here are exact in a double; no _id exceeds it. */
#define ID_MAX_MS 9007199254740992

struct unwinder {
	int64_t from_ms, to_ms;
	struct points *points;
	struct skips *skips;
	int64_t next_ms;	/* earliest point from to_ms on */
	int64_t last_ms;	/* the latest */
	bool sorted;		/* second walk: sort each level by key */
	bool any_order;		/* no point is kept: their order is all the same */
};

enum unwound {
	UNWOUND,
	OUT_OF_ORDER,		/* keys descend: walk again, sorted */
	TOO_MANY_KEYS,		/* a level's: to sort them exceeds the budget */
	NO_MEMORY
};

static enum unwound unwind_level(struct unwinder *u, const uint8_t *level,
    int64_t t);

const char *
skip_name(enum skip reason)
{
	static const char *const names[SKIP_REASONS] = {
		[SKIP_BAD_BSON] = "bad_bson",
		[SKIP_BAD_ID] = "bad_id",
		[SKIP_BAD_KEY] = "bad_key",
		[SKIP_BAD_TYPE] = "bad_type",
		[SKIP_BAD_UTF8] = "bad_utf8",
		[SKIP_NO_VALUES] = "no_values",
	};

	return names[reason];
}

bool
skips_any(const struct skips *s)
{
	int i;

	for (i = 0; i < SKIP_REASONS; i++)
		if (s->count[i] != 0)
			return true;
	return false;
}

int64_t
unwind_key(const struct element *e)
{
	int64_t n = 0;
	size_t i;

	if (e->key_len < 1 || e->key_len > KEY_DIGITS_MAX)
		return -1;
	for (i = 0; i < e->key_len; i++) {
		unsigned digit = (unsigned char)e->key[i] - (unsigned)'0';

		if (digit > 9)
			return -1;
		n = n * 10 + digit;
	}
	return n;
}

/*
 * A leaf of time t. Its type and text are checked wherever t lies, since skips
 * count outside the range too; then it is kept, or remembered as still to come.
 */
static enum unwound
add_leaf(struct unwinder *u, const struct element *e, int64_t t)
{
	struct point p = { .t_ms = t, .type = e->type };

	switch (e->type) {
	case LEAF_INT32:
		p.v.bits = (uint64_t)(int64_t)(int32_t)le32(e->value);
		break;
	case LEAF_INT64:
	case LEAF_DOUBLE:
		p.v.bits = le64(e->value);
		break;
	case LEAF_BOOL:
		p.v.bits = e->value[0];
		break;
	case LEAF_STRING:
		/* Without the int32 length and the NUL. */
		if (!utf8_valid((const char *)e->value + 4, e->value_len - 5)) {
			u->skips->count[SKIP_BAD_UTF8]++;
			return UNWOUND;
		}
		p.v.ref = e->value;
		break;
	case LEAF_DECIMAL128:
		p.v.ref = e->value;
		break;
	default:
		u->skips->count[SKIP_BAD_TYPE]++;
		return UNWOUND;
	}
	if (t >= u->to_ms && t < u->next_ms)
		u->next_ms = t;
	if (t > u->last_ms)
		u->last_ms = t;
	if (t < u->from_ms || t >= u->to_ms)
		return UNWOUND;
	return points_add(u->points, &p) == 0 ? UNWOUND : NO_MEMORY;
}

static enum unwound
unwind_element(struct unwinder *u, const struct element *e, int64_t t)
{
	return e->type == ELEMENT_DOCUMENT ? unwind_level(u, e->value, t) :
	    add_leaf(u, e, t);
}

/*
 * The elements of a values document in their own order, which is nearly always
 * ascending. At the first key that descends, give up: the points so far are in
 * the wrong order.
 */
static enum unwound
unwind_in_place(struct unwinder *u, const uint8_t *values, int64_t t)
{
	const uint8_t *at = document_first(values);
	int64_t key, last = -1;
	enum unwound rc;
	struct element e;

	while (document_next(&at, &e) == 0) {
		if ((key = unwind_key(&e)) < 0) {
			u->skips->count[SKIP_BAD_KEY]++;
			continue;
		}
		if (key < last && !u->any_order)
			return OUT_OF_ORDER;
		last = key;
		if ((rc = unwind_element(u, &e, t + key)) != UNWOUND)
			return rc;
	}
	return UNWOUND;
}

struct keyed {
	int64_t key;
	const uint8_t *at;	/* the element */
};

/* By number; equal numbers (7, 07, 7 again) by place in the document. */
static int
keyed_compare(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/*
 * The same by ascending key, whatever the order in the document: count the
 * elements, charge and allocate a list of that size, fill it with the good
 * keys, sort it, and visit the elements in its order. Levels inside do the
 * same, so points come out in the order of their paths.
 */
static enum unwound
unwind_sorted(struct unwinder *u, const uint8_t *values, int64_t t)
{
	const uint8_t *at, *next;
	struct keyed *list;
	size_t n = 0, i = 0, k;
	enum unwound rc = UNWOUND;
	struct element e;

	for (at = document_first(values); document_next(&at, &e) == 0; )
		n++;
	if (budget_take(u->points->budget, n * sizeof(*list)) != 0)
		return n * sizeof(*list) > u->points->budget->max ?
		    TOO_MANY_KEYS : NO_MEMORY;
	if ((list = malloc((n + 1) * sizeof(*list))) == NULL) {
		rc = NO_MEMORY;
		goto out;
	}
	for (at = next = document_first(values); document_next(&next, &e) == 0;
	    at = next) {
		list[i].at = at;
		if ((list[i].key = unwind_key(&e)) < 0)
			u->skips->count[SKIP_BAD_KEY]++;
		else
			i++;
	}
	qsort(list, i, sizeof(*list), keyed_compare);
	for (k = 0; k < i && rc == UNWOUND; k++) {
		at = list[k].at;
		document_next(&at, &e);
		rc = unwind_element(u, &e, t + list[k].key);
	}
out:
	free(list);
	budget_give(u->points->budget, n * sizeof(*list));
	return rc;
}

/*
 * A level whose path adds up to t: find its values. Of several elements of that
 * name the last counts, and if that is no document there are none.
 */
static enum unwound
unwind_level(struct unwinder *u, const uint8_t *level, int64_t t)
{
	const uint8_t *at = document_first(level), *values = NULL;
	struct element e;

	while (document_next(&at, &e) == 0)
		if (strcmp(e.key, "values") == 0)
			values = e.type == ELEMENT_DOCUMENT ? e.value : NULL;
	if (values == NULL) {
		u->skips->count[SKIP_NO_VALUES]++;
		return UNWOUND;
	}
	return u->sorted ? unwind_sorted(u, values, t) :
	    unwind_in_place(u, values, t);
}

int
unwind_base(const struct element *e, int64_t *t_ms)
{
	uint64_t bits;
	int64_t t;
	double d;

	switch (e->type) {
	case ELEMENT_DOUBLE:
		bits = le64(e->value);
		memcpy(&d, &bits, sizeof(d));
		/* Written so that a NaN fails, too; fractions are no time. */
		if (!(fabs(d) <= (double)ID_MAX_MS) || d != floor(d))
			return -1;
		t = (int64_t)d;
		break;
	case ELEMENT_INT32:
		t = (int32_t)le32(e->value);
		break;
	case ELEMENT_DATE:
	case ELEMENT_INT64:
		t = (int64_t)le64(e->value);
		break;
	default:
		return -1;
	}
	if (t < -ID_MAX_MS || t > ID_MAX_MS)
		return -1;
	*t_ms = t;
	return 0;
}

/* The base of a valid document: the first _id counts, if there are several. */
static int
document_id(const uint8_t *doc, int64_t *t_ms)
{
	const uint8_t *at = document_first(doc);
	struct element e;

	do {
		if (document_next(&at, &e) != 0)
			return -1;
	} while (strcmp(e.key, "_id") != 0);
	return unwind_base(&e, t_ms);
}

int
unwind_id(const uint8_t *doc, size_t len, int64_t *t_ms)
{
	return document_valid(doc, len) ? document_id(doc, t_ms) : -1;
}

/*
 * Check the whole document, then its base, then walk it. The first walk takes
 * the keys as they come; only if they descend somewhere, everything it found is
 * dropped and a second walk sorts each level.
 */
int
unwind_window(const uint8_t *doc, size_t len, int64_t from_ms, int64_t to_ms,
    struct points *points, struct skips *skips, int64_t *next_ms)
{
	struct unwinder u = { .from_ms = from_ms, .to_ms = to_ms,
	    .points = points, .skips = skips, .next_ms = INT64_MAX,
	    .last_ms = INT64_MIN };
	const size_t before = points->n;
	const bool ascending = points->ascending;
	enum unwound rc;
	int64_t base;

	memset(skips, 0, sizeof(*skips));
	*next_ms = INT64_MAX;
	if (!document_valid(doc, len)) {
		skips->count[SKIP_BAD_BSON] = 1;
		return 0;
	}
	if (document_id(doc, &base) != 0) {
		skips->count[SKIP_BAD_ID] = 1;
		return 0;
	}
	if ((rc = unwind_level(&u, doc, base)) == OUT_OF_ORDER) {
		/* As if the first walk had not been. */
		memset(skips, 0, sizeof(*skips));
		points->n = before;
		points->ascending = ascending;
		u.next_ms = INT64_MAX;
		u.sorted = true;
		rc = unwind_level(&u, doc, base);
	}
	*next_ms = u.next_ms;
	return rc == UNWOUND ? 0 : rc == TOO_MANY_KEYS ? -2 : -1;
}

void
unwind_reach(const uint8_t *doc, size_t len, int64_t after_ms,
    struct skips *skips, int64_t *next_ms, int64_t *last_ms)
{
	/* An empty range, beginning and ending there: nothing is kept. */
	struct unwinder u = { .from_ms = after_ms, .to_ms = after_ms,
	    .skips = skips, .next_ms = INT64_MAX, .last_ms = INT64_MIN,
	    .any_order = true };
	int64_t base;

	memset(skips, 0, sizeof(*skips));
	if (!document_valid(doc, len))
		skips->count[SKIP_BAD_BSON] = 1;
	else if (document_id(doc, &base) != 0)
		skips->count[SKIP_BAD_ID] = 1;
	else
		unwind_level(&u, doc, base);
	*next_ms = u.next_ms;
	*last_ms = u.last_ms;
}

int
unwind_document(const uint8_t *doc, size_t len, int64_t from_ms, int64_t to_ms,
    struct points *points, struct skips *skips)
{
	int64_t next_ms;

	return unwind_window(doc, len, from_ms, to_ms, points, skips,
	    &next_ms) == 0 ? 0 : -1;
}
