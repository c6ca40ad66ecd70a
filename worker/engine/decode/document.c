/*
 * BSON by bsonspec.org 1.1. Trusts no byte: a length is compared with what is
 * left of the document before it is used. Knows no telemetry: the meaning of
 * _id and values is the business of unwind.c and fastread.c.
 */
#include "worker/engine/decode/document.h"

#include <string.h>

#include "worker/engine/decode/points.h"

#define NO_SIZE SIZE_MAX

static bool document_valid_at(const uint8_t *doc, size_t len, int depth);

/*
 * The functions *_size(p, len) return the bytes of the value at p, its own
 * length field counted, or NO_SIZE when it does not fit in len bytes.
 */

/* int32 length (it counts the NUL), text, which may hold NULs, and a NUL. */
static size_t
string_size(const uint8_t *p, size_t len)
{
	uint32_t n;

	if (len < 5 || (n = le32(p)) < 1 || n > INT32_MAX || n > len - 4 ||
	    p[4 + n - 1] != 0)
		return NO_SIZE;
	return 4 + (size_t)n;
}

/* Text up to its NUL: a key, or one half of a regular expression. */
static size_t
cstring_size(const uint8_t *p, size_t len)
{
	const uint8_t *nul = memchr(p, 0, len);

	return nul == NULL ? NO_SIZE : (size_t)(nul - p) + 1;
}

/* A value that begins with its own size, at least `least` bytes. */
static size_t
prefixed_size(const uint8_t *p, size_t len, size_t least)
{
	uint32_t n;

	if (len < 4 || (n = le32(p)) < least || n > len)
		return NO_SIZE;
	return n;
}

/* int32 length, subtype, bytes; the second length of subtype 2 is not read. */
static size_t
binary_size(const uint8_t *p, size_t len)
{
	uint32_t n;

	if (len < 5 || (n = le32(p)) > INT32_MAX || n > len - 5)
		return NO_SIZE;
	return 5 + (size_t)n;
}

/* Pattern and options, a cstring each. */
static size_t
regex_size(const uint8_t *p, size_t len)
{
	size_t first = cstring_size(p, len), second;

	if (first == NO_SIZE)
		return NO_SIZE;
	second = cstring_size(p + first, len - first);
	return second == NO_SIZE ? NO_SIZE : first + second;
}

/*
 * Code with scope: int32 size of the whole, a string, a document, and no byte
 * more. The least is 4 of size, 5 of an empty string, 5 of an empty document.
 */
static size_t
scope_size(const uint8_t *p, size_t len)
{
	size_t all = prefixed_size(p, len, 14), code;

	if (all == NO_SIZE ||
	    (code = string_size(p + 4, all - 4)) == NO_SIZE ||
	    prefixed_size(p + 4 + code, all - 4 - code, 5) != all - 4 - code)
		return NO_SIZE;
	return all;
}

/*
 * The size of a value of this type. Nested documents are only measured here;
 * value_valid() looks inside.
 */
static size_t
value_size(uint8_t type, const uint8_t *p, size_t len)
{
	size_t n;

	switch (type) {
	case ELEMENT_UNDEFINED: case ELEMENT_NULL:
	case ELEMENT_MIN_KEY: case ELEMENT_MAX_KEY:
		return 0;
	case ELEMENT_BOOL:
		n = 1;
		break;
	case ELEMENT_INT32:
		n = 4;
		break;
	case ELEMENT_DOUBLE: case ELEMENT_DATE:
	case ELEMENT_TIMESTAMP: case ELEMENT_INT64:
		n = 8;
		break;
	case ELEMENT_OBJECT_ID:
		n = 12;
		break;
	case ELEMENT_DECIMAL128:
		n = 16;
		break;
	case ELEMENT_STRING: case ELEMENT_CODE: case ELEMENT_SYMBOL:
		return string_size(p, len);
	case ELEMENT_DOCUMENT: case ELEMENT_ARRAY:
		return prefixed_size(p, len, 5);
	case ELEMENT_BINARY:
		return binary_size(p, len);
	case ELEMENT_REGEX:
		return regex_size(p, len);
	case ELEMENT_DB_POINTER:
		n = string_size(p, len);
		n = n == NO_SIZE ? NO_SIZE : n + 12;
		break;
	case ELEMENT_CODE_SCOPE:
		return scope_size(p, len);
	default:
		return NO_SIZE;
	}
	return n <= len ? n : NO_SIZE;
}

/* The value fits: now check its content. depth is that of its document. */
static bool
value_valid(const struct element *e, int depth)
{
	size_t code;

	switch (e->type) {
	case ELEMENT_BOOL:
		return e->value[0] <= 1;
	case ELEMENT_DOCUMENT: case ELEMENT_ARRAY:
		return document_valid_at(e->value, e->value_len, depth + 1);
	case ELEMENT_CODE_SCOPE:
		/* The scope follows the two lengths and the code. */
		code = 4 + 4 + (size_t)le32(e->value + 4);
		return document_valid_at(e->value + code, e->value_len - code,
		    depth + 1);
	default:
		return true;
	}
}

/* Check the element at p and all that is in it; end is the terminator. */
static const uint8_t *
element_at(const uint8_t *p, const uint8_t *end, int depth, struct element *e)
{
	e->type = *p++;
	if ((e->key_len = cstring_size(p, (size_t)(end - p))) == NO_SIZE)
		return NULL;
	e->key = (const char *)p;
	e->value = p + e->key_len;
	e->key_len--;
	e->value_len = value_size(e->type, e->value, (size_t)(end - e->value));
	if (e->value_len == NO_SIZE || !value_valid(e, depth))
		return NULL;
	return e->value + e->value_len;
}

const uint8_t *
document_element(const uint8_t *p, const uint8_t *end, struct element *e)
{
	return element_at(p, end, 1, e);
}

static bool
document_valid_at(const uint8_t *doc, size_t len, int depth)
{
	const uint8_t *p, *end;
	struct element e;

	/* The depth is checked first: it bounds the stack of this recursion. */
	if (depth > DOCUMENT_DEPTH_MAX || len < 5 || len > INT32_MAX ||
	    le32(doc) != len || doc[len - 1] != 0)
		return false;
	/* No element reaches past end, so the last one ends exactly there. */
	p = doc + 4;
	end = doc + len - 1;
	while (p < end)
		if ((p = element_at(p, end, depth, &e)) == NULL)
			return false;
	return true;
}

bool
document_valid(const uint8_t *doc, size_t len)
{
	return document_valid_at(doc, len, 1);
}

const uint8_t *
document_first(const uint8_t *doc)
{
	return doc + 4;
}

int
document_next(const uint8_t **at, struct element *e)
{
	const uint8_t *p = *at;

	/* Only the document's own terminator has type 0. */
	if ((e->type = *p++) == 0)
		return 1;
	e->key = (const char *)p;
	e->key_len = strlen(e->key);
	e->value = p + e->key_len + 1;
	/* document_valid() saw that it fits; no bound is needed here. */
	e->value_len = value_size(e->type, e->value, INT32_MAX);
	*at = e->value + e->value_len;
	return 0;
}
