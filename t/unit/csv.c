/* Cells, rows and headers: FORMAT.md, 3. */
#include "worker/engine/rows/csv.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/zone.h"
#include "worker/engine/decode/points.h"

#include "t/tap.h"

static const struct csv_style plain;
static uint64_t non_finite;

/*
 * cell(style, p): The text of a cell: its row at 5 ms, without "5," and the
 * line end. NULL when the row is not of this form.
 */
static const char *
cell(const struct csv_style *style, const struct point *p)
{
	static struct buf b;
	const char *end = style->excel ? "\r\n" : "\n";
	const char *begin = style->semicolon ? "5;" : "5,";
	char *text;

	buf_release(&b);
	buf_init(&b, 1 << 20);
	non_finite = 0;
	if (csv_row(&b, style, 5, &p, 1, &non_finite) != 0 ||
	    (text = buf_cstr(&b)) == NULL || strncmp(text, begin, 2) != 0 ||
	    b.len < 2 + strlen(end) ||
	    strcmp(text + b.len - strlen(end), end) != 0)
		return NULL;
	text[b.len - strlen(end)] = '\0';
	return text + 2;
}

static void
test_numbers(void)
{
	static const struct {
		uint8_t type;
		int64_t n;
		const char *expected;
	} ints[] = {
		{ LEAF_INT32, 0, "0" },
		{ LEAF_INT32, -1, "-1" },
		{ LEAF_INT32, INT32_MIN, "-2147483648" },
		{ LEAF_INT32, INT32_MAX, "2147483647" },
		{ LEAF_INT64, INT64_MAX, "9223372036854775807" },
		{ LEAF_INT64, INT64_MIN, "-9223372036854775808" },
		{ LEAF_INT64, 9007199254740993, "9007199254740993" },
		{ LEAF_BOOL, 0, "false" },
		{ LEAF_BOOL, 1, "true" },
	};
	static const struct {
		double d;
		const char *expected;
		uint64_t non_finite;
	} doubles[] = {
		{ 23.0, "23", 0 }, { -0.0, "0", 0 }, { 0.1, "0.1", 0 },
		{ 0.000001, "0.000001", 0 }, { 1e-7, "1e-7", 0 },
		{ 123456789012345680000.0, "123456789012345680000", 0 },
		{ 1e21, "1e+21", 0 }, { -1.25, "-1.25", 0 },
		{ 5e-324, "5e-324", 0 },
		{ 1.7976931348623157e308, "1.7976931348623157e+308", 0 },
		{ NAN, "", 1 }, { -NAN, "", 1 }, { INFINITY, "", 1 },
		{ -INFINITY, "", 1 },
	};
	struct point p = { 5, { 0 }, 0 };
	size_t i;

	for (i = 0; i < sizeof(ints) / sizeof(ints[0]); i++) {
		p.type = ints[i].type;
		p.v.bits = (uint64_t)ints[i].n;
		is_str(cell(&plain, &p), ints[i].expected, "type %d: %s",
		    p.type, ints[i].expected);
	}
	for (i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++) {
		p.type = LEAF_DOUBLE;
		memcpy(&p.v.bits, &doubles[i].d, sizeof(double));
		is_str(cell(&plain, &p), doubles[i].expected, "double %g",
		    doubles[i].d);
		is_int((int64_t)non_finite, (int64_t)doubles[i].non_finite,
		    "double %g: not finite", doubles[i].d);
	}
}

