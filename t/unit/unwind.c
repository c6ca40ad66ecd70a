/* Documents into points: FORMAT.md, 1 and 2, rule by rule. */
#include "worker/engine/decode/unwind.h"

#include <math.h>

#include "worker/engine/decode/document.h"
#include "worker/engine/decode/points.h"

#include "t/tap.h"
#include "t/unit/doc.h"
#include "t/unit/draw.h"
#include "t/unit/random.h"

#define BASE INT64_C(1543536000000)
#define ROOM ((size_t)1 << 30)

static struct doc d;
static struct skips skips;
static char text[8192];

/*
 * run_range(from, to): Unwind a copy of d that ASan guards; the points and
 * skips as a text, "5=i1 7=sx bad_key:2". Times are relative to BASE.
 */
static const char *
run_range(int64_t from, int64_t to)
{
	struct budget budget = { 0, ROOM };
	struct points ps;
	uint8_t *copy;
	size_t i, n = 0;
	double x;
	int k;

	if ((copy = malloc(d.len > 0 ? d.len : 1)) == NULL)
		abort();
	memcpy(copy, d.data, d.len);
	points_init(&ps, &budget);
	memset(&skips, 0x5a, sizeof(skips));
	text[0] = '\0';
	if (unwind_document(copy, d.len, from, to, &ps, &skips) != 0)
		n += (size_t)snprintf(text, sizeof(text), "failed ");
	for (i = 0; i < ps.n && n < sizeof(text) - 600; i++) {
		const struct point *p = &ps.v[i];

		n += (size_t)snprintf(text + n, 64, "%" PRId64 "=",
		    p->t_ms - BASE);
		switch (p->type) {
		case LEAF_DOUBLE:
			memcpy(&x, &p->v.bits, sizeof(x));
			n += (size_t)snprintf(text + n, 64, "d%g ", x);
			break;
		case LEAF_INT32:
		case LEAF_INT64:
			n += (size_t)snprintf(text + n, 64, "%c%" PRId64 " ",
			    p->type == LEAF_INT32 ? 'i' : 'l',
			    (int64_t)p->v.bits);
			break;
		case LEAF_BOOL:
			n += (size_t)snprintf(text + n, 64, "b%d ",
			    (int)p->v.bits);
			break;
		case LEAF_STRING:
			n += (size_t)snprintf(text + n, 256, "s%.*s ",
			    (int)le32(p->v.ref) - 1,
			    (const char *)p->v.ref + 4);
			break;
		case LEAF_DECIMAL128:
			n += (size_t)snprintf(text + n, 64, "D%" PRIx64 ",%"
			    PRIx64 " ", le64(p->v.ref + 8), le64(p->v.ref));
			break;
		default:
			n += (size_t)snprintf(text + n, 64, "type%d ",
			    p->type);
		}
	}
	for (k = 0; k < SKIP_REASONS; k++) {
		if (skips.count[k] > 0)
			n += (size_t)snprintf(text + n, 64, "%s:%" PRIu64 " ",
			    skip_name((enum skip)k), skips.count[k]);
	}
	if (n > 0 && text[n - 1] == ' ')
		text[n - 1] = '\0';
	points_release(&ps);
	if (budget.used != 0)
		snprintf(text, sizeof(text), "%zu bytes still charged",
		    budget.used);
	free(copy);
	return text;
}

static const char *
run(void)
{
	return run_range(BASE - 3600000, BASE + 1000 * INT64_C(3600000));
}

static void
test_names(void)
{
	static const char *const names[] = { "bad_bson", "bad_id", "bad_key",
	    "bad_type", "bad_utf8", "no_values" };
	struct skips s;
	int i;

	for (i = 0; i < SKIP_REASONS; i++)
		is_str(skip_name((enum skip)i), names[i], "name %d", i);
	memset(&s, 0, sizeof(s));
	ok(!skips_any(&s), "skips_any: none");
	for (i = 0; i < SKIP_REASONS; i++) {
		memset(&s, 0, sizeof(s));
		s.count[i] = (uint64_t)1 << 32;
		ok(skips_any(&s), "skips_any: %s", names[i]);
	}
}

static void
id_row(const char *name, const char *expected)
{
	int64_t t_ms = 4242;
	int rc;

	doc_doc(&d, "values");
	doc_int32(&d, "0", 1);
	doc_close(&d);
	doc_close(&d);
	is_str(run(), expected, "_id: %s", name);
	rc = unwind_id(d.data, d.len, &t_ms);
	if (strcmp(expected, "bad_id:1") == 0)
		ok(rc == -1, "_id: %s: unwind_id: none", name);
	else
		ok(rc == 0 && t_ms == BASE, "_id: %s: unwind_id", name);
}

