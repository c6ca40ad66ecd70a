#ifndef FCGI_REPLY_H
#define FCGI_REPLY_H

struct FCGX_Request;
struct json_object;
struct request;

/*
 * reply_json(fcgx, status, headers, o):
 * Answer with o as application/json and put it. headers: more header lines, each
 * with its CRLF; "" for none. NULL o (no memory to make it): 500.
 */
void reply_json(struct FCGX_Request *fcgx, int status, const char *headers,
    struct json_object *o);

/*
 * reply_text(fcgx, text): 200 with text, which is JSON, and an LF.
 * reply_plain(fcgx, text): The same with text of Prometheus' format.
 */
void reply_text(struct FCGX_Request *fcgx, const char *text);
void reply_plain(struct FCGX_Request *fcgx, const char *text);

/* reply_empty(fcgx, status, headers): Answer without a body. */
void reply_empty(struct FCGX_Request *fcgx, int status, const char *headers);

/*
 * reply_problem(fcgx, status, headers, pointer, detail):
 * Answer with RFC 9457 application/problem+json. pointer is the JSON pointer of
 * the member at fault, NULL or "" for none. detail names no host and no path.
 */
void reply_problem(struct FCGX_Request *fcgx, int status, const char *headers,
    const char *pointer, const char *detail);

/*
 * reply_problem_with(fcgx, status, headers, detail, more):
 * The same with the members of more in addition; more is put.
 * reply_bad_parameter(fcgx, status, name, detail):
 * The same with the name of the query parameter or header at fault.
 */
void reply_problem_with(struct FCGX_Request *fcgx, int status,
    const char *headers, const char *detail, struct json_object *more);
void reply_bad_parameter(struct FCGX_Request *fcgx, int status,
    const char *name, const char *detail);

/* reply_no_database(fcgx): 503; the client shall try again. */
void reply_no_database(struct FCGX_Request *fcgx);

/*
 * reply_tagged(fcgx, r, headers, etag, o):
 * 200 with o and its ETag, or 304 where the client has it already. Puts o.
 */
void reply_tagged(struct FCGX_Request *fcgx, const struct request *r,
    const char *headers, const char *etag, struct json_object *o);

#endif
