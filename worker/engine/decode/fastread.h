#ifndef WORKER_ENGINE_DECODE_FASTREAD_H
#define WORKER_ENGINE_DECODE_FASTREAD_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

/*
 * The quick way through an hour document: one pass that checks every length,
 * terminator, type and digit of a key, and writes each value as text at once.
 * It takes what nearly all documents are: _id before values, beside anything that
 * is sound; levels that hold nothing but values; keys of up to 9 digits that ascend; leaves that are int32,
 * int64 or double; times that ascend. Anything else is unusual, and unwind_document()'s.
 * (6 to 8 ns a point with its text, where document_valid() + unwind_document() + csv_row() take
 * 60: measured by `make bench`.)
 */

#define CELL_TEXT_BYTES 15
#define CELL_TEXT_LONG 0xff		/* len of one that is kept in longer */

/*
 * A value's text, of a size that is copied by two instructions; an empty one is a
 * NaN or an infinity.
 */
struct cell_text {
	char s[CELL_TEXT_BYTES];	/* of a long one: uint32 offset, then its length */
	uint8_t len;
};

/*
 * The points of one column in a slice, ascending. t and v have one place more
 * than n, which is filled by column_text_end().
 */
struct column_text {
	int32_t *t;		/* ms from the slice's base */
	struct cell_text *v;
	size_t n, cap;
	int64_t last;		/* time of the last leaf, in the range or not */
	struct buf longer;
};

void column_text_init(struct column_text *l);
void column_text_clear(struct column_text *l);
void column_text_release(struct column_text *l);

/* column_text_end(l): Put a time that never comes behind the last. 0, -1: no memory. */
int column_text_end(struct column_text *l);

/* column_text_long(l, v): The text of a long one; *len is its length. */
const char *column_text_long(const struct column_text *l, const struct cell_text *v, size_t *len);

/* Times from base_ms, which all documents of a slice share. */
struct fastread_range {
	int64_t base_ms;
	int64_t from, to;	/* points outside are dropped */
	int64_t end;		/* points from here on are another slice's: unusual */
};

enum fastread_result { FASTREAD_DONE, FASTREAD_UNUSUAL, FASTREAD_NO_MEMORY };

/*
 * fastread_document(doc, len, range, column):
 * Append doc's points. After anything but FASTREAD_DONE the column holds rubbish.
 * What is FASTREAD_DONE, document_valid() and unwind_document() take without a skip.
 */
enum fastread_result fastread_document(const uint8_t *doc, size_t len, const struct fastread_range *range,
    struct column_text *column);

#endif