static void
test_id(void)
{
	static const double bad[] = { NAN, INFINITY, -INFINITY, 1e300, -1e300,
	    9223372036854775808.0, -9223372036854777856.0, 1e19, 0.5,
	    -0.5, 1543536000000.5, 5e-324 };
	static const char *const names[] = { "string", "ObjectId", "null",
	    "bool", "Timestamp", "document", "array", "Decimal128" };
	char name[64];
	size_t i;

	doc_reset(&d), doc_int64(&d, "_id", BASE), id_row("int64", "0=i1");
	doc_reset(&d), doc_double(&d, "_id", BASE), id_row("double", "0=i1");
	doc_reset(&d), doc_date(&d, "_id", BASE), id_row("Date", "0=i1");
	doc_reset(&d);
	doc_int32(&d, "a", 1);
	doc_int64(&d, "_id", BASE);
	id_row("not the first element", "0=i1");
	doc_reset(&d), id_row("none", "bad_id:1");
	doc_reset(&d), doc_int64(&d, "_ID", BASE), id_row("_ID", "bad_id:1");
	doc_reset(&d), doc_int64(&d, "_i", BASE), id_row("_i", "bad_id:1");
	doc_reset(&d), doc_int64(&d, "_idx", BASE), id_row("_idx", "bad_id:1");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(name, sizeof(name), "%g", bad[i]);
		doc_reset(&d), doc_double(&d, "_id", bad[i]);
		id_row(name, "bad_id:1");
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		doc_reset(&d);
		if (i == 0)
			doc_string(&d, "_id", "1543536000000");
		if (i == 1) {
			doc_key(&d, 0x07, "_id");
			doc_raw(&d, "0123456789ab", 12);
		}
		if (i == 2)
			doc_key(&d, 0x0a, "_id");
		if (i == 3)
			doc_bool(&d, "_id", 1);
		if (i == 4) {
			doc_key(&d, 0x11, "_id");
			doc_le64(&d, BASE);
		}
		if (i == 5)
			doc_doc(&d, "_id"), doc_close(&d);
		if (i == 6)
			doc_array(&d, "_id"), doc_close(&d);
		if (i == 7) {
			doc_key(&d, 0x13, "_id");
			doc_le64(&d, BASE);
			doc_le64(&d, UINT64_C(0x3040000000000000));
		}
		id_row(names[i], "bad_id:1");
	}
	/* int32 and the extremes: in ranges of their own. */
	doc_reset(&d);
	doc_int32(&d, "_id", -5);
	doc_doc(&d, "values"), doc_int32(&d, "7", 1), doc_hour_end(&d);
	is_str(run_range(2, 3), "-1543535999998=i1", "_id: int32, negative");
	doc_reset(&d);
	doc_double(&d, "_id", -0.0);
	doc_doc(&d, "values"), doc_int32(&d, "7", 1), doc_hour_end(&d);
	is_str(run_range(7, 8), "-1543535999993=i1", "_id: -0.0");
	doc_hour(&d, INT64_MAX);
	doc_int32(&d, "0", 1), doc_int32(&d, "9999999999", 2);
	doc_level(&d, "9999999999"), doc_int32(&d, "9999999999", 3);
	doc_level_end(&d), doc_hour_end(&d);
	run_range(INT64_MIN, INT64_MAX);
	ok(strchr(text, '=') == NULL, "_id INT64_MAX: no point, no wrap");
	doc_hour(&d, INT64_MIN);
	doc_int32(&d, "1", 1), doc_hour_end(&d);
	run();
	ok(strchr(text, '=') == NULL, "_id INT64_MIN: no point");
	doc_reset(&d);
	doc_double(&d, "_id", -9223372036854775808.0);
	doc_doc(&d, "values"), doc_int32(&d, "7", 1), doc_hour_end(&d);
	run();
	ok(strchr(text, '=') == NULL, "_id: the double -2^63: no point");
	doc_reset(&d);
	doc_double(&d, "_id", 9007199254740991.0);
	doc_doc(&d, "values"), doc_int32(&d, "7", 1), doc_hour_end(&d);
	is_str(run_range(9007199254740998, 9007199254740999),
	    "9005655718740998=i1", "_id: the double 2^53 - 1");
}

static void
test_levels(void)
{
	size_t i;
	char name[64];

	doc_hour(&d, BASE), doc_hour_end(&d);
	is_str(run(), "", "an empty hour");
	doc_hour(&d, BASE);
	doc_int32(&d, "5", 1), doc_hour_end(&d);
	is_str(run(), "5=i1", "leaves at the top");
	doc_hour(&d, BASE);
	doc_level(&d, "0"), doc_level(&d, "300000"), doc_level(&d, "60000");
	doc_int32(&d, "5312", 1126487), doc_int32(&d, "5411", 1126586);
	doc_level_end(&d), doc_level_end(&d), doc_level_end(&d);
	doc_int32(&d, "400000", 1), doc_hour_end(&d);
	is_str(run(), "365312=i1126487 365411=i1126586 400000=i1",
	    "levels of different depth");
	doc_reset(&d);
	doc_int64(&d, "_id", BASE), doc_string(&d, "values_", "x");
	doc_close(&d);
	is_str(run(), "no_values:1", "the topmost level without values");
	doc_reset(&d), doc_int64(&d, "_id", BASE), doc_int32(&d, "values", 5);
	doc_close(&d);
	is_str(run(), "no_values:1", "values is a number");
	doc_reset(&d), doc_int64(&d, "_id", BASE), doc_array(&d, "values");
	doc_int32(&d, "0", 1), doc_close(&d), doc_close(&d);
	is_str(run(), "no_values:1", "values is an array");

	/* if there are several, the last counts */
	doc_reset(&d), doc_int64(&d, "_id", BASE);
	doc_doc(&d, "values"), doc_int32(&d, "1", 1), doc_close(&d);
	doc_doc(&d, "values"), doc_int32(&d, "2", 2), doc_close(&d);
	doc_close(&d);
	is_str(run(), "2=i2", "values twice");
	doc_reset(&d), doc_int64(&d, "_id", BASE);
	doc_int32(&d, "values", 1);
	doc_doc(&d, "values"), doc_int32(&d, "2", 2), doc_close(&d);
	doc_close(&d);
	is_str(run(), "2=i2", "values twice, a number first");
	doc_reset(&d), doc_int64(&d, "_id", BASE);
	doc_doc(&d, "values"), doc_int32(&d, "2", 2), doc_close(&d);
	doc_int32(&d, "values", 1), doc_close(&d);
	is_str(run(), "no_values:1", "values twice, a number last");

	/* other elements are ignored, wherever they are */
	doc_reset(&d);
	doc_array(&d, "levels"), doc_int32(&d, "0", 1), doc_close(&d);
	doc_int32(&d, "7", 7), doc_int64(&d, "_id", BASE);
	doc_doc(&d, "values");
	doc_doc(&d, "10"), doc_int32(&d, "3", 3), doc_key(&d, 0x0a, "x");
	doc_doc(&d, "values"), doc_int32(&d, "1", 1), doc_close(&d);
	doc_int32(&d, "4", 4), doc_close(&d);
	doc_close(&d), doc_key(&d, 0x0a, "null"), doc_close(&d);
	is_str(run(), "11=i1", "elements next to values");

	/* a level below without values */
	doc_hour(&d, BASE);
	doc_int32(&d, "1", 1);
	doc_doc(&d, "2"), doc_int32(&d, "0", 9), doc_close(&d);
	doc_doc(&d, "3"), doc_close(&d);
	doc_doc(&d, "4"), doc_array(&d, "values"), doc_close(&d);
	doc_close(&d);
	doc_level(&d, "5"), doc_level_end(&d);
	doc_int32(&d, "6", 6), doc_hour_end(&d);
	is_str(run(), "1=i1 6=i6 no_values:3", "levels below without values");

	/* 200 nested documents are accepted, 201 are not */
	for (i = 0; i < 2; i++) {
		size_t n;

		doc_hour(&d, BASE);
		for (n = 0; n < 99; n++)
			doc_level(&d, "1");
		if (i == 1)
			doc_array(&d, "7"), doc_close(&d);
		else
			doc_int32(&d, "1", 5);
		while (d.depth > 0)
			doc_close(&d);
		snprintf(name, sizeof(name), "%zu documents in each other",
		    200 + i);
		is_str(run(), i == 0 ? "100=i5" : "bad_bson:1", "%s", name);
	}
	doc_reset(&d), doc_int64(&d, "_id", BASE);
	while (d.depth < 1000)
		doc_doc(&d, "x");
	while (d.depth > 0)
		doc_close(&d);
	is_str(run(), "bad_bson:1", "1,000 nested, next to values");
}

