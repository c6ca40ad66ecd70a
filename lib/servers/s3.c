/*
 * What is asked of S3: multipart uploads, ranged reads, signed links. Knows no job:
 * what is in a part is the caller's business.
 */
#include "lib/servers/s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/servers/s3_impl.h"
#include "lib/servers/s3xml.h"
#include "lib/servers/sigv4.h"

#define ABORTS 3

enum failure
s3_failure(const struct s3 *s3)
{
	return s3->failure;
}

struct s3_upload *
s3_begin(struct s3 *s3, const char *key, const char *filename)
{
	char disposition[256];
	struct s3_exchange x = { .op = "s3_begin", .method = "POST", .key = key,
	    .query = { { "uploads", "" } }, .nquery = 1,
	    .headers = { { "content-disposition", disposition } },
	    .nheaders = 1 };
	struct s3_upload *u;

	snprintf(disposition, sizeof(disposition),
	    "attachment; filename=\"%s\"", filename);
	if ((u = calloc(1, sizeof(*u))) == NULL ||
	    (u->key = strdup(key)) == NULL ||
	    (u->etags = calloc(S3_PARTS_MAX, sizeof(*u->etags))) == NULL) {
		log_msg(LOG_ERROR, "s3_begin", "out of memory");
		goto fail;
	}
	u->s3 = s3;
	/* Last: from here S3 keeps something that only an abort removes. */
	if (s3_exchange_run(s3, &x) != 0)
		goto fail;
	if (s3xml_text((char *)x.reply.data, x.reply.len, "UploadId", u->id,
	    sizeof(u->id)) != 0) {
		log_msg(LOG_ERROR, "s3_begin", "S3: no UploadId in the reply");
		goto fail;
	}
	buf_release(&x.reply);
	return u;
fail:
	buf_release(&x.reply);
	s3_upload_free(u);
	return NULL;
}

void
s3_upload_free(struct s3_upload *u)
{
	if (u == NULL)
		return;
	free(u->key);
	free(u->etags);
	free(u);
}

int
s3_part(struct s3 *s3, struct s3_upload *u, int number, const void *data,
    size_t len)
{
	char text[24];
	struct s3_exchange x = { .op = "s3_part", .method = "PUT", .key = u->key,
	    .query = { { "partNumber", text }, { "uploadId", u->id } },
	    .nquery = 2, .body = data, .body_len = len };
	int rc;

	if (number < 1 || number > S3_PARTS_MAX) {
		log_msg(LOG_ERROR, "s3_part", "more than %d parts",
		    S3_PARTS_MAX);
		return -1;
	}
	snprintf(text, sizeof(text), "%d", number);
	if ((rc = s3_exchange_run(s3, &x)) == 0)
		memcpy(u->etags[number - 1], x.etag, S3_ETAG_SIZE);
	buf_release(&x.reply);
	return rc;
}

static int
put_parts(const struct s3_upload *u, int parts, struct buf *b)
{
	int i;

	if (buf_adds(b, "<CompleteMultipartUpload>") != 0)
		return -1;
	/* An ETag is hex in quotation marks: nothing in it needs escaping. */
	for (i = 0; i < parts; i++)
		if (buf_addf(b, "<Part><PartNumber>%d</PartNumber>"
		    "<ETag>%s</ETag></Part>", i + 1, u->etags[i]) != 0)
			return -1;
	return buf_adds(b, "</CompleteMultipartUpload>");
}

