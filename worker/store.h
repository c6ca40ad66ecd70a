#ifndef WORKER_STORE_H
#define WORKER_STORE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Where a window keeps its documents: chunks of one size, and one of its own for a
 * document that is larger. Chunks go from window to window, not through the heap of
 * each thread, which would keep what it had at its most.
 */
struct store_chunk;
struct store {
	struct store_chunk *free;	/* for the next window */
};

/* The chunks of one window; a zeroed one has none. */
struct store_part {
	struct store_chunk *chunks;
	size_t bytes;			/* of all of them */
};

/* store_take(s, part, len): Room for len bytes. NULL: no memory. */
uint8_t *store_take(struct store *s, struct store_part *part, size_t len);

/* store_give(s, part): Its chunks are free again. store_release(s): Free those. */
void store_give(struct store *s, struct store_part *part);
void store_release(struct store *s);

#endif