static void
test_keys(void)
{
	static const struct {
		const char *key;
		const char *expected;
	} rows[] = {
		{ "0", "0=i1" }, { "00", "0=i1" }, { "7", "7=i1" },
		{ "0000000007", "7=i1" }, { "3599999", "3599999=i1" },
		{ "9999999999", "" },
		{ "", "bad_key:1" }, { "00000000007", "bad_key:1" },
		{ "10000000000", "bad_key:1" }, { "-1", "bad_key:1" },
		{ "+1", "bad_key:1" }, { " 1", "bad_key:1" },
		{ "1 ", "bad_key:1" }, { "1.0", "bad_key:1" },
		{ "1e3", "bad_key:1" }, { "0x1", "bad_key:1" },
		{ "a", "bad_key:1" }, { "1a", "bad_key:1" },
		{ "a1", "bad_key:1" }, { "/", "bad_key:1" },
		{ ":", "bad_key:1" }, { "1:", "bad_key:1" },
		{ "123456789:", "bad_key:1" }, { "12345678/", "bad_key:1" },
		{ "1234567:", "bad_key:1" }, { "\xff", "bad_key:1" },
		{ "1\x80", "bad_key:1" }, { "\xb1\xb2\xb3", "bad_key:1" },
		{ "\xd9\xa1", "bad_key:1" }, { "values", "bad_key:1" },
		{ "99999999999999999999999999999999", "bad_key:1" },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		doc_hour(&d, BASE), doc_int32(&d, rows[i].key, 1);
		doc_hour_end(&d);
		is_str(run(), rows[i].expected, "key '%s'", rows[i].key);
		doc_hour(&d, BASE), doc_level(&d, rows[i].key);
		doc_int32(&d, "0", 1), doc_level_end(&d), doc_hour_end(&d);
		is_str(run(), rows[i].expected, "key of a level '%s'",
		    rows[i].key);
	}
	doc_hour(&d, BASE);
	doc_key(&d, 0x0a, "x");
	doc_doc(&d, "y"), doc_close(&d);
	doc_level(&d, "z"), doc_key(&d, 0x0a, "w"), doc_int32(&d, "1", 1);
	doc_level_end(&d);
	doc_string(&d, "u", "\xff");
	doc_int32(&d, "1", 1), doc_hour_end(&d);
	is_str(run(), "1=i1 bad_key:4",
	    "a bad key is one, whatever its value and what is below");
}

