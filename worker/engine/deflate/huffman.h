#ifndef WORKER_ENGINE_DEFLATE_HUFFMAN_H
#define WORKER_ENGINE_DEFLATE_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

/* Prefix codes for DEFLATE. All of it is pure: no memory, no failure. */

/* The most symbols: literals, end of block and lengths (RFC 1951, 3.2.5). */
#define HUFFMAN_MAX 286
#define HUFFMAN_BITS 15

/*
 * huffman_lengths(freq, n, limit, len):
 * Give each symbol a code length of 1 to limit bits, 0 where its frequency is
 * 0. Between 2 and 2^limit symbols are in use, and all frequencies add up to
 * less than 2^48. The code is complete; where the limit does not bind it is
 * Huffman's, else not much longer.
 */
void huffman_lengths(const uint32_t *freq, size_t n, unsigned limit,
    uint8_t *len);

/*
 * huffman_codes(len, n, code):
 * The canonical codes of RFC 1951, 3.2.2, with their bits reversed: the first
 * bit lowest, as they go into the stream.
 */
void huffman_codes(const uint8_t *len, size_t n, uint16_t *code);

#endif