int
s3_complete(struct s3_upload *u, int parts, char *etag, size_t size)
{
	struct s3_exchange x = { .op = "s3_complete", .method = "POST",
	    .key = u->key, .query = { { "uploadId", u->id } }, .nquery = 1 };
	struct buf body;
	int rc = -1;

	buf_init(&body, S3_PARTS_MAX * 256);
	if (put_parts(u, parts, &body) != 0) {
		log_msg(LOG_ERROR, "s3_complete", "out of memory");
		goto out;
	}
	/* The list of parts goes up, the ETag of the whole comes back. */
	x.body = body.data;
	x.body_len = body.len;
	if (s3_exchange_run(u->s3, &x) != 0)
		goto out;
	if (!s3xml_has((char *)x.reply.data, x.reply.len,
	    "CompleteMultipartUploadResult") ||
	    s3xml_text((char *)x.reply.data, x.reply.len, "ETag", etag,
	    size) != 0) {
		log_msg(LOG_ERROR, "s3_complete", "S3: no result in the reply");
		goto out;
	}
	rc = 0;
out:
	buf_release(&x.reply);
	buf_release(&body);
	return rc;
}

void
s3_abort(struct s3_upload *u)
{
	struct s3_exchange x = { .op = "s3_abort", .method = "DELETE",
	    .key = u->key, .query = { { "uploadId", u->id } }, .nquery = 1 };
	bool (*stop)(void *) = u->s3->stop;
	enum failure failure = u->s3->failure;
	int try, rc = 0;

	/*
	 * The reason to stop the upload must not stop the abort, nor be
	 * replaced.
	 */
	u->s3->stop = NULL;
	/*
	 * A part whose answer was lost may arrive after the abort and stay:
	 * abort again until nothing is left. Some servers never report that.
	 */
	for (try = 0; try < ABORTS && rc == 0; try++) {
		rc = s3_exchange_run(u->s3, &x);
		buf_release(&x.reply);
	}
	u->s3->stop = stop;
	u->s3->failure = failure;
}

int
s3_get(struct s3 *s3, const char *key, uint64_t at, size_t len,
    struct buf *to)
{
	char range[64];
	struct s3_exchange x = { .op = "s3_get", .method = "GET", .key = key,
	    .headers = { { "range", range } }, .nheaders = 1, .reply = *to };
	int rc = -1;

	/* An error's body is short, but can be longer than the range. */
	x.reply.max = len > S3_REPLY_MAX ? len : S3_REPLY_MAX;
	x.reply.len = 0;

	snprintf(range, sizeof(range), "bytes=%llu-%llu",
	    (unsigned long long)at, (unsigned long long)(at + len - 1));
	if (buf_reserve(&x.reply, len) == NULL) {
		log_msg(LOG_ERROR, "s3_get", "out of memory");
		s3->failure = FAILURE_INTERNAL;
	} else if (s3_exchange_run(s3, &x) != 0) {
		if (s3->gone)
			log_msg(LOG_ERROR, "s3_get", "S3: no object %s", key);
	} else if (x.status != 206 || x.reply.len != len) {
		log_msg(LOG_ERROR, "s3_get", "S3: %zu bytes of %s instead of "
		    "%zu (HTTP %ld)", x.reply.len, key, len, x.status);
		s3->failure = FAILURE_STORAGE;
	} else {
		rc = 0;
	}
	*to = x.reply;
	if (rc != 0)
		to->len = 0;
	return rc;
}

bool
s3_not_found(const struct s3 *s3)
{
	return s3->gone;
}

int
s3_presign_get(const struct conf *conf, const char *key,
    const char *filename, int64_t t_ms, struct buf *out)
{
	const struct sigv4_key sign = { conf->s3_access_key, conf->s3_secret,
	    conf->s3_region, "s3" };
	char disposition[256];
	const struct sigv4_pair query = { "response-content-disposition",
	    disposition };
	struct sigv4_request req = { .method = "GET", .query = &query,
	    .nquery = 1 };
	struct s3_address a;
	int rc;

	/* The host is signed: it has to be the one that the client will ask. */
	if (s3_address_of(conf, conf->s3_public_endpoint, key, &a) != 0)
		return -1;
	snprintf(disposition, sizeof(disposition),
	    "attachment; filename=\"%s\"", filename);
	req.host = a.host;
	req.path = a.path;
	rc = sigv4_presign(&sign, a.scheme, &req, t_ms, conf->link_ttl_s, out);
	free(a.path);
	return rc;
}
