/*
 * A reader of RFC 4180 reads back what was written: the same number of rows and
 * fields, each with its value, in the form of FORMAT.md, 3.
 * The input is the style, the columns, a ceiling and the names, then rows: a
 * time, and for each column a type and its value. After its end come zeros.
 */
#include "worker/engine/rows/csv.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/zone.h"
#include "worker/engine/decode/points.h"

#include "t/fuzz/fuzz.h"

#define INPUT_MAX 8192
#define COLUMNS_MAX 8
#define ROWS_MAX 16
#define NAME_BYTES 32
/* The most for all strings of an input. */
#define STRINGS_MAX ((size_t)1 << 15)
/* Twice the strings and the names, and 64 bytes for each other cell. */
#define TEXT_MAX ((size_t)1 << 17)
/* What was counted before stays in the sum. */
#define COUNTED 40

/* The years that timestamp_format() does not clamp: 0 to 9999. */
#define YEARS_FIRST_MS INT64_C(-62167219200000)
#define YEARS_LAST_MS INT64_C(253402300799999)

/* A zone that changes once. */
#define CHANGE_MS INT64_C(1543536030000)
static struct zone_change change = { CHANGE_MS / 1000, -3208 };
static const struct zone zone = { .first_s = 20700, .v = &change, .n = 1 };

/* Bytes that are left for strings. */
static size_t strings_left;

/* A cell of type 0 has no point. */
struct table {
	struct csv_style style;
	size_t n, rows;
	char names[COLUMNS_MAX][NAME_BYTES];
	int64_t t_ms[ROWS_MAX];
	struct point cells[ROWS_MAX][COLUMNS_MAX];
};

/* At an odd address, and exact: ASan sees one byte too many. */
static uint8_t *
new_ref(size_t bytes)
{
	uint8_t *p = malloc(1 + bytes);

	if (p == NULL)
		abort();
	return p + 1;
}

/* A BSON string of len bytes, or of one byte len times. */
static const uint8_t *
take_string(struct input *in, size_t len, bool repeated)
{
	uint8_t *s, c = 0;
	size_t i;

	if (len > strings_left)
		len = strings_left;
	strings_left -= len;
	s = new_ref(4 + len + 1);
	for (i = 0; i < 4; i++)
		s[i] = (uint8_t)((len + 1) >> 8 * i);
	for (i = 0; i < len; i++) {
		if (!repeated || i == 0)
			c = take(in);
		s[4 + i] = c;
	}
	s[4 + len] = '\0';
	return s;
}

static void
take_point(struct input *in, struct point *p)
{
	uint8_t *ref;
	size_t i;

	switch (take(in) % 8) {
	case 0:
		break;
	case 1:
		p->type = LEAF_INT32;
		p->v.bits = (uint64_t)(int64_t)(int32_t)take_int(in, 4);
		break;
	case 2:
		p->type = LEAF_INT64;
		p->v.bits = take_int(in, 8);
		break;
	case 3:
		p->type = LEAF_DOUBLE;
		p->v.bits = take_int(in, 8);
		break;
	case 4:
		p->type = LEAF_BOOL;
		p->v.bits = take(in) % 2;
		break;
	case 5:
		p->type = LEAF_STRING;
		p->v.ref = take_string(in, take(in), false);
		break;
	case 6:
		p->type = LEAF_STRING;
		p->v.ref = take_string(in, take_int(in, 2) % 8192, true);
		break;
	case 7:
		p->type = LEAF_DECIMAL128;
		p->v.ref = ref = new_ref(16);
		for (i = 0; i < 16; i++)
			ref[i] = take(in);
		break;
	}
}

static void
take_table(struct input *in, struct table *t)
{
	size_t i, k, len;

	for (k = 0; k < t->n; k++) {
		len = take(in) % NAME_BYTES;
		for (i = 0; i < len; i++)
			t->names[k][i] = (char)take(in);
	}
	for (; t->rows < ROWS_MAX && in->at < in->end; t->rows++) {
		t->t_ms[t->rows] = (int64_t)take_int(in, 8);
		for (k = 0; k < t->n; k++) {
			t->cells[t->rows][k].t_ms = t->t_ms[t->rows];
			take_point(in, &t->cells[t->rows][k]);
		}
	}
}

static void
table_release(struct table *t)
{
	const struct point *p;
	size_t i;

	for (i = 0; i < ROWS_MAX * COLUMNS_MAX; i++) {
		p = &t->cells[i / COLUMNS_MAX][i % COLUMNS_MAX];
		if (p->type == LEAF_STRING || p->type == LEAF_DECIMAL128)
			free((void *)(uintptr_t)(p->v.ref - 1));
	}
}

