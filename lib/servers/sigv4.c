/*
 * AWS Signature Version 4, for requests and for links. Pure: keys and time are
 * arguments, nothing is sent; tested against vectors of another implementation.
 */
#include "lib/servers/sigv4.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "lib/base/buf.h"
#include "lib/base/digest.h"
#include "lib/base/timestamp.h"

#define CANONICAL_MAX 65536
/* A signed link has six of its own at most. */
#define LINK_PAIRS 6
#define PAIRS_MAX (SIGV4_PAIRS_MAX + LINK_PAIRS)
#define ALGORITHM "AWS4-HMAC-SHA256"

void
sigv4_date(int64_t t_ms, char date[SIGV4_DATE_SIZE])
{
	char text[TIMESTAMP_SIZE];

	timestamp_format(t_ms, text);
	snprintf(date, SIGV4_DATE_SIZE, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", text,
	    text + 5, text + 8, text + 11, text + 14, text + 17);
}

static bool
is_unreserved(char c)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_.~";

	return c != '\0' && strchr(unreserved, c) != NULL;
}

/*
 * RFC 3986 percent-encoding of all but unreserved bytes; keep: one more to
 * keep.
 */
static int
put_encoded(struct buf *b, const char *text, char keep)
{
	for (; *text != '\0'; text++) {
		int rc = is_unreserved(*text) || *text == keep ?
		    buf_add(b, text, 1) :
		    buf_addf(b, "%%%02X", (unsigned char)*text);

		if (rc != 0)
			return -1;
	}
	return 0;
}

/* The rank of an encoded byte among other encoded bytes. */
static int
encoded_weight(char c)
{
	return c == '\0' ? 0 : is_unreserved(c) ? c << 8 :
	    '%' << 8 | (unsigned char)c;
}

/* As strcmp() would order the percent-encoded texts. */
static int
encoded_compare(const char *x, const char *y)
{
	while (*x != '\0' && *x == *y) {
		x++;
		y++;
	}
	return encoded_weight(*x) - encoded_weight(*y);
}

static int
pair_compare(const void *a, const void *b)
{
	const struct sigv4_pair *x = a, *y = b;
	int rc = encoded_compare(x->name, y->name);

	return rc != 0 ? rc : encoded_compare(x->value, y->value);
}

static int
put_query(struct buf *b, const struct sigv4_pair *query, size_t n)
{
	struct sigv4_pair sorted[PAIRS_MAX];
	size_t i;

	if (n > PAIRS_MAX)
		return -1;
	if (n > 0)
		memcpy(sorted, query, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), pair_compare);
	for (i = 0; i < n; i++)
		if ((i > 0 && buf_adds(b, "&") != 0) ||
		    put_encoded(b, sorted[i].name, '\0') != 0 ||
		    buf_adds(b, "=") != 0 ||
		    put_encoded(b, sorted[i].value, '\0') != 0)
			return -1;
	return 0;
}

static int
put_target(const char *path, const struct sigv4_pair *query, size_t nquery,
    struct buf *out)
{
	if (put_encoded(out, path, '/') != 0)
		return -1;
	if (nquery == 0)
		return 0;
	return buf_adds(out, "?") != 0 ? -1 : put_query(out, query, nquery);
}

int
sigv4_target(const char *path, const struct sigv4_pair *query, size_t nquery,
    struct buf *out)
{
	return nquery > SIGV4_PAIRS_MAX ? -1 :
	    put_target(path, query, nquery, out);
}

/* A header's value, trimmed, each run of white space in it made one space. */
static int
put_trimmed(struct buf *b, const char *value)
{
	bool space = false, any = false;

	for (; *value != '\0'; value++) {
		if (*value == ' ' || *value == '\t') {
			space = any;
			continue;
		}
		if (space && buf_adds(b, " ") != 0)
			return -1;
		if (buf_add(b, value, 1) != 0)
			return -1;
		space = false;
		any = true;
	}
	return 0;
}

