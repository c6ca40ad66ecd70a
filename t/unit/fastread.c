/*
 * The fast path from documents to rows: what fastread_document() takes and what
 * it leaves; and wherever it is done, that it, fastrows_write() and
 * timetext_put() agree with the exact path (unwind_document(), merge_next(),
 * csv_row()).
 */
#include "worker/engine/decode/fastread.h"

#include <math.h>
#include <stdlib.h>
#include <zlib.h>

#include "lib/base/buf.h"
#include "lib/base/zone.h"
#include "worker/engine/decode/numtext.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/decode/unwind.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/deflate/deflate.h"
#include "worker/engine/rows/csv.h"
#include "worker/engine/rows/fastrows.h"
#include "worker/engine/rows/merge.h"
#include "worker/engine/rows/timetext.h"

#include "t/tap.h"
#include "t/unit/doc.h"
#include "t/unit/draw.h"
#include "t/unit/inflate.h"

#define BASE DOC_BASE
#define HOUR INT64_C(3600000)
#define ROOM ((size_t)1 << 28)
#define COLUMNS 40
#define FEW 6
#define ROWS_OF(table) (sizeof(table) / sizeof((table)[0]))

static const struct fastread_range hour = { BASE, 0, HOUR, HOUR };
static const struct csv_style plain;
/* Of the rows of the reader, for those that compare with other styles. */
static char separator = ',';
/* A zone that changes in a minute, and at the beginning of one. */
static struct zone_change changes[] = { { BASE / 1000 - 1800, 20700 },
    { BASE / 1000 + 95, -3208 }, { BASE / 1000 + 600, 3600 } };
static const struct zone zone = { .first_s = 3208, .v = changes, .n = 3 };
static struct doc d;
static struct column_text column;
static char text[16384];

/* copy(data, len): Of exactly this size, for ASan. */
static uint8_t *
copy(const uint8_t *data, size_t len)
{
	uint8_t *p = malloc(len);

	if (p == NULL && len > 0)
		abort();
	if (len > 0)
		memcpy(p, data, len);
	return p;
}

/* none(bad, fmt, ...): Check that no row of a table was bad; reset *bad. */
static void __attribute__((format(printf, 2, 3)))
none(unsigned long *bad, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_line(*bad == 0, fmt, ap);
	va_end(ap);
	if (*bad > 0)
		diag("%lu are wrong", *bad);
	*bad = 0;
}

static const char *
cell_of(const struct column_text *l, size_t i, size_t *len)
{
	if (l->v[i].len == CELL_TEXT_LONG)
		return celltext_long(&l->v[i], &l->longer, len);
	*len = l->v[i].len;
	return l->v[i].s;
}

/* read_d(range, l): fastread_document() of a copy of d, which is then freed. */
static enum fastread_result
read_d(const struct fastread_range *range, struct column_text *l)
{
	uint8_t *p = copy(d.data, d.len);
	enum fastread_result rc = fastread_document(p, d.len, range, separator, l);

	memset(p, 0xee, d.len);
	free(p);
	return rc;
}

/*
 * differs(data, len, range, rc): What is wrong with fastread_document()'s
 * result rc of these bytes, when the column has only its points; NULL: nothing.
 * Unusual is always right.
 */
static const char *
differs(const uint8_t *data, size_t len, const struct fastread_range *range,
    enum fastread_result rc)
{
	struct budget budget = { 0, ROOM };
	struct points ps;
	struct skips skips;
	struct buf row;
	uint64_t non_finite = 0;
	const char *wrong = NULL, *s, *comma;
	size_t i, n;

	if (rc == FASTREAD_UNUSUAL)
		return NULL;
	if (rc != FASTREAD_DONE)
		return "no memory";
	buf_init(&row, 1 << 16);
	points_init(&ps, &budget);
	if (unwind_document(data, len, range->base_ms + range->from,
	    range->base_ms + range->to, &ps, &skips) != 0)
		wrong = "unwind_document() fails";
	else if (skips_any(&skips))
		wrong = "unwind_document() skips";
	else if (ps.n != column.n)
		wrong = "another number of points";
	for (i = 0; wrong == NULL && i < ps.n; i++) {
		const struct point *cell = &ps.v[i];

		row.len = 0;
		if (csv_row(&row, &plain, cell->t_ms, &cell, 1,
		    &non_finite) != 0)
			abort();
		comma = strchr(buf_cstr(&row), ',');
		s = cell_of(&column, i, &n);
		if (cell->t_ms != range->base_ms + column.t[i])
			wrong = "another time";
		else if (row.data + row.len - (const uint8_t *)comma !=
		    (ptrdiff_t)n + 2 || memcmp(comma + 1, s, n) != 0)
			wrong = "another text";
	}
	points_release(&ps);
	buf_release(&row);
	return wrong;
}

/*
 * agree(range, rc): fastread_document() of d into an empty column, by
 * differs(); *rc is its result.
 */
static const char *
agree(const struct fastread_range *range, enum fastread_result *rc)
{
	uint8_t *p = copy(d.data, d.len);
	const char *wrong;

	column_text_clear(&column);
	*rc = fastread_document(p, d.len, range, ',', &column);
	wrong = differs(p, d.len, range, *rc);
	free(p);
	return wrong;
}

/* show(): The column as "time:text time:text". */
static const char *
show(void)
{
	size_t n = 0, i, len;
	const char *s;

	text[0] = '\0';
	for (i = 0; i < column.n && n < sizeof(text) - 100; i++) {
		s = cell_of(&column, i, &len);
		n += (size_t)snprintf(text + n, 100, "%s%" PRId32 ":%.*s",
		    i > 0 ? " " : "", column.t[i], (int)len, s);
	}
	return text;
}

/*
 * run_range(docs, range): Read the documents, separated by |, into an empty
 * column, and show it; "unusual" if the last one is, "unusual: 1" if an earlier
 * one.
 */
static const char *
run_range(const char *docs, const struct fastread_range *range)
{
	char list[4096], *p, *save = NULL;
	enum fastread_result rc = FASTREAD_DONE;
	int n = 0;

	column_text_clear(&column);
	snprintf(list, sizeof(list), "%s", docs);
	for (p = strtok_r(list, "|", &save); p != NULL;
	    p = strtok_r(NULL, "|", &save), n++) {
		if (rc != FASTREAD_DONE) {
			snprintf(text, sizeof(text), "unusual: %d", n);
			return text;
		}
		doc_of(&d, p);
		if ((rc = read_d(range, &column)) == FASTREAD_NO_MEMORY)
			return "no memory";
	}
	return rc == FASTREAD_DONE ? show() : "unusual";
}

static const char *
run(const char *docs)
{
	return run_range(docs, &hour);
}

