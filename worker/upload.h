#ifndef WORKER_UPLOAD_H
#define WORKER_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/digest.h"
#include "lib/servers/failure.h"

struct conf;
struct sink;
struct upload;

/*
 * A sink that cuts its bytes into parts of a multipart upload: conf's
 * part_bytes each, doubled after every 2,000 parts while they are at most 512
 * MiB: the 10,000 parts that S3 takes hold 484 GiB from the default of 8 MiB on.
 * Two threads send while the next part is filled; at most three are in memory. An
 * archive of one part starts no thread.
 *
 * upload_open(conf, stop, arg, key, filename, digest, why): stop(arg) is called
 * by every thread and ends a transfer by returning true. digest: compute the
 * SHA-256 of the whole. NULL after a logged error, with the reason in *why. On
 * success exactly one of the sink's close and abort must follow, to end what S3
 * keeps.
 */
struct upload *upload_open(const struct conf *conf, bool (*stop)(void *),
    void *arg, const char *key, const char *filename, bool digest,
    enum failure *why);

/*
 * upload_part_bytes(first, number):
 * The size of part number, from 1 on, where the first has `first` bytes.
 */
size_t upload_part_bytes(size_t first, int number);

/* upload_free(u): Free the memory, after close or abort; NULL is fine. */
void upload_free(struct upload *u);

/* upload_sink(u): Belongs to u. */
struct sink *upload_sink(struct upload *u);

/* upload_failure(u): Why write or close failed, or none. */
enum failure upload_failure(struct upload *u);

/* upload_bytes(u): Bytes written so far. Any thread may call it. */
uint64_t upload_bytes(const struct upload *u);

/*
 * After a close that succeeded: the object's SHA-256 in hex, or NULL; its ETag.
 */
const char *upload_sha256(const struct upload *u);
const char *upload_etag(const struct upload *u);

#endif
