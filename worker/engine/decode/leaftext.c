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
 * RFC 4180 quoting. An apostrophe keeps a spreadsheet from executing text that
 * begins like a formula (OWASP, CSV injection). An empty string is quoted: it
 * is not the same as no point.
 */
int
leaftext_string(struct buf *b, const char *text, size_t len)
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
	to = buf_reserve(b, LEAFTEXT_STRING_BOUND(len));
	if (to == NULL)
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