static void
test_usual(void)
{
	static const struct {
		const char *name, *docs, *expected;
	} table[] = {
		{ "_id: int64", "_id=l@0 values{ 0=i1 5=i2 }", "0:1 5:2" },
		{ "_id: double", "_id=d@7 values{ 0=i1 }", "7:1" },
		{ "_id: Date", "_id=t@7 values{ 1=i1 }", "8:1" },
		{ "no points", "_id=l@0 values{ }", "" },
		{ "one before _id", "a=i1 _id=l@0 values{ 1=i1 }", "1:1" },
		{ "several before _id",
		    "a=i1 b[ 0=i1 1=stext ] c=sx d{ values{ 1=i1 } } e=n "
		    "_id=l@0 values{ 1=i1 }", "1:1" },
		{ "one between", "_id=l@0 a=sx values{ 1=i1 }", "1:1" },
		{ "several between",
		    "_id=l@0 a=b1 b=D7 c[ 0{ } ] d=t5 values{ 1=i1 }", "1:1" },
		{ "one after", "_id=l@0 values{ 1=i1 } a=d1.5", "1:1" },
		{ "several after", "_id=l@0 values{ 1=i1 } a[ 0[ 0=i1 ] ] "
		    "b=l2 c{ _id=i1 } d=s", "1:1" },
		{ "everywhere", "a=n _id=t@0 b[ ] values{ 1=i1 } c{ }", "1:1" },
		{ "keys that begin like others",
		    "_i=i1 _idx=i1 _id=l@0 value=i1 valuesx=i1 id=i1 "
		    "values{ 1=i1 } _id_=i1 alues=i1 =i1", "1:1" },
		{ "a level", "_id=l@0 values{ 1000( 0=i1 999=i2 ) }",
		    "1000:1 1999:2" },
		{ "an empty level", "_id=l@0 values{ 1000( ) 1001=i1 }",
		    "1001:1" },
		{ "levels that follow", "_id=l@0 values{ 0( 1=i1 2=i2 ) "
		    "10( 1=i3 2=i4 ) 20( 1=i5 ) }", "1:1 2:2 11:3 12:4 21:5" },
		{ "depths that change", "_id=l@0 values{ 1=i1 2( 0=i2 1( 0=i3 "
		    "1( 2=i4 ) ) 9=i5 ) 20=i6 30( 1( 1( 1( 1=i7 ) ) ) ) }",
		    "1:1 2:2 3:3 6:4 11:5 20:6 34:7" },
		{ "a level beyond the next key's number", "_id=l@0 values{ "
		    "1( 5=i1 ) 2( 5=i2 ) 8=i3 }", "6:1 7:2 8:3" },
		{ "a level's key of 0", "_id=l@3 values{ 0( 0=i1 ) 1=i2 }",
		    "3:1 4:2" },
		{ "leading zeros", "_id=l@0 values{ 007=i1 08=i2 000000009=i3 "
		    "010( 00=i4 1=i5 ) }", "7:1 8:2 9:3 10:4 11:5" },
		{ "1 to 7 digits", "_id=l@0 values{ 1=i1 12=i2 123=i3 1234=i4 "
		    "12345=i5 123456=i6 1234567=i7 }",
		    "1:1 12:2 123:3 1234:4 12345:5 123456:6 1234567:7" },
		{ "the hour's last ms", "_id=l@0 values{ 3599999=i1 }",
		    "3599999:1" },
		{ "each type", "_id=l@0 values{ 1=i-5 2=l-6 3=d-7.5 4=l8 "
		    "5=i9 }", "1:-5 2:-6 3:-7.5 4:8 5:9" },
		{ "texts of 14 to 17 bytes", "_id=l@0 values{ "
		    "1=l12345678901234 2=l-12345678901234 3=l-123456789012345 "
		    "4=l-1234567890123456 5=i1 }", "1:12345678901234 "
		    "2:-12345678901234 3:-123456789012345 "
		    "4:-1234567890123456 5:1" },
		{ "bools, strings, a Decimal128", "_id=l@0 values{ 1=b0 2=b1 "
		    "3=sx 4=s 5=D12 6( 0=b1 1=syz 2=D3 ) }",
		    "1:false 2:true 3:x 4:\"\" 5:12 6:true 7:yz 8:3" },
		{ "strings to quote and to guard", "_id=l@0 values{ 1=sa,b "
		    "2=sa\"b 3=s=1 4=s-,1 5=s@ 6=s'x 7=sa;=1 }", "1:\"a,b\" "
		    "2:\"a\"\"b\" 3:'=1 4:\"'-,1\" 5:'@ 6:'x 7:a;'=1" },
		{ "strings of 14 to 17 bytes", "_id=l@0 values{ "
		    "1=sabcdefghijklmn 2=sabcdefghijklmno 3=sabcdefghijklmnop "
		    "4=sabcdefghijklmnopq 5=s-bcdefghijklmn "
		    "6=s-bcdefghijklmno 7=sabcdefghijkl, 8=sabcdefghijklm, "
		    "9=i1 }", "1:abcdefghijklmn 2:abcdefghijklmno "
		    "3:abcdefghijklmnop 4:abcdefghijklmnopq "
		    "5:'-bcdefghijklmn 6:'-bcdefghijklmno "
		    "7:\"abcdefghijkl,\" 8:\"abcdefghijklm,\" 9:1" },
		{ "beyond ASCII", "_id=l@0 values{ 1=s\xc3\xa4 "
		    "2=s\xe2\x82\xac 3=s\xf0\x9f\x98\x80 }", "1:\xc3\xa4 "
		    "2:\xe2\x82\xac 3:\xf0\x9f\x98\x80" },
		{ "documents that follow", "_id=l@0 values{ 1=i1 2=i2 }|"
		    "a=sx _id=d@2 values{ 1=l3 }|_id=t@4 values{ 0=i4 } b=n",
		    "1:1 2:2 3:3 4:4" },
		{ "long ones in several documents", "_id=l@0 values{ "
		    "1=d0.30000000000000004 2=i2 }|_id=l@10 values{ "
		    "1=d1.2345678901234568e-300 2=l-9223372036854775808 }|"
		    "_id=l@20 values{ 1=i3 }", "1:0.30000000000000004 2:2 "
		    "11:1.2345678901234568e-300 12:-9223372036854775808 "
		    "21:3" },
		{ "an empty one between", "_id=l@0 values{ 1=i1 }|_id=l@0 "
		    "values{ }|_id=l@1 values{ 1=i2 }", "1:1 2:2" },
	};
	unsigned long bad = 0;
	const char *wrong;
	char depth[2048];
	enum fastread_result rc;
	size_t i;

	for (i = 0; i < ROWS_OF(table); i++) {
		is_str(run(table[i].docs), table[i].expected, "%s",
		    table[i].name);
		/* d is the last of them */
		if ((wrong = agree(&hour, &rc)) != NULL || rc != FASTREAD_DONE)
			bad_row(&bad, "%s: %s", table[i].name,
			    wrong != NULL ? wrong : "unusual by itself");
	}
	none(&bad, "unwind_document() agrees with each");
	for (i = 1; i <= 8; i++) {
		size_t n = (size_t)snprintf(depth, sizeof(depth),
		    "_id=l@0 values{"), k;
		char expected[16];

		for (k = 0; k < i; k++)
			n += (size_t)snprintf(depth + n, 8, " 1(");
		n += (size_t)snprintf(depth + n, 8, " 1=i7");
		for (k = 0; k < i; k++)
			n += (size_t)snprintf(depth + n, 8, " )");
		snprintf(depth + n, 8, " }");
		snprintf(expected, sizeof(expected), "%zu:7", i + 1);
		is_str(run(depth), expected, "%zu levels in each other", i);
	}
	/* Deeper ones may be unusual; MongoDB's own limit ends the loop. */
	for (i = 9; i < 250; i++) {
		size_t k;

		doc_hour(&d, BASE);
		for (k = 0; k < i; k++)
			doc_level(&d, "1");
		doc_int32(&d, "1", 7);
		for (k = 0; k < i; k++)
			doc_level_end(&d);
		doc_hour_end(&d);
		if ((wrong = agree(&hour, &rc)) != NULL)
			bad_row(&bad, "%zu levels: %s", i, wrong);
	}
	none(&bad, "and in whatever depth");
	run("_id=l@0 values{ 1=i1 3599999=i2 }");
	ok(column_text_end(&column) == 0 && column.n == 2 && column.t[2] > HOUR &&
	    column.last == 3599999, "column_text_end(): a time that never comes");
	column_text_clear(&column);
	ok(column_text_end(&column) == 0 && column.n == 0 && column.t[0] > HOUR,
	    "of an empty column, too");
}

