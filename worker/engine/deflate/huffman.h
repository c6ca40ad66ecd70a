#ifndef WORKER_ENGINE_DEFLATE_HUFFMAN_H
#define WORKER_ENGINE_DEFLATE_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

/* The most symbols: literals, end and lengths of RFC 1951, 3.2.5. */
#define HUFFMAN_MAX 286
#define HUFFMAN_BITS 15

/*
 * huffman_lengths(freq, n, limit, len):
 * A length of 1 to limit bits for each symbol, 0 for those of frequency 0; two
 * symbols at least are in use, and 2^limit of them at most. Without the limit it
 * is Huffman's code; with it, one not much longer. The code is complete. The sum
 * of all frequencies is below 2^48.
 */
void huffman_lengths(const uint32_t *freq, size_t n, unsigned limit,
    uint8_t *len);

/*
 * huffman_codes(len, n, code):
 * The canonical codes of RFC 1951, 3.2.2, their bits turned around: first bit
 * lowest, as they go into a stream.
 */
void huffman_codes(const uint8_t *len, size_t n, uint16_t *code);

#endif
