#ifndef WORKER_ENGINE_DECODE_DOCUMENT_H
#define WORKER_ENGINE_DECODE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * BSON, checked once and then read without bounds. A document is its length in
 * bytes (int32, itself counted), its elements and a NUL; an element is a type,
 * a NUL-terminated key and a value; integers are little-endian. Nothing here
 * allocates: all pointers lie inside the document.
 */

/* Nested documents and arrays, the outermost counted; MongoDB allows 200. */
#define DOCUMENT_DEPTH_MAX 200

/* All types of bsonspec.org, version 1.1, the deprecated ones included. */
enum element_type {
	ELEMENT_DOUBLE = 0x01,
	ELEMENT_STRING = 0x02,
	ELEMENT_DOCUMENT = 0x03,
	ELEMENT_ARRAY = 0x04,
	ELEMENT_BINARY = 0x05,
	ELEMENT_UNDEFINED = 0x06,
	ELEMENT_OBJECT_ID = 0x07,
	ELEMENT_BOOL = 0x08,
	ELEMENT_DATE = 0x09,
	ELEMENT_NULL = 0x0a,
	ELEMENT_REGEX = 0x0b,
	ELEMENT_DB_POINTER = 0x0c,
	ELEMENT_CODE = 0x0d,
	ELEMENT_SYMBOL = 0x0e,
	ELEMENT_CODE_SCOPE = 0x0f,
	ELEMENT_INT32 = 0x10,
	ELEMENT_TIMESTAMP = 0x11,
	ELEMENT_INT64 = 0x12,
	ELEMENT_DECIMAL128 = 0x13,
	ELEMENT_MAX_KEY = 0x7f,
	ELEMENT_MIN_KEY = 0xff
};

/* One element of a document. */
struct element {
	uint8_t type;			/* an enum element_type */
	const char *key;		/* NUL-terminated */
	size_t key_len;
	const uint8_t *value;
	size_t value_len;
};

/*
 * document_valid(doc, len):
 * Whether the len bytes at doc are exactly one BSON document: every length,
 * terminator, type and bool is checked, down to the last nested element. Text
 * may be any bytes.
 */
bool document_valid(const uint8_t *doc, size_t len);

/*
 * document_element(p, end, e):
 * Check one element of the outermost document as document_valid() does; its
 * type is at p, the document's terminator at end. Returns what follows the
 * element, with *e filled in, or NULL.
 */
const uint8_t *document_element(const uint8_t *p, const uint8_t *end,
    struct element *e);

/*
 * document_first(doc), document_next(at, e):
 * Read the elements of a document (or an array) that document_valid() accepted:
 *   for (at = document_first(doc); document_next(&at, &e) == 0; ) ...
 * Returns 0 with *e filled in, 1 at the end.
 */
const uint8_t *document_first(const uint8_t *doc);
int document_next(const uint8_t **at, struct element *e);

#endif
