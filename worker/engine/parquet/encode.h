#ifndef WORKER_ENGINE_PARQUET_ENCODE_H
#define WORKER_ENGINE_PARQUET_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * Parquet's encodings (parquet-format, Encodings.md). All append, and return 0, -1: no
 * memory.
 */

/*
 * encode_levels(to, at, n, first, rows): Definition levels of `rows` rows from `first` on,
 * 1 for those that at has, n of them, ascending, else 0: RLE, after its length in four
 * bytes.
 */
int encode_levels(struct buf *to, const uint32_t *at, size_t n, uint32_t first,
    uint32_t rows);

/* encode_deltas(to, v, n): DELTA_BINARY_PACKED. */
int encode_deltas(struct buf *to, const int64_t *v, size_t n);

/*
 * encode_doubles(to, bits, n), encode_indices(to, v, n, max): PLAIN; and RLE_DICTIONARY
 * of numbers up to max, their width first.
 */
int encode_doubles(struct buf *to, const uint64_t *bits, size_t n);
int encode_indices(struct buf *to, const uint16_t *v, size_t n, uint16_t max);

/*
 * A dictionary of doubles, told apart by their bits, in the order in which they first
 * appear. DICTIONARY_MAX: more values never pay.
 */
#define DICTIONARY_MAX 16384

struct dictionary {
	uint64_t values[DICTIONARY_MAX];
	size_t n;
	uint16_t *index;	/* of each value that was given */
	size_t cap;
	/* By hash: 1 + a place in values, if it was filled in this round. */
	uint16_t slots[2 * DICTIONARY_MAX];
	uint32_t rounds[2 * DICTIONARY_MAX];
	uint32_t round;
};

/*
 * dictionary_pays(d, bits, n): Find the values, and each one's index. *pays: whether
 * all of it takes less than half the room of PLAIN (else d is undefined). Returns 0,
 * -1: no memory.
 */
int dictionary_pays(struct dictionary *d, const uint64_t *bits, size_t n,
    bool *pays);

#endif
