#ifndef WORKER_ENGINE_POOL_H
#define WORKER_ENGINE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "worker/engine/deflate/deflate.h"

struct piece;
struct pool;
struct slice;

/*
 * Threads that work on the pieces of slices, between one thread that fills them
 * in (the filler) and one that takes them in the same order (the taker). They
 * are read in any order, and decided in theirs: a piece that is unusual, or that
 * documents of earlier slices reach into, is made on the exact path. Pieces in
 * progress are bounded in number, and in bytes of finished rows: beyond, the
 * filler waits.
 */

/*
 * pool_new(threads, level, carry_max): threads >= 1; carry_max: bytes of
 * documents that are carried on. NULL after a logged error.
 */
struct pool *pool_new(int threads, enum deflate_level level, size_t carry_max);

/* pool_free(p): After pool_new() or pool_reset(). NULL is fine. */
void pool_free(struct pool *p);

/*
 * The filler's:
 * pool_put(p, s): All pieces of a slice, which belongs to the pool from here.
 * Returns 0, -1: the taker has closed the pool.
 * pool_end(p): No slice follows.
 */
int pool_put(struct pool *p, struct slice *s);
void pool_end(struct pool *p);

/*
 * The taker's:
 * pool_oldest(p): Wait for the oldest piece to be made. The taker owns it until
 * pool_release(p), which frees the slice with its last piece. NULL: the filler
 * has ended and all were taken.
 * pool_close(p): The taker is finished; the filler's calls fail.
 */
struct piece *pool_oldest(struct pool *p);
void pool_release(struct pool *p);
void pool_close(struct pool *p);

/* pool_reset(p): Once the filler is gone: drop what is left, be as new. */
void pool_reset(struct pool *p);

#endif
