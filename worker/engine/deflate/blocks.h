#ifndef WORKER_ENGINE_DEFLATE_BLOCKS_H
#define WORKER_ENGINE_DEFLATE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

struct deflater;

/*
 * CSV rows, cut into blocks that are deflated one by one; a CSV file is a run
 * of blocks. Where a block ends depends only on the rows: after the row that
 * makes it BLOCK_BYTES or more, or where blocks_end() is called. Smaller blocks
 * cost ratio; larger ones leave the processor's cache (256 KiB to 1 MiB
 * measured the same).
 */
#define BLOCK_BYTES ((size_t)256 * 1024)

struct block {
	const uint8_t *deflated, *about;
	size_t text_len, deflated_len, about_len;
	uint32_t crc;			/* of text, CRC-32 as in ZIP */
	uint64_t rows, points, non_finite;
	int64_t first_ms, last_ms;	/* of its rows, Unix ms */
};

/* block_crc(crc, data, len): Extend crc (0: of nothing) by data. */
uint32_t block_crc(uint32_t crc, const void *data, size_t len);

/* block_row(v, t_ms): Count a row of this time, the latest so far. */
static inline void
block_row(struct block *v, int64_t t_ms)
{
	if (v->rows++ == 0)
		v->first_ms = t_ms;
	v->last_ms = t_ms;
}

/*
 * block_seal(v, text, len, deflated, d):
 * Append the deflated text to deflated, and set v's lengths and CRC. d is NULL: in
 * stored blocks (RFC 1951). Returns 0, -1: no memory.
 */
int block_seal(struct block *v, const uint8_t *text, size_t len,
    struct buf *deflated, struct deflater *d);

/*
 * Blocks share buffers. The writer appends a row to text, then counts it
 * with block_row() in the open block. The text of a closed block is gone.
 */
struct blocks {
	struct buf text;		/* of the open one */
	struct buf deflated;		/* of those that are closed */
	struct buf about;		/* what their maker adds for a file's end; about_len, too */
	struct block *v;		/* n closed ones, then the open one */
	size_t n, cap;
	/* sealed(arg, v, text): The last time that its text is there; or NULL. */
	void (*sealed)(void *arg, const struct block *v, const uint8_t *text);
	void *arg;
};

/*
 * blocks_init(b): Empty. blocks_clear(b): Empty again, keep the memory.
 * blocks_release(b): Free the memory; b is empty, and keeps its sealed().
 */
void blocks_init(struct blocks *b);
void blocks_clear(struct blocks *b);
void blocks_release(struct blocks *b);

/*
 * blocks_open(b): The block that the next row belongs to, for the caller to
 * count in; valid until blocks_end(). NULL: no memory.
 */
struct block *blocks_open(struct blocks *b);

/* blocks_full(b): Whether the open block has to be closed after this row. */
static inline bool
blocks_full(const struct blocks *b)
{
	return b->text.len >= BLOCK_BYTES;
}

/*
 * blocks_end(b, d): Close the open block, if it has rows: block_seal(). Returns 0,
 * -1: no memory.
 */
int blocks_end(struct blocks *b, struct deflater *d);

/* blocks_get(b, i): Closed block i; its pointers are valid until b changes. */
struct block blocks_get(const struct blocks *b, size_t i);

#endif
