/*
 * Answers on a FastCGI stream: status, headers, body. Everything that any resource
 * sends goes through here, and is counted here.
 */
#include "fcgi/reply.h"

#include <stdio.h>
#include <string.h>

#include <fcgiapp.h>
#include <json-c/json.h>

#include "lib/jobs/metrics.h"
#include "fcgi/etag.h"
#include "fcgi/request.h"
#include "fcgi/resource.h"

/* The types of problems are listed in openapi.yaml; nginx/export.conf has its own. */
static const struct phrase {
	int status;
	const char *text;
	const char *type;	/* NULL: no problem */
} phrases[] = {
	{ 200, "OK", NULL },
	{ 202, "Accepted", NULL },
	{ 204, "No Content", NULL },
	{ 304, "Not Modified", NULL },
	{ 400, "Bad Request", "/problems/bad-request" },
	{ 403, "Forbidden", "/problems/forbidden" },
	{ 404, "Not Found", "/problems/not-found" },
	{ 405, "Method Not Allowed", "/problems/method-not-allowed" },
	{ 409, "Conflict", "/problems/conflict" },
	{ 413, "Content Too Large", "/problems/content-too-large" },
	{ 414, "URI Too Long", "/problems/uri-too-long" },
	{ 415, "Unsupported Media Type", "/problems/unsupported-media-type" },
	{ 422, "Unprocessable Content", "/problems/unprocessable-content" },
	{ 429, "Too Many Requests", "/problems/too-many-requests" },
	{ 500, "Internal Server Error", "/problems/internal-server-error" },
	{ 503, "Service Unavailable", "/problems/service-unavailable" },
	{ 0, "Error", "about:blank" },
};

/* The row of a status; the last one for one that has none. */
static const struct phrase *
phrase_of(int status)
{
	size_t i;

	for (i = 0; phrases[i].status != 0 && phrases[i].status != status; i++)
		;
	return &phrases[i];
}

/* A client that hangs up is not our error, so the results are ignored. */
static void
send_text(struct FCGX_Request *fcgx, int status, const char *type,
    const char *headers, const char *text)
{
	metrics_request(status);
	FCGX_FPrintF(fcgx->out, "Status: %d %s\r\nContent-Type: %s\r\n"
	    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
	    "Content-Length: %d\r\n", status, phrase_of(status)->text, type,
	    (int)strlen(text) + 1);
	FCGX_PutS(headers, fcgx->out);
	FCGX_PutS("\r\n", fcgx->out);
	FCGX_PutS(text, fcgx->out);
	FCGX_PutS("\n", fcgx->out);
}

static void
send_object(struct FCGX_Request *fcgx, int status, const char *type,
    const char *headers, struct json_object *o)
{
	const char *text = NULL;

	if (o != NULL)
		text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN
		    | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text != NULL)
		send_text(fcgx, status, type, headers, text);
	else
		send_text(fcgx, 500, "application/problem+json", "",
		    "{\"type\":\"/problems/internal-server-error\",\"title\":"
		    "\"Internal Server Error\",\"status\":500}");
	json_object_put(o);
}

void
reply_json(struct FCGX_Request *fcgx, int status, const char *headers,
    struct json_object *o)
{
	send_object(fcgx, status, "application/json", headers, o);
}

void
reply_text(struct FCGX_Request *fcgx, const char *text)
{
	send_text(fcgx, 200, "application/json", "", text);
}

void
reply_plain(struct FCGX_Request *fcgx, const char *text)
{
	send_text(fcgx, 200, "text/plain; version=0.0.4; charset=utf-8", "",
	    text);
}

void
reply_empty(struct FCGX_Request *fcgx, int status, const char *headers)
{
	metrics_request(status);
	FCGX_FPrintF(fcgx->out, "Status: %d %s\r\nCache-Control: no-store\r\n",
	    status, phrase_of(status)->text);
	FCGX_PutS(headers, fcgx->out);
	FCGX_PutS("\r\n", fcgx->out);
}

void
reply_problem_with(struct FCGX_Request *fcgx, int status, const char *headers,
    const char *detail, struct json_object *more)
{
	struct json_object *o = json_object_new_object();

	if (o != NULL) {
		json_object_object_add(o, "type",
		    json_object_new_string(phrase_of(status)->type));
		json_object_object_add(o, "title",
		    json_object_new_string(phrase_of(status)->text));
		json_object_object_add(o, "status",
		    json_object_new_int(status));
		json_object_object_add(o, "detail",
		    json_object_new_string(detail));
	}
	if (o != NULL && more != NULL) {
		json_object_object_foreach(more, name, value)
			json_object_object_add(o, name, json_object_get(value));
	}
	json_object_put(more);
	send_object(fcgx, status, "application/problem+json", headers, o);
}

/* With one more member, unless text is "" or NULL. */
static void
problem_at(struct FCGX_Request *fcgx, int status, const char *headers,
    const char *member, const char *text, const char *detail)
{
	struct json_object *o = json_object_new_object();

	if (o != NULL && text != NULL && text[0] != '\0')
		json_object_object_add(o, member, json_object_new_string(text));
	reply_problem_with(fcgx, status, headers, detail, o);
}

void
reply_problem(struct FCGX_Request *fcgx, int status, const char *headers,
    const char *pointer, const char *detail)
{
	problem_at(fcgx, status, headers, "pointer", pointer, detail);
}

void
reply_no_database(struct FCGX_Request *fcgx)
{
	reply_problem(fcgx, 503, RETRY_DATABASE, NULL,
	    "the database cannot be reached at the moment");
}

void
reply_bad_parameter(struct FCGX_Request *fcgx, int status, const char *name,
    const char *detail)
{
	problem_at(fcgx, status, "", "parameter", name, detail);
}

void
reply_tagged(struct FCGX_Request *fcgx, const struct request *r,
    const char *headers, const char *etag, struct json_object *o)
{
	char all[256];

	snprintf(all, sizeof(all), "ETag: %s\r\n%s", etag, headers);
	if (!etag_matches(r->if_none_match, etag)) {
		reply_json(fcgx, 200, all, o);
		return;
	}
	reply_empty(fcgx, 304, all);
	json_object_put(o);
}
