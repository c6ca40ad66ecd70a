#ifndef WORKER_READAHEAD_H
#define WORKER_READAHEAD_H

#include <stddef.h>
#include <stdint.h>

#include "lib/servers/failure.h"

struct buf;
struct conf;
struct patience;
struct readahead;

/*
 * An object of S3 read from front to back, the next range while the caller works on
 * the one before: a thread with an S3 client of its own. For one caller.
 *
 * readahead_new(conf, patience): Both outlive it. NULL: no memory or thread, logged.
 * readahead_free(r): Waits for a request that is under way, which patience ends. NULL
 * is fine.
 */
struct readahead *readahead_new(const struct conf *conf,
    const struct patience *patience);
void readahead_free(struct readahead *r);

enum readahead_result { READAHEAD_OK, READAHEAD_GONE, READAHEAD_REFUSED, READAHEAD_FAILED };

/*
 * readahead_get(r, key, at, len, size, to):
 * Store len bytes (1 or more) of the object from offset `at` in *to, replacing its
 * content; then begin with those that follow, as many, up to size. Errors are logged.
 */
enum readahead_result readahead_get(struct readahead *r, const char *key,
    uint64_t at, size_t len, uint64_t size, struct buf *to);

/* readahead_failure(r): Why the last call failed, or none. */
enum failure readahead_failure(const struct readahead *r);

#endif
