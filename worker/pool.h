#ifndef WORKER_POOL_H
#define WORKER_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "worker/deflate.h"

struct pool;
struct slice;

/*
 * Threads that work on slices, and the ring of slices that they take from and
 * that are handed back in the order they were submitted in. One thread alone
 * fills, submits and takes; it is called the owner's here.
 */

/* pool_new(threads, level): threads >= 1. NULL after a logged error. */
struct pool *pool_new(int threads, enum deflate_level level);

/* pool_free(p): Waits for what is submitted, and drops it. NULL is fine. */
void pool_free(struct pool *p);

/* pool_slot(p): The slice to fill next; NULL when all are submitted. */
struct slice *pool_slot(struct pool *p);

/* pool_submit(p): The slice of pool_slot() is filled. */
void pool_submit(struct pool *p);

/*
 * pool_oldest(p, wait): The slice that was submitted first, when its work is
 * done; with wait it is waited for. NULL when it is not, or there is none. It
 * stays the oldest until pool_release(p).
 */
struct slice *pool_oldest(struct pool *p, bool wait);
void pool_release(struct pool *p);

/* pool_bytes(p): Documents' bytes in the slices that are submitted. */
size_t pool_bytes(const struct pool *p);

#endif