static void
test_leaves(void)
{
	doc_hour(&d, BASE);
	doc_double(&d, "1", 2.5), doc_double(&d, "2", NAN);
	doc_double(&d, "3", -INFINITY), doc_double(&d, "4", -0.0);
	doc_int32(&d, "5", INT32_MIN), doc_int32(&d, "6", INT32_MAX);
	doc_int64(&d, "7", INT64_MIN), doc_int64(&d, "8", INT64_MAX);
	doc_int32(&d, "9", 0);
	doc_bool(&d, "10", 0), doc_bool(&d, "11", 1);
	doc_string(&d, "12", ""), doc_string(&d, "13", "\xc3\xa9");
	doc_key(&d, 0x13, "14"), doc_le64(&d, 150);
	doc_le64(&d, UINT64_C(0x303c000000000000));
	doc_hour_end(&d);
	is_str(run(), "1=d2.5 2=dnan 3=d-inf 4=d-0 5=i-2147483648 "
	    "6=i2147483647 7=l-9223372036854775808 8=l9223372036854775807 "
	    "9=i0 10=b0 11=b1 12=s 13=s\xc3\xa9 14=D303c000000000000,96",
	    "each type of leaf");

	doc_hour(&d, BASE);
	doc_bytes(&d, "1", "a\0b", 3);
	doc_string(&d, "2", "\xff"), doc_string(&d, "3", "\xed\xa0\x80");
	doc_string(&d, "4", "ok"), doc_bytes(&d, "5", "a\0\xff", 3);
	doc_string(&d, "6", "\xc3"), doc_hour_end(&d);
	is_str(run(), "1=sa 4=sok bad_utf8:4", "strings that are not UTF-8");

	doc_hour(&d, BASE);
	doc_int32(&d, "1", 1);
	doc_key(&d, 0x0a, "2");
	doc_array(&d, "3"), doc_int32(&d, "0", 1), doc_close(&d);
	doc_key(&d, 0x07, "4"), doc_raw(&d, "0123456789ab", 12);
	doc_date(&d, "5", BASE);
	doc_key(&d, 0x11, "6"), doc_le64(&d, 1);
	doc_key(&d, 0xff, "7"), doc_key(&d, 0x7f, "8");
	doc_key(&d, 0x05, "9"), doc_le32(&d, 2), doc_raw(&d, "\0xy", 3);
	doc_key(&d, 0x06, "10");
	doc_key(&d, 0x0b, "11"), doc_raw(&d, "a\0i", 4);
	doc_key(&d, 0x0c, "12"), doc_le32(&d, 2), doc_raw(&d, "a", 2);
	doc_raw(&d, "0123456789ab", 12);
	doc_key(&d, 0x0d, "13"), doc_le32(&d, 2), doc_raw(&d, "a", 2);
	doc_key(&d, 0x0e, "14"), doc_le32(&d, 2), doc_raw(&d, "a", 2);
	doc_key(&d, 0x0f, "15"), doc_le32(&d, 4 + 4 + 2 + 5);
	doc_le32(&d, 2), doc_raw(&d, "a", 2), doc_open(&d), doc_close(&d);
	doc_int32(&d, "16", 16), doc_hour_end(&d);
	is_str(run(), "1=i1 16=i16 bad_type:14", "each other type");
	doc_hour(&d, BASE);
	doc_array(&d, "3"), doc_doc(&d, "values"), doc_int32(&d, "0", 1);
	doc_close(&d), doc_close(&d), doc_hour_end(&d);
	is_str(run(), "bad_type:1", "an array with values is no level");
}

static void
test_range(void)
{
	doc_hour(&d, BASE);
	doc_int32(&d, "99", 1), doc_int32(&d, "100", 2);
	doc_int32(&d, "101", 3), doc_int32(&d, "199", 4);
	doc_int32(&d, "200", 5), doc_int32(&d, "201", 6);
	doc_key(&d, 0x0a, "5"), doc_key(&d, 0x0a, "500");
	doc_int32(&d, "x", 1), doc_hour_end(&d);
	is_str(run_range(BASE + 100, BASE + 200),
	    "100=i2 101=i3 199=i4 bad_key:1 bad_type:2",
	    "from is in the range, to is not; skips count wherever they lie");
	is_str(run_range(BASE + 200, BASE + 200), "bad_key:1 bad_type:2",
	    "an empty range");
	is_str(run_range(BASE + 300, BASE + 400), "bad_key:1 bad_type:2",
	    "none in the range");
	is_str(run_range(INT64_MIN, INT64_MAX), "99=i1 100=i2 101=i3 199=i4 "
	    "200=i5 201=i6 bad_key:1 bad_type:2", "all time");
	doc_hour(&d, BASE);
	doc_level(&d, "3600000"), doc_int32(&d, "5", 1), doc_level_end(&d);
	doc_int32(&d, "7200001", 2), doc_hour_end(&d);
	is_str(run(), "3600005=i1 7200001=i2", "points beyond the hour");
}

static void
test_order(void)
{
	doc_hour(&d, BASE);
	doc_int32(&d, "9", 9), doc_int32(&d, "10", 10), doc_int32(&d, "2", 2);
	doc_int32(&d, "100", 100), doc_int32(&d, "1", 1), doc_hour_end(&d);
	is_str(run(), "1=i1 2=i2 9=i9 10=i10 100=i100",
	    "numeric order, not that of bytes");
	doc_hour(&d, BASE);
	doc_int32(&d, "7", 1), doc_int32(&d, "07", 2), doc_int32(&d, "7", 3);
	doc_int32(&d, "3", 4), doc_int32(&d, "007", 5), doc_hour_end(&d);
	is_str(run(), "3=i4 7=i1 7=i2 7=i3 7=i5",
	    "of one number by their place");
	/* the later path after the earlier, key by key from the top */
	doc_hour(&d, BASE);
	doc_level(&d, "10"), doc_int32(&d, "0", 1), doc_level_end(&d);
	doc_level(&d, "0"), doc_int32(&d, "10", 2), doc_int32(&d, "4", 3);
	doc_level_end(&d);
	doc_int32(&d, "5", 4), doc_hour_end(&d);
	is_str(run(), "4=i3 10=i2 5=i4 10=i1", "order of paths");
	/* a leaf and a level of one number */
	doc_hour(&d, BASE);
	doc_int32(&d, "5", 1);
	doc_level(&d, "5"), doc_int32(&d, "1", 2), doc_int32(&d, "0", 3);
	doc_level_end(&d);
	doc_int32(&d, "05", 4), doc_int32(&d, "4", 5), doc_hour_end(&d);
	is_str(run(), "4=i5 5=i1 5=i3 6=i2 5=i4",
	    "a leaf and a level of one number");
	/* shuffled levels in shuffled levels, and skipped ones */
	doc_hour(&d, BASE);
	doc_level(&d, "2000");
	doc_level(&d, "20"), doc_int32(&d, "2", 8), doc_int32(&d, "1", 7);
	doc_level_end(&d);
	doc_key(&d, 0x0a, "15");
	doc_level(&d, "10"), doc_int32(&d, "2", 6), doc_int32(&d, "1", 5);
	doc_level_end(&d);
	doc_level_end(&d);
	doc_int32(&d, "bad", 1);
	doc_level(&d, "1000");
	doc_level(&d, "20"), doc_int32(&d, "2", 4), doc_int32(&d, "1", 3);
	doc_level_end(&d);
	doc_level(&d, "10"), doc_int32(&d, "2", 2), doc_int32(&d, "1", 1);
	doc_level_end(&d);
	doc_level_end(&d), doc_hour_end(&d);
	is_str(run(), "1011=i1 1012=i2 1021=i3 1022=i4 2011=i5 2012=i6 "
	    "2021=i7 2022=i8 bad_key:1 bad_type:1", "shuffled all over");
}

