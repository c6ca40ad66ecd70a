#ifndef LIB_SERVERS_S3XML_H
#define LIB_SERVERS_S3XML_H

#include <stdbool.h>
#include <stddef.h>

/*
 * s3xml_text(body, len, tag, out, size):
 * Copy the text of the first element <tag>, in whatever namespace, of an S3 reply into
 * out, as UTF-8 with a NUL. Returns 0, -1: there is none, it has elements, it does not
 * fit, or the reply is no XML 1.0, or has a DTD. White space may come before it.
 */
int s3xml_text(const char *body, size_t len, const char *tag, char *out,
    size_t size);

/*
 * s3xml_has(body, len, tag): Whether body is such XML, and has an element <tag>.
 */
bool s3xml_has(const char *body, size_t len, const char *tag);

#endif
