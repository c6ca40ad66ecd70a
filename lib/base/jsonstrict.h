#ifndef LIB_BASE_JSONSTRICT_H
#define LIB_BASE_JSONSTRICT_H

#include <stddef.h>

/* Nesting that is taken; the requests of this service need two. */
#define JSONSTRICT_DEPTH_MAX 8

/*
 * jsonstrict_check(text, len, members):
 * Whether the bytes are one JSON text by the letter of RFC 8259, in UTF-8,
 * without NUL (also not escaped), lone surrogates or deep nesting: json-c 0.16
 * lets all of these pass even when asked to be strict. *members is set to the
 * number of members of the outermost object, duplicates included; 0 when the
 * text is no object. Returns NULL when it is valid, else a phrase that says
 * what is wrong.
 */
const char *jsonstrict_check(const char *text, size_t len, size_t *members);

/*
 * jsonstrict_join(text, len, out):
 * Copy a text that jsonstrict_check() has taken to out, which has room for len,
 * with each pair of escaped surrogates as the UTF-8 of its character: json-c
 * 0.16 takes some of these for surrogates again and makes them U+FFFD. Returns
 * the number of bytes.
 */
size_t jsonstrict_join(const char *text, size_t len, char *out);

#endif
