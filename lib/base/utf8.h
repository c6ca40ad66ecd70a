#ifndef LIB_BASE_UTF8_H
#define LIB_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * utf8_length(text, len):
 * Bytes of the character at text (1 to 4, RFC 3629: no surrogates, shortest
 * form, up to U+10FFFF), or 0 when there is none within len bytes.
 */
size_t utf8_length(const char *text, size_t len);

/*
 * utf8_valid(text, len): Whether all len bytes are UTF-8; a NUL is.
 * utf8_has_control(text, len): Whether one of them is a control character of ASCII.
 */
bool utf8_valid(const char *text, size_t len);
bool utf8_has_control(const char *text, size_t len);

#endif