static void
test_decimals(void)
{
	static const struct {
		uint64_t high, low;
		const char *expected;
		uint64_t non_finite;
	} rows[] = {
		{ UINT64_C(0x3040000000000000), 0, "0", 0 },
		{ UINT64_C(0xb040000000000000), 0, "-0", 0 },
		{ UINT64_C(0x3040000000000000), 1, "1", 0 },
		{ UINT64_C(0xb040000000000000), 1, "-1", 0 },
		{ UINT64_C(0x303c000000000000), 150, "1.50", 0 },
		{ UINT64_C(0x3046000000000000), 1, "1E+3", 0 },
		{ UINT64_C(0x3042000000000000), 0, "0E+1", 0 },
		{ UINT64_C(0x303c000000000000), 0, "0.00", 0 },
		{ UINT64_C(0x3034000000000000), 1, "0.000001", 0 },
		{ UINT64_C(0x3032000000000000), 1, "1E-7", 0 },
		{ UINT64_C(0x303a000000000000), 1234567890123456,
		    "1234567890123.456", 0 },
		{ UINT64_C(0x3040314dc6448d93), UINT64_C(0x38c15b0a00000000),
		    "1000000000000000000000000000000000", 0 },
		{ UINT64_C(0x3041ed09bead87c0), UINT64_C(0x378d8e63ffffffff),
		    "9999999999999999999999999999999999", 0 },
		{ UINT64_C(0x5fffed09bead87c0), UINT64_C(0x378d8e63ffffffff),
		    "9.999999999999999999999999999999999E+6144", 0 },
		{ 0, 1, "1E-6176", 0 },
		{ UINT64_C(0x8000000000000000), 1, "-1E-6176", 0 },
		/* more than 34 digits mean 0 */
		{ UINT64_C(0x3041ed09bead87c0), UINT64_C(0x378d8e6400000000),
		    "0", 0 },
		{ UINT64_C(0x6c10000000000000), 0, "0", 0 },
		{ UINT64_C(0x7c00000000000000), 0, "", 1 },
		{ UINT64_C(0xfc00000000000000), 0, "", 1 },
		{ UINT64_C(0x7e00000000000000), 0, "", 1 },
		{ UINT64_C(0x7c00000000000000), 12, "", 1 },
		{ UINT64_C(0x7800000000000000), 0, "", 1 },
		{ UINT64_C(0xf800000000000000), 0, "", 1 },
	};
	/* At an odd address. */
	uint8_t bytes[17];
	struct point p = { 5, { 0 }, LEAF_DECIMAL128 };
	size_t i, k;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (k = 0; k < 8; k++) {
			bytes[1 + k] = (uint8_t)(rows[i].low >> (8 * k));
			bytes[9 + k] = (uint8_t)(rows[i].high >> (8 * k));
		}
		p.v.ref = bytes + 1;
		is_str(cell(&plain, &p), rows[i].expected,
		    "Decimal128 %zu: %s", i, rows[i].expected);
		is_int((int64_t)non_finite, (int64_t)rows[i].non_finite,
		    "Decimal128 %zu: not finite", i);
	}
}

