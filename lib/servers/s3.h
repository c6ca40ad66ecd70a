#ifndef LIB_SERVERS_S3_H
#define LIB_SERVERS_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/servers/failure.h"

struct buf;
struct conf;
struct patience;
struct s3;
struct s3_upload;

/* S3's own limits of a multipart upload. */
#define S3_PARTS_MAX 10000
#define S3_PART_MIN_BYTES (5 * 1024 * 1024)

/* Room for an ETag, in its quotation marks, and its NUL. */
#define S3_ETAG_SIZE 128

/*
 * A client of conf's bucket (Amazon S3 API Reference, 2006-03-01). Each request is
 * signed (lib/servers/sigv4) by the credentials of that moment
 * (lib/servers/credentials.h, to be started first; without any it is as if S3 were
 * away) and sent again while the server is away, slow or answers 5xx, for as long as
 * patience lasts (lib/base/patience.h), which outlives the client; it is asked in
 * pauses and during a transfer, too, and ends it within about a second. A transfer
 * that stalls for 20 s is one failure. For one thread. An https:// endpoint has to
 * speak TLS 1.2 or newer and to have a certificate for its host, from conf's
 * tls_ca_file, or, where that is NULL, from a CA of the system. A refused one is not
 * tried again: FAILURE_STORAGE_REFUSED.
 * s3_new(): NULL when memory ends.
 */
struct s3 *s3_new(const struct conf *conf, const struct patience *patience);
void s3_free(struct s3 *s3);

/*
 * s3_failure(s3): Why the last request failed, as the job's error has it, or
 * none.
 */
enum failure s3_failure(const struct s3 *s3);

/*
 * s3_begin(s3, key, disposition):
 * Begin a multipart upload to key, of a ZIP with this Content-Disposition; NULL: of
 * something that nobody downloads. conf's s3_sse, s3_kms_key and s3_storage_class
 * hold. From here S3 keeps something that only s3_complete() or s3_abort() ends. NULL
 * after a logged error. s3_upload_free() frees only the struct.
 */
struct s3_upload *s3_begin(struct s3 *s3, const char *key,
    const char *disposition);
void s3_upload_free(struct s3_upload *u);

/*
 * s3_part(s3, u, number, data, len):
 * Send part number, 1 to S3_PARTS_MAX: at least S3_PART_MIN_BYTES, but for the
 * last. Different parts may be sent by several threads at a time, each with a
 * client of its own. Its SHA-256 is signed, so the server checks it. data is
 * not needed after the call. Returns 0, -1 after a logged error.
 */
int s3_part(struct s3 *s3, struct s3_upload *u, int number, const void *data,
    size_t len);

/*
 * s3_complete(u, parts, bytes, etag, size):
 * Make parts 1 to parts, of this many bytes in all, the object, and store its ETag. It
 * may take 15 minutes. Where the answer is lost, or says that there is no such upload
 * (any more), the object is looked up: of this size it is the result. Only 0 is success;
 * after -1 (logged) it is unknown whether the object exists.
 */
int s3_complete(struct s3_upload *u, int parts, uint64_t bytes, char *etag,
    size_t size);

/*
 * s3_abort(u, budget_ms):
 * Remove all parts, within this time; the client's patience has no say in it. The
 * lifecycle rule takes what it fails to.
 */
void s3_abort(struct s3_upload *u, int64_t budget_ms);

/*
 * s3_remove(s3, key):
 * Remove the object; one that does not exist is removed. In a bucket that keeps
 * versions this hides it. Returns 0, -1 after a logged error.
 */
int s3_remove(struct s3 *s3, const char *key);

/*
 * s3_get(s3, key, at, len, to):
 * Read len bytes (1 or more) of the object, from the byte at on, into *to,
 * which they replace. Fewer are an error. Returns 0, -1 after a logged error;
 * s3_not_found(): because there is no such object, or no longer (the bucket is there);
 * s3_refused(): because S3 refuses it, as Amazon does a missing one to a user who may
 * not list.
 */
int s3_get(struct s3 *s3, const char *key, uint64_t at, size_t len,
    struct buf *to);
bool s3_not_found(const struct s3 *s3);
bool s3_refused(const struct s3 *s3);

/*
 * s3_presign_get(conf, key, disposition, t_ms, ttl_s, out):
 * Append a URL at conf's public endpoint that gives the object, with this
 * Content-Disposition, for *ttl_s seconds from the second of t_ms; *ttl_s is made less
 * where the credentials end earlier. No request is made. Returns 0, -1 (memory, endpoint,
 * no credentials at the moment).
 */
int s3_presign_get(const struct conf *conf, const char *key,
    const char *disposition, int64_t t_ms, int64_t *ttl_s, struct buf *out);

#endif