static void
test_range(void)
{
#define TO_2_53 INT64_C(9007199254740992)
	static const struct {
		const char *name, *docs, *expected;
		struct fastread_range range;
	} table[] = {
		{ "from is in, to is not", "_id=l@0 values{ 99=i1 100=i2 "
		    "101=i3 199=i4 200=i5 201=i6 }", "100:2 101:3 199:4",
		    { BASE, 100, 200, HOUR } },
		{ "in a level", "_id=l@0 values{ 90( 9=i1 10=i2 20=i3 ) "
		    "150=i4 190( 9=i5 10=i6 ) 205=i7 }",
		    "100:2 110:3 150:4 199:5", { BASE, 100, 200, HOUR } },
		{ "all before", "_id=l@0 values{ 99=i1 }", "",
		    { BASE, 100, 200, HOUR } },
		{ "all after", "_id=l@0 values{ 200=i1 3599999=i1 }", "",
		    { BASE, 100, 200, HOUR } },
		{ "nothing is in the range", "_id=l@0 values{ 99=i1 100=i2 }",
		    "", { BASE, 100, 100, HOUR } },
		{ "before the base", "_id=l@-3600000 values{ 0=i1 3599999=i2 "
		    "3600000=i3 }", "0:3", { BASE, 0, HOUR, HOUR } },
		{ "a range that begins before the base", "_id=l@-50 values{ "
		    "0=i1 50=i2 }", "-50:1 0:2", { BASE, -100, HOUR, HOUR } },
		{ "long before the base", "_id=l0 values{ 0=i1 5=d0.1 }", "",
		    { BASE, 0, HOUR, HOUR } },
		{ "long before, then one in it", "_id=l0 values{ 0=i1 }|"
		    "_id=l@0 values{ 1=i2 }", "1:2", { BASE, 0, HOUR, HOUR } },
		{ "a day", "_id=l@0 values{ 86399999=i1 }", "86399999:1",
		    { BASE, 0, 24 * HOUR, 24 * HOUR } },
		{ "9 digits", "_id=l@0 values{ 123456789=i1 999999999=i2 }",
		    "123456789:1", { BASE, 0, 999999999, 1000000000 } },
		{ "at the end", "_id=l@0 values{ 199=i1 200=i2 }", "unusual",
		    { BASE, 0, 200, 200 } },
		{ "beyond the end", "_id=l@0 values{ 199=i1 201=i2 }",
		    "unusual", { BASE, 0, 200, 200 } },
		{ "before the end", "_id=l@0 values{ 198=i1 199=i2 }",
		    "198:1 199:2", { BASE, 0, 200, 200 } },
		{ "to before the end", "_id=l@0 values{ 99=i1 100=i2 199=i3 }",
		    "99:1", { BASE, 0, 100, 200 } },
		{ "the end after to", "_id=l@0 values{ 99=i1 200=i2 }",
		    "unusual", { BASE, 0, 100, 200 } },
		{ "to after the end", "_id=l@0 values{ 198=i1 199=i2 }",
		    "198:1 199:2", { BASE, 0, 300, 200 } },
		{ "the end before to", "_id=l@0 values{ 199=i1 200=i2 }",
		    "unusual", { BASE, 0, 300, 200 } },
		{ "the end, in a level", "_id=l@0 values{ 190( 9=i1 10=i2 ) }",
		    "unusual", { BASE, 0, 200, 200 } },
		{ "a document beyond the end", "_id=l@200 values{ 0=i1 }",
		    "unusual", { BASE, 0, 200, 200 } },
		{ "far beyond the end", "_id=l9007199254740992 values{ 0=i1 }",
		    "unusual", { BASE, 0, HOUR, HOUR } },
		{ "_id: int32", "_id=i5 values{ 7=i1 }", "12:1",
		    { 0, 0, HOUR, HOUR } },
		{ "_id: int32, negative", "_id=i-5 values{ 7=i1 }", "2:1",
		    { 0, 0, HOUR, HOUR } },
		{ "_id: int32, min", "_id=i-2147483648 values{ 7=i1 }", "7:1",
		    { -2147483648, 0, HOUR, HOUR } },
		{ "_id: -0", "_id=d-0 values{ 7=i1 }", "7:1",
		    { 0, 0, HOUR, HOUR } },
		{ "a negative base", "_id=l-7200000 values{ 7=i1 3599999=i2 }",
		    "7:1 3599999:2", { -2 * HOUR, 0, HOUR, HOUR } },
		{ "_id: 2^53", "_id=l9007199254740992 values{ 7=i1 }", "7:1",
		    { TO_2_53, 0, HOUR, HOUR } },
		{ "_id: -2^53", "_id=l-9007199254740992 values{ 7=i1 }", "7:1",
		    { -TO_2_53, 0, HOUR, HOUR } },
		{ "_id: 2^53 as a double", "_id=d9007199254740992 values{ "
		    "7=i1 }", "7:1", { TO_2_53, 0, HOUR, HOUR } },
		{ "_id: beyond 2^53 as a double", "_id=d9007199254740994 "
		    "values{ 7=i1 }", "unusual", { TO_2_53, 0, HOUR, HOUR } },
		/* the order counts outside of the range, too */
		{ "shuffled before from", "_id=l@0 values{ 2=i1 1=i2 150=i3 }",
		    "unusual", { BASE, 100, 200, HOUR } },
		{ "shuffled after to", "_id=l@0 values{ 150=i1 202=i2 "
		    "201=i3 }", "unusual", { BASE, 100, 200, HOUR } },
	};
	unsigned long bad = 0;
	const char *wrong;
	enum fastread_result rc;
	size_t i;

	for (i = 0; i < ROWS_OF(table); i++) {
		is_str(run_range(table[i].docs, &table[i].range),
		    table[i].expected, "%s", table[i].name);
		wrong = agree(&table[i].range, &rc);
		if (wrong != NULL)
			bad_row(&bad, "%s: %s", table[i].name, wrong);
	}
	none(&bad, "unwind_document() agrees with each");
#undef TO_2_53
}

static void
test_numbers(void)
{
	static const struct {
		const char *leaf, *expected;
	} table[] = {
		{ "i0", "0" }, { "i7", "7" }, { "i-1", "-1" },
		{ "i2147483647", "2147483647" },
		{ "i-2147483648", "-2147483648" },
		{ "l0", "0" }, { "l-1", "-1" }, { "l4294967296", "4294967296" },
		{ "l9223372036854775807", "9223372036854775807" },
		{ "l-9223372036854775808", "-9223372036854775808" },
		{ "d0", "0" }, { "d-0", "0" }, { "d23", "23" },
		{ "d23.1", "23.1" }, { "d-23.1", "-23.1" }, { "d0.5", "0.5" },
		{ "d0.001", "0.001" }, { "d1000000", "1000000" },
		{ "d0.000001", "0.000001" }, { "d1e-7", "1e-7" },
		{ "d-1.5e-7", "-1.5e-7" }, { "d1e21", "1e+21" },
		{ "d-1e21", "-1e+21" }, { "d1e20", "100000000000000000000" },
		{ "d123456789012345680000", "123456789012345680000" },
		{ "d9007199254740992", "9007199254740992" },
		{ "d9007199254740993", "9007199254740992" },
		{ "d0.30000000000000004", "0.30000000000000004" },
		{ "d5e-324", "5e-324" }, { "d-5e-324", "-5e-324" },
		{ "d1.7976931348623157e308", "1.7976931348623157e+308" },
		{ "d-1.7976931348623157e308", "-1.7976931348623157e+308" },
		{ "d2.2250738585072014e-308", "2.2250738585072014e-308" },
		{ "d4294967296.5", "4294967296.5" },
		{ "d123456789012.5", "123456789012.5" },
		{ "d1234567890123.25", "1234567890123.25" },
		{ "dnan", "" }, { "d-nan", "" }, { "dinf", "" },
		{ "d-inf", "" },
	};
	char spec[128], expected[128];
	size_t i;

	for (i = 0; i < ROWS_OF(table); i++) {
		snprintf(spec, sizeof(spec), "_id=l@0 values{ 5=%s 6=i42 }",
		    table[i].leaf);
		snprintf(expected, sizeof(expected), "5:%s 6:42",
		    table[i].expected);
		is_str(run(spec), expected, "%s", table[i].leaf);
	}
}

/* Many numbers in one document, each with its text; see how[]. */
static void
test_many_numbers(void)
{
	enum { N = 4000 };
	static const char *const how[] = { "int32", "int64", "whole doubles",
	    "doubles of 1 to 4 decimals" };
	static char expected[N][32];
	unsigned long bad;
	char key[16];
	size_t i, k, len;

	draw_from(88172645463325252);
	for (k = 0; k < ROWS_OF(how); k++) {
		bad = 0;
		doc_hour(&d, BASE);
		for (i = 0; i < N; i++) {
			/* equally many of each length, and the powers of ten */
			int64_t n = (int64_t)draw(UINT64_MAX >> draw(63) >> 1 |
			    1), whole;
			int at;

			if (i % 8 == 0) {
				for (n = 1, at = (int)draw(19); at > 0; at--)
					n *= 10;
				n -= (int64_t)draw(2);
			}
			if (draw(2) == 1)
				n = -n;
			snprintf(key, sizeof(key), "%zu", i);
			if (k == 0) {
				n = (int32_t)n;
				doc_int32(&d, key, (int32_t)n);
			} else if (k == 1) {
				doc_int64(&d, key, n);
			} else if (k == 2) {
				n %= INT64_C(1) << 53;
				doc_double(&d, key, (double)n);
			} else {
				/* 15 digits always read back */
				n %= INT64_C(1000000000000000);
				at = 1 + (int)draw(4);
				whole = at == 1 ? 10 : at == 2 ? 100 :
				    at == 3 ? 1000 : 10000;
				doc_double(&d, key, (double)n / (double)whole);
				len = (size_t)snprintf(expected[i], 32, "%s%"
				    PRId64 ".%0*" PRId64, n < 0 ? "-" : "",
				    imaxabs(n) / whole, at, imaxabs(n) % whole);
				while (expected[i][len - 1] == '0')
					expected[i][--len] = '\0';
				if (expected[i][len - 1] == '.')
					expected[i][--len] = '\0';
				continue;
			}
			snprintf(expected[i], 32, "%" PRId64, n);
		}
		doc_hour_end(&d);
		column_text_clear(&column);
		if (read_d(&hour, &column) != FASTREAD_DONE || column.n != N)
			bad_row(&bad, "not done");
		for (i = 0; i < column.n; i++) {
			const char *s = cell_of(&column, i, &len);

			if (column.t[i] != (int32_t)i ||
			    len != strlen(expected[i]) ||
			    memcmp(s, expected[i], len) != 0)
				bad_row(&bad, "%zu: %.*s, not %s", i, (int)len,
				    s, expected[i]);
		}
		none(&bad, "%d %s", N, how[k]);
	}
}

