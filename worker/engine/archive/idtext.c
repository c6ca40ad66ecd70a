/*
 * An _id that is no time, as text for people: bounded, whatever the value.
 * Knows no document.
 */
#include "worker/engine/archive/idtext.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <bson/bson.h>

#include "lib/base/utf8.h"
#include "worker/engine/decode/document.h"
#include "worker/engine/decode/numtext.h"
#include "worker/engine/decode/points.h"

_Static_assert(ID_TEXT_MAX + 1 > BSON_DECIMAL128_STRING &&
    ID_TEXT_MAX + 1 > NUMTEXT_SIZE && ID_TEXT_MAX + 1 > 2 * 12,
    "room for a Decimal128, a double, an ObjectId");

/* As in a CSV; a double that is not finite has no text there. */
static size_t
double_text(uint64_t bits, char text[ID_TEXT_MAX + 1])
{
	size_t len;
	double d;

	memcpy(&d, &bits, sizeof(d));
	if (!isfinite(d))
		return (size_t)snprintf(text, ID_TEXT_MAX + 1, "%s",
		    isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
	len = numtext_double(d, text);
	text[len] = '\0';
	return len;
}

/* NaN has no sign here: libbson's text has none. */
static size_t
decimal128_text(const uint8_t *value, char text[ID_TEXT_MAX + 1])
{
	const bson_decimal128_t d = { .low = le64(value),
	    .high = le64(value + 8) };

	bson_decimal128_to_string(&d, text);
	return strlen(text);
}

static size_t
object_id_text(const uint8_t *value, char text[ID_TEXT_MAX + 1])
{
	size_t i;

	for (i = 0; i < 12; i++)
		snprintf(text + 2 * i, 3, "%02x", value[i]);
	return 2 * i;
}

/* BSON: int32 length, which counts the NUL, then the text. */
static bool
string_text(const struct element *e, char text[ID_TEXT_MAX + 1], size_t *len)
{
	const char *from = (const char *)e->value + 4;

	*len = e->value_len - 5;
	if (*len > ID_TEXT_MAX || !utf8_valid(from, *len))
		return false;
	memcpy(text, from, *len + 1);
	return true;
}

size_t
id_text(const struct element *e, char text[ID_TEXT_MAX + 1])
{
	size_t len;

	switch (e->type) {
	case ELEMENT_DOUBLE:
		return double_text(le64(e->value), text);
	case ELEMENT_DECIMAL128:
		return decimal128_text(e->value, text);
	case ELEMENT_OBJECT_ID:
		return object_id_text(e->value, text);
	case ELEMENT_STRING:
		if (string_text(e, text, &len))
			return len;
		break;
	default:
		break;
	}
	return (size_t)snprintf(text, ID_TEXT_MAX + 1, "BSON type %u",
	    e->type);
}
