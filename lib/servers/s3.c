/*
 * What is asked of S3: multipart uploads, ranged reads, signed links. Knows no job:
 * what is in a part is the caller's business.
 */
#include "lib/servers/s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/base/patience.h"
#include "lib/servers/credentials.h"
#include "lib/servers/s3_impl.h"
#include "lib/servers/s3xml.h"
#include "lib/servers/sigv4.h"

#define ABORTS 3
/* Amazon's answer to a large Complete takes minutes, and its bytes are spaces. */
#define COMPLETE_MS (15 * 60 * 1000)

enum failure
s3_failure(const struct s3 *s3)
{
	return s3->failure;
}

/* What an object is to be like: the headers of its upload. */
static void
set_object_headers(const struct conf *conf, const char *disposition,
    struct s3_exchange *x)
{
	const struct sigv4_pair all[] = {
		/* Each part has one: a bucket with Object Lock wants it. */
		{ "x-amz-checksum-algorithm", "CRC32" },
		{ "content-type", disposition != NULL ? "application/zip" :
		    "application/octet-stream" },
		{ "content-disposition", disposition },
		{ "x-amz-server-side-encryption", conf->s3_sse },
		{ "x-amz-server-side-encryption-aws-kms-key-id", conf->s3_kms_key },
		{ "x-amz-storage-class", conf->s3_storage_class },
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].value != NULL)
			x->headers[x->nheaders++] = all[i];
}

static struct s3_upload *
upload_new(struct s3 *s3, const char *key)
{
	struct s3_upload *u = calloc(1, sizeof(*u));

	if (u == NULL || (u->key = strdup(key)) == NULL ||
	    (u->etags = calloc(S3_PARTS_MAX, sizeof(*u->etags))) == NULL ||
	    (u->crcs = calloc(S3_PARTS_MAX, sizeof(*u->crcs))) == NULL) {
		s3_upload_free(u);
		return NULL;
	}
	u->s3 = s3;
	return u;
}