/* The names "a;b;c" of sorted headers. */
static int
put_header_names(struct buf *b, const struct sigv4_pair *headers, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (buf_addf(b, "%s%s", i > 0 ? ";" : "",
		    headers[i].name) != 0)
			return -1;
	return 0;
}

/* host and the request's headers, by name. Returns how many, 0: too many. */
static size_t
sort_headers(const struct sigv4_request *req, struct sigv4_pair *sorted)
{
	if (req->nheaders > SIGV4_PAIRS_MAX)
		return 0;
	sorted[0].name = "host";
	sorted[0].value = req->host;
	if (req->nheaders > 0)
		memcpy(sorted + 1, req->headers,
		    req->nheaders * sizeof(*sorted));
	qsort(sorted, req->nheaders + 1, sizeof(*sorted), pair_compare);
	return req->nheaders + 1;
}

/* Step 1 of the specification: the canonical request. */
static int
canonical_request(const struct sigv4_request *req,
    const struct sigv4_pair *headers, size_t n, const char *payload_hash,
    struct buf *b)
{
	size_t i;

	if (buf_addf(b, "%s\n", req->method) != 0 ||
	    put_encoded(b, req->path, '/') != 0 || buf_adds(b, "\n") != 0 ||
	    put_query(b, req->query, req->nquery) != 0 ||
	    buf_adds(b, "\n") != 0)
		return -1;
	for (i = 0; i < n; i++)
		if (buf_addf(b, "%s:", headers[i].name) != 0 ||
		    put_trimmed(b, headers[i].value) != 0 ||
		    buf_adds(b, "\n") != 0)
			return -1;
	return buf_adds(b, "\n") != 0 || put_header_names(b, headers, n) != 0 ||
	    buf_addf(b, "\n%s", payload_hash) != 0 ? -1 : 0;
}

static int
hmac(const void *key, size_t key_len, const char *text, size_t len,
    unsigned char out[DIGEST_BYTES])
{
	return HMAC(EVP_sha256(), key, (int)key_len,
	    (const unsigned char *)text, len, out, NULL) == NULL ? -1 : 0;
}

/* Steps 2 and 3: the string to sign, the derived key, the signature. */
static int
signature(const struct sigv4_key *key, const char *date, const char *scope,
    const struct buf *canonical, char hex[DIGEST_HEX_SIZE])
{
	unsigned char k[DIGEST_BYTES];
	char first[256], hash[DIGEST_HEX_SIZE];
	struct buf b;
	int n, rc = -1;

	buf_init(&b, CANONICAL_MAX);
	n = snprintf(first, sizeof(first), "AWS4%s", key->secret);
	if (n < 0 || (size_t)n >= sizeof(first) ||
	    digest_once(canonical->data, canonical->len, hash) != 0 ||
	    buf_addf(&b, ALGORITHM "\n%s\n%s\n%s", date, scope, hash) != 0)
		goto out;
	if (hmac(first, (size_t)n, date, 8, k) != 0 ||
	    hmac(k, sizeof(k), key->region, strlen(key->region), k) != 0 ||
	    hmac(k, sizeof(k), key->service, strlen(key->service), k) != 0 ||
	    hmac(k, sizeof(k), "aws4_request", 12, k) != 0 ||
	    hmac(k, sizeof(k), (const char *)b.data, b.len, k) != 0)
		goto out;
	hex_encode(k, sizeof(k), hex);
	rc = 0;
out:
	OPENSSL_cleanse(first, sizeof(first));
	OPENSSL_cleanse(k, sizeof(k));
	buf_release(&b);
	return rc;
}

static int
put_scope(struct buf *b, const struct sigv4_key *key, const char *date)
{
	return buf_addf(b, "%.8s/%s/%s/aws4_request", date, key->region,
	    key->service) != 0 || buf_cstr(b) == NULL ? -1 : 0;
}

