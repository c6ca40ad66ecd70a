#ifndef WORKER_ENGINE_POOL_H
#define WORKER_ENGINE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "worker/engine/deflate/deflate.h"

struct pool;
struct slice;

/*
 * Threads that work on slices, between one thread that fills them (the filler)
 * and one that takes them in the same order (the taker). Slices in progress are
 * bounded in number and in bytes of documents: beyond, the filler waits.
 */

/* pool_new(threads, level): threads >= 1. NULL after a logged error. */
struct pool *pool_new(int threads, enum deflate_level level);

/* pool_free(p): After pool_new() or pool_reset(). NULL is fine. */
void pool_free(struct pool *p);

/*
 * The filler's:
 * pool_slot(p): Wait for a free slice, to be filled next. NULL: the taker has
 * closed the pool.
 * pool_submit(p): The slice is filled; from here it belongs to the pool.
 * pool_end(p): No slice follows.
 */
struct slice *pool_slot(struct pool *p);
void pool_submit(struct pool *p);
void pool_end(struct pool *p);

/*
 * The taker's:
 * pool_oldest(p): Wait for the oldest submitted slice to be done. The taker
 * owns it until pool_release(p). NULL: the filler has ended and all were taken.
 * pool_close(p): The taker is finished; the filler gets no slot any more.
 */
struct slice *pool_oldest(struct pool *p);
void pool_release(struct pool *p);
void pool_close(struct pool *p);

/* pool_reset(p): Once the filler is gone: drop what is left, be as new. */
void pool_reset(struct pool *p);

#endif
