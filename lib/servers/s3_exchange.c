/*
 * One request to S3: signed, sent by curl, judged by lib/servers/failure, and made
 * again with pauses. Knows no operation of S3.
 */
#include "lib/servers/s3_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/base/patience.h"
#include "lib/servers/credentials.h"
#include "lib/servers/s3xml.h"

#define CONNECT_MS 5000
/* Slower than this for SLOW_S is a stall. */
#define SLOW_BYTES_S 1024
#define SLOW_S 20
#define URL_MAX 8192
#define ERROR_LINE_BYTES 80
#define MESSAGE_BYTES 300

enum failure
s3_address_of(const struct conf *conf, const char *endpoint, const char *key,
    struct s3_address *a)
{
	const bool tls = strncmp(endpoint, "https:", 6) == 0;
	const char *host = endpoint + strlen(tls ? "https://" : "http://");
	struct buf path;
	int n;

	a->scheme = tls ? "https" : "http";
	n = snprintf(a->host, sizeof(a->host), "%s%s%s",
	    conf->s3_path_style ? "" : conf->s3_bucket,
	    conf->s3_path_style ? "" : ".", host);
	if (n < 0 || (size_t)n >= sizeof(a->host)) {
		log_msg(LOG_ERROR, "s3", "s3_endpoint: its host is too long");
		return FAILURE_STORAGE_REFUSED;
	}
	buf_init(&path, URL_MAX);
	if (buf_addf(&path, "/%s%s%s", conf->s3_path_style ?
	    conf->s3_bucket : "", conf->s3_path_style ? "/" : "", key) != 0) {
		buf_release(&path);
		log_msg(LOG_ERROR, "s3", "out of memory");
		return FAILURE_INTERNAL;
	}
	a->path = (char *)path.data;
	return FAILURE_NONE;
}

struct s3 *
s3_new(const struct conf *conf, const struct patience *patience)
{
	struct s3 *s3;

	if ((s3 = calloc(1, sizeof(*s3))) == NULL)
		return NULL;
	s3->conf = conf;
	s3->patience = patience;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	    (s3->curl = curl_easy_init()) == NULL) {
		s3_free(s3);
		return NULL;
	}
	return s3;
}

void
s3_free(struct s3 *s3)
{
	if (s3 == NULL)
		return;
	curl_easy_cleanup(s3->curl);
	free(s3);
}

static size_t
on_read(char *to, size_t size, size_t n, void *arg)
{
	struct s3_exchange *x = arg;
	size_t len = x->body_len - x->sent;

	if (len > size * n)
		len = size * n;
	memcpy(to, (const char *)x->body + x->sent, len);
	x->sent += len;
	return len;
}

