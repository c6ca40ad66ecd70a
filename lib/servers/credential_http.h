#ifndef LIB_SERVERS_CREDENTIAL_HTTP_H
#define LIB_SERVERS_CREDENTIAL_HTTP_H

#include <stddef.h>

struct buf;

/* The longest URL of an endpoint, and the longest reply. */
#define CREDENTIAL_URL_MAX 2048
#define CREDENTIAL_REPLY_MAX 65536

/*
 * credential_http_wrong(url):
 * NULL where credentials may come from this URL: https://, or http:// to this host
 * or to one of the link-local addresses that AWS has for them, as its SDKs see it.
 * Else a phrase that says why not.
 */
const char *credential_http_wrong(const char *url);

struct credential_call {
	const char *method, *url;
	const char *header, *value;	/* one more; NULL: none */
	const char *form;		/* in its place the body of a POST */
	const char *ca_file;		/* as conf's tls_ca_file */
	int limit_ms;			/* for all of it */
};

/*
 * credential_http(call, reply, why, size):
 * Make the request, once; no proxy, no redirect. Returns the status, with reply's
 * content replaced, of at most CREDENTIAL_REPLY_MAX bytes; 0 without an answer, with a
 * phrase in why.
 */
long credential_http(const struct credential_call *call, struct buf *reply,
    char *why, size_t size);

/* credential_http_escape(b, text): Append it as in a form. Returns 0, -1: no memory. */
int credential_http_escape(struct buf *b, const char *text);

#endif
