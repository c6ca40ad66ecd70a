/*
 * Bools, Decimal128s and strings as CSV text, for both paths. Knows one cell,
 * neither rows nor columns.
 */
#include "worker/engine/decode/leaftext.h"

#include <stdbool.h>
#include <string.h>

#include <bson/bson.h>

#include "lib/base/buf.h"
#include "worker/engine/decode/points.h"

/* The high half's coefficient bits; 10^34 - 1, the largest coefficient. */
#define COEFFICIENT_HIGH	UINT64_C(0x0001ffffffffffff)
#define COEFFICIENT_MAX_HIGH	UINT64_C(0x0001ed09bead87c0)
#define COEFFICIENT_MAX_LOW	UINT64_C(0x378d8e63ffffffff)

_Static_assert(LEAFTEXT_SIZE >= BSON_DECIMAL128_STRING,
    "libbson's text of any Decimal128 has room");

size_t
leaftext_bool(uint64_t value, char text[LEAFTEXT_SIZE])
{
	size_t len = value ? 4 : 5;

	memcpy(text, value ? "true" : "false", len + 1);
	return len;
}

size_t
leaftext_decimal128(const uint8_t *value, char text[LEAFTEXT_SIZE])
{
	bson_decimal128_t d = { .low = le64(value), .high = le64(value + 8) };

	/* Combination bits 11110 are an infinity, 11111 a NaN (IEEE 754). */
	if ((d.high >> 59 & 0xf) == 0xf)
		return 0;
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
	bson_decimal128_to_string(&d, text);
	return strlen(text);
}

/*
 * What a byte of a string is. A sign at the beginning of a cell makes it a formula.
 * A cell begins with the string, and in it at each PLACE where a spreadsheet may
 * split that does not split at our separator: it does not see our quotes as such.
 * Between the two, programs drop some of what is PASSED.
 */
#define SIGN	1
#define PLACE	2
#define PASSED	4
#define QUOTED	8	/* a cell with it is quoted */
#define WIDE	0xef	/* the first byte of the full-width signs, and of others */

#define KINDS(comma, semicolon) { \
	PASSED, PASSED, PASSED, PASSED, PASSED, PASSED, PASSED, PASSED, \
	PASSED, PASSED | PLACE, PASSED | PLACE | QUOTED, PASSED, \
	PASSED, PASSED | PLACE | QUOTED, PASSED, PASSED, \
	PASSED, PASSED, PASSED, PASSED, PASSED, PASSED, PASSED, PASSED, \
	PASSED, PASSED, PASSED, PASSED, PASSED, PASSED, PASSED, PASSED, \
	PASSED, ['"'] = PASSED | QUOTED, [','] = comma, [';'] = semicolon, \
	['='] = SIGN, ['+'] = SIGN, ['-'] = SIGN, ['@'] = SIGN, [WIDE] = SIGN, \
}

static const uint8_t between_commas[256] = KINDS(QUOTED, PLACE);
static const uint8_t between_semicolons[256] = KINDS(PLACE, QUOTED);

static const uint8_t *
kinds_of(char separator)
{
	return separator == ';' ? between_semicolons : between_commas;
}

/* Whether the byte at i, a SIGN, is one, or the first of a full-width one. */
static bool
is_sign(const char *text, size_t len, size_t i)
{
	if ((uint8_t)text[i] != WIDE)
		return true;
	/* U+FF1D, U+FF0B, U+FF0D, U+FF20 */
	return len - i >= 3 && (uint8_t)text[i + 1] == 0xbc &&
	    memchr("\x9d\x8b\x8d\xa0", text[i + 2], 4) != NULL;
}

/*
 * Write a text with its apostrophes, and with quotes doubled where it is quoted.
 * Each byte becomes two at most. Returns the end.
 */
static uint8_t *
put_guarded(uint8_t *to, const char *text, size_t len, const uint8_t *kinds,
    bool quoted)
{
	bool place = true;
	uint8_t kind;
	size_t i;

	for (i = 0; i < len; i++) {
		kind = kinds[(uint8_t)text[i]];
		if (place && (kind & SIGN) && is_sign(text, len, i))
			*to++ = '\'';
		place = (kind & PLACE) || (place && (kind & PASSED));
		if (quoted && text[i] == '"')
			*to++ = '"';
		*to++ = (uint8_t)text[i];
	}
	return to;
}

int
leaftext_guard(struct buf *b, const char *text, size_t len, char separator)
{
	uint8_t *to;

	if (separator == '\0')
		return buf_add(b, text, len);
	if ((to = buf_reserve(b, LEAFTEXT_STRING_BOUND(len))) == NULL)
		return -1;
	to = put_guarded(to, text, len, kinds_of(separator), false);
	b->len = (size_t)(to - b->data);
	return 0;
}

/*
 * RFC 4180 quoting; the apostrophes keep a spreadsheet from executing text (OWASP,
 * CSV injection). An empty string is quoted: it is not the same as no point.
 */
int
leaftext_string(struct buf *b, const char *text, size_t len, char separator)
{
	const uint8_t *kinds = kinds_of(separator);
	uint8_t *to, kind = 0;
	bool quoted;
	size_t i;

	if (separator == '\0')
		return buf_add(b, text, len);
	for (i = 0; i < len; i++)
		kind |= kinds[(uint8_t)text[i]];
	quoted = len == 0 || (kind & QUOTED);
	if ((to = buf_reserve(b, LEAFTEXT_STRING_BOUND(len))) == NULL)
		return -1;
	if (quoted)
		*to++ = '"';
	if (kind & (SIGN | QUOTED)) {
		to = put_guarded(to, text, len, kinds, quoted);
	} else {
		memcpy(to, text, len);
		to += len;
	}
	if (quoted)
		*to++ = '"';
	b->len = (size_t)(to - b->data);
	return 0;
}