static int
on_seek(void *arg, curl_off_t offset, int origin)
{
	struct s3_exchange *x = arg;

	if (origin != SEEK_SET || offset < 0 ||
	    (size_t)offset > x->body_len)
		return CURL_SEEKFUNC_FAIL;
	x->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t
on_write(char *data, size_t size, size_t n, void *arg)
{
	struct s3_exchange *x = arg;

	if (buf_add(&x->reply, data, size * n) == 0)
		return size * n;
	x->too_long = x->reply.len + size * n > x->reply.max;
	x->no_memory = !x->too_long;
	return 0;
}

static size_t
on_header(char *data, size_t size, size_t n, void *arg)
{
	struct s3_exchange *x = arg;
	size_t len = size * n;

	if (len > 5 && strncasecmp(data, "etag:", 5) == 0) {
		snprintf(x->etag, sizeof(x->etag), "%.*s", (int)len - 5,
		    data + 5 + strspn(data + 5, " "));
		x->etag[strcspn(x->etag, "\r\n")] = '\0';
	} else if (len > 5 && len < 64 && strncasecmp(data, "date:", 5) == 0) {
		char text[64];
		time_t t;

		snprintf(text, sizeof(text), "%.*s", (int)len - 5, data + 5);
		if ((t = curl_getdate(text, NULL)) != -1)
			x->date_ms = (int64_t)t * 1000;
	}
	return len;
}

/* curl calls it about once a second, however little is transferred. */
static int
on_progress(void *arg, curl_off_t dn, curl_off_t dt, curl_off_t un,
    curl_off_t ut)
{
	(void)dn;
	(void)dt;
	(void)un;
	(void)ut;
	return patience_over(arg);
}

/* Append "name: value" to curl's list. Returns 0, -1: no memory. */
static int
add_header(struct curl_slist **list, const char *name, const char *value)
{
	struct curl_slist *longer = NULL;
	struct buf b;

	buf_init(&b, URL_MAX);
	/* Without a value: one that curl would send by default is left out. */
	if (buf_addf(&b, value[0] != '\0' ? "%s: %s" : "%s:%s", name,
	    value) == 0 && buf_cstr(&b) != NULL)
		longer = curl_slist_append(*list, (char *)b.data);
	buf_release(&b);
	if (longer == NULL)
		return -1;
	*list = longer;
	return 0;
}

static bool
has_content_type(const struct s3_exchange *x)
{
	size_t i;

	for (i = 0; i < x->nheaders; i++)
		if (strcmp(x->headers[i].name, "content-type") == 0)
			return true;
	return false;
}

/* The headers of x: signed ones, the signature, and two that curl must not add. */
static int
add_headers(struct s3 *s3, const struct s3_exchange *x,
    const struct credential *by, struct curl_slist **list)
{
	const struct sigv4_key key = { by->access, by->secret,
	    s3->conf->s3_region, "s3", by->token };
	const size_t own = by->token[0] != '\0' ? 3 : 2;
	const int64_t t_ms = clock_real_ms() + s3->skew_ms;
	struct sigv4_pair headers[sizeof(x->headers) / sizeof(x->headers[0]) + 3];
	const struct sigv4_request req = { x->method, x->at.host, x->at.path,
	    x->query, x->nquery, headers, x->nheaders + own };
	char hash[DIGEST_HEX_SIZE], date[SIGV4_DATE_SIZE];
	struct buf b;
	int rc = -1;
	size_t i;

	buf_init(&b, URL_MAX);
	sigv4_date(t_ms, date);
	if (digest_once(x->body, x->body_len, hash) != 0)
		goto out;
	headers[0] = (struct sigv4_pair){ "x-amz-date", date };
	headers[1] = (struct sigv4_pair){ "x-amz-content-sha256", hash };
	headers[2] = (struct sigv4_pair){ "x-amz-security-token", by->token };
	memcpy(headers + own, x->headers, x->nheaders * sizeof(*headers));
	for (i = 0; i < req.nheaders; i++)
		if (add_header(list, headers[i].name, headers[i].value) != 0)
			goto out;
	if (sigv4_authorization(&key, &req, hash, t_ms, &b) != 0 ||
	    buf_cstr(&b) == NULL ||
	    add_header(list, "Authorization", (char *)b.data) != 0 ||
	    add_header(list, "Expect", "") != 0 ||
	    (!has_content_type(x) && add_header(list, "Content-Type", "") != 0))
		goto out;
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

/* Sign x for now, and give curl the URL. CURLE_OK with the headers in *list. */
static CURLcode
exchange_sign(struct s3 *s3, struct s3_exchange *x,
    struct curl_slist **list)
{
	CURLcode rc = CURLE_OUT_OF_MEMORY;
	struct credential by;
	struct buf url;

	/* Those of now: a renewal reaches an upload that is under way. */
	if (credentials_get(&by) != 0) {
		snprintf(s3->why, sizeof(s3->why), "no credentials at the moment: see "
		    "op=credentials");
		return CURLE_AUTH_ERROR;
	}
	buf_init(&url, URL_MAX);
	if (add_headers(s3, x, &by, list) == 0 &&
	    buf_addf(&url, "%s://%s", x->at.scheme, x->at.host) == 0 &&
	    sigv4_target(x->at.path, x->query, x->nquery, &url) == 0 &&
	    buf_cstr(&url) != NULL) {
		curl_easy_reset(s3->curl);
		curl_easy_setopt(s3->curl, CURLOPT_URL, (char *)url.data);
		rc = CURLE_OK;
	}
	credential_wipe(&by);
	buf_release(&url);
	return rc;
}

/* How to reach the server and whom to trust. */
static void
set_connection(struct s3 *s3)
{
	CURL *c = s3->curl;

	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	if (s3->conf->tls_ca_file != NULL) {
		curl_easy_setopt(c, CURLOPT_CAINFO, s3->conf->tls_ca_file);
		/* Else the system's CAs would be trusted as well. */
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	s3->why[0] = '\0';
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, s3->why);
}

/* No step without a limit of time; stop and alive are asked meanwhile. */
static void
set_limits(struct s3 *s3, const struct s3_exchange *x)
{
	CURL *c = s3->curl;

	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	if (x->limit_ms > 0) {
		curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)x->limit_ms);
	} else {
		curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES_S);
		curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)SLOW_S);
	}
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, s3->patience);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
}

