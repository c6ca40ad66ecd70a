#ifndef T_UNIT_DOC_H
#define T_UNIT_DOC_H

/*
 * BSON by hand (bsonspec.org 1.1), so that a test can write what no library
 * would. A struct doc is large: keep it static.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef DOC_MAX
#define DOC_MAX (4 << 20)
#endif
#define DOC_DEPTH 1024
#define DOC_PLACES 64

/* The value of @ in doc_put(): 2018-11-30. */
#define DOC_BASE INT64_C(1543536000000)

struct doc {
	uint8_t data[DOC_MAX];
	size_t len;
	size_t open[DOC_DEPTH];
	size_t depth;
	size_t place[DOC_PLACES];	/* where open documents begin */
	size_t places;
};

static inline void
doc_raw(struct doc *d, const void *data, size_t len)
{
	if (d->len + len > DOC_MAX)
		abort();
	memcpy(d->data + d->len, data, len);
	d->len += len;
}

static inline void
doc_byte(struct doc *d, int byte)
{
	uint8_t b = (uint8_t)byte;

	doc_raw(d, &b, 1);
}

static inline void
doc_le32(struct doc *d, uint32_t n)
{
	int i;

	for (i = 0; i < 4; i++)
		doc_byte(d, (int)(n >> (8 * i) & 0xff));
}

static inline void
doc_le64(struct doc *d, uint64_t n)
{
	doc_le32(d, (uint32_t)n);
	doc_le32(d, (uint32_t)(n >> 32));
}

/* doc_patch32(d, at, n): Overwrite four bytes. */
static inline void
doc_patch32(struct doc *d, size_t at, uint32_t n)
{
	int i;

	for (i = 0; i < 4; i++)
		d->data[at + (size_t)i] = (uint8_t)(n >> (8 * i));
}

/* doc_open(d): Begin a document. doc_close(d): End it and set its length. */
static inline void
doc_open(struct doc *d)
{
	if (d->depth == DOC_DEPTH)
		abort();
	if (d->places < DOC_PLACES)
		d->place[d->places++] = d->len;
	d->open[d->depth++] = d->len;
	doc_le32(d, 0);
}

static inline void
doc_close(struct doc *d)
{
	size_t at = d->open[--d->depth];

	doc_byte(d, 0);
	doc_patch32(d, at, (uint32_t)(d->len - at));
}

static inline void
doc_reset(struct doc *d)
{
	d->len = d->depth = d->places = 0;
	doc_open(d);
}

/* doc_key(d, type, key): What precedes a value. */
static inline void
doc_key(struct doc *d, int type, const char *key)
{
	doc_byte(d, type);
	doc_raw(d, key, strlen(key) + 1);
}

static inline void
doc_doc(struct doc *d, const char *key)
{
	doc_key(d, 0x03, key);
	doc_open(d);
}

static inline void
doc_array(struct doc *d, const char *key)
{
	doc_key(d, 0x04, key);
	doc_open(d);
}

static inline void
doc_double(struct doc *d, const char *key, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	doc_key(d, 0x01, key);
	doc_le64(d, bits);
}

static inline void
doc_int32(struct doc *d, const char *key, int32_t value)
{
	doc_key(d, 0x10, key);
	doc_le32(d, (uint32_t)value);
}

static inline void
doc_int64(struct doc *d, const char *key, int64_t value)
{
	doc_key(d, 0x12, key);
	doc_le64(d, (uint64_t)value);
}

static inline void
doc_date(struct doc *d, const char *key, int64_t value)
{
	doc_key(d, 0x09, key);
	doc_le64(d, (uint64_t)value);
}

static inline void
doc_bool(struct doc *d, const char *key, int value)
{
	doc_key(d, 0x08, key);
	doc_byte(d, value);
}

static inline void
doc_bytes(struct doc *d, const char *key, const void *text, size_t len)
{
	doc_key(d, 0x02, key);
	doc_le32(d, (uint32_t)len + 1);
	doc_raw(d, text, len);
	doc_byte(d, 0);
}

static inline void
doc_string(struct doc *d, const char *key, const char *text)
{
	doc_bytes(d, key, text, strlen(text));
}

/* doc_hour(d, base): {_id: base, values: { ...; doc_hour_end(d) closes both. */
static inline void
doc_hour(struct doc *d, int64_t base)
{
	doc_reset(d);
	doc_int64(d, "_id", base);
	doc_doc(d, "values");
}

static inline void
doc_hour_end(struct doc *d)
{
	doc_close(d);
	doc_close(d);
}

/* doc_level(d, key), doc_level_end(d): key: {values: { ... }}. */
static inline void
doc_level(struct doc *d, const char *key)
{
	doc_doc(d, key);
	doc_doc(d, "values");
}

static inline void
doc_level_end(struct doc *d)
{
	doc_close(d);
	doc_close(d);
}

static inline int64_t
doc_integer(const char *text)
{
	return *text == '@' ? DOC_BASE + strtoll(text + 1, NULL, 10) :
	    strtoll(text, NULL, 10);
}

static inline void
doc_value(struct doc *d, const char *key, const char *value)
{
	const char *v = value + 1;

	switch (*value) {
	case 'i':
		doc_int32(d, key, (int32_t)doc_integer(v));
		break;
	case 'l':
		doc_int64(d, key, doc_integer(v));
		break;
	case 'd':
		doc_double(d, key, *v == '@' ? (double)DOC_BASE +
		    strtod(v + 1, NULL) : strtod(v, NULL));
		break;
	case 't':
		doc_date(d, key, doc_integer(v));
		break;
	case 'b':
		doc_bool(d, key, atoi(v));
		break;
	case 's':
		doc_string(d, key, v);
		break;
	case 'n':
		doc_key(d, 0x0a, key);
		break;
	case 'D':
		doc_key(d, 0x13, key);
		doc_le64(d, strtoull(v, NULL, 10));
		doc_le64(d, UINT64_C(0x3040000000000000));
		break;
	default:
		abort();
	}
}

/*
 * doc_put(d, text): Elements in a notation for tables, between blanks:
 * key=VALUE, key{ ... } (a document), key[ ... ] (an array), key( ... ) (a
 * level). VALUE is a letter (i int32, l int64, d double, t Date, b bool, s
 * string, D Decimal128, n null) and the value itself; @ before a number adds
 * DOC_BASE to it.
 */
static inline void
doc_put(struct doc *d, const char *text)
{
	char word[256];
	size_t at;
	int n;

	for (; sscanf(text, " %255s%n", word, &n) == 1; text += n) {
		at = strcspn(word, "={[()]}");
		switch (word[at]) {
		case '=':
			word[at] = '\0';
			doc_value(d, word, word + at + 1);
			break;
		case '{':
			word[at] = '\0';
			doc_doc(d, word);
			break;
		case '[':
			word[at] = '\0';
			doc_array(d, word);
			break;
		case '(':
			word[at] = '\0';
			doc_level(d, word);
			break;
		case ')':
			doc_level_end(d);
			break;
		case '\0':
			abort();
		default:
			doc_close(d);
		}
	}
}

/* doc_of(d, text): d is the document of these elements. */
static inline void
doc_of(struct doc *d, const char *text)
{
	doc_reset(d);
	doc_put(d, text);
	doc_close(d);
}

#endif