static void
test_unusual(void)
{
	static const struct {
		const char *name, *docs;
	} table[] = {
		{ "keys that do not ascend", "_id=l@0 values{ 2=i1 1=i2 }" },
		{ "the last does not", "_id=l@0 values{ 1=i1 2=i2 9=i3 "
		    "8=i4 }" },
		{ "in a level", "_id=l@0 values{ 1( 2=i1 1=i2 ) }" },
		{ "levels", "_id=l@0 values{ 20( 1=i1 ) 10( 1=i2 ) }" },
		{ "levels whose times do", "_id=l@0 values{ 20( 1=i1 ) "
		    "10( 15=i2 ) }" },
		{ "a level, then a leaf", "_id=l@0 values{ 20( ) 10=i1 }" },
		{ "a doubled key", "_id=l@0 values{ 1=i1 1=i2 }" },
		{ "a doubled number", "_id=l@0 values{ 1=i1 01=i2 }" },
		{ "doubled levels", "_id=l@0 values{ 1( 1=i1 ) 1( 2=i2 ) }" },
		{ "a leaf and a level of a key", "_id=l@0 values{ 1=i1 "
		    "1( 2=i2 ) }" },
		{ "a level and a leaf of a key", "_id=l@0 values{ 1( ) "
		    "1=i1 }" },
		{ "a time twice by levels", "_id=l@0 values{ 1( 5=i1 ) "
		    "6=i2 }" },
		{ "a level that passes the next", "_id=l@0 values{ 1( 7=i1 ) "
		    "6=i2 }" },
		{ "levels that overlap", "_id=l@0 values{ 1( 0=i1 7=i2 ) "
		    "5( 0=i3 ) }" },
		{ "10 digits", "_id=l@0 values{ 1000000000=i1 }" },
		{ "10 digits of 0", "_id=l@0 values{ 0000000000=i1 }" },
		{ "10 digits of a level", "_id=l@0 values{ 0000000001( 1=i1 "
		    ") }" },
		{ "11 digits", "_id=l@0 values{ 00000000001=i1 }" },
		{ "40 digits", "_id=l@0 values{ "
		    "0000000000000000000000000000000000000001=i1 }" },
		{ "40 nines", "_id=l@0 values{ "
		    "9999999999999999999999999999999999999999=i1 }" },
		{ "2^64", "_id=l@0 values{ 18446744073709551616=i1 }" },
		{ "a level of 2^64 + 5", "_id=l@0 values{ "
		    "18446744073709551621( 0=i1 ) }" },
		{ "no digits", "_id=l@0 values{ =i1 }" },
		{ "no digits of a level", "_id=l@0 values{ ( 1=i1 ) }" },
		{ "a letter", "_id=l@0 values{ x=i1 }" },
		{ "a letter after", "_id=l@0 values{ 1x=i1 }" },
		{ "a letter before", "_id=l@0 values{ x1=i1 }" },
		{ "a letter between", "_id=l@0 values{ 1x1=i1 }" },
		{ "a letter as the 9th", "_id=l@0 values{ 00000001x=i1 }" },
		{ "a letter of a level", "_id=l@0 values{ 1x( 1=i1 ) }" },
		{ "-", "_id=l@0 values{ -1=i1 }" },
		{ "+", "_id=l@0 values{ +1=i1 }" },
		{ "a point", "_id=l@0 values{ 1.0=i1 }" },
		{ "the byte below 0", "_id=l@0 values{ 1/=i1 }" },
		{ "the byte above 9", "_id=l@0 values{ 1:=i1 }" },
		{ "a digit with the top bit", "_id=l@0 values{ \xb1=i1 }" },
		{ "beyond ASCII", "_id=l@0 values{ \xd9\xa1=i1 }" },
		{ "a string that is not UTF-8", "_id=l@0 values{ 1=i1 2=s\xff "
		    "3=i3 }" },
		{ "one that ends in a character", "_id=l@0 values{ 1=sx\xe2\x82 "
		    "}" },
		{ "one before the range", "_id=l@-9 values{ 1=s\xff }" },
		{ "a Date", "_id=l@0 values{ 1=t1 }" },
		{ "a null", "_id=l@0 values{ 1=n }" },
		{ "an array", "_id=l@0 values{ 1[ 0=i1 ] }" },
		{ "an array with values", "_id=l@0 values{ 1[ values{ 1=i1 } ] "
		    "}" },
		{ "a bad string in a level", "_id=l@0 values{ 1( 1=s\xc3 ) }" },
		{ "a level with another before", "_id=l@0 values{ 1{ a=i1 "
		    "values{ 1=i1 } } }" },
		{ "a level with another after it", "_id=l@0 values{ 1{ "
		    "values{ 1=i1 } a=i1 } }" },
		{ "a level with two", "_id=l@0 values{ 1{ values{ 1=i1 } "
		    "values{ 2=i1 } } }" },
		{ "a level without values", "_id=l@0 values{ 1{ } 2=i1 }" },
		{ "a level with only others", "_id=l@0 values{ 1{ a=i1 b=i2 } "
		    "}" },
		{ "a level with Values", "_id=l@0 values{ 1{ Values{ 1=i1 } } }"
		    },
		{ "a level with valuez", "_id=l@0 values{ 1{ valuez{ 1=i1 } } }"
		    },
		{ "a level with valuesx", "_id=l@0 values{ 1{ valuesx{ 1=i1 } }"
		    " }" },
		{ "a level with an int32", "_id=l@0 values{ 1{ values=i1 } }" },
		{ "a level with an array", "_id=l@0 values{ 1{ values[ 1=i1 ] }"
		    " }" },
		{ "a level's array", "_id=l@0 values{ 1[ values{ } ] }" },
		{ "values: an array", "_id=l@0 values[ 1=i1 ]" },
		{ "values: an int32", "_id=l@0 values=i1" },
		{ "values: a string", "_id=l@0 values=sx" },
		{ "values: an array, then a document", "_id=l@0 values[ 1=i1 ] "
		    "values{ 1=i1 }" },
		{ "values: a document, then an array", "_id=l@0 values{ 1=i1 } "
		    "values[ 1=i1 ]" },
		{ "values before _id", "values{ 1=i1 } _id=l@0" },
		{ "two _id", "_id=l@0 _id=l@0 values{ 1=i1 }" },
		{ "two _id around values", "_id=l@0 values{ 1=i1 } _id=l@0" },
		{ "two values", "_id=l@0 values{ 1=i1 } values{ 2=i1 }" },
		{ "two empty values", "_id=l@0 values{ } values{ }" },
		{ "no _id", "values{ 1=i1 }" },
		{ "no _id, another instead", "a=l@0 values{ 1=i1 }" },
		{ "_ID", "_ID=l@0 values{ 1=i1 }" },
		{ "no values", "_id=l@0" },
		{ "no values, others instead", "_id=l@0 a{ 1=i1 } b=i1" },
		{ "an empty document", " " },
		{ "_id: a fraction", "_id=d0.5 values{ 1=i1 }" },
		{ "_id: beyond 2^53", "_id=d9007199254740994 values{ 1=i1 }" },
		{ "_id: NaN", "_id=dnan values{ 1=i1 }" },
		{ "_id: infinity", "_id=d-inf values{ 1=i1 }" },
		{ "_id: a string", "_id=s1543536000000 values{ 1=i1 }" },
		{ "_id: a bool", "_id=b1 values{ 1=i1 }" },
		{ "_id: a null", "_id=n values{ 1=i1 }" },
		{ "_id: a Decimal128", "_id=D5 values{ 1=i1 }" },
		{ "_id: a document", "_id{ } values{ 1=i1 }" },
		{ "_id: an array", "_id[ ] values{ 1=i1 }" },
		{ "a time of the column's last", "_id=l@0 values{ 5=i1 }|"
		    "_id=l@1 values{ 4=i2 }" },
		{ "a time below the column's last", "_id=l@0 values{ 5=i1 }|"
		    "_id=l@1 values{ 3=i2 }" },
		{ "below the last of two documents", "_id=l@0 values{ 5=i1 }|"
		    "_id=l@6 values{ }|_id=l@1 values{ 1=i2 9=i3 }" },
	};
	static const struct fastread_range late = { BASE, 100, HOUR, HOUR };
	static const struct fastread_range early = { BASE, 0, 10, HOUR };
	char key[2] = "x";
	unsigned long bad = 0;
	size_t i;
	int c, k;

	for (i = 0; i < ROWS_OF(table); i++)
		is_str(run(table[i].docs), "unusual", "%s", table[i].name);
	is_str(run_range("_id=l@0 values{ 50=i1 }|_id=l@1 values{ 49=i1 }",
	    &late), "unusual", "the column's last before the range counts");
	is_str(run_range("_id=l@0 values{ 50=i1 }|_id=l@1 values{ 7=i1 }",
	    &early), "unusual", "after the range, too");
	is_str(run("_id=l@0 values{ 1=i1 }"), "1:1", "the column can be used on");
	/* each byte as a key, each type as a leaf */
	for (c = 1; c < 256; c++) {
		key[0] = (char)c;
		for (k = 0; k < 2; k++) {
			doc_hour(&d, BASE);
			if (k == 0)
				doc_int32(&d, key, 1);
			else
				doc_level(&d, key), doc_int32(&d, "0", 1),
				    doc_level_end(&d);
			doc_hour_end(&d);
			column_text_clear(&column);
			if ((read_d(&hour, &column) == FASTREAD_DONE) !=
			    (c >= '0' && c <= '9'))
				bad_row(&bad, "key of byte 0x%02x", c);
		}
	}
	for (c = 1; c < 256; c++) {
		if (c == 0x03)
			continue;
		doc_hour(&d, BASE);
		doc_key(&d, c, "1"), doc_le32(&d, 1);
		if (c != 0x10)
			doc_le32(&d, 0);
		doc_hour_end(&d);
		column_text_clear(&column);
		if ((read_d(&hour, &column) == FASTREAD_DONE) !=
		    (c == 0x01 || c == 0x10 || c == 0x12))
			bad_row(&bad, "leaf of type 0x%02x", c);
	}
	none(&bad, "each byte as a key, and as a leaf's type");
}

