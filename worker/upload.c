#include "worker/upload.h"

#include <stdlib.h>

#include "lib/buf.h"
#include "lib/crash.h"
#include "lib/log.h"
#include "lib/s3.h"
#include "worker/sink.h"

#define PARTS_PER_SIZE 2000
#define PART_MAX ((size_t)1 << 30)
#define ETAG_BYTES 128

struct upload {
	struct sink sink;	/* first: a sink is cast back to its upload */
	struct s3_upload *s3;
	struct buf part;
	size_t part_bytes;
	uint64_t bytes;
	struct digest *digest;
	char sha256[DIGEST_HEX_SIZE];
	char etag[ETAG_BYTES];
};

static int
send_part(struct upload *u)
{
	if (digest_add(u->digest, u->part.data, u->part.len) != 0) {
		log_msg(LOG_ERROR, "upload", "SHA-256 failed");
		return -1;
	}
	crash_at(CRASH_BEFORE_PART);
	if (s3_part(u->s3, u->part.data, u->part.len) != 0)
		return -1;
	crash_at(CRASH_AFTER_PART);
	u->part.len = 0;
	if (s3_parts(u->s3) % PARTS_PER_SIZE == 0 &&
	    u->part_bytes <= PART_MAX / 2)
		u->part_bytes *= 2;
	return 0;
}

static int
upload_write(struct sink *s, const void *data, size_t len)
{
	struct upload *u = (struct upload *)s;
	const char *from = data;

	u->bytes += len;
	while (len > 0) {
		size_t room = u->part_bytes - u->part.len;
		size_t n = len < room ? len : room;

		if (buf_add(&u->part, from, n) != 0) {
			log_msg(LOG_ERROR, "upload", "out of memory");
			return -1;
		}
		from += n;
		len -= n;
		if (u->part.len == u->part_bytes && send_part(u) != 0)
			return -1;
	}
	return 0;
}

static int
upload_close(struct sink *s)
{
	struct upload *u = (struct upload *)s;

	if (u->part.len > 0 && send_part(u) != 0)
		return -1;
	if (digest_hex(u->digest, u->sha256) != 0) {
		log_msg(LOG_ERROR, "upload", "SHA-256 failed");
		return -1;
	}
	crash_at(CRASH_BEFORE_COMPLETE);
	if (s3_complete(u->s3, u->etag, sizeof(u->etag)) != 0)
		return -1;
	crash_at(CRASH_AFTER_COMPLETE);
	return 0;
}

static void
upload_abort(struct sink *s)
{
	s3_abort(((struct upload *)s)->s3);
}

struct upload *
upload_open(struct s3 *s3, const char *key, const char *filename,
    size_t part_bytes)
{
	struct upload *u;

	if ((u = calloc(1, sizeof(*u))) == NULL ||
	    (u->digest = digest_new()) == NULL) {
		log_msg(LOG_ERROR, "upload", "out of memory");
		goto fail;
	}
	u->sink.write = upload_write;
	u->sink.close = upload_close;
	u->sink.abort = upload_abort;
	u->part_bytes = part_bytes;
	buf_init(&u->part, PART_MAX);
	/* Last: from here S3 keeps something that only an abort removes. */
	if ((u->s3 = s3_begin(s3, key, filename)) == NULL)
		goto fail;
	return u;
fail:
	upload_free(u);
	return NULL;
}

void
upload_free(struct upload *u)
{
	if (u == NULL)
		return;
	s3_upload_free(u->s3);
	buf_release(&u->part);
	digest_free(u->digest);
	free(u);
}

struct sink *
upload_sink(struct upload *u)
{
	return &u->sink;
}

uint64_t
upload_bytes(const struct upload *u)
{
	return u->bytes;
}

const char *
upload_sha256(const struct upload *u)
{
	return u->sha256;
}

const char *
upload_etag(const struct upload *u)
{
	return u->etag;
}
