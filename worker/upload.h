#ifndef WORKER_UPLOAD_H
#define WORKER_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/digest.h"
#include "lib/servers/failure.h"

struct conf;
struct patience;
struct sink;
struct upload;

/*
 * A sink that cuts its bytes into parts of a multipart upload. The first has conf's
 * part_bytes, or more where an estimate says that 3/2 of it would not fit into 9,000
 * such parts. After 2,000 parts (5,600 with an estimate) sizes grow, by 5/2 in each of
 * 8 steps, to at most 5 GiB: the 10,000 parts that S3 takes hold its largest object,
 * 5 TiB, whatever the estimate was.
 *
 * conf's senders threads send while the next part is filled. Memory: senders + 1 parts,
 * as many as fit into 64 MiB, but always two. With the defaults (4, 5 MiB) that is 25 MiB
 * up to 10 GB without an estimate, 62 MiB up to 23 GB, then two parts: 62 MiB up to 56
 * GB, 156 MiB up to 138 GB. An estimate of N bytes, more than 31 GB, makes parts of N /
 * 6,000 from the beginning. An archive of one part starts no thread.
 *
 * upload_open(conf, patience, key, disposition, estimate_bytes, why): patience: every
 * request's, on any thread; it outlives the upload. disposition: Content-Disposition of
 * an archive, whose SHA-256 is computed; NULL: a fragment. estimate_bytes: 0: unknown.
 * NULL after a logged error, with the reason in *why. On success exactly one of the
 * sink's close and abort must follow, to end what S3 keeps. abort takes 6 s at most, and
 * asks no patience.
 */
struct upload *upload_open(const struct conf *conf,
    const struct patience *patience, const char *key, const char *disposition,
    uint64_t estimate_bytes, enum failure *why);

/*
 * upload_limit(u, bytes): A write beyond it fails: FAILURE_RESULTS_FULL. Before the
 * first one.
 */
void upload_limit(struct upload *u, uint64_t bytes);

/*
 * upload_first_bytes(part_bytes, estimate_bytes): The size of the first part.
 * upload_part_bytes(first, estimated, number): That of part number, from 1 on.
 * upload_parts(senders, part_bytes): How many of that size are in memory at most.
 */
size_t upload_first_bytes(size_t part_bytes, uint64_t estimate_bytes);
size_t upload_part_bytes(size_t first, bool estimated, int number);
int upload_parts(int senders, size_t part_bytes);

/*
 * upload_stop(u): Stop sending, within about a second, whatever S3 does; only the abort
 * may follow. From here the caller's patience is not used any more.
 */
void upload_stop(struct upload *u);

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
