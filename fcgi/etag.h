#ifndef FCGI_ETAG_H
#define FCGI_ETAG_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

#define ETAG_SIZE 48

/*
 * etag_of(o, salt, etag):
 * The weak ETag (RFC 9110, 8.8.3) of an answer: a digest of all of o, and of salt,
 * which stands for what is not in o. For NULL o, or where the digest fails, a tag
 * that matches nothing.
 */
void etag_of(struct json_object *o, int64_t salt, char etag[ETAG_SIZE]);

/*
 * etag_matches(if_none_match, etag):
 * Whether the header's value ("*" or a list) has the tag, by weak comparison (RFC
 * 9110, 13.1.2). False for "" and for a malformed value.
 */
bool etag_matches(const char *if_none_match, const char *etag);

#endif