/* Strings around the longest one, and rows of several. */
static void
test_long_strings(void)
{
	static char s[2 * FASTREAD_STRING_MAX];
	const char *wrong;
	enum fastread_result rc;
	size_t len, k;

	for (len = FASTREAD_STRING_MAX - 1; len <= FASTREAD_STRING_MAX + 1;
	    len++) {
		for (k = 0; k < 2; k++) {
			memset(s, k == 0 ? 'x' : '"', len);
			s[len] = '\0';
			doc_hour(&d, BASE);
			doc_string(&d, "1", s);
			doc_string(&d, "2", "y");
			doc_hour_end(&d);
			wrong = agree(&hour, &rc);
			ok(wrong == NULL && (rc == FASTREAD_DONE) ==
			    (len <= FASTREAD_STRING_MAX),
			    "%zu bytes of %c: %s", len, s[0],
			    rc == FASTREAD_DONE ? "done" : "unusual");
		}
	}
	ok(column.longer.len <= FASTREAD_TEXT_MAX, "no text is left over");
}

/* A valid document with something of everything; see test_damage(). */
static void
put_good(void)
{
	doc_of(&d, "b=i1 a=stext _id=l@0 c{ x=i1 y[ 0=b1 ] } e[ 0=n 1=D7 ] "
	    "values{ 1=i1 2( 1=d1.5 3=l7 ) 9( 1( 0=i1 4=d0.1 ) 60=i2 ) "
	    "70=b1 80=D15 90=sfo,o 100=i5 7000=s=a-long-string-here "
	    "1234567=i6 1234569=s } g=t5 h{ } z=sx");
}

/* still(name): d, which is broken, is unusual. */
static void
still(unsigned long *bad, const char *name, size_t at, uint32_t n)
{
	column_text_clear(&column);
	if (read_d(&hour, &column) != FASTREAD_UNUSUAL)
		bad_row(bad, "%s at %zu: %u: not unusual", name, at, n);
}

/* find(type, key): Where the value of an element begins. */
static size_t
find(int type, const char *key)
{
	size_t n = strlen(key) + 1, i;

	for (i = 4; i + n < d.len; i++) {
		if (d.data[i] == type && memcmp(d.data + i + 1, key, n) == 0)
			return i + 1 + n;
	}
	abort();
}

static void
test_lengths(void)
{
	static const uint32_t far[] = { 0, 1, 4, 5, 6, 13, 17, 18, 0x7fffffff,
	    0x80000000, 0xffffffff, 0xfffffffb, 0x7ffffffb, 100000 };
	static const char *const names[] = { "a", "z", "90", "7000",
	    "1234569" };
	unsigned long bad = 0;
	uint32_t len, other;
	size_t i, k, at;
	int levels = 0;

	put_good();
	for (i = 0; i < d.places; i++) {
		at = d.place[i];
		len = le32(d.data + at);
		for (k = 0; k < ROWS_OF(far) + 16; k++) {
			other = k < ROWS_OF(far) ? far[k] : len - 8 +
			    (uint32_t)(k - ROWS_OF(far));
			doc_patch32(&d, at, other);
			if (other != len)
				still(&bad, "length", at, other);
		}
		doc_patch32(&d, at, len);
		for (k = 1; k < 256; k++) {
			d.data[at + len - 1] = (uint8_t)k;
			still(&bad, "terminator", at, (uint32_t)k);
		}
		d.data[at + len - 1] = 0;
	}
	is_int((int64_t)i, 12, "that many documents in it");
	none(&bad, "lengths and terminators of documents");
	/* a level and its values, both wrong the same way */
	for (i = 0; i + 1 < d.places; i++) {
		at = d.place[i];
		len = le32(d.data + at);
		if (d.place[i + 1] != at + 12 || at < find(0x03, "values"))
			continue;
		levels++;
		for (other = 0; other < len + 300; other++) {
			doc_patch32(&d, at, other);
			doc_patch32(&d, at + 12, other - 13);
			if (other != len)
				still(&bad, "level", at, other);
		}
		for (k = 0; k < ROWS_OF(far); k++) {
			doc_patch32(&d, at, far[k]);
			doc_patch32(&d, at + 12, far[k] - 13);
			still(&bad, "level", at, far[k]);
		}
		doc_patch32(&d, at, len);
		doc_patch32(&d, at + 12, len - 13);
	}
	is_int(levels, 3, "that many levels in it");
	none(&bad, "lengths of levels");
	for (i = 0; i < ROWS_OF(names); i++) {
		at = find(0x02, names[i]);
		len = le32(d.data + at);
		for (k = 0; k < ROWS_OF(far) + 4; k++) {
			other = k < ROWS_OF(far) ? far[k] : len - 2 +
			    (uint32_t)(k - ROWS_OF(far));
			doc_patch32(&d, at, other);
			if (other != len)
				still(&bad, "string", at, other);
		}
		doc_patch32(&d, at, len);
		d.data[at + 4 + len - 1] = 'x';
		still(&bad, "string's end", at, 0);
		d.data[at + 4 + len - 1] = 0;
	}
	none(&bad, "and of strings");
	/* a bool of 2, an unknown type */
	d.data[find(0x08, "0")] = 2;
	still(&bad, "bool", 0, 0);
	d.data[find(0x08, "0")] = 1;
	d.data[find(0x08, "70")] = 2;
	still(&bad, "bool that is a leaf", 0, 0);
	d.data[find(0x08, "70")] = 1;
	d.data[find(0x0a, "0") - 3] = 0x14;
	still(&bad, "type", 0, 0);
	d.data[find(0x14, "0") - 3] = 0x0a;
	none(&bad, "a bool of 2, an unknown type");
	column_text_clear(&column);
	ok(read_d(&hour, &column) == FASTREAD_DONE && column.n == 13,
	    "whole again: done");
	doc_byte(&d, 0);
	still(&bad, "a byte after the end", 0, 0);
	doc_patch32(&d, 0, (uint32_t)d.len);
	still(&bad, "a byte after the end, counted", 0, 0);
	d.len = 0;
	still(&bad, "no bytes", 0, 0);
	none(&bad, "bytes after the end, none at all");
}

