/*
 * CSV text of any point (FORMAT.md, 3): the exact path's writer, and the
 * reference that the fast path's bytes are tested against. Knows neither blocks
 * nor files: it appends to a buffer.
 */
#include "worker/engine/rows/csv.h"

#include <math.h>
#include <string.h>

#include <bson/bson.h>

#include "lib/base/buf.h"
#include "lib/base/timestamp.h"
#include "worker/engine/decode/numtext.h"
#include "worker/engine/decode/points.h"

/* Enough for a number or a time, with a comma and a line's end. */
#define CELL_BYTES 64

/* The high half's coefficient bits; 10^34 - 1, the largest coefficient. */
#define COEFFICIENT_HIGH	UINT64_C(0x0001ffffffffffff)
#define COEFFICIENT_MAX_HIGH	UINT64_C(0x0001ed09bead87c0)
#define COEFFICIENT_MAX_LOW	UINT64_C(0x378d8e63ffffffff)

_Static_assert(CELL_BYTES > BSON_DECIMAL128_STRING + 3 &&
    CELL_BYTES > NUMTEXT_SIZE + 3 && CELL_BYTES > TIMESTAMP_SIZE + 3,
    "a cell has room for any number or time");

/*
 * RFC 4180 quoting. An apostrophe keeps a spreadsheet from executing text that
 * begins like a formula (OWASP, CSV injection). An empty string is quoted: it
 * is not the same as no point.
 */
static int
put_string(struct buf *b, const char *text, size_t len)
{
	const bool formula = len > 0 && text[0] != '\0' &&
	    strchr("=+-@\t\r", text[0]) != NULL;
	bool quoted = len == 0;
	uint8_t *to;
	size_t i;

	for (i = 0; i < len && !quoted; i++)
		quoted = text[i] == '"' || text[i] == ',' || text[i] == '\n' ||
		    text[i] == '\r';
	/* Each byte may be a quote to double; then two more, an apostrophe. */
	if ((to = buf_reserve(b, 2 * len + 3)) == NULL)
		return -1;
	if (quoted)
		*to++ = '"';
	if (formula)
		*to++ = '\'';
	for (i = 0; i < len; i++) {
		if (text[i] == '"')
			*to++ = '"';
		*to++ = (uint8_t)text[i];
	}
	if (quoted)
		*to++ = '"';
	b->len = (size_t)(to - b->data);
	return 0;
}

static int
put_end(struct buf *b, const struct csv_style *style)
{
	return buf_adds(b, style->excel ? "\r\n" : "\n");
}

int
csv_header(struct buf *b, const struct csv_style *style,
    const char *const *names, size_t n)
{
	size_t i;

	if ((style->excel && buf_adds(b, CSV_BOM) != 0) ||
	    buf_adds(b, "time") != 0)
		return -1;
	for (i = 0; i < n; i++)
		if (buf_adds(b, ",") != 0 ||
		    put_string(b, names[i], strlen(names[i])) != 0)
			return -1;
	return put_end(b, style);
}

static size_t
put_double(uint64_t bits, char *to, uint64_t *non_finite)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	if (isfinite(d))
		return numtext_double(d, to);
	(*non_finite)++;
	return 0;
}

/* The canonical string of the BSON Decimal128 specification: 1.50, 1E+3, -0. */
static size_t
put_decimal128(const uint8_t *ref, char *to, uint64_t *non_finite)
{
	bson_decimal128_t d = { .low = le64(ref), .high = le64(ref + 8) };

	/* Combination bits 11110 are an infinity, 11111 a NaN (IEEE 754). */
	if ((d.high >> 59 & 0xf) == 0xf) {
		(*non_finite)++;
		return 0;
	}
	/*
	 * libbson prints a coefficient of more than 34 digits; the standard
	 * says it is zero. (It handles the encoding that starts with bits 11,
	 * whose coefficient is always too large.)
	 */
	if ((d.high >> 61 & 3) != 3 &&
	    ((d.high & COEFFICIENT_HIGH) > COEFFICIENT_MAX_HIGH ||
	    ((d.high & COEFFICIENT_HIGH) == COEFFICIENT_MAX_HIGH &&
	    d.low > COEFFICIENT_MAX_LOW))) {
		d.high &= ~COEFFICIENT_HIGH;
		d.low = 0;
	}
	bson_decimal128_to_string(&d, to);
	return strlen(to);
}

static size_t
put_bool(uint64_t bits, char *to)
{
	size_t len = bits ? 4 : 5;

	memcpy(to, bits ? "true" : "false", len);
	return len;
}

/* Any value but a string; to has room for CELL_BYTES. Returns the length. */
static size_t
put_value(const struct point *p, char *to, uint64_t *non_finite)
{
	switch (p->type) {
	case LEAF_DOUBLE:
		return put_double(p->v.bits, to, non_finite);
	case LEAF_DECIMAL128:
		return put_decimal128(p->v.ref, to, non_finite);
	case LEAF_BOOL:
		return put_bool(p->v.bits, to);
	default:
		return numtext_int((int64_t)p->v.bits, to);
	}
}

/*
 * Room for the time and n cells of bounded size is reserved once, and written
 * through `to`. A string has no bound: b->len is set for put_string(), and what
 * is left of the row reserved again after it.
 */
int
csv_row(struct buf *b, const struct csv_style *style, int64_t t_ms,
    const struct point *const *cells, size_t n, uint64_t *non_finite)
{
	char *to;
	size_t i;

	if ((to = (char *)buf_reserve(b, (n + 2) * CELL_BYTES)) == NULL)
		return -1;
	to += style->rfc3339 ? timestamp_format(t_ms, to) :
	    numtext_int(t_ms, to);
	for (i = 0; i < n; i++) {
		*to++ = ',';
		if (cells[i] == NULL)
			continue;
		if (cells[i]->type != LEAF_STRING) {
			to += put_value(cells[i], to, non_finite);
			continue;
		}
		/* BSON: int32 length, which counts the NUL, then the text. */
		b->len = (size_t)(to - (char *)b->data);
		if (put_string(b, (const char *)cells[i]->v.ref + 4,
		    le32(cells[i]->v.ref) - 1) != 0)
			return -1;
		to = (char *)buf_reserve(b, (n - i + 1) * CELL_BYTES);
		if (to == NULL)
			return -1;
	}
	b->len = (size_t)(to - (char *)b->data);
	return put_end(b, style);
}
