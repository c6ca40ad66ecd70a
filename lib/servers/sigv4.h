#ifndef LIB_SERVERS_SIGV4_H
#define LIB_SERVERS_SIGV4_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * AWS Signature Version 4 for S3 ("Authenticating Requests" in the Amazon S3
 * API Reference). Pure: keys and time are arguments. Paths and query values are
 * given plain and percent-encoded here, once, as S3 wants it.
 */
struct sigv4_key {
	const char *access;
	const char *secret;
	const char *region;
	const char *service;	/* "s3" */
	const char *token;	/* of the session; NULL, "": none. Links only */
};

struct sigv4_pair {
	const char *name;	/* a header's in lower case */
	const char *value;
};

struct sigv4_request {
	const char *method;
	const char *host;	/* as in the Host header */
	const char *path;	/* begins with / */
	const struct sigv4_pair *query;
	size_t nquery;
	const struct sigv4_pair *headers;	/* to be signed, in addition to host */
	size_t nheaders;
};

/* More pairs than this in a query or in headers are refused. */
#define SIGV4_PAIRS_MAX 16
/* "20130524T000000Z" and a NUL. */
#define SIGV4_DATE_SIZE 17

/* sigv4_date(t_ms, date): The value of X-Amz-Date. */
void sigv4_date(int64_t t_ms, char date[SIGV4_DATE_SIZE]);

/*
 * sigv4_authorization(key, req, payload_hash, t_ms, out):
 * Append the value of the Authorization header. headers has to hold x-amz-date
 * (of the same t_ms) and, for S3, x-amz-content-sha256 with the same
 * payload_hash; with a session its token as x-amz-security-token. Returns 0, -1 on
 * memory, the library or too many pairs.
 */
int sigv4_authorization(const struct sigv4_key *key,
    const struct sigv4_request *req, const char *payload_hash, int64_t t_ms,
    struct buf *out);

/*
 * sigv4_presign(key, scheme, req, t_ms, expires_s, out):
 * Append a URL that allows req without credentials until t_ms + expires_s (1 to
 * 604800), and as long as the key's session lives. Only the host header is signed; the
 * caller checks the range of expires_s. Returns as above.
 */
int sigv4_presign(const struct sigv4_key *key, const char *scheme,
    const struct sigv4_request *req, int64_t t_ms, int64_t expires_s,
    struct buf *out);

/*
 * sigv4_target(path, query, nquery, out):
 * Append the request target, path?query, encoded and ordered as it was signed.
 */
int sigv4_target(const char *path, const struct sigv4_pair *query,
    size_t nquery, struct buf *out);

#endif
