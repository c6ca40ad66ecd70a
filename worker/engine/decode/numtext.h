#ifndef WORKER_ENGINE_DECODE_NUMTEXT_H
#define WORKER_ENGINE_DECODE_NUMTEXT_H

#include <stddef.h>
#include <stdint.h>

/* Numbers as text: FORMAT.md, 3, to the byte. Nothing here can fail. */

/* Room for any number's text and a NUL. */
#define NUMTEXT_SIZE 32

/* numtext_int(n, text): Decimal. Returns the length; a NUL follows. */
size_t numtext_int(int64_t n, char text[NUMTEXT_SIZE]);

/* numtext_digits(u, n, to): Write u as n digits, zero-padded; no NUL. */
void numtext_digits(uint64_t u, size_t n, char *to);

/*
 * numtext_double(d, text):
 * The shortest decimal that reads back to d, of those the nearest to d, in the
 * form of ECMAScript's Number::toString (ECMA-262, 6.1.6.1.20). d is finite.
 * Returns the length; a NUL follows. Needs the C locale and rounding to
 * nearest.
 */
size_t numtext_double(double d, char text[NUMTEXT_SIZE]);

#endif
