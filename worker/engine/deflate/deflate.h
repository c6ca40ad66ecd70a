#ifndef WORKER_ENGINE_DEFLATE_DEFLATE_H
#define WORKER_ENGINE_DEFLATE_DEFLATE_H

#include <stddef.h>

struct buf;
struct deflater;

/*
 * Compression of one block at a time, by RFC 1951. A deflater is used by one
 * thread at a time and carries nothing from one block to the next.
 */

/* fast: textdeflate.h. small: zlib level 6, fewer bytes for more time. */
enum deflate_level { DEFLATE_FAST, DEFLATE_SMALL };

/* Ends a stream of blocks: an empty final block (RFC 1951, 3.2.6). */
#define DEFLATE_END "\x03\x00"
#define DEFLATE_END_LEN 2

/* deflater_new(level): NULL: no memory. deflater_free(NULL) is fine. */
struct deflater *deflater_new(enum deflate_level level);
void deflater_free(struct deflater *d);

/*
 * deflate_block(d, in, len, out):
 * Append to out a run of non-final DEFLATE blocks that ends on a byte boundary
 * and refers to nothing before it, so that any number of runs can be joined.
 * The same input gives the same run. Returns 0, -1: no memory, or out is at its
 * ceiling.
 */
int deflate_block(struct deflater *d, const void *in, size_t len,
    struct buf *out);

#endif