/* An element that its level cuts short, with and without more after it. */
static void
test_cut_elements(void)
{
	static const struct {
		const char *bytes;
		size_t len;
	} elements[] = {
		{ "\x10" "12\0\1\1\1\1", 8 },
		{ "\x12" "1\0\1\1\1\1\1\1\1\1", 11 },
		{ "\x01" "1\0\0\0\0\0\0\0\1\1", 11 },
		{ "\x03" "1\0\x12\0\0\0\3values\0\5\0\0\0\0\0", 21 },
		{ "\x08" "12\0\1", 5 },
		{ "\x13" "1\0\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\x30", 19 },
		{ "\x02" "1\0\3\0\0\0xy\0", 10 },
		{ "\x02" "12\0\1\0\0\0\0", 9 },
	};
	unsigned long bad = 0;
	size_t i, n;
	int level, more;

	for (i = 0; i < ROWS_OF(elements); i++) {
		for (n = 1; n <= elements[i].len; n++) {
			for (level = 0; level < 2; level++) {
				for (more = 0; more < 2; more++) {
					doc_hour(&d, BASE);
					if (level)
						doc_level(&d, "1");
					doc_raw(&d, elements[i].bytes, n);
					if (level)
						doc_level_end(&d);
					if (level && more)
						doc_put(&d, "12345=l1");
					doc_close(&d);
					if (more)
						doc_put(&d, "a=l1 b=i1");
					doc_close(&d);
					column_text_clear(&column);
					if ((read_d(&hour, &column) ==
					    FASTREAD_DONE) !=
					    (n == elements[i].len))
						bad_row(&bad, "%zu bytes of "
						    "element %zu", n, i);
				}
			}
		}
	}
	none(&bad, "elements cut at each byte, and whole ones");
}

/* A column that grows point by point, and ends at each. */
static void
test_growth(void)
{
	unsigned long bad = 0;
	const char *value;
	struct column_text l;
	size_t len;
	int i;

	column_text_init(&l);
	if (column_text_end(&l) != 0 || l.n != 0 || l.t[0] <= HOUR)
		bad_row(&bad, "fresh");
	for (i = 0; i < 5000; i++) {
		doc_hour(&d, BASE + i);
		doc_double(&d, "0", i + (i % 2 ? 0.1 : 1e300));
		doc_hour_end(&d);
		if (read_d(&hour, &l) != FASTREAD_DONE || column_text_end(&l) != 0 ||
		    l.n != (size_t)i + 1 || l.t[l.n] <= HOUR) {
			bad_row(&bad, "at %d", i);
			break;
		}
		value = cell_of(&l, (size_t)i / 2, &len);
		snprintf(text, sizeof(text), "%.*s", (int)len, value);
		if (l.t[i / 2] != i / 2 || strtod(text, NULL) !=
		    i / 2 + (i / 2 % 2 ? 0.1 : 1e300))
			bad_row(&bad, "point %d at %d", i / 2, i);
	}
	none(&bad, "a column that ends at each of 5,000 points");
	column_text_release(&l);
	ok(l.n == 0 && read_d(&hour, &l) == FASTREAD_DONE && l.n == 1,
	    "column_text_release(): as new");
	column_text_release(&l);
}

/* Prefixes, and each value of each byte. */
static void
test_damage(void)
{
	unsigned long bad = 0, done = 0, unusual = 0;
	const char *wrong;
	size_t i, len;
	enum fastread_result rc;
	uint8_t kept;
	int byte;

	put_good();
	len = d.len;
	for (i = 0; i < len; i++) {
		d.len = i;
		still(&bad, "cut", i, 0);
	}
	for (i = 4; i < len; i++) {
		d.len = i;
		doc_patch32(&d, 0, (uint32_t)i);
		still(&bad, "cut and patched", i, 0);
		kept = d.data[i - 1];
		d.data[i - 1] = 0;
		doc_patch32(&d, 0, (uint32_t)i);
		if ((wrong = agree(&hour, &rc)) != NULL)
			bad_row(&bad, "cut, patched, ended at %zu: %s", i,
			    wrong);
		done += rc == FASTREAD_DONE;
		d.data[i - 1] = kept;
	}
	none(&bad, "cut at each of %zu bytes", len);
	is_int((int64_t)done, 3, "done where an element after values is cut");
	done = 0;
	put_good();
	for (i = 0; i < len; i++) {
		kept = d.data[i];
		for (byte = 0; byte < 256; byte++) {
			d.data[i] = (uint8_t)byte;
			if ((wrong = agree(&hour, &rc)) != NULL)
				bad_row(&bad, "byte %zu is %d: %s", i, byte,
				    wrong);
			done += rc == FASTREAD_DONE;
			unusual += rc == FASTREAD_UNUSUAL;
		}
		d.data[i] = kept;
	}
	none(&bad, "each byte of a document, each value of it");
	ok(done > 15000 && unusual > 15000,
	    "%lu of them done, %lu unusual", done, unusual);
}

/* Append a number of any kind. */
static void
put_number(const char *key)
{
	static const double special[] = { 0.0, -0.0, NAN, INFINITY, -INFINITY,
	    5e-324, 1.7976931348623157e308, 1e21, 1e-7, 0.1 + 0.2 };
	uint64_t bits;
	double x;

	switch (draw(8)) {
	case 0:
		doc_int32(&d, key, (int32_t)draw(1000) - 500);
		break;
	case 1:
		doc_int32(&d, key, (int32_t)draw(UINT64_C(1) << 32));
		break;
	case 2:
		doc_int64(&d, key, (int64_t)(seed ^ draw(1000)) >> draw(64));
		break;
	case 3:
		draw(2);
		bits = seed;
		memcpy(&x, &bits, sizeof(x));
		doc_double(&d, key, x);
		break;
	case 4:
		doc_double(&d, key, special[draw(ROWS_OF(special))]);
		break;
	case 5:
		doc_double(&d, key, (double)draw(5000));
		break;
	default:
		doc_double(&d, key, ((double)draw(1000000) - 5e5) /
		    (draw(2) ? 10.0 : 1000.0));
	}
}

/* Append a string: short or long, with bytes that are quoted, or beyond ASCII. */
static void
put_string(const char *key)
{
	static const char *const parts[] = { "a", "bc", "d ef", ",", "\"", "\n",
	    "\r", "=", "+", "-", "@", "\t", ";", " ", "\xc3\xa4", "\xe2\x82\xac",
	    "\xef\xbc\x9d", "\xf0\x9f\x98\x80" };
	static char s[FASTREAD_STRING_MAX + 1];
	const size_t max = draw(40) == 0 ? FASTREAD_STRING_MAX : draw(24);
	const char *part;
	size_t n = 0;

	for (;;) {
		part = parts[draw(ROWS_OF(parts))];
		if (n + strlen(part) > max)
			break;
		memcpy(s + n, part, strlen(part));
		n += strlen(part);
	}
	s[n] = '\0';
	doc_string(&d, key, s);
}

/* Append a leaf of any type. */
static void
put_leaf(const char *key)
{
	switch (draw(12)) {
	case 0:
		doc_bool(&d, key, (int)draw(2));
		break;
	case 1:
		put_string(key);
		break;
	case 2:
		doc_key(&d, 0x13, key);
		doc_le64(&d, draw_bits() >> draw(64));
		/* one in four: any, else a small exponent, a NaN or infinity */
		doc_le64(&d, draw(4) == 0 ? draw_bits() : draw(8) == 0 ?
		    UINT64_C(0x7800000000000000) << draw(2) :
		    UINT64_C(0x3040000000000000) +
		    ((draw(60) - 30) << 49));
		break;
	default:
		put_number(key);
	}
}

/* Append zero to three elements that are neither _id nor values. */
static void
put_others(void)
{
	static const char *const others[] = { "a=i1", "b=stext", "c{ x=i1 }",
	    "e[ 0=n 1=d2 ]", "f=b1", "g=D3", "h=t4", "value{ 1=i1 }",
	    "_i{ values{ 1=i1 } }", "j=n", "=l5", "valuesx=s" };
	uint64_t n = draw(8);

	while (n-- > 5)
		doc_put(&d, others[draw(ROWS_OF(others))]);
}

/* Append what no level should hold. */
static void
put_odd(const char *key)
{
	static const char *const odd[] = { "x=i1", "=i1", "1=i1",
	    "0000000001=i1", "9999999999=i1", "5=s\xff", "6=b0", "7=D1",
	    "8=t1", "9=n", "0[ ]", "0{ }", "0{ values{ } a=i1 }", "0{ a=i1 values{ } }",
	    "3{ values[ ] }", "999999999=i1", "3( 7=i1 )" };

	if (draw(3) == 0)
		doc_string(&d, key, "te\xffxt");
	else
		doc_put(&d, odd[draw(ROWS_OF(odd))]);
}

/*
 * put_level(room, gap, odd, depth): The content of values: points below room,
 * at most gap apart, some in levels below. One in odd elements is unusual, 0:
 * none. Returns the time after the last point.
 */