struct s3_upload *
s3_begin(struct s3 *s3, const char *key, const char *disposition)
{
	struct s3_exchange x = { .op = "s3_begin", .method = "POST", .key = key,
	    .query = { { "uploads", "" } }, .nquery = 1 };
	struct s3_upload *u;

	set_object_headers(s3->conf, disposition, &x);
	if ((u = upload_new(s3, key)) == NULL) {
		log_msg(LOG_ERROR, "s3_begin", "out of memory");
		s3->failure = FAILURE_INTERNAL;
		goto fail;
	}
	/* Last: from here S3 keeps something that only an abort removes. */
	if (s3_exchange_run(s3, &x) != 0)
		goto fail;
	if (s3xml_text((char *)x.reply.data, x.reply.len, "UploadId", u->id,
	    sizeof(u->id)) != 0) {
		log_msg(LOG_ERROR, "s3_begin", "S3: no UploadId in the reply");
		s3->failure = FAILURE_STORAGE;
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
	free(u->crcs);
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
	char crc[CRC32_BASE64_SIZE];
	int rc;

	if (number < 1 || number > S3_PARTS_MAX) {
		log_msg(LOG_ERROR, "s3_part", "more than %d parts",
		    S3_PARTS_MAX);
		s3->failure = FAILURE_STORAGE;
		return -1;
	}
	snprintf(text, sizeof(text), "%d", number);
	crc32_base64(data, len, crc);
	x.headers[x.nheaders++] = (struct sigv4_pair){ "x-amz-checksum-crc32", crc };
	if ((rc = s3_exchange_run(s3, &x)) == 0) {
		memcpy(u->etags[number - 1], x.etag, S3_ETAG_SIZE);
		memcpy(u->crcs[number - 1], crc, sizeof(crc));
	}
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
		if (buf_addf(b, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag>"
		    "<ChecksumCRC32>%s</ChecksumCRC32></Part>", i + 1, u->etags[i],
		    u->crcs[i]) != 0)
			return -1;
	return buf_adds(b, "</CompleteMultipartUpload>");
}

/* What a Complete is to make: where its answer goes. */
struct completion {
	int64_t bytes;
	char *etag;
	size_t size;
};

/* Whether the answer has a result; takes its ETag. */
static bool
complete_result(const struct s3_exchange *x, struct completion *c)
{
	const char *reply = (const char *)x->reply.data;

	return s3xml_has(reply, x->reply.len, "CompleteMultipartUploadResult") &&
	    s3xml_text(reply, x->reply.len, "ETag", c->etag, c->size) == 0;
}

/*
 * Whether the object exists in spite of the answer. 1: yes; 0: no (or refused,
 * which is Amazon's answer to one who may not list); -1: unknown.
 */
static int
complete_look(struct s3 *s3, const struct s3_exchange *complete,
    struct completion *c)
{
	struct s3_exchange x = { .op = complete->op, .method = "HEAD",
	    .key = complete->key };
	int found = -1;

	if (s3_exchange_open(s3, &x) == 0 && s3_exchange_send(s3, &x) == 0) {
		if (x.status == 200)
			found = x.length == c->bytes && x.etag[0] != '\0';
		else if (x.status == 403 || x.status == 404)
			found = 0;
	}
	if (found == 1) {
		log_msg(LOG_INFO, "s3_complete", "S3: the object is there");
		snprintf(c->etag, c->size, "%s", x.etag);
	}
	s3_exchange_close(&x);
	buf_release(&x.reply);
	return found;
}

/* Before anything is thrown away, an unknown outcome is looked up. */
static enum s3_verdict
complete_judge(struct s3 *s3, struct s3_exchange *x)
{
	struct completion *c = x->arg;
	enum s3_verdict verdict = s3_exchange_judge(s3, x);
	enum failure failure = s3->failure;
	const bool gone = strcmp(x->code, "NoSuchUpload") == 0;
	int found;

	if (verdict == S3_GOOD) {
		if (complete_result(x, c))
			return S3_GOOD;
		log_msg(LOG_WARN, "s3_complete", "S3: no result in the reply");
		failure = FAILURE_STORAGE;
		verdict = S3_AGAIN;
	}
	if ((verdict == S3_GIVE_UP && !gone) || patience_over(s3->patience))
		return verdict;
	found = complete_look(s3, x, c);
	s3->failure = failure;
	return found == 1 ? S3_GOOD : found == 0 ? verdict : S3_AGAIN;
}

int
s3_complete(struct s3_upload *u, int parts, uint64_t bytes, char *etag,
    size_t size)
{
	struct completion c = { (int64_t)bytes, etag, size };
	struct s3_exchange x = { .op = "s3_complete", .method = "POST",
	    .key = u->key, .query = { { "uploadId", u->id } }, .nquery = 1,
	    .limit_ms = COMPLETE_MS, .judge = complete_judge, .arg = &c };
	struct buf body;
	int rc = -1;

	buf_init(&body, S3_PARTS_MAX * 256);
	if (put_parts(u, parts, &body) != 0) {
		log_msg(LOG_ERROR, "s3_complete", "out of memory");
		u->s3->failure = FAILURE_INTERNAL;
	} else {
		x.body = body.data;
		x.body_len = body.len;
		rc = s3_exchange_run(u->s3, &x);
	}
	buf_release(&x.reply);
	buf_release(&body);
	return rc;
}

void
s3_abort(struct s3_upload *u, int64_t budget_ms)
{
	const struct patience budget = {
	    .until_ms = clock_monotonic_ms() + budget_ms };
	struct s3_exchange x = { .op = "s3_abort", .method = "DELETE",
	    .key = u->key, .query = { { "uploadId", u->id } }, .nquery = 1 };
	const struct patience *patience = u->s3->patience;
	enum failure failure = u->s3->failure;
	int try, rc = 0;

	/* What stopped the upload must not stop the abort, nor be replaced. */
	u->s3->patience = &budget;
	/*
	 * A part whose answer was lost may arrive after the abort and stay:
	 * abort again until nothing is left. Some servers never report that.
	 */
	for (try = 0; try < ABORTS && rc == 0; try++) {
		rc = s3_exchange_run(u->s3, &x);
		buf_release(&x.reply);
	}
	u->s3->patience = patience;
	u->s3->failure = failure;
}

int
s3_remove(struct s3 *s3, const char *key)
{
	struct s3_exchange x = { .op = "s3_remove", .method = "DELETE",
	    .key = key };
	int rc = s3_exchange_run(s3, &x);

	if (rc != 0 && s3->gone)
		rc = 0;
	else if (rc != 0 && x.status == 404)
		/* Not logged yet: after an abort it is well. */
		log_msg(LOG_WARN, "s3_remove", "S3: HTTP 404 %s", x.code);
	buf_release(&x.reply);
	return rc;
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
		s3->gone = s3->refused = false;
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

bool
s3_refused(const struct s3 *s3)
{
	return s3->refused;
}

int
s3_presign_get(const struct conf *conf, const char *key,
    const char *disposition, int64_t t_ms, int64_t *ttl_s, struct buf *out)
{
	struct credential by;
	const struct sigv4_key sign = { by.access, by.secret, conf->s3_region, "s3",
	    by.token };
	const struct sigv4_pair query = { "response-content-disposition",
	    disposition };
	struct sigv4_request req = { .method = "GET", .query = &query,
	    .nquery = 1 };
	struct s3_address a = { .path = NULL };
	int64_t left_s;
	int rc = -1;

	if (credentials_get(&by) != 0)
		return -1;
	/* A link ends with its session; signatures have whole seconds. */
	left_s = by.expires_ms / 1000 - t_ms / 1000;
	if (*ttl_s > left_s)
		*ttl_s = left_s;
	/* The host is signed: it has to be the one that the client will ask. */
	if (*ttl_s < 1 || s3_address_of(conf, conf->s3_public_endpoint, key, &a) !=
	    FAILURE_NONE)
		goto out;
	req.host = a.host;
	req.path = a.path;
	rc = sigv4_presign(&sign, a.scheme, &req, t_ms, *ttl_s, out);
out:
	free(a.path);
	credential_wipe(&by);
	return rc;
}