/* Strings and the cells they become, also as names in a header. */
static const struct {
	const char *text;
	const char *expected;
} strings[] = {
	{ "", "\"\"" },
	{ "a", "a" },
	{ "speed", "speed" },
	{ " a ", " a " },
	{ "a b", "a b" },
	{ "a;b", "a;b" },
	{ "a'b", "a'b" },
	{ "'", "'" },
	{ "\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac" },
	{ "0", "0" }, { "007", "007" }, { "true", "true" },
	/* in quotation marks */
	{ ",", "\",\"" },
	{ "a,b", "\"a,b\"" },
	{ "\"", "\"\"\"\"" },
	{ "\"\"", "\"\"\"\"\"\"" },
	{ "a\"b", "\"a\"\"b\"" },
	{ "a\nb", "\"a\nb\"" },
	{ "\n", "\"\n\"" },
	{ "a\rb", "\"a\rb\"" },
	{ "a\r\nb", "\"a\r\nb\"" },
	{ "a\"", "\"a\"\"\"" },
	/* what a spreadsheet might execute */
	{ "=", "'=" },
	{ "=1+1", "'=1+1" },
	{ "+1", "'+1" },
	{ "-1", "'-1" },
	{ "-", "'-" },
	{ "@SUM(A1)", "'@SUM(A1)" },
	{ "=1,2", "\"'=1,2\"" },
	{ "=\"x\"", "\"'=\"\"x\"\"\"" },
	{ "=HYPERLINK(\"http://x\",\"y\")",
	    "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"" },
	{ "\xef\xbc\x9d" "1", "'\xef\xbc\x9d" "1" },
	{ "\xef\xbc\x8b" "1", "'\xef\xbc\x8b" "1" },
	{ "\xef\xbc\x8d" "1", "'\xef\xbc\x8d" "1" },
	{ "\xef\xbc\xa0" "1", "'\xef\xbc\xa0" "1" },
	/* what programs drop is passed over */
	{ " =1", " '=1" }, { "\"=1", "\"\"\"'=1\"" }, { "\x01\x1f =1", "\x01\x1f '=1" },
	{ "\t=1", "\t'=1" }, { "\r=1", "\"\r'=1\"" }, { "\n=1", "\"\n'=1\"" },
	{ "\tx", "\tx" }, { "\t", "\t" }, { "\rx", "\"\rx\"" }, { " ", " " },
	/* where another program than one that splits at commas begins a cell */
	{ "ok;=1", "ok;'=1" }, { "ok;=1;-2", "ok;'=1;'-2" }, { ";;@x", ";;'@x" },
	{ "a\t+1", "a\t'+1" }, { "a\n-1", "\"a\n'-1\"" }, { "a\r\n=1", "\"a\r\n'=1\"" },
	{ "a;\"=1\"", "\"a;\"\"'=1\"\"\"" }, { "a; \t=", "a; \t'=" },
	{ "a;\xef\xbc\x9d" "1", "a;'\xef\xbc\x9d" "1" },
	{ "a,b;=1", "\"a,b;'=1\"" },
	/* nowhere else */
	{ "a=b", "a=b" }, { "a =b", "a =b" }, { "a\tb", "a\tb" }, { "a;b=1", "a;b=1" },
	{ "1-1", "1-1" }, { "a@b", "a@b" }, { "'=1", "'=1" }, { "a;'=1", "a;'=1" },
	{ "1,-2", "\"1,-2\"" }, { "a\"=1", "\"a\"\"=1\"" }, { "=-1", "'=-1" },
	{ "a;\xef\xbc\x9e" "1", "a;\xef\xbc\x9e" "1" },
	{ "\xef\xbd\x9d=", "\xef\xbd\x9d=" },
};

/* Strings with a NUL, as BSON has them, and the rows they become. */
static const struct {
	const char *what, *value, *row;
	size_t len;
} nuls[] = {
	{ "a NUL in a string", "\4\0\0\0a\0b\0", "5,a\0b\n", 6 },
	{ "a NUL before a formula", "\4\0\0\0\0=1\0", "5,\0'=1\n", 7 },
	{ "a NUL between what is quoted", "\4\0\0\0,\0\"\0",
	    "5,\",\0\"\"\"\n", 9 },
};

static void
test_strings(void)
{
	static const struct csv_style excel = { .excel = true };
	uint8_t *value = malloc(1 << 17);
	struct point p = { 5, { 0 }, LEAF_STRING };
	struct buf b;
	char *line = malloc(1 << 18);
	size_t i, n;

	if (value == NULL || line == NULL)
		abort();
	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		const char *name = strings[i].text;
		char expected[512];

		n = strlen(name) + 1;
		value[1] = (uint8_t)n;
		value[2] = (uint8_t)(n >> 8);
		value[3] = value[4] = 0;
		memcpy(value + 5, name, n);
		p.v.ref = value + 1;
		is_str(cell(&plain, &p), strings[i].expected, "string %zu: %s",
		    i, name);
		is_str(cell(&excel, &p), strings[i].expected,
		    "string %zu, CRLF", i);
		buf_init(&b, 1 << 16);
		ok(csv_header(&b, &plain, &name, 1) == 0, "header %zu", i);
		snprintf(expected, sizeof(expected), "time,%s\n",
		    strings[i].expected);
		is_str(buf_cstr(&b), expected, "header %zu: %s", i, name);
		buf_release(&b);
	}
	/* A NUL is a byte like any other; LibreOffice drops it, and what follows begins. */
	for (i = 0; i < sizeof(nuls) / sizeof(nuls[0]); i++) {
		const struct point *cells = &p;

		memcpy(value, nuls[i].value, 8);
		p.v.ref = value;
		buf_init(&b, 1 << 16);
		ok(csv_row(&b, &plain, 5, &cells, 1, &non_finite) == 0,
		    "%s", nuls[i].what);
		is_mem(b.data, b.len, nuls[i].row, nuls[i].len, "%s: the row",
		    nuls[i].what);
		buf_release(&b);
	}
	/* A long one, each byte of which is doubled. */
	n = 100000;
	value[0] = (uint8_t)(n + 1);
	value[1] = (uint8_t)((n + 1) >> 8);
	value[2] = (uint8_t)((n + 1) >> 16);
	value[3] = 0;
	memset(value + 4, '"', n);
	value[4 + n] = 0;
	memset(line, '"', 2 * n + 2);
	line[2 * n + 2] = '\0';
	is_str(cell(&plain, &p), line, "100,000 quotation marks");
	free(value);
	free(line);
}

