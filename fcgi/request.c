/*
 * A request as nginx passes it on: FastCGI parameters and the body. Nothing in it is
 * trusted, and what goes into answers or log lines is checked here.
 */
#include "fcgi/request.h"

#include <string.h>

#include <fcgiapp.h>

#include "lib/base/num.h"
#include "lib/base/utf8.h"

static const char *
param(struct FCGX_Request *fcgx, const char *name)
{
	const char *value = FCGX_GetParam(name, fcgx->envp);

	return value == NULL ? "" : value;
}

/* A Host header goes into answers, so anything that cannot be a host is dropped. */
static const char *
host_of(const char *host)
{
	return strlen(host) <= 255 && host[strspn(host,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789.-_:[]")] == '\0' ? host : "";
}

/* An id goes into log lines, so its characters are limited. */
static const char *
request_id(const char *id)
{
	return id[strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz")] == '\0' ?
	    id : "";
}

/*
 * Where nginx authenticates nobody, REMOTE_USER proves nothing. Where it does, an empty
 * name is a hole in its configuration, which must not be an owner.
 */
static const char *
owner_of(const char *auth, const char *user)
{
	const size_t len = strlen(user);

	if (auth[0] == '\0')
		return REQUEST_ANONYMOUS;
	if (len == 0 || len > REQUEST_OWNER_MAX || !utf8_valid(user, len) ||
	    utf8_has_control(user, len) || strcmp(user, REQUEST_ANONYMOUS) == 0)
		return NULL;
	return user;
}

/* By nginx's own address of the connection; "": no nginx in between (tests). */
static bool
is_remote(const char *address)
{
	return address[0] != '\0' && strncmp(address, "127.", 4) != 0 &&
	    strcmp(address, "::1") != 0 && strncmp(address, "unix:", 5) != 0;
}

static enum request_result
read_body(struct FCGX_Request *fcgx, size_t max, struct buf *body)
{
	const char *text = param(fcgx, "CONTENT_LENGTH");
	int64_t len = 0;
	uint8_t *to;
	int n;

	buf_init(body, max + 1);
	if (text[0] != '\0' && num_parse(text, 0, INT64_MAX, &len) != 0)
		return REQUEST_SHORT;
	if (len > (int64_t)max)
		return REQUEST_TOO_LARGE;
	if (len == 0)
		return REQUEST_OK;
	if ((to = buf_reserve(body, (size_t)len)) == NULL)
		return REQUEST_SHORT;
	/* Less than announced: nginx lost the client in between. */
	n = FCGX_GetStr((char *)to, (int)len, fcgx->in);
	if (n != (int)len)
		return REQUEST_SHORT;
	body->len = (size_t)n;
	return REQUEST_OK;
}

enum request_result
request_read(struct FCGX_Request *fcgx, size_t body_max, struct request *r)
{
	const char *uri = param(fcgx, "REQUEST_URI");
	size_t len;

	memset(r, 0, sizeof(*r));
	/* Of a base URL with a slash at its end. */
	while (uri[0] == '/' && uri[1] == '/')
		uri++;
	len = strcspn(uri, "?");
	r->method = param(fcgx, "REQUEST_METHOD");
	r->query = param(fcgx, "QUERY_STRING");
	r->content_type = param(fcgx, "CONTENT_TYPE");
	r->content_encoding = param(fcgx, "HTTP_CONTENT_ENCODING");
	r->id = request_id(param(fcgx, "REQUEST_ID"));
	r->auth = param(fcgx, "EXPORT_AUTH");
	r->owner = owner_of(r->auth, param(fcgx, "REMOTE_USER"));
	r->address = param(fcgx, "REMOTE_ADDR");
	traceparent_parse(param(fcgx, "HTTP_TRACEPARENT"), r->traceparent);
	r->rate = param(fcgx, "EXPORT_RATE");
	r->remote = is_remote(param(fcgx, "SERVER_ADDR"));
	r->if_none_match = param(fcgx, "HTTP_IF_NONE_MATCH");
	r->idempotency_key = FCGX_GetParam("HTTP_IDEMPOTENCY_KEY", fcgx->envp);
	r->scheme = strcmp(param(fcgx, "REQUEST_SCHEME"), "https") == 0 ?
	    "https" : "http";
	r->host = host_of(param(fcgx, "HTTP_HOST"));
	r->path = r->path_text;
	if (len >= sizeof(r->path_text))
		return REQUEST_TOO_LONG;
	memcpy(r->path_text, uri, len);
	return read_body(fcgx, body_max, &r->body);
}

void
request_release(struct request *r)
{
	owner_release(&r->may);
	buf_release(&r->body);
}

const char *
request_whose(const struct request *r)
{
	return r->may.is_operator ? NULL : r->owner;
}
