#ifndef WORKER_UPLOAD_H
#define WORKER_UPLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"

struct s3;
struct sink;
struct upload;

/*
 * A sink that cuts what it gets into parts of a multipart upload: part_bytes
 * each, doubled after every 2,000 parts, so that 10,000 suffice for an archive
 * of any size. One part is in memory. upload_open(): NULL after a logged error;
 * from then on exactly one of the sink's close and abort ends what S3 keeps.
 */
struct upload *upload_open(struct s3 *s3, const char *key,
    const char *filename, size_t part_bytes);

/* upload_free(u): Free the memory, after close or abort; NULL is fine. */
void upload_free(struct upload *u);

/* upload_sink(u): Belongs to u. */
struct sink *upload_sink(struct upload *u);

/* upload_bytes(u): Bytes written so far. */
uint64_t upload_bytes(const struct upload *u);

/* After a close that was good: the object's SHA-256 in hex, and its ETag. */
const char *upload_sha256(const struct upload *u);
const char *upload_etag(const struct upload *u);

#endif
