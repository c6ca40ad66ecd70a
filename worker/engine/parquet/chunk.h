#ifndef WORKER_ENGINE_PARQUET_CHUNK_H
#define WORKER_ENGINE_PARQUET_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * What a file's end says of a column chunk, one column in one row group. Chunks of a
 * row group follow each other in the order of columns.
 */
struct parquet_chunk {
	uint32_t column;		/* 0: the time; else one of the CSV, from 1 on */
	bool text;			/* the column's companion */
	uint64_t dictionary_bytes;	/* of the dictionary's page; 0: none */
	uint64_t bytes, plain_bytes;	/* of all pages with their headers; plain: inflated */
	uint64_t nulls;
	bool ranged;
	uint64_t min, max;		/* if ranged: bits of a double, or Unix ms */
};

/* What one takes on its way from where it was made to the file's end. */
#define PARQUET_CHUNK_BYTES 56

/*
 * parquet_chunk_put(to, c): Append it. Returns 0, -1: no memory.
 * parquet_chunk_get(data, c): Read what was put. Returns 0, -1: it is none.
 */
int parquet_chunk_put(struct buf *to, const struct parquet_chunk *c);
int parquet_chunk_get(const uint8_t data[PARQUET_CHUNK_BYTES], struct parquet_chunk *c);

#endif