/* An element of each type: all are checked, none is used. */
static void
put_all(void)
{
	doc_reset(&d);
	doc_int64(&d, "_id", BASE);
	doc_double(&d, "a", 1.5), doc_string(&d, "b", "text");
	doc_doc(&d, "c"), doc_int32(&d, "x", 1), doc_close(&d);
	doc_array(&d, "d"), doc_bool(&d, "0", 1), doc_close(&d);
	doc_key(&d, 0x05, "e"), doc_le32(&d, 2), doc_raw(&d, "\0xy", 3);
	doc_key(&d, 0x05, "E"), doc_le32(&d, 0), doc_raw(&d, "\x80", 1);
	doc_key(&d, 0x05, "F"), doc_le32(&d, 6), doc_raw(&d, "\x02", 1);
	doc_le32(&d, 2), doc_raw(&d, "xy", 2);
	doc_key(&d, 0x06, "f");
	doc_key(&d, 0x07, "g"), doc_raw(&d, "0123456789ab", 12);
	doc_bool(&d, "h", 0), doc_date(&d, "i", 5), doc_key(&d, 0x0a, "j");
	doc_key(&d, 0x0b, "k"), doc_raw(&d, "a*\0i", 5);
	doc_key(&d, 0x0c, "l"), doc_le32(&d, 2), doc_raw(&d, "a", 2);
	doc_raw(&d, "0123456789ab", 12);
	doc_key(&d, 0x0d, "m"), doc_le32(&d, 3), doc_raw(&d, "ab", 3);
	doc_key(&d, 0x0e, "n"), doc_le32(&d, 3), doc_raw(&d, "ab", 3);
	doc_key(&d, 0x0f, "o"), doc_le32(&d, 4 + 4 + 2 + 11);
	doc_le32(&d, 2), doc_raw(&d, "a", 2);
	doc_open(&d), doc_int32(&d, "", 1), doc_close(&d);
	doc_int32(&d, "p", 1), doc_key(&d, 0x11, "q"), doc_le64(&d, 1);
	doc_int64(&d, "r", 1), doc_key(&d, 0x13, "s"), doc_le64(&d, 1);
	doc_le64(&d, 0), doc_key(&d, 0xff, "t"), doc_key(&d, 0x7f, "u");
	doc_doc(&d, "values");
	doc_level(&d, "10"), doc_int32(&d, "2", 1);
	doc_string(&d, "1", "text"), doc_level_end(&d);
	doc_hour_end(&d);
}

/* bad_at(name, at, bytes, n): The whole document with n bytes replaced. */
static void
bad_at(const char *name, size_t at, const void *bytes, size_t n)
{
	uint8_t kept[16];

	memcpy(kept, d.data + at, n);
	memcpy(d.data + at, bytes, n);
	is_str(run(), "bad_bson:1", "%s", name);
	memcpy(d.data + at, kept, n);
}

/* find(type, key): Where the value of an element at the top begins. */
static size_t
find(int type, const char *key)
{
	uint8_t pattern[16];
	size_t n = strlen(key) + 2, i;

	pattern[0] = (uint8_t)type;
	memcpy(pattern + 1, key, n - 1);
	for (i = 4; i + n <= d.len; i++) {
		if (memcmp(d.data + i, pattern, n) == 0)
			return i + n;
	}
	abort();
}

