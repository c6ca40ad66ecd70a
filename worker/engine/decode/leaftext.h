#ifndef WORKER_ENGINE_DECODE_LEAFTEXT_H
#define WORKER_ENGINE_DECODE_LEAFTEXT_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * Leaves other than integers and doubles (numtext.h) as CSV text: FORMAT.md, 3,
 * to the byte.
 */

/* Room for the text of a bool or a Decimal128, and a NUL. */
#define LEAFTEXT_SIZE 48

/* leaftext_bool(value, text): "true" or "false". Returns the length. */
size_t leaftext_bool(uint64_t value, char text[LEAFTEXT_SIZE]);

/*
 * leaftext_decimal128(value, text):
 * The canonical string of the 16 bytes at value, by the BSON Decimal128
 * specification: 1.50, 1E+3, -0. Returns the length; 0 for a NaN or an
 * infinity.
 */
size_t leaftext_decimal128(const uint8_t *value, char text[LEAFTEXT_SIZE]);

/* The most bytes of text that a string of len bytes becomes. */
#define LEAFTEXT_STRING_BOUND(len) (2 * (len) + 3)

/*
 * leaftext_string(b, text, len, separator): Append a string, quoted and guarded where
 * it has to be between commas or semicolons; with a separator of NUL, as it is. Returns
 * 0, -1: no memory, or b is at its ceiling.
 */
int leaftext_string(struct buf *b, const char *text, size_t len,
    char separator);

/*
 * leaftext_guard(b, text, len, separator): Append a string that is only guarded.
 * Guarded once more it stays as it is. Returns as above.
 */
int leaftext_guard(struct buf *b, const char *text, size_t len,
    char separator);

#endif