static uint64_t
put_level(uint64_t room, uint64_t gap, uint64_t odd, int depth)
{
	uint64_t at, end = 0;
	char key[32];

	for (at = draw(gap); at < room; at += draw(gap)) {
		snprintf(key, sizeof(key), "%0*d", draw(20) == 0 ? 6 : 1,
		    (int)at);
		if (odd > 0 && draw(odd) == 0) {
			put_odd(key);
		} else if (depth < 4 && draw(12) == 0) {
			doc_level(&d, key);
			end = at + put_level(1 + draw(room - at), gap, odd,
			    depth + 1);
			doc_level_end(&d);
			at = end > at ? end : at + 1;
			continue;
		} else {
			put_leaf(key);
		}
		end = ++at;
	}
	return end;
}

/* put_random(t_ms, room, gap, odd): Make d a document of t_ms. */
static void
put_random(int64_t t_ms, uint64_t room, uint64_t gap, uint64_t odd)
{
	doc_reset(&d);
	put_others();
	switch (draw(3)) {
	case 0:
		doc_int64(&d, "_id", t_ms);
		break;
	case 1:
		doc_double(&d, "_id", (double)t_ms);
		break;
	default:
		doc_date(&d, "_id", t_ms);
	}
	put_others();
	doc_doc(&d, "values");
	put_level(room, gap, odd, 0);
	doc_close(&d);
	put_others();
	doc_close(&d);
}

static void
test_agreement(void)
{
	enum { N = 12000 };
	unsigned long bad = 0, done[3] = { 0 }, points = 0;
	struct fastread_range range = { BASE, 0, 0, 0 };
	const char *wrong;
	enum fastread_result rc;
	uint64_t k;
	int i, kind;

	draw_from(2463534242);
	for (i = 0; i < N; i++) {
		kind = i % 3;
		range.base_ms = BASE - (int64_t)draw(40);
		range.from = draw(2) ? 0 : (int64_t)draw(150);
		range.end = draw(3) ? HOUR : 100 + (int64_t)draw(400);
		range.to = draw(2) ? range.end : (int64_t)draw(600);
		put_random(BASE + (int64_t)draw(50), 1 + draw(400),
		    1 + draw(40), kind == 1 ? 20 : 0);
		for (k = kind == 2 ? 1 + draw(3) : 0; k > 0; k--)
			d.data[draw(d.len)] ^= (uint8_t)(1 << draw(8));
		if ((wrong = agree(&range, &rc)) != NULL)
			bad_row(&bad, "document %d: %s", i, wrong);
		/* What is usual and in the range is taken. */
		if (kind == 0 && range.end == HOUR && rc != FASTREAD_DONE)
			bad_row(&bad, "document %d: usual, not done", i);
		if (rc != FASTREAD_DONE)
			continue;
		done[kind]++;
		points += column.n;
	}
	none(&bad, "%d random documents", N);
	ok(done[0] > N / 5 && done[1] > N / 30 && done[1] < N / 4 &&
	    done[2] > N / 30 && done[2] < N / 4 && points > 5 * (uint64_t)N,
	    "%lu + %lu + %lu done, with %lu points", done[0], done[1], done[2],
	    points);
}

/* The exact path to rows: columns of points, and the blocks to expect. */
struct reference {
	struct budget budget;
	struct points columns[COLUMNS];
	struct buf text;
	struct block blocks[64];	/* text_len to last_ms */
	size_t n;
	uint8_t *docs[4 * COLUMNS];	/* which the points refer to */
	size_t n_docs;
};

static struct reference ref;
static struct column_text columns[COLUMNS];
static struct blocks blocks;
static struct deflater *deflater;

static void
reference_begin(void)
{
	size_t i;

	for (i = 0; i < COLUMNS; i++) {
		points_clear(&ref.columns[i]);
		column_text_clear(&columns[i]);
	}
	while (ref.n_docs > 0)
		free(ref.docs[--ref.n_docs]);
	blocks_clear(&blocks);
}

/* both_d(i, range): d into column i, as text and as points. 0, -1: not so. */
static int
both_d(size_t i, const struct fastread_range *range)
{
	struct skips skips;
	uint8_t *doc;

	if (read_d(range, &columns[i]) != FASTREAD_DONE)
		return -1;
	if (ref.n_docs == ROWS_OF(ref.docs))
		abort();
	doc = ref.docs[ref.n_docs++] = copy(d.data, d.len);
	return unwind_document(doc, d.len, range->base_ms + range->from,
	    range->base_ms + range->to, &ref.columns[i], &skips);
}

static void
reference_rows(size_t n, const struct csv_style *style)
{
	struct series series[COLUMNS];
	const struct point *cells[COLUMNS];
	struct merge merge = { series, cells, n };
	struct block *b = NULL;
	int64_t t_ms;
	size_t i, at = 0;

	for (i = 0; i < n; i++) {
		series[i].v = ref.columns[i].v;
		series[i].n = ref.columns[i].n;
	}
	ref.text.len = 0;
	ref.n = 0;
	while (merge_next(&merge, &t_ms) == 0) {
		if (b == NULL) {
			if (ref.n == ROWS_OF(ref.blocks))
				abort();
			b = &ref.blocks[ref.n++];
			memset(b, 0, sizeof(*b));
			b->first_ms = t_ms;
			at = ref.text.len;
		}
		if (csv_row(&ref.text, style, t_ms, cells, n,
		    &b->non_finite) != 0)
			abort();
		for (i = 0; i < n; i++)
			b->points += cells[i] != NULL;
		b->rows++;
		b->last_ms = t_ms;
		b->text_len = ref.text.len - at;
		if (b->text_len >= BLOCK_BYTES)
			b = NULL;
	}
	for (b = ref.blocks, at = 0; b < ref.blocks + ref.n; b++) {
		b->crc = (uint32_t)crc32(0, ref.text.data + at,
		    (uInt)b->text_len);
		at += b->text_len;
	}
}

/* Whether the joined runs of the blocks inflate to the text. */
static int
pieces_inflate(void)
{
	struct buf joined;
	struct block b;
	size_t i;
	int good;

	buf_init(&joined, ROOM);
	for (i = 0; i < blocks.n; i++) {
		b = blocks_get(&blocks, i);
		if (buf_add(&joined, b.deflated, b.deflated_len) != 0)
			abort();
	}
	good = inflates(joined.data, joined.len, ref.text.data, ref.text.len);
	buf_release(&joined);
	return good;
}

/* rows_wrong(n, base_ms, style): What is wrong with fastrows_write()'s rows. */
static const char *
rows_wrong(size_t n, int64_t base_ms, const struct csv_style *style)
{
	size_t i;

	reference_rows(n, style);
	for (i = 0; i < n; i++) {
		if (column_text_end(&columns[i]) != 0)
			return "column_text_end() fails";
	}
	if (fastrows_write(columns, n, base_ms, style, &blocks, deflater) != 0)
		return "fastrows_write() fails";
	if (blocks.n != ref.n)
		return "another number of blocks";
	for (i = 0; i < blocks.n; i++) {
		struct block b = blocks_get(&blocks, i), *r = &ref.blocks[i];

		if (b.text_len != r->text_len)
			return "a block's length";
		if (b.crc != r->crc)
			return "a block's CRC";
		if (b.rows != r->rows || b.points != r->points ||
		    b.non_finite != r->non_finite)
			return "a block's counts";
		if (b.first_ms != r->first_ms || b.last_ms != r->last_ms)
			return "a block's times";
	}
	return pieces_inflate() ? NULL : "deflated";
}