static int
table_write(const struct table *t, struct buf *b, uint64_t *non_finite)
{
	const struct point *cells[COLUMNS_MAX];
	const char *names[COLUMNS_MAX];
	size_t i, k;

	for (k = 0; k < t->n; k++)
		names[k] = t->names[k];
	if (csv_header(b, &t->style, names, t->n) != 0)
		return -1;
	for (i = 0; i < t->rows; i++) {
		for (k = 0; k < t->n; k++)
			cells[k] = t->cells[i][k].type != 0 ?
			    &t->cells[i][k] : NULL;
		if (csv_row(b, &t->style, t->t_ms[i], cells, t->n,
		    non_finite) != 0)
			return -1;
	}
	return 0;
}

struct reader {
	const uint8_t *at, *end;
	bool crlf;
	char separator, point;
	/* The field that was read last; a NUL follows. */
	char text[TEXT_MAX + 1];
	size_t len;
	bool quoted;
};

static char
next_char(struct reader *r)
{
	CHECK(r->at < r->end);
	return (char)*r->at++;
}

/* RFC 4180, 2, without a CR, an LF or a quotation mark outside of quotes. */
static void
read_field(struct reader *r)
{
	char c;

	r->len = 0;
	r->quoted = r->at < r->end && *r->at == '"';
	r->at += r->quoted;
	for (;;) {
		c = next_char(r);
		if (r->quoted && c == '"') {
			if (r->at == r->end || *r->at != '"')
				break;
			r->at++;
		} else if (!r->quoted) {
			if (c == r->separator || c == '\r' || c == '\n') {
				r->at--;
				break;
			}
			CHECK(c != '"');
		}
		CHECK(r->len < TEXT_MAX);
		r->text[r->len++] = c;
	}
	r->text[r->len] = '\0';
}

/* What follows a field: a separator; after the last one the line end. */
static void
read_end(struct reader *r, bool last)
{
	if (!last) {
		CHECK(next_char(r) == r->separator);
		return;
	}
	if (r->crlf)
		CHECK(next_char(r) == '\r');
	CHECK(next_char(r) == '\n');
}