static void
test_sound(void)
{
	static const struct {
		const char *key;
		int type;
		const char *name;
	} lengths[] = {
		{ "b", 0x02, "string" }, { "c", 0x03, "document" },
		{ "d", 0x04, "array" }, { "e", 0x05, "binary" },
		{ "l", 0x0c, "DBPointer" }, { "m", 0x0d, "code" },
		{ "n", 0x0e, "symbol" }, { "o", 0x0f, "code with scope" },
		{ "values", 0x03, "values" },
	};
	static const uint32_t far[] = { 0x7fffffff, 0x80000000, 0xffffffff,
	    0xfffffffb, 100000, 0x7ffffffb };
	uint8_t bytes[4];
	char name[128];
	size_t i, k, at;
	uint32_t n;
	int type;

	put_all();
	is_str(run(), "11=stext 12=i1", "an element of each type");
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		at = find(lengths[i].type, lengths[i].key);
		n = le32(d.data + at);
		for (k = 0; k < 8; k++) {
			uint32_t other = k == 6 ? n - 1 : k == 7 ? n + 1 :
			    far[k];
			int b;

			for (b = 0; b < 4; b++)
				bytes[b] = (uint8_t)(other >> (8 * b));
			snprintf(name, sizeof(name), "length of a %s: %u for "
			    "%u", lengths[i].name, other, n);
			bad_at(name, at, bytes, 4);
		}
		snprintf(name, sizeof(name), "length of a %s: 0",
		    lengths[i].name);
		if (lengths[i].type != 0x05)
			bad_at(name, at, "\0\0\0\0", 4);
	}
	at = find(0x0f, "o");
	bad_at("code with scope: text too long", at + 4, "\3\0\0\0", 4);
	bad_at("code with scope: text of no length", at + 4, "\0\0\0\0", 4);
	bad_at("code with scope: scope too long", at + 10, "\x0d\0\0\0", 4);
	bad_at("code with scope: scope too short", at + 10, "\x05\0\0\0", 4);
	bad_at("binary of negative length", find(0x05, "E"), "\xff\xff\xff\xff",
	    4);
	at = find(0x02, "b");
	bad_at("a string without its NUL", at + 8, "x", 1);
	bad_at("a symbol without its NUL", find(0x0e, "n") + 6, "x", 1);
	bad_at("a code without its NUL", find(0x0d, "m") + 6, "x", 1);
	bad_at("a bool of 2", find(0x08, "h"), "\2", 1);
	bad_at("a bool of 255", find(0x08, "h"), "\xff", 1);
	bad_at("a document without its NUL", find(0x03, "c") + 11, "x", 1);
	bad_at("the last byte", d.len - 1, "\1", 1);
	for (type = 0; type < 256; type++) {
		static const uint8_t known[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9,
		    10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 0x7f, 0xff };

		doc_reset(&d);
		doc_int64(&d, "_id", BASE);
		doc_doc(&d, "values"), doc_close(&d);
		doc_key(&d, type, "u");
		doc_close(&d);
		if (memchr(known, type, sizeof(known)) != NULL || type == 0)
			continue;
		is_str(run(), "bad_bson:1", "unknown type 0x%02x", type);
	}
	/* lengths of the whole */
	put_all();
	for (i = 0; i < 6; i++) {
		int b;

		for (b = 0; b < 4; b++)
			bytes[b] = (uint8_t)(far[i] >> (8 * b));
		bad_at("length of the whole", 0, bytes, 4);
	}
	bad_at("length of the whole: 0", 0, "\0\0\0\0", 4);
	d.len++;
	d.data[d.len - 1] = 0;
	is_str(run(), "bad_bson:1", "a byte after the end");
	d.len = 0;
	is_str(run(), "bad_bson:1", "no bytes");
	d.len = 5;
	memcpy(d.data, "\5\0\0\0\0", 5);
	is_str(run(), "bad_id:1", "an empty document is sound");
	memcpy(d.data, "\4\0\0\0", 4);
	d.len = 4;
	is_str(run(), "bad_bson:1", "four bytes");
	/* bad_bson comes first, and then nothing else is counted */
	doc_reset(&d);
	doc_string(&d, "_id", "x");
	doc_doc(&d, "values"), doc_int32(&d, "x", 1), doc_int32(&d, "1", 1);
	doc_close(&d), doc_bool(&d, "z", 7), doc_close(&d);
	is_str(run(), "bad_bson:1", "bad_bson before bad_id");
	doc_hour(&d, BASE);
	doc_int32(&d, "x", 1), doc_int32(&d, "1", 1), doc_close(&d);
	doc_bool(&d, "z", 7), doc_close(&d);
	is_str(run(), "bad_bson:1", "what follows values counts too");
	doc_hour(&d, BASE);
	doc_int32(&d, "1", 1), doc_bool(&d, "x", 7), doc_hour_end(&d);
	is_str(run(), "bad_bson:1", "what is under a bad key, too");
	/* text that is not a point is not checked */
	doc_reset(&d);
	doc_int64(&d, "_id", BASE), doc_string(&d, "\xff", "\xff");
	doc_doc(&d, "values"), doc_int32(&d, "1", 1), doc_hour_end(&d);
	is_str(run(), "1=i1", "text next to values may be anything");
}

/* What is cut off is never valid; what is changed does no harm. */
static void
test_damage(void)
{
	struct budget budget = { 0, ROOM };
	struct points ps;
	unsigned long bad = 0;
	uint8_t *whole;
	size_t i, len;
	int bit, byte;

	put_all();
	len = d.len;
	if ((whole = malloc(len)) == NULL)
		abort();
	memcpy(whole, d.data, len);
	for (i = 0; i < len; i++) {
		d.len = i;
		if (strcmp(run(), "bad_bson:1") != 0)
			bad_row(&bad, "cut at %zu: %s", i, text);
	}
	is_int((int64_t)bad, 0, "cut at each of %zu bytes: bad_bson", len);
	/* The same with the outer length corrected. */
	for (i = 5; i < len; i++) {
		int b;

		d.len = i;
		for (b = 0; b < 4; b++)
			d.data[b] = (uint8_t)(i >> (8 * b));
		run();
		if (strstr(text, "charged") != NULL ||
		    strstr(text, "failed") != NULL)
			bad_row(&bad, "cut at %zu: %s", i, text);
	}
	d.len = len;
	memcpy(d.data, whole, len);
	for (i = 0; i < len; i++) {
		for (bit = 0; bit < 8; bit++) {
			d.data[i] = (uint8_t)(whole[i] ^ 1 << bit);
			run();
			if (strstr(text, "charged") != NULL ||
			    strstr(text, "failed") != NULL)
				bad_row(&bad, "byte %zu bit %d: %s", i, bit,
				    text);
		}
		for (byte = 0; byte < 256; byte += 51) {
			d.data[i] = (uint8_t)byte;
			run();
		}
		d.data[i] = whole[i];
	}
	is_int((int64_t)bad, 0, "each bit flipped");
	is_str(run(), "11=stext 12=i1", "and whole again");
	free(whole);

	/* budgets from 0 up */
	doc_hour(&d, BASE);
	for (i = 40; i > 0; i--) {
		char key[16];

		snprintf(key, sizeof(key), "%zu", i * 10);
		if (i % 3 == 0) {
			doc_level(&d, key), doc_int32(&d, "2", 2);
			doc_string(&d, "1", "x"), doc_level_end(&d);
		} else {
			doc_int32(&d, key, (int32_t)i);
		}
	}
	doc_hour_end(&d);
	for (i = 0; i < 1 << 20; i++) {
		int rc;

		budget.used = 0;
		budget.max = i;
		points_init(&ps, &budget);
		rc = unwind_document(d.data, d.len, BASE, BASE + 3600000, &ps, &skips);
		if (budget.used > budget.max)
			bad_row(&bad, "%zu charged of %zu", budget.used, i);
		if (rc == 0 && ps.n != 53)
			bad_row(&bad, "budget %zu: %zu points", i, ps.n);
		points_release(&ps);
		if (budget.used != 0)
			bad_row(&bad, "budget %zu: %zu still charged", i,
			    budget.used);
		if (rc == 0)
			break;
		if (rc != -1)
			bad_row(&bad, "budget %zu: returns %d", i, rc);
	}
	ok(bad == 0 && i > 53 * sizeof(struct point) / 2 && i < 1 << 20,
	    "-1 at each budget below %zu", i);
}

