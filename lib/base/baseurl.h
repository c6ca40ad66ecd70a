#ifndef LIB_BASE_BASEURL_H
#define LIB_BASE_BASEURL_H

#include <stdbool.h>

/*
 * baseurl_normalise(text, path, out):
 * An http:// or https:// URL that paths are appended to, as RFC 3986, 6.2.2 and 6.2.3,
 * writes it: scheme and host in lower case, without the scheme's own port, . and ..
 * segments, and slashes at its end. So it is what clients will send as Host. path:
 * whether it may have a path. Returns NULL with *out, which the caller frees, or a text
 * that says what is wrong, which is not to be freed.
 */
const char *baseurl_normalise(const char *text, bool path, char **out);

#endif