/* The bytes of a formula's sign at p; 0: there is none. */
static size_t
sign_bytes(const char *p, size_t len)
{
	static const char *const signs[] = { "=", "+", "-", "@",
	    "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0" };
	size_t i;

	for (i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (len >= strlen(signs[i]) &&
		    memcmp(p, signs[i], strlen(signs[i])) == 0)
			return strlen(signs[i]);
	return 0;
}

/* Whether a cell may begin at text[i], for one program or another. */
static bool
is_beginning(const struct reader *r, const char *text, size_t i)
{
	const unsigned char other = r->separator == ';' ? ',' : ';';
	unsigned char c;

	while (i > 0) {
		c = (unsigned char)text[--i];
		if (c == other || c == '\t' || c == '\n' || c == '\r')
			return true;
		if (c > ' ' && c != '"')
			return false;
	}
	return true;
}

/* As given, but for an apostrophe before each sign that begins a cell. */
static void
check_guarded(const struct reader *r, const char *given, size_t bytes)
{
	const char *text = r->text;
	const size_t len = r->len;
	size_t at = 0, i;

	for (i = 0; i < bytes; i++) {
		if (sign_bytes(given + i, bytes - i) > 0 &&
		    is_beginning(r, given, i)) {
			CHECK(at < len && text[at] == '\'');
			at++;
		}
		CHECK(at < len && text[at] == given[i]);
		at++;
	}
	CHECK(at == len);
	for (i = 0; i < len; i++)
		CHECK(sign_bytes(text + i, len - i) == 0 ||
		    !is_beginning(r, text, i));
}

static void
check_string(const struct reader *r, const char *given, size_t len)
{
	CHECK(r->quoted == (len == 0 || memchr(given, r->separator, len) != NULL ||
	    memchr(given, '"', len) != NULL ||
	    memchr(given, '\r', len) != NULL ||
	    memchr(given, '\n', len) != NULL));
	check_guarded(r, given, len);
}

static void
check_int(const struct reader *r, int64_t n)
{
	char *end;

	/* strtoll() would take a space or a plus. */
	CHECK(r->text[0] == '-' || isdigit((unsigned char)r->text[0]));
	errno = 0;
	CHECK(strtoll(r->text, &end, 10) == n && errno == 0);
	CHECK(end == r->text + r->len);
}

/* A local time as RFC 3339, and its moment as if it were UTC. */
static void
read_local(struct reader *r, int64_t *t_ms)
{
	CHECK(r->len == 23 && r->text[10] == ' ' && r->text[19] == r->point);
	r->text[10] = 'T';
	r->text[19] = '.';
	memcpy(r->text + r->len++, "Z", 2);
	if (*t_ms >= -YEARS_LAST_MS && *t_ms <= YEARS_LAST_MS)
		*t_ms += *t_ms < CHANGE_MS ? 20700000 : -3208000;
}

static void
check_time(struct reader *r, const struct csv_style *style, int64_t t_ms)
{
	struct tm tm = { 0 }, same;
	int ms, n = 0;

	CHECK(!r->quoted);
	if (style->zone != NULL) {
		read_local(r, &t_ms);
	} else if (!style->rfc3339) {
		check_int(r, t_ms);
		return;
	}
	if (t_ms < YEARS_FIRST_MS)
		t_ms = YEARS_FIRST_MS;
	if (t_ms > YEARS_LAST_MS)
		t_ms = YEARS_LAST_MS;
	CHECK(r->len == 24);
	CHECK(sscanf(r->text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &tm.tm_year,
	    &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms,
	    &n) == 7 && n == 24);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	same = tm;
	CHECK(timegm(&same) * INT64_C(1000) + ms == t_ms);
	/* timegm() would take the 30th of February. */
	CHECK(same.tm_mon == tm.tm_mon && same.tm_mday == tm.tm_mday &&
	    same.tm_hour == tm.tm_hour && same.tm_min == tm.tm_min &&
	    same.tm_sec == tm.tm_sec);
}

/* For the reader of numbers. */
static void
point_number(struct reader *r)
{
	char *point = strchr(r->text, r->point);

	CHECK(r->point == '.' || strchr(r->text, '.') == NULL);
	if (point != NULL)
		*point = '.';
}

static void
check_double(struct reader *r, uint64_t bits, uint64_t *non_finite)
{
	double d, again;
	char *end;

	point_number(r);
	memcpy(&d, &bits, sizeof(d));
	if (!isfinite(d)) {
		CHECK(r->len == 0);
		(*non_finite)++;
	} else if (d == 0) {
		/* -0, too. */
		CHECK(r->len == 1 && r->text[0] == '0');
	} else {
		CHECK(r->text[0] == '-' || isdigit((unsigned char)r->text[0]));
		again = strtod(r->text, &end);
		CHECK(end == r->text + r->len);
		CHECK(memcmp(&again, &d, sizeof(d)) == 0);
	}
}

/* A Decimal128: coefficient * 10^exp, with its number of digits. */
struct decimal {
	bool negative, finite;
	unsigned __int128 coefficient;
	int exp, digits;
};

/* IEEE 754-2008, 3.5.2, with the coefficient in binary. */
static struct decimal
decimal_of(const uint8_t *ref)
{
	const uint64_t low = le64(ref), high = le64(ref + 8);
	struct decimal x = { .digits = 1 };
	unsigned __int128 power = 10;

	x.negative = high >> 63;
	x.finite = (high >> 59 & 15) != 15;
	if ((high >> 61 & 3) == 3) {
		/* More than 34 digits mean 0. */
		x.exp = (int)(high >> 47 & 0x3fff) - 6176;
	} else {
		x.exp = (int)(high >> 49 & 0x3fff) - 6176;
		x.coefficient = (unsigned __int128)(high << 15 >> 15) << 64 |
		    low;
	}
	for (; x.coefficient >= power && x.digits <= 34; x.digits++)
		power *= 10;
	if (x.digits > 34) {
		x.coefficient = 0;
		x.digits = 1;
	}
	return x;
}

/* The canonical string keeps coefficient and exponent (BSON Decimal128). */
static void
check_decimal(struct reader *r, const uint8_t *ref,
    uint64_t *non_finite)
{
	const struct decimal x = decimal_of(ref);
	const bool scientific = x.exp > 0 || x.exp + x.digits - 1 < -6;
	unsigned __int128 u = 0;
	int digits = 0, places = 0, exp = 0;
	const char *p = r->text, *dot = NULL;
	char *end;

	if (!x.finite) {
		CHECK(r->len == 0);
		(*non_finite)++;
		return;
	}
	point_number(r);
	CHECK(r->len <= 42 && (*p == '-') == x.negative);
	p += x.negative;
	CHECK(*p != '0' || !isdigit((unsigned char)p[1]));
	for (; isdigit((unsigned char)*p) || (*p == '.' && !dot); p++) {
		if (*p == '.') {
			dot = p;
			CHECK(digits > 0);
			continue;
		}
		u = u * 10 + (unsigned)(*p - '0');
		digits++;
		places += dot != NULL;
	}
	CHECK(digits > 0 && (dot != NULL) == (places > 0));
	CHECK((*p == 'E') == scientific);
	if (*p == 'E') {
		CHECK(digits == x.digits && places == digits - 1);
		CHECK((p[1] == '+' || p[1] == '-') && p[2] != '0');
		CHECK(isdigit((unsigned char)p[2]));
		exp = (int)strtol(p + 1, &end, 10);
		p = end;
	}
	CHECK(p == r->text + r->len);
	CHECK(u == x.coefficient && exp - places == x.exp);
}

static void
check_cell(struct reader *r, const struct point *p, uint64_t *non_finite)
{
	if (p->type == LEAF_STRING) {
		check_string(r, (const char *)p->v.ref + 4,
		    le32(p->v.ref) - 1);
		return;
	}
	CHECK(!r->quoted && strlen(r->text) == r->len);
	switch (p->type) {
	case 0:
		CHECK(r->len == 0);
		break;
	case LEAF_DOUBLE:
		check_double(r, p->v.bits, non_finite);
		break;
	case LEAF_BOOL:
		CHECK(strcmp(r->text, p->v.bits ? "true" : "false") == 0);
		break;
	case LEAF_DECIMAL128:
		check_decimal(r, p->v.ref, non_finite);
		break;
	default:
		check_int(r, (int64_t)p->v.bits);
		break;
	}
}

/* Returns how many values were not finite. */
static uint64_t
check_text(const struct table *t, const struct buf *b)
{
	static struct reader r;
	uint64_t non_finite = 0;
	size_t i, k;

	r.at = b->data;
	r.end = b->data + b->len;
	r.crlf = t->style.excel;
	r.separator = t->style.semicolon ? ';' : ',';
	r.point = t->style.semicolon ? ',' : '.';
	if (t->style.excel) {
		CHECK(b->len > 3 && memcmp(r.at, "\xef\xbb\xbf", 3) == 0);
		r.at += 3;
	}
	read_field(&r);
	CHECK(!r.quoted && strcmp(r.text, "time") == 0);
	for (k = 0; k < t->n; k++) {
		read_end(&r, false);
		read_field(&r);
		check_string(&r, t->names[k], strlen(t->names[k]));
	}
	read_end(&r, true);
	for (i = 0; i < t->rows; i++) {
		read_field(&r);
		check_time(&r, &t->style, t->t_ms[i]);
		for (k = 0; k < t->n; k++) {
			read_end(&r, false);
			read_field(&r);
			check_cell(&r, &t->cells[i][k], &non_finite);
		}
		read_end(&r, true);
	}
	CHECK(r.at == r.end);
	return non_finite;
}

/* With less room: the same text or its beginning, and no byte more. */
static void
check_ceiling(const struct table *t, const struct buf *whole, size_t max,
    uint64_t expected)
{
	uint64_t non_finite = 0;
	struct buf b;
	int rc;

	buf_init(&b, max);
	rc = table_write(t, &b, &non_finite);
	CHECK(rc == 0 || rc == -1);
	CHECK(b.len <= max && b.len <= whole->len);
	CHECK(b.len == 0 || memcmp(b.data, whole->data, b.len) == 0);
	if (rc == 0)
		CHECK(b.len == whole->len && non_finite == expected);
	buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct table t;
	struct input in = { data, data };
	uint64_t non_finite = COUNTED;
	size_t ceiling;
	struct buf b;
	uint8_t style;

	in.end += len < INPUT_MAX ? len : INPUT_MAX;
	memset(&t, 0, sizeof(t));
	style = take(&in);
	t.style.rfc3339 = style & 1;
	t.style.excel = style >> 1 & 1;
	t.style.semicolon = style >> 2 & 1;
	t.style.zone = style >> 3 & 1 ? &zone : NULL;
	t.n = 1 + take(&in) % COLUMNS_MAX;
	ceiling = (size_t)take_int(&in, 2);
	strings_left = STRINGS_MAX;
	take_table(&in, &t);
	buf_init(&b, TEXT_MAX);
	CHECK(table_write(&t, &b, &non_finite) == 0);
	CHECK(non_finite == COUNTED + check_text(&t, &b));
	/* Up to the most that it may reserve in excess. */
	ceiling %= 2 * b.len + 1024;
	check_ceiling(&t, &b, ceiling, non_finite - COUNTED);
	buf_release(&b);
	table_release(&t);
	return 0;
}
