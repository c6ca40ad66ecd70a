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
 * int64 or double; times that ascend. Anything else is unusual, and unwind()'s.
 * (6 to 8 ns a point with its text, where sound() + unwind() + csv_row() take
 * 60: measured by `make bench`.)
 */

#define TEXT_BYTES 15
#define TEXT_LONG 0xff		/* len of one that is kept in longer */

/*
 * A value's text, of a size that is copied by two instructions; an empty one is a
 * NaN or an infinity.
 */
struct text {
	char s[TEXT_BYTES];	/* of a long one: uint32 offset, then its length */
	uint8_t len;
};

/*
 * The points of one column in a slice, ascending. t and v have one place more
 * than n, which is filled by lane_end().
 */
struct lane {
	int32_t *t;		/* ms from the slice's base */
	struct text *v;
	size_t n, cap;
	int64_t last;		/* time of the last leaf, in the range or not */
	struct buf longer;
};

void lane_init(struct lane *l);
void lane_clear(struct lane *l);
void lane_release(struct lane *l);

/* lane_end(l): Put a time that never comes behind the last. 0, -1: no memory. */
int lane_end(struct lane *l);

/* lane_long(l, v): The text of a long one; *len is its length. */
const char *lane_long(const struct lane *l, const struct text *v, size_t *len);

/* Times from base_ms, which all documents of a slice share. */
struct walk_range {
	int64_t base_ms;
	int64_t from, to;	/* points outside are dropped */
	int64_t end;		/* points from here on are another slice's: unusual */
};

enum walk { WALK_DONE, WALK_UNUSUAL, WALK_NO_MEMORY };

/*
 * walk(doc, len, range, lane):
 * Append doc's points. After anything but WALK_DONE the lane holds rubbish.
 * What is WALK_DONE, sound() and unwind() take without a skip.
 */
enum walk walk(const uint8_t *doc, size_t len, const struct walk_range *range,
    struct lane *lane);

#endif
