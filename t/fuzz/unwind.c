/*
 * Any bytes: no crash, every point in the range and in the document. Whatever
 * document_valid() accepts, libbson can read to the last element, except for
 * binaries of the old subtype 2, whose inner length only libbson checks. The
 * reverse does not hold: libbson ignores the terminators of inner documents.
 * Whatever the fast path takes, the exact path takes without a skip, and both
 * find the same times and texts.
 */
#include "worker/engine/decode/unwind.h"

#include <string.h>

#include <bson/bson.h>

#include "lib/base/buf.h"
#include "worker/engine/decode/document.h"
#include "worker/engine/decode/fastread.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/rows/csv.h"

#include "t/fuzz/fuzz.h"

#define FROM (-INT64_C(1152921504606846976))
#define TO INT64_C(1152921504606846976)

static int
libbson_elements(bson_iter_t *it, int depth)
{
	bson_iter_t child;
	const uint8_t *data;
	uint32_t n;
	bson_t scope;

	if (depth > DOCUMENT_DEPTH_MAX)
		return 0;
	while (bson_iter_next(it)) {
		switch (bson_iter_type(it)) {
		case BSON_TYPE_DOCUMENT:
		case BSON_TYPE_ARRAY:
			if (!bson_iter_recurse(it, &child) ||
			    !libbson_elements(&child, depth + 1))
				return 0;
			break;
		case BSON_TYPE_CODEWSCOPE:
			bson_iter_codewscope(it, NULL, &n, &data);
			if (!bson_init_static(&scope, data, n) ||
			    !bson_iter_init(&child, &scope) ||
			    !libbson_elements(&child, depth + 1))
				return 0;
			break;
		default:
			break;
		}
	}
	return it->err_off == 0;
}

static int
libbson_walks(const uint8_t *data, size_t len)
{
	bson_iter_t it;
	bson_t b;

	return bson_init_static(&b, data, len) && bson_iter_init(&it, &b) &&
	    libbson_elements(&it, 1);
}

/* elements(doc, end): Read all; returns 1 if one is a binary of subtype 2. */
static int
elements(const uint8_t *doc, const uint8_t *end)
{
	const uint8_t *at = document_first(doc);
	struct element e;
	int old = 0;

	while (document_next(&at, &e) == 0) {
		CHECK(e.key_len == strlen(e.key));
		CHECK((const uint8_t *)e.key + e.key_len < end);
		CHECK(e.value + e.value_len <= end);
		if (e.type == 0x03 || e.type == 0x04)
			old |= elements(e.value, e.value + e.value_len);
		if (e.type == 0x0f)
			old |= elements(e.value + 8 + le32(e.value + 4),
			    e.value + e.value_len);
		if (e.type == 0x05)
			old |= e.value[4] == 2;
	}
	return old;
}

static void
check_points(struct points *ps, const uint8_t *data, size_t len)
{
	static const struct csv_style style = { .rfc3339 = true };
	uint64_t non_finite = 0;
	const struct point *p;
	struct buf b;
	size_t i;

	buf_init(&b, 4096 + 4 * len);
	for (i = 0; i < ps->n; i++) {
		p = &ps->v[i];
		CHECK(p->t_ms >= FROM && p->t_ms < TO);
		if (point_ref_bytes(p) > 0)
			CHECK(p->v.ref >= data && p->v.ref +
			    point_ref_bytes(p) <= data + len);
		b.len = 0;
		CHECK(csv_row(&b, &style, p->t_ms, &p, 1, &non_finite) == 0);
	}
	buf_release(&b);
	CHECK(points_sort(ps) == 0);
	points_dedupe(ps);
	for (i = 1; i < ps->n; i++)
		CHECK(ps->v[i - 1].t_ms < ps->v[i].t_ms);
}

/* The text of a point, in the middle of its row. */
static void
check_text(const struct column_text *l, size_t i, const struct point *p)
{
	static const struct csv_style style;
	const struct cell_text *v = &l->v[i];
	uint64_t non_finite = 0;
	const char *text = v->s;
	size_t len = v->len;
	struct buf b;

	if (v->len == CELL_TEXT_LONG)
		text = celltext_long(v, &l->longer, &len);
	buf_init(&b, 4 * FASTREAD_TEXT_MAX);
	CHECK(csv_row(&b, &style, 0, &p, 1, &non_finite) == 0);
	/* "0," the text, LF */
	CHECK(b.len == len + 3 && memcmp(b.data + 2, text, len) == 0);
	CHECK((non_finite == 1) == (len == 0));
	buf_release(&b);
}

static void
check_walk(const uint8_t *data, size_t len, const struct points *ps,
    const struct skips *skips)
{
	const struct fastread_range range = { 0, FROM, TO, INT32_MAX };
	struct column_text l;
	size_t i;

	column_text_init(&l);
	if (fastread_document(data, len, &range, ',', &l) == FASTREAD_DONE) {
		CHECK(!skips_any(skips));
		CHECK(l.n == ps->n);
		for (i = 0; i < l.n; i++) {
			CHECK((int32_t)ps->v[i].t_ms == l.t[i]);
			check_text(&l, i, &ps->v[i]);
		}
	}
	column_text_release(&l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct budget budget = { 0, (size_t)1 << 30 };
	struct points ps;
	struct skips skips;
	int64_t t_ms;
	int is_sound = document_valid(data, len), rc;

	if (is_sound)
		CHECK(libbson_walks(data, len) || elements(data, data + len));

	points_init(&ps, &budget);
	CHECK(unwind_document(data, len, FROM, TO, &ps, &skips) == 0);
	CHECK((skips.count[SKIP_BAD_BSON] == 0) == is_sound);
	CHECK(skips.count[SKIP_BAD_BSON] + skips.count[SKIP_BAD_ID] <= 1);
	rc = unwind_id(data, len, &t_ms);
	CHECK((rc == 0) == (skips.count[SKIP_BAD_BSON] +
	    skips.count[SKIP_BAD_ID] == 0));
	if (rc != 0)
		CHECK(ps.n == 0 && skips.count[SKIP_BAD_KEY] == 0 &&
		    skips.count[SKIP_NO_VALUES] == 0);
	check_walk(data, len, &ps, &skips);
	check_points(&ps, data, len);
	points_release(&ps);
	CHECK(budget.used == 0);

	/* With too little memory: -1 or the same result, and nothing leaks. */
	budget.max = len;
	points_init(&ps, &budget);
	rc = unwind_document(data, len, FROM, TO, &ps, &skips);
	CHECK(rc == 0 || rc == -1 || rc == -2);
	CHECK(budget.used <= budget.max);
	points_release(&ps);
	CHECK(budget.used == 0);
	return 0;
}
