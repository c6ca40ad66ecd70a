#ifndef WORKER_ENGINE_DEFLATE_DEFLATE_H
#define WORKER_ENGINE_DEFLATE_DEFLATE_H

#include <stddef.h>

struct buf;
struct deflater;

/* fast: worker/engine/deflate/textdeflate.h; small: zlib level 6, for bytes in place of time. */
enum deflate_level { DEFLATE_FAST, DEFLATE_SMALL };

/* What ends a stream of blocks: an empty final block (RFC 1951, 3.2.6). */
#define DEFLATE_END "\x03\x00"
#define DEFLATE_END_LEN 2

/* deflater_new(level): NULL when memory ends. deflater_free(NULL) is fine. */
struct deflater *deflater_new(enum deflate_level level);
void deflater_free(struct deflater *d);

/*
 * deflate_block(d, in, len, out):
 * Append to out a run of non-final DEFLATE blocks that ends on a byte boundary
 * and refers to nothing before it, so such runs can be joined in any number.
 * The same bytes give the same run. Returns 0, -1 when memory or out's ceiling
 * ended.
 */
int deflate_block(struct deflater *d, const void *in, size_t len,
    struct buf *out);

#endif
