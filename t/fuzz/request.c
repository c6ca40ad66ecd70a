/*
 * A FastCGI request: lines NAME=value up to an empty one, then the body. What
 * request_read() and query_parse() make of it keeps the promises that their
 * headers give, and nothing is read beyond what there is.
 */
#include "fcgi/request.h"

#include <string.h>

#include <fcgiapp.h>

#include "lib/base/utf8.h"
#include "fcgi/etag.h"
#include "fcgi/query.h"

#include "t/fuzz/fuzz.h"

#define PARAMS_MAX 32
#define BODY_MAX 256
#define ALLOWED "state limit after prefix dryRun "

static void
at_end(FCGX_Stream *stream)
{
	stream->isClosed = 1;
}

/* The lines as strings that end; returns where the body begins. */
static const uint8_t *
take_params(const uint8_t *at, const uint8_t *end, char **params)
{
	const uint8_t *eol;
	size_t n = 0;

	while (at < end && *at != '\n' && n + 1 < PARAMS_MAX) {
		eol = memchr(at, '\n', (size_t)(end - at));
		if (eol == NULL)
			eol = end;
		params[n] = strndup((const char *)at, (size_t)(eol - at));
		if (params[n] == NULL)
			abort();
		n++;
		at = eol < end ? eol + 1 : end;
	}
	params[n] = NULL;
	return at < end ? at + 1 : end;
}

static void
check_query(const struct request *r)
{
	struct query q;
	size_t i, k;

	if (query_parse(r->query, ALLOWED, &q) != 0) {
		CHECK(q.fault != NULL && q.at != NULL);
		CHECK(utf8_valid(q.at, strlen(q.at)));
		return;
	}
	CHECK(q.fault == NULL && q.n <= QUERY_PARAMETERS_MAX);
	for (i = 0; i < q.n; i++) {
		CHECK(strstr(ALLOWED, q.name[i]) != NULL);
		CHECK(utf8_valid(q.value[i], strlen(q.value[i])));
		CHECK(q.value[i] + strlen(q.value[i]) < q.text +
		    sizeof(q.text));
		CHECK(query_value(&q, q.name[i]) == q.value[i]);
		for (k = 0; k < i; k++)
			CHECK(strcmp(q.name[i], q.name[k]) != 0);
	}
}

static void
check_request(const struct request *r, enum request_result rc, size_t body)
{
	CHECK(strlen(r->path) < sizeof(r->path_text));
	CHECK(strchr(r->path, '?') == NULL);
	CHECK(r->owner[0] != '\0');
	CHECK(strlen(r->host) <= 255 && strpbrk(r->host, " /\r\n\"<") == NULL);
	CHECK(strpbrk(r->id, " =\r\n\"") == NULL);
	if (rc == REQUEST_OK)
		CHECK(r->body.len <= BODY_MAX && r->body.len <= body);
	else
		CHECK(r->body.len == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *params[PARAMS_MAX], etag[] = "W/\"0123456789abcdef\"";
	FCGX_Stream in = { .isReader = 1, .fillBuffProc = at_end };
	struct FCGX_Request fcgx = { .in = &in, .envp = params };
	enum request_result rc;
	const uint8_t *body;
	struct request r;
	size_t i, rest;

	body = take_params(data, data + len, params);
	rest = (size_t)(data + len - body);
	in.rdNext = in.stopUnget = (unsigned char *)body;
	in.wrNext = in.stop = (unsigned char *)body + rest;
	rc = request_read(&fcgx, BODY_MAX, &r);
	check_request(&r, rc, rest);
	check_query(&r);
	i = (size_t)etag_matches(r.if_none_match, etag);
	CHECK(i == 0 || strstr(r.if_none_match, etag + 2) != NULL ||
	    strchr(r.if_none_match, '*') != NULL);
	request_release(&r);
	for (i = 0; params[i] != NULL; i++)
		free(params[i]);
	return 0;
}