/* Large documents take linear time, in the worst order too. */
static void
test_large(void)
{
	struct budget budget = { 0, ROOM };
	struct points ps;
	char key[16];
	size_t i, n = 150000;
	int64_t t_ms = 0;

	doc_hour(&d, BASE);
	for (i = n; i > 0; i--) {
		snprintf(key, sizeof(key), "%zu", i * 7919 % n);
		doc_int32(&d, key, (int32_t)i);
	}
	doc_hour_end(&d);
	points_init(&ps, &budget);
	ok(unwind_document(d.data, d.len, BASE, BASE + 3600000, &ps, &skips) == 0 &&
	    ps.n == n, "150,000 points in one level, shuffled");
	for (i = 1; i < ps.n && ps.v[i].t_ms > ps.v[i - 1].t_ms; i++)
		;
	ok(i == n && ps.ascending, "in order");
	points_clear(&ps);
	doc_hour(&d, BASE);
	for (i = 0; i < 60000; i++) {
		snprintf(key, sizeof(key), "%zu", 60000 - i);
		doc_level(&d, key), doc_level_end(&d);
		doc_int32(&d, "7", 1);
	}
	doc_hour_end(&d);
	ok(unwind_document(d.data, d.len, BASE, BASE + 3600000, &ps, &skips) == 0 &&
	    ps.n == 60000, "60,000 empty levels, 60,000 of one number");
	points_release(&ps);
	is_int((int64_t)budget.used, 0, "nothing is charged afterwards");
	ok(unwind_id(d.data, d.len, &t_ms) == 0 && t_ms == BASE,
	    "unwind_id of it");
	ok(unwind_id(d.data, d.len - 1, &t_ms) == -1,
	    "unwind_id of what is not sound");
}

static void
test_append(void)
{
	struct budget budget = { 0, ROOM };
	struct points ps;

	points_init(&ps, &budget);
	doc_hour(&d, BASE), doc_int32(&d, "5", 1), doc_hour_end(&d);
	unwind_document(d.data, d.len, BASE, BASE + 100, &ps, &skips);
	ok(ps.n == 1 && !skips_any(&skips), "one document");
	doc_hour(&d, BASE), doc_int32(&d, "4", 2), doc_int32(&d, "x", 2);
	doc_hour_end(&d);
	unwind_document(d.data, d.len, BASE, BASE + 100, &ps, &skips);
	ok(ps.n == 2 && ps.v[0].t_ms == BASE + 5 && ps.v[1].t_ms == BASE + 4 &&
	    !ps.ascending, "the next appends");
	ok(skips.count[SKIP_BAD_KEY] == 1, "skips of this document");
	doc_hour(&d, BASE), doc_hour_end(&d);
	unwind_document(d.data, d.len, BASE, BASE + 100, &ps, &skips);
	ok(!skips_any(&skips), "and only those");
	ok(points_sort(&ps) == 0 && ps.v[0].t_ms == BASE + 4, "points_sort");
	points_release(&ps);
}

/* The same from all points that there are. */
static void
reach_model(const uint8_t *doc, size_t len, int64_t after_ms,
    int64_t *next_ms, int64_t *last_ms)
{
	struct budget budget = { 0, ROOM };
	struct points ps;
	size_t i;

	*next_ms = INT64_MAX;
	*last_ms = INT64_MIN;
	points_init(&ps, &budget);
	if (unwind_document(doc, len, INT64_MIN, INT64_MAX, &ps, &skips) != 0)
		abort();
	for (i = 0; i < ps.n; i++) {
		if (ps.v[i].t_ms >= after_ms && ps.v[i].t_ms < *next_ms)
			*next_ms = ps.v[i].t_ms;
		if (ps.v[i].t_ms > *last_ms)
			*last_ms = ps.v[i].t_ms;
	}
	points_release(&ps);
}

/* reach_wrong(after_ms): What is wrong with unwind_reach() of d; or NULL. */
static const char *
reach_wrong(int64_t after_ms)
{
	int64_t next_ms = 42, last_ms = 42, next, last;
	uint8_t *copy = malloc(d.len);
	const char *wrong = NULL;
	struct skips found;

	if (copy == NULL)
		abort();
	memcpy(copy, d.data, d.len);
	memset(&found, 0x5a, sizeof(found));
	unwind_reach(copy, d.len, after_ms, &found, &next_ms, &last_ms);
	reach_model(copy, d.len, after_ms, &next, &last);
	if (memcmp(&found, &skips, sizeof(found)) != 0)
		wrong = "other skips";
	else if (next_ms != next)
		wrong = "another next time";
	else if (last_ms != last)
		wrong = "another last time";
	free(copy);
	return wrong;
}