int
sigv4_authorization(const struct sigv4_key *key,
    const struct sigv4_request *req, const char *payload_hash, int64_t t_ms,
    struct buf *out)
{
	struct sigv4_pair headers[SIGV4_PAIRS_MAX + 1];
	char date[SIGV4_DATE_SIZE], hex[DIGEST_HEX_SIZE];
	struct buf canonical, scope;
	size_t n;
	int rc = -1;

	buf_init(&canonical, CANONICAL_MAX);
	buf_init(&scope, CANONICAL_MAX);
	/* Steps 1 to 3 of the specification, then the header's value. */
	sigv4_date(t_ms, date);
	if (req->nquery <= SIGV4_PAIRS_MAX &&
	    (n = sort_headers(req, headers)) > 0 &&
	    canonical_request(req, headers, n, payload_hash,
	    &canonical) == 0 && put_scope(&scope, key, date) == 0 &&
	    signature(key, date, (char *)scope.data, &canonical, hex) == 0 &&
	    buf_addf(out, ALGORITHM " Credential=%s/%s, SignedHeaders=",
	    key->access, (char *)scope.data) == 0 &&
	    put_header_names(out, headers, n) == 0)
		rc = buf_addf(out, ", Signature=%s", hex);
	buf_release(&canonical);
	buf_release(&scope);
	return rc;
}

/* The parameters that make a request a link, after those of its own. */
static void
add_link_query(struct sigv4_pair *query, size_t *n, const char *credential,
    const char *date, const char *expires, const char *token)
{
	query[(*n)++] = (struct sigv4_pair){ "X-Amz-Algorithm", ALGORITHM };
	query[(*n)++] = (struct sigv4_pair){ "X-Amz-Credential", credential };
	query[(*n)++] = (struct sigv4_pair){ "X-Amz-Date", date };
	query[(*n)++] = (struct sigv4_pair){ "X-Amz-Expires", expires };
	query[(*n)++] = (struct sigv4_pair){ "X-Amz-SignedHeaders", "host" };
	if (token != NULL && token[0] != '\0')
		query[(*n)++] = (struct sigv4_pair){ "X-Amz-Security-Token", token };
}

int
sigv4_presign(const struct sigv4_key *key, const char *scheme,
    const struct sigv4_request *req, int64_t t_ms, int64_t expires_s,
    struct buf *out)
{
	char date[SIGV4_DATE_SIZE], hex[DIGEST_HEX_SIZE], expires[24];
	const struct sigv4_pair host = { "host", req->host };
	struct sigv4_pair query[PAIRS_MAX];
	struct sigv4_request full = *req;
	struct buf canonical, credential, scope;
	int rc = -1;

	if (req->nquery > SIGV4_PAIRS_MAX)
		return -1;
	buf_init(&canonical, CANONICAL_MAX);
	buf_init(&credential, CANONICAL_MAX);
	buf_init(&scope, CANONICAL_MAX);
	sigv4_date(t_ms, date);
	snprintf(expires, sizeof(expires), "%lld", (long long)expires_s);
	if (put_scope(&scope, key, date) != 0 ||
	    buf_addf(&credential, "%s/%s", key->access,
	    (char *)scope.data) != 0 || buf_cstr(&credential) == NULL)
		goto out;
	if (req->nquery > 0)
		memcpy(query, req->query, req->nquery * sizeof(*query));
	add_link_query(query, &full.nquery, (char *)credential.data, date,
	    expires, key->token);
	full.query = query;
	/* All of it is signed but the body, which a link cannot know. */
	if (canonical_request(&full, &host, 1, "UNSIGNED-PAYLOAD",
	    &canonical) == 0 &&
	    signature(key, date, (char *)scope.data, &canonical, hex) == 0 &&
	    buf_addf(out, "%s://%s", scheme, req->host) == 0 &&
	    put_target(req->path, query, full.nquery, out) == 0)
		rc = buf_addf(out, "&X-Amz-Signature=%s", hex);
out:
	buf_release(&canonical);
	buf_release(&credential);
	buf_release(&scope);
	return rc;
}
