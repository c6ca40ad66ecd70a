#ifndef FCGI_REQUEST_H
#define FCGI_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/jobs/owners.h"
#include "fcgi/query.h"
#include "fcgi/traceparent.h"

/* "/vehicles/" and a name of 63 characters of four bytes, each byte as %XX. */
#define REQUEST_PATH_MAX (10 + 63 * 4 * 3)

struct FCGX_Request;

/* What nginx passed on. Strings belong to the FastCGI request, never NULL. */
struct request {
	const char *method;
	const char *path;	/* as sent, not decoded, without the query */
	const char *query;
	const char *content_type;
	const char *content_encoding;
	const char *id;		/* nginx's, letters and digits only; "" without */
	const char *owner;	/* who asks; NULL: nginx has proved no name */
	const char *auth;	/* how nginx authenticates clients; "": not at all */
	const char *address;	/* the client's, by nginx */
	const char *rate;	/* requests/s that nginx lets a client make; "" unknown */
	const char *if_none_match;
	const char *idempotency_key;	/* NULL without one */
	char traceparent[TRACEPARENT_SIZE];	/* "" without a valid one */
	bool remote;		/* came over an address that is not loopback */
	const char *scheme;
	const char *host;	/* "": none, or not fit for a URL */
	struct owner may;	/* what the owner may do; filled by main.c, not here */
	struct query args;	/* filled by query_parse(), not here */
	struct buf body;
	char path_text[REQUEST_PATH_MAX + 1];
};

/* How reading a request ended. */
enum request_result {
	REQUEST_OK,
	REQUEST_TOO_LARGE,	/* body above the limit: 413 */
	REQUEST_SHORT,		/* body and CONTENT_LENGTH differ: 400 */
	REQUEST_TOO_LONG	/* path above the limit: 414 */
};

/* Without authentication there is one owner; nobody may have this name else. */
#define REQUEST_ANONYMOUS "anonymous"
/* Bytes of an owner's name: UTF-8 without control characters. */
#define REQUEST_OWNER_MAX 255

/*
 * request_read(fcgx, body_max, r):
 * Fill r; request_release() in any case. CONTENT_LENGTH is not trusted: exactly that
 * many bytes have to be there, and at most body_max.
 */
enum request_result request_read(struct FCGX_Request *fcgx, size_t body_max,
    struct request *r);
void request_release(struct request *r);

/* request_whose(r): Whose jobs the owner may see and cancel; NULL: anyone's. */
const char *request_whose(const struct request *r);

#endif