static void
reach_row(const char *name, int64_t after_ms, int64_t next_ms, int64_t last_ms)
{
	int64_t next = 42, last = 42;

	unwind_reach(d.data, d.len, after_ms, &skips, &next, &last);
	is_int(next, next_ms, "reach: %s: the next", name);
	is_int(last, last_ms, "reach: %s: the last", name);
	is_str(reach_wrong(after_ms), NULL, "reach: %s: as all points", name);
}

static void
test_reach(void)
{
	doc_hour(&d, BASE), doc_put(&d, "7=i1 5=i2 9( 3=i3 1=i4 ) 10=n x=i1");
	doc_hour_end(&d);
	reach_row("from before it", INT64_MIN, BASE + 5, BASE + 12);
	reach_row("its first", BASE + 5, BASE + 5, BASE + 12);
	reach_row("after its first", BASE + 6, BASE + 7, BASE + 12);
	reach_row("within a level", BASE + 8, BASE + 10, BASE + 12);
	reach_row("its last", BASE + 12, BASE + 12, BASE + 12);
	reach_row("after its last", BASE + 13, INT64_MAX, BASE + 12);
	reach_row("never", INT64_MAX, INT64_MAX, BASE + 12);
	doc_hour(&d, BASE), doc_put(&d, "5=i1 9=s\xff 8=n y=i1 7{ }");
	doc_hour_end(&d);
	reach_row("what is skipped is no point", BASE, BASE + 5, BASE + 5);
	doc_hour(&d, BASE), doc_hour_end(&d);
	reach_row("no points", INT64_MIN, INT64_MAX, INT64_MIN);
	doc_of(&d, "_id=sx values{ 1=i1 }");
	reach_row("no time", INT64_MIN, INT64_MAX, INT64_MIN);
	is_int((int64_t)skips.count[SKIP_BAD_ID], 1, "reach: bad_id");
	d.data[d.len - 1] = 1;
	reach_row("not BSON", INT64_MIN, INT64_MAX, INT64_MIN);
	is_int((int64_t)skips.count[SKIP_BAD_BSON], 1, "reach: bad_bson");
	doc_hour(&d, -1), doc_put(&d, "0=i1 2=i2 1=i3"), doc_hour_end(&d);
	reach_row("over 1970", 0, 0, 1);
}

static void
test_reach_random(void)
{
	unsigned long bad = 0;
	const char *wrong;
	int64_t after_ms;
	int i, far = 0;

	draw_from(1181783497276652981);
	for (i = 0; i < 20000; i++) {
		doc_hour(&d, BASE + (int64_t)draw(1000));
		doc_random(&d, 0);
		doc_hour_end(&d);
		if (draw(20) == 0)
			d.data[draw(d.len)] ^= (uint8_t)(1 << draw(8));
		after_ms = BASE + (int64_t)draw(draw(2) ? 100 : 3 * 3600000);
		if ((wrong = reach_wrong(after_ms)) != NULL)
			bad_row(&bad, "%d, after %" PRId64 ": %s", i,
			    after_ms - BASE, wrong);
		far += skips_any(&skips);
	}
	is_int((int64_t)bad, 0, "reach of 20,000 random documents");
	ok(far > 2000 && far < 18000, "%d of them with skips", far);
}

/* Nothing is sorted, and no memory is needed: the keys exceed any budget. */
static void
test_reach_large(void)
{
	int64_t next_ms, last_ms;
	char key[16];
	size_t i;

	doc_hour(&d, BASE);
	for (i = 0; i < 300000; i++) {
		snprintf(key, sizeof(key), "%zu", i * 7919 % 300000);
		doc_bool(&d, key, 1);
	}
	doc_hour_end(&d);
	unwind_reach(d.data, d.len, BASE + 150000, &skips, &next_ms, &last_ms);
	is_int(next_ms, BASE + 150000, "reach: 300,000 shuffled keys");
	is_int(last_ms, BASE + 299999, "reach: the last of them");
}

/*
 * Shuffled keys that exceed a budget: -2 where no window helps, -1 where points
 * that are already there are in the way.
 */
static void
test_budget(void)
{
	struct budget budget = { 0, ROOM };
	struct points ps;
	int64_t next_ms;
	char key[16];
	int i;

	points_init(&ps, &budget);
	for (i = 0; i < 2000; i++)
		if (points_add(&ps, &(struct point){ BASE + i, { 0 },
		    LEAF_BOOL }) != 0)
			abort();
	budget.max = budget.used + 100;
	doc_hour(&d, BASE);
	for (i = 0; i < 150; i++) {
		snprintf(key, sizeof(key), "%d", 1000 - i);
		doc_bool(&d, key, 1);
	}
	doc_hour_end(&d);
	is_int(unwind_window(d.data, d.len, BASE, BASE + 1, &ps, &skips,
	    &next_ms), -1, "keys that fit without the points that are there");
	points_release(&ps);
	is_int(unwind_window(d.data, d.len, BASE, BASE + 1, &ps, &skips,
	    &next_ms), 0, "and then do");
	is_int(next_ms, BASE + 851, "with the next point after the window");
	budget.max = 1000;
	is_int(unwind_window(d.data, d.len, BASE, BASE + 1, &ps, &skips,
	    &next_ms), -2, "keys that never fit");
	is_int((int64_t)budget.used, 0, "nothing is charged afterwards");
	points_release(&ps);
}

int
main(void)
{
	test_names();
	test_id();
	test_levels();
	test_keys();
	test_leaves();
	test_range();
	test_order();
	test_sound();
	test_damage();
	test_large();
	test_append();
	test_reach();
	test_reach_random();
	test_reach_large();
	test_budget();
	return done_testing();
}