static void
test_rows(void)
{
	static const struct csv_style styles[4] = { { .rfc3339 = false },
	    { .excel = true }, { .rfc3339 = true },
	    { .rfc3339 = true, .excel = true } };
	static const char *const headers[4] = {
		"time,speed,soc,current\n", "\xef\xbb\xbftime,speed,soc,current\r\n",
		"time,speed,soc,current\n", "\xef\xbb\xbftime,speed,soc,current\r\n",
	};
	static const char *const expected[4] = {
		"1543536000000,5,,\n", "1543536000000,5,,\r\n",
		"2018-11-30T00:00:00.000Z,5,,\n",
		"2018-11-30T00:00:00.000Z,5,,\r\n",
	};
	static const char *const names[3] = { "speed", "soc", "current" };
	static const struct {
		int64_t t_ms;
		const char *ms, *rfc3339;
	} times[] = {
		{ 0, "0", "1970-01-01T00:00:00.000Z" },
		{ 1, "1", "1970-01-01T00:00:00.001Z" },
		{ 1543622399999, "1543622399999", "2018-11-30T23:59:59.999Z" },
		{ 951782400000, "951782400000", "2000-02-29T00:00:00.000Z" },
		{ 4102444799999, "4102444799999", "2099-12-31T23:59:59.999Z" },
		{ -1, "-1", "1969-12-31T23:59:59.999Z" },
	};
	const struct point five = { 5, { .bits = 5 }, LEAF_INT32 };
	struct point nan = { 5, { 0 }, LEAF_DOUBLE };
	const struct point *cells[3] = { &five, NULL, NULL };
	double d = NAN;
	struct buf b;
	size_t i, full;
	char text[64];

	for (i = 0; i < 4; i++) {
		buf_init(&b, 4096);
		ok(csv_header(&b, &styles[i], names, 3) == 0 &&
		    b.len == strlen(headers[i]) &&
		    memcmp(b.data, headers[i], b.len) == 0,
		    "style %zu: header", i);
		buf_release(&b);
		ok(csv_row(&b, &styles[i], 1543536000000, cells, 3,
		    &non_finite) == 0, "style %zu: row", i);
		is_str(buf_cstr(&b), expected[i], "style %zu: its text", i);
		buf_release(&b);
	}
	buf_init(&b, 4096);
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		snprintf(text, sizeof(text), "%s,5,,\n", times[i].ms);
		csv_row(&b, &styles[0], times[i].t_ms, cells, 3, &non_finite);
		is_str(buf_cstr(&b), text, "ms: %s", times[i].ms);
		b.len = 0;
		snprintf(text, sizeof(text), "%s,5,,\n", times[i].rfc3339);
		csv_row(&b, &styles[2], times[i].t_ms, cells, 3, &non_finite);
		is_str(buf_cstr(&b), text, "rfc3339: %s", times[i].rfc3339);
		b.len = 0;
	}
	/* A row is kept even if its only point is not finite. */
	memcpy(&nan.v.bits, &d, sizeof(d));
	cells[0] = NULL;
	cells[1] = cells[2] = &nan;
	non_finite = 40;
	ok(csv_row(&b, &plain, 7, cells, 3, &non_finite) == 0, "only NaN");
	is_str(buf_cstr(&b), "7,,,\n", "an empty cell, the row is kept");
	is_int((int64_t)non_finite, 42, "two are added");
	b.len = 0;
	ok(csv_header(&b, &plain, names, 0) == 0, "no columns");
	is_str(buf_cstr(&b), "time\n", "only the time");
	buf_release(&b);
	/* At every ceiling below the need: -1, and no byte past it. */
	cells[0] = &five;
	full = strlen("1543536000000,5,,\n");
	for (i = 0; i < full; i++) {
		buf_init(&b, i);
		if (csv_row(&b, &plain, 1543536000000, cells, 3,
		    &non_finite) != -1 || b.len > i)
			break;
		buf_release(&b);
	}
	ok(i == full, "-1 at each ceiling below %zu", full);
	full = strlen(headers[0]);
	for (i = 0; i < full; i++) {
		buf_init(&b, i);
		if (csv_header(&b, &plain, names, 3) != -1 || b.len > i)
			break;
		buf_release(&b);
	}
	ok(i == full, "header: -1 at each ceiling below %zu", full);
}

