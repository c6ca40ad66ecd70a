#ifndef WORKER_ENGINE_POOL_H
#define WORKER_ENGINE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "worker/engine/deflate/deflate.h"

struct pool;
struct slice;

/*
 * Threads that work on slices, between one thread that fills them and one that
 * takes them in the order they were filled in. What is under way is bounded, in
 * slices and in bytes of documents: the filler waits.
 */

/* pool_new(threads, level): threads >= 1. NULL after a logged error. */
struct pool *pool_new(int threads, enum deflate_level level);

/* pool_free(p): After pool_reset(), or pool_new(). NULL is fine. */
void pool_free(struct pool *p);

/*
 * The filler: pool_slot(p): The slice to fill next, waited for; NULL when the
 * taker has closed the pool. pool_submit(p): It is filled. pool_end(p): There is
 * no other.
 */
struct slice *pool_slot(struct pool *p);
void pool_submit(struct pool *p);
void pool_end(struct pool *p);

/*
 * The taker: pool_oldest(p): The slice that was filled first, its work done,
 * waited for; NULL when there is no other. It is his until pool_release(p).
 * pool_close(p): He takes no more.
 */
struct slice *pool_oldest(struct pool *p);
void pool_release(struct pool *p);
void pool_close(struct pool *p);

/* pool_reset(p): The filler is gone: drop what is left, and be as new. */
void pool_reset(struct pool *p);

#endif