static void
test_rows(void)
{
	enum { N = 1500 };
	unsigned long bad = 0;
	struct fastread_range range = hour;
	const char *wrong;
	uint64_t room, gap, k, n_rows = 0, n_points = 0, non_finite = 0;
	size_t n, c;
	int i;

	draw_from(362436069);
	for (i = 0; i < N; i++) {
		const struct csv_style style = { .rfc3339 = (i & 1) != 0,
		    .excel = (i & 2) != 0, .semicolon = (i & 4) != 0,
		    .zone = i & 8 ? &zone : NULL };

		/* few ms, so that columns share rows; or many */
		room = draw(3) == 0 ? 2 + draw(900000) : 2 + draw(80);
		gap = 1 + draw(room < 100 ? 4 : room / 8);
		if (gap < room / 4000)
			gap = room / 4000;	/* or ref would be too small */
		n = 1 + draw(i % 16 == 15 ? COLUMNS : FEW);
		range.base_ms = BASE - (draw(2) ? 0 : HOUR);
		range.from = draw(3) ? 0 : (int64_t)draw(room);
		range.to = draw(3) ? HOUR : (int64_t)draw(4 * room);
		separator = csv_separator(&style);
		reference_begin();
		for (c = 0; c < n; c++) {
			for (k = 0; k < 4; k++) {
				if (draw(4) == 0)
					continue;
				put_random(range.base_ms + (int64_t)(k * room),
				    room, gap, 0);
				if (both_d(c, &range) != 0)
					bad_row(&bad, "rows %d: not usual", i);
			}
		}
		wrong = rows_wrong(n, range.base_ms, &style);
		if (wrong != NULL)
			bad_row(&bad, "rows %d: %s", i, wrong);
		for (k = 0; k < ref.n; k++) {
			n_rows += ref.blocks[k].rows;
			n_points += ref.blocks[k].points;
			non_finite += ref.blocks[k].non_finite;
		}
	}
	separator = ',';
	none(&bad, "%d random slices", N);
	ok(n_rows > 20 * N && n_points > n_rows + n_rows / 8 && non_finite > N,
	    "%" PRIu64 " rows of %" PRIu64 " points, %" PRIu64 " not finite",
	    n_rows, n_points, non_finite);
	reference_begin();
	ok(rows_wrong(COLUMNS, BASE, &plain) == NULL && blocks.n == 0,
	    "no points: no blocks");
}

/* exact(n): What is wrong with n rows of 16 bytes each. */
static const char *
exact(size_t n)
{
	char key[16];
	size_t i;

	reference_begin();
	doc_hour(&d, BASE);
	for (i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "%zu", i);
		doc_int32(&d, key, (int32_t)(i % 10));
	}
	doc_hour_end(&d);
	if (both_d(0, &hour) != 0)
		return "not usual";
	return rows_wrong(1, BASE, &plain);
}

static void
test_blocks(void)
{
	const size_t full = BLOCK_BYTES / 16;
	const struct csv_style rfc = { .rfc3339 = true, .excel = true };
	size_t i, c;

	draw_from(521288629);
	for (i = 0; i < 2; i++) {
		reference_begin();
		for (c = 0; c < FEW; c++) {
			put_random(BASE, (uint64_t)HOUR, 400, 0);
			if (both_d(c, &hour) != 0)
				abort();
		}
		is_str(rows_wrong(FEW, BASE, i ? &rfc : &plain), NULL,
		    "an hour of %s", i ? "RFC 3339" : "ms");
		ok(blocks.n > 8 && ref.text.len > 8 * BLOCK_BYTES,
		    "%zu blocks of %zu bytes", blocks.n, ref.text.len);
	}
	is_str(exact(full), NULL, "as many rows as fill a block");
	ok(blocks.n == 1 && blocks_get(&blocks, 0).text_len == BLOCK_BYTES,
	    "are one block");
	is_str(exact(full - 1), NULL, "a row less");
	ok(blocks.n == 1, "is one block");
	is_str(exact(full + 1), NULL, "a row more");
	ok(blocks.n == 2 && blocks_get(&blocks, 1).rows == 1, "is two");
	is_str(exact(1), NULL, "one row");
}

#define STYLES 4
static const struct csv_style styles[STYLES] = { { .rfc3339 = false },
    { .rfc3339 = true }, { .zone = &zone }, { .zone = &zone, .semicolon = true } };
static struct timetext times[STYLES];

static void
init_times(void)
{
	int i;

	for (i = 0; i < STYLES; i++)
		timetext_init(&times[i], &styles[i]);
}

/* time_wrong(t_ms): Whether the text of t_ms is wrong in any style. */
static int
time_wrong(int64_t t_ms)
{
	char expected[STYLES][TIMETEXT_ROOM], *to;
	size_t len[STYLES], n;
	int i, wrong = 0;

	len[0] = numtext_int(t_ms, expected[0]);
	len[1] = timestamp_format(t_ms, expected[1]);
	/* By itself: t/unit/csv.c and t/0540-zones.t check what that gives. */
	len[2] = timetext_any(&styles[2], t_ms, expected[2]);
	len[3] = timetext_any(&styles[3], t_ms, expected[3]);
	if ((to = malloc(TIMETEXT_ROOM)) == NULL)
		abort();
	for (i = 0; i < STYLES; i++) {
		memset(to, 0xee, TIMETEXT_ROOM);
		n = timetext_put(&times[i], t_ms, to);
		wrong += n != len[i] || memcmp(to, expected[i], n) != 0;
	}
	free(to);
	return wrong;
}

static void
test_times(void)
{
	static const int64_t edges[] = { 0, 1, 9, 10, 999, 1000, 9999, 10000,
	    59999, 60000, 99999, 100000, 100001, 199999, 200000, 119999, 120000,
	    3599999, 3600000, 86399999, 86400000, 951782399999, 951782400000,
	    951868799999, 951868800000, 999999999999, 1000000000000,
	    9999999999999, 10000000000000, BASE, BASE + 59999, BASE + 60000,
	    BASE + 99999, BASE + 100000, 4102444800000, 253402300799999 };
	static const int64_t far[] = { 253402300800000, 253402300859999,
	    9007199254740992 };
	enum { N = 200000 };
	unsigned long bad = 0;
	int64_t t_ms;
	size_t i, k;
	int sign;

	/* each edge first, and after each other one */
	for (i = 0; i < ROWS_OF(edges); i++) {
		for (sign = -1; sign <= 1; sign += 2) {
			init_times();
			if (time_wrong(sign * edges[i]))
				bad_row(&bad, "first %" PRId64,
				    sign * edges[i]);
			for (k = 0; k < ROWS_OF(edges) * 4; k++) {
				t_ms = edges[k / 4] * (k & 1 ? -1 : 1) -
				    (k >> 1 & 1);
				if (time_wrong(t_ms) ||
				    time_wrong(sign * edges[i]))
					bad_row(&bad, "%" PRId64 " around %"
					    PRId64, sign * edges[i], t_ms);
			}
		}
	}
	none(&bad, "edges, each after each other");
	for (i = 0; i < ROWS_OF(far); i++) {
		if (time_wrong(far[i]) || time_wrong(far[i] + 1) ||
		    time_wrong(-far[i]))
			bad_row(&bad, "year 10000: %" PRId64, far[i]);
	}
	none(&bad, "beyond the years that RFC 3339 has");
	init_times();
	for (t_ms = BASE - 2000000; t_ms <= BASE + 800000; t_ms += 1 + t_ms % 7) {
		if (time_wrong(t_ms))
			bad_row(&bad, "past changes: %" PRId64, t_ms);
	}
	for (t_ms = -200000; t_ms <= 200000; t_ms++) {
		if (time_wrong(t_ms))
			bad_row(&bad, "upwards: %" PRId64, t_ms);
	}
	for (t_ms = 130000; t_ms >= -130000; t_ms--) {
		if (time_wrong(t_ms))
			bad_row(&bad, "downwards: %" PRId64, t_ms);
	}
	none(&bad, "each ms around 0, up and down");
	draw_from(6700417);
	for (i = 0; i < N; i++) {
		switch (draw(4)) {
		case 0:
			t_ms += (int64_t)draw(2000) - 500;
			break;
		case 1:
			t_ms += (int64_t)draw(400000) - 200000;
			break;
		case 2:
			t_ms = BASE + (int64_t)draw((uint64_t)HOUR);
			break;
		default:
			t_ms = (int64_t)draw(UINT64_C(1) << (1 + draw(47)));
			t_ms = draw(3) ? t_ms : -t_ms;
		}
		if (time_wrong(t_ms))
			bad_row(&bad, "random: %" PRId64, t_ms);
	}
	none(&bad, "%d random times", N);
}

int
main(void)
{
	size_t i;

	column_text_init(&column);
	blocks_init(&blocks);
	ref.budget.max = ROOM;
	buf_init(&ref.text, ROOM);
	for (i = 0; i < COLUMNS; i++) {
		column_text_init(&columns[i]);
		points_init(&ref.columns[i], &ref.budget);
	}
	if ((deflater = deflater_new(DEFLATE_FAST)) == NULL)
		abort();
	test_usual();
	test_range();
	test_numbers();
	test_many_numbers();
	test_unusual();
	test_long_strings();
	test_lengths();
	test_cut_elements();
	test_growth();
	test_damage();
	test_agreement();
	test_rows();
	test_blocks();
	test_times();
	reference_begin();
	for (i = 0; i < COLUMNS; i++) {
		column_text_release(&columns[i]);
		points_release(&ref.columns[i]);
	}
	is_int((int64_t)ref.budget.used, 0, "nothing is charged afterwards");
	column_text_release(&column);
	blocks_release(&blocks);
	buf_release(&ref.text);
	deflater_free(deflater);
	return done_testing();
}