/* Semicolons between cells, decimal commas, quotes and apostrophes to match. */
static void
test_semicolons(void)
{
	static const struct csv_style style = { .excel = true,
	    .semicolon = true };
	static const struct {
		const char *text, *expected;
	} texts[] = {
		{ "", "\"\"" }, { "a", "a" }, { "a,b", "a,b" },
		{ "a;b", "\"a;b\"" }, { "a\"", "\"a\"\"\"" },
		{ "=1", "'=1" }, { "a,=1", "a,'=1" }, { "a, \t+1", "a, \t'+1" },
		{ "a;=1", "\"a;=1\"" }, { "a;\n=1", "\"a;\n'=1\"" },
		{ "a\t-1", "a\t'-1" }, { "x,\xef\xbc\x9d", "x,'\xef\xbc\x9d" },
		{ "1.5", "1.5" }, { "1,5", "1,5" },
	};
	static const struct {
		double d;
		const char *expected;
	} doubles[] = {
		{ 2.2, "2,2" }, { -0.5, "-0,5" }, { 23, "23" }, { 1e-7, "1e-7" },
		{ 1.5e-7, "1,5e-7" }, { 1.25e21, "1,25e+21" }, { 99999.999, "99999,999" },
		{ 1234567.891, "1234567,891" }, { 0.1 + 0.2, "0,30000000000000004" },
		{ NAN, "" },
	};
	/* 1.50 and 1E+3, low half first */
	static const uint8_t decimals[2][16] = { { 150, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, 0, 0, 0, 0, 0x3c, 0x30 }, { 1, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, 0, 0, 0, 0, 0x46, 0x30 } };
	const char *const names[] = { "speed", "a;b", "c,=d" };
	struct point p = { 5, { 0 }, LEAF_STRING };
	uint8_t value[64];
	struct buf b;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(value, 0, sizeof(value));
		value[0] = (uint8_t)(strlen(texts[i].text) + 1);
		memcpy(value + 4, texts[i].text, strlen(texts[i].text));
		p.v.ref = value;
		is_str(cell(&style, &p), texts[i].expected,
		    "semicolons: string %zu", i);
	}
	p.type = LEAF_DOUBLE;
	for (i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++) {
		memcpy(&p.v.bits, &doubles[i].d, sizeof(double));
		is_str(cell(&style, &p), doubles[i].expected,
		    "semicolons: double %g", doubles[i].d);
	}
	p.type = LEAF_DECIMAL128;
	p.v.ref = decimals[0];
	is_str(cell(&style, &p), "1,50", "semicolons: a Decimal128");
	p.v.ref = decimals[1];
	is_str(cell(&style, &p), "1E+3", "semicolons: one without a point");
	buf_init(&b, 4096);
	ok(csv_header(&b, &style, names, 3) == 0, "semicolons: a header");
	is_str(buf_cstr(&b), "\xef\xbb\xbftime;speed;\"a;b\";c,'=d\r\n",
	    "semicolons: its text");
	buf_release(&b);
}

/* Time of day in a zone, around changes, one of which is within a minute. */
static void
test_local(void)
{
	struct zone_change changes[] = { { 1540688400, 3600 },
	    { 1543536030, 20700 } };
	const struct zone zone = { .first_s = 7200, .v = changes, .n = 2 };
	const struct csv_style points = { .zone = &zone };
	const struct csv_style commas = { .zone = &zone, .excel = true,
	    .semicolon = true };
	static const struct {
		int64_t t_ms;
		const char *expected;
	} rows[] = {
		{ 1540688399999, "2018-10-28 02:59:59.999,\n" },
		{ 1540688400000, "2018-10-28 02:00:00.000,\n" },
		{ 1543536029999, "2018-11-30 01:00:29.999,\n" },
		{ 1543536030000, "2018-11-30 05:45:30.000,\n" },
		{ 0, "1970-01-01 02:00:00.000,\n" },
		{ -7200001, "1969-12-31 23:59:59.999,\n" },
		{ INT64_MAX, "9999-12-31 23:59:59.999,\n" },
		{ INT64_MIN, "0000-01-01 00:00:00.000,\n" },
	};
	const struct point *none = NULL;
	struct buf b;
	size_t i;

	buf_init(&b, 4096);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b.len = 0;
		csv_row(&b, &points, rows[i].t_ms, &none, 1, &non_finite);
		is_str(buf_cstr(&b), rows[i].expected, "local: row %zu", i);
	}
	b.len = 0;
	csv_row(&b, &commas, 1543536029999, &none, 1, &non_finite);
	is_str(buf_cstr(&b), "2018-11-30 01:00:29,999;\r\n",
	    "local, with a decimal comma");
	buf_release(&b);
}

int
main(void)
{
	test_numbers();
	test_decimals();
	test_strings();
	test_rows();
	test_semicolons();
	test_local();
	return done_testing();
}