/* Where the request's body comes from, and where the answer goes. */
static void
set_transfer(CURL *c, struct s3_exchange *x)
{
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(c, CURLOPT_READDATA, x);
	curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(c, CURLOPT_SEEKDATA, x);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256L * 1024);
	if (strcmp(x->method, "POST") == 0) {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)x->body_len);
	} else if (strcmp(x->method, "PUT") == 0) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE,
		    (curl_off_t)x->body_len);
	} else if (strcmp(x->method, "HEAD") == 0) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	} else {
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, x->method);
	}
}

static CURLcode
exchange_perform(struct s3 *s3, struct s3_exchange *x, struct curl_slist *list)
{
	curl_off_t length = -1;
	CURLcode rc;

	curl_easy_setopt(s3->curl, CURLOPT_HTTPHEADER, list);
	set_connection(s3);
	set_limits(s3, x);
	set_transfer(s3->curl, x);
	/* Of an earlier try. */
	x->sent = 0;
	x->reply.len = 0;
	x->etag[0] = x->code[0] = '\0';
	x->no_memory = x->too_long = false;
	x->status = 0;
	x->date_ms = 0;
	rc = curl_easy_perform(s3->curl);
	if (rc == CURLE_OK) {
		curl_easy_getinfo(s3->curl, CURLINFO_RESPONSE_CODE, &x->status);
		curl_easy_getinfo(s3->curl,
		    CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	}
	x->length = length;
	return rc;
}

int
s3_exchange_open(struct s3 *s3, struct s3_exchange *x)
{
	if (x->reply.max == 0)
		buf_init(&x->reply, S3_REPLY_MAX);
	s3->failure = s3_address_of(s3->conf, s3->conf->s3_endpoint, x->key,
	    &x->at);
	return s3->failure == FAILURE_NONE ? 0 : -1;
}

int
s3_exchange_send(struct s3 *s3, struct s3_exchange *x)
{
	struct curl_slist *list = NULL;

	x->curl = (int)exchange_sign(s3, x, &list);
	if (x->curl == CURLE_OK)
		x->curl = (int)exchange_perform(s3, x, list);
	curl_slist_free_all(list);
	return x->curl == CURLE_OK ? 0 : -1;
}

void
s3_exchange_code(struct s3_exchange *x)
{
	if (x->reply.len > 0)
		s3xml_text((char *)x->reply.data, x->reply.len, "Code", x->code,
		    sizeof(x->code));
}

void
s3_exchange_close(struct s3_exchange *x)
{
	free(x->at.path);
	x->at.path = NULL;
}

/* A refused certificate stays refused: an operator has to look at it. */
static bool
is_distrust(CURLcode rc)
{
	return rc == CURLE_PEER_FAILED_VERIFICATION ||
	    rc == CURLE_SSL_CACERT_BADFILE || rc == CURLE_SSL_ISSUER_ERROR ||
	    rc == CURLE_SSL_CRL_BADFILE || rc == CURLE_SSL_INVALIDCERTSTATUS;
}

/* The length of its first line, as far as a log line takes it. */
static int
first_line_bytes(const struct buf *b)
{
	int n = 0;

	while (n < ERROR_LINE_BYTES && (size_t)n < b->len && b->data[n] != '\r' &&
	    b->data[n] != '\n')
		n++;
	return n;
}

/* A server that is away fails many times: some of them are worth a line. */
static bool
is_worth_a_line(const struct s3 *s3)
{
	return (s3->failures & (s3->failures + 1)) == 0;
}

/* A TLS port that is sent more plain HTTP than it reads resets the connection. */
static bool
may_want_tls(const struct s3_exchange *x, CURLcode rc)
{
	return strcmp(x->at.scheme, "http") == 0 && (rc == CURLE_RECV_ERROR ||
	    rc == CURLE_SEND_ERROR || rc == CURLE_GOT_NOTHING);
}

/* There is no answer, or half of one. */
static enum s3_verdict
judge_curl(struct s3 *s3, const struct s3_exchange *x)
{
	const CURLcode rc = (CURLcode)x->curl;

	if (rc == CURLE_OUT_OF_MEMORY || x->no_memory) {
		log_msg(LOG_ERROR, x->op, "out of memory");
		s3->failure = FAILURE_INTERNAL;
		return S3_GIVE_UP;
	}
	/* Stopped: not the server's doing. */
	if (rc != CURLE_ABORTED_BY_CALLBACK && is_worth_a_line(s3))
		log_msg(LOG_WARN, x->op, "S3 %s: %s%s", x->at.host, x->too_long ?
		    "the answer is too long" : s3->why[0] != '\0' ? s3->why :
		    curl_easy_strerror(rc), may_want_tls(x, rc) ?
		    "; if this goes on: does it want TLS (https://)?" : "");
	if (is_distrust(rc)) {
		s3->failure = FAILURE_STORAGE_REFUSED;
		return S3_GIVE_UP;
	}
	return failure_s3(0, "", &s3->failure) && !x->too_long ? S3_AGAIN :
	    S3_GIVE_UP;
}

/* An answer that is no success, in S3's words. */
static void
log_refusal(const struct s3_exchange *x)
{
	const char *body = (const char *)x->reply.data;
	char message[1024], region[64];

	if (x->code[0] == '\0') {
		/* No S3, or its TLS port addressed in plain HTTP. */
		log_msg(LOG_WARN, x->op, "S3 %s: HTTP %ld %.*s", x->at.host, x->status,
		    first_line_bytes(&x->reply), body != NULL ? body : "");
		return;
	}
	if (s3xml_text(body, x->reply.len, "Message", message, sizeof(message)) != 0)
		message[0] = '\0';
	if (s3xml_text(body, x->reply.len, "Region", region, sizeof(region)) != 0)
		region[0] = '\0';
	log_msg(LOG_WARN, x->op, "S3 %s: HTTP %ld %s%s%.*s%s%s", x->at.host, x->status,
	    x->code, message[0] != '\0' ? ": " : "", MESSAGE_BYTES, message,
	    region[0] != '\0' ? "; set s3_region = " : "", region);
}

enum s3_verdict
s3_exchange_judge(struct s3 *s3, struct s3_exchange *x)
{
	const char *body = (const char *)x->reply.data;

	s3->gone = s3->refused = false;
	if (x->curl != CURLE_OK)
		return judge_curl(s3, x);
	if (x->status == 206)
		return S3_GOOD;
	s3_exchange_code(x);
	s3->gone = x->status == 404 && strcmp(x->code, "NoSuchKey") == 0;
	s3->refused = x->status == 403;
	/* A 200 may hold an error all the same (CompleteMultipartUpload). */
	if (x->status >= 200 && x->status < 300 &&
	    (x->reply.len == 0 || !s3xml_has(body, x->reply.len, "Error")))
		return S3_GOOD;
	/* 404 on abort: the upload is already gone, which is the goal. */
	if (x->status == 404 && strcmp(x->method, "DELETE") == 0)
		return S3_GIVE_UP;
	if (is_worth_a_line(s3))
		log_refusal(x);
	if (strcmp(x->code, "RequestTimeTooSkewed") == 0 && x->date_ms != 0)
		s3->skew_ms = x->date_ms - clock_real_ms();
	return failure_s3(x->status, x->code, &s3->failure) ? S3_AGAIN : S3_GIVE_UP;
}

int
s3_exchange_run(struct s3 *s3, struct s3_exchange *x)
{
	struct patience_try t = { .patience = s3->patience };
	enum s3_verdict verdict = S3_AGAIN;

	s3->gone = s3->refused = false;
	if (s3_exchange_open(s3, x) != 0)
		return -1;
	s3->failure = FAILURE_STORAGE;
	if (patience_over(s3->patience))
		goto out;
	do {
		s3->failures = t.failures;
		s3_exchange_send(s3, x);
		verdict = x->judge != NULL ? x->judge(s3, x) :
		    s3_exchange_judge(s3, x);
	} while (verdict == S3_AGAIN && patience_pause(&t));
	if (verdict == S3_AGAIN && !patience_over(s3->patience))
		log_msg(LOG_ERROR, x->op, "S3: given up after %lld tries",
		    (long long)t.failures);
out:
	s3->failures = 0;
	s3_exchange_close(x);
	if (verdict != S3_GOOD)
		return -1;
	s3->failure = FAILURE_NONE;
	return 0;
}
