#ifndef LIB_SERVERS_S3XML_H
#define LIB_SERVERS_S3XML_H

#include <stdbool.h>
#include <stddef.h>

/*
 * s3xml_text(body, len, tag, out, size):
 * Copy the text of the first element <tag> of an S3 reply into out, the five
 * predefined entities decoded (XML 1.0, 4.6), and &#34; and &#39;. Elements of
 * S3 replies that hold text hold nothing else. Returns 0, -1 when there is none
 * or it does not fit.
 */
int s3xml_text(const char *body, size_t len, const char *tag, char *out,
    size_t size);

/*
 * s3xml_has(body, len, tag): Whether an element <tag> starts anywhere in body.
 */
bool s3xml_has(const char *body, size_t len, const char *tag);

#endif
