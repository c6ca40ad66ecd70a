#ifndef WORKER_ENGINE_DECODE_CELLTEXT_H
#define WORKER_ENGINE_DECODE_CELLTEXT_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct point;

#define CELL_TEXT_BYTES 15
#define CELL_TEXT_LONG 0xff		/* len of a text kept elsewhere */

/*
 * A value's text, of a size that two instructions copy. Empty: a NaN or an
 * infinity; the empty string is "". A longer text is in a buffer that the cells
 * of a column, or of several, share.
 */
struct cell_text {
	/* The text; if long, its uint32 offset in that buffer, its uint32 length. */
	char s[CELL_TEXT_BYTES];
	uint8_t len;
};

/* What such a buffer may hold: offsets have 32 bits. */
#define CELL_TEXT_LONGER_MAX ((size_t)1 << 28)

/*
 * celltext_point(v, p, separator, longer): The text of any point, as a cell between
 * commas, or between semicolons, where a number's point is a comma.
 * celltext_double(v, d, separator, longer): Of a finite double.
 * celltext_copy(to, longer, from, from_longer): From another cell and its buffer.
 * All return 0, -1: no memory, or longer is at its ceiling.
 */
int celltext_point(struct cell_text *v, const struct point *p, char separator,
    struct buf *longer);
int celltext_double(struct cell_text *v, double d, char separator,
    struct buf *longer);
int celltext_copy(struct cell_text *to, struct buf *longer,
    const struct cell_text *from, const struct buf *from_longer);

/* celltext_long(v, longer, len): The text of a long cell; *len is its length. */
const char *celltext_long(const struct cell_text *v, const struct buf *longer,
    size_t *len);

#endif
