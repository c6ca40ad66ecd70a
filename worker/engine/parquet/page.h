#ifndef WORKER_ENGINE_PARQUET_PAGE_H
#define WORKER_ENGINE_PARQUET_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"

/* Encodings, by their numbers in parquet.thrift. */
enum parquet_encoding {
	PARQUET_PLAIN = 0,
	PARQUET_RLE = 3,
	PARQUET_DELTA_BINARY_PACKED = 5,
	PARQUET_RLE_DICTIONARY = 8
};

/*
 * Pages of version 1, compressed by ZSTD, with its checksum: a reader notices a damaged
 * one. One thread at a time.
 */
struct pages;

/* pages_new(small): small: fewer bytes for more time. NULL: no memory. NULL is freed. */
struct pages *pages_new(bool small);
void pages_free(struct pages *p);

/*
 * pages_data(p, to, body, rows, encoding), pages_dictionary(p, to, body, values):
 * Append a page. *plain (added to): its bytes with the header, before compression.
 * Returns 0, -1: no memory.
 */
int pages_data(struct pages *p, struct buf *to, const struct buf *body, uint32_t rows,
    enum parquet_encoding encoding, uint64_t *plain);
int pages_dictionary(struct pages *p, struct buf *to, const struct buf *body,
    uint32_t values, uint64_t *plain);

#endif
