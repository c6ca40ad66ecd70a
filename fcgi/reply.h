#ifndef FCGI_REPLY_H
#define FCGI_REPLY_H

struct FCGX_Request;
struct json_object;

/*
 * reply_json(fcgx, status, headers, o):
 * Answer with o as application/json and put it. headers: further header lines,
 * each ended by CRLF; "" for none. NULL o (memory ended while making it): 500.
 */
void reply_json(struct FCGX_Request *fcgx, int status, const char *headers,
    struct json_object *o);

/* reply_empty(fcgx, status, headers): Answer without a body. */
void reply_empty(struct FCGX_Request *fcgx, int status, const char *headers);

/*
 * reply_problem(fcgx, status, headers, pointer, detail):
 * Answer with RFC 9457 application/problem+json. pointer is the JSON pointer of
 * the member at fault, NULL or "" for none. detail names no host and no path.
 */
void reply_problem(struct FCGX_Request *fcgx, int status, const char *headers,
    const char *pointer, const char *detail);

#endif
