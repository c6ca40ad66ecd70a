/*
 * Entity-tags of answers: a poll that would bring nothing new is answered 304. A tag
 * is made of the answer itself, so nothing has to be kept.
 */
#include "fcgi/etag.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/base/digest.h"

/* Hexadecimal digits of the digest in a tag: 128 bits. */
#define TAG_DIGITS 32

void
etag_of(struct json_object *o, int64_t salt, char etag[ETAG_SIZE])
{
	struct digest *d = digest_new();
	char hex[DIGEST_HEX_SIZE];
	const char *text;

	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	if (o == NULL || d == NULL || text == NULL ||
	    digest_add(d, text, strlen(text)) != 0 ||
	    digest_add(d, &salt, sizeof(salt)) != 0 || digest_hex(d, hex) != 0)
		hex[0] = '\0';
	snprintf(etag, ETAG_SIZE, "W/\"%.*s\"", TAG_DIGITS, hex);
	digest_free(d);
}

/* The end of the entity-tag at text, after its quotation mark; NULL: none. */
static const char *
tag_end(const char *text)
{
	const char *end;

	if (*text != '"' || (end = strchr(text + 1, '"')) == NULL)
		return NULL;
	return end + 1;
}

bool
etag_matches(const char *list, const char *etag)
{
	const char *opaque = strchr(etag, '"'), *end;
	const size_t len = strlen(opaque);

	list += strspn(list, " \t");
	if (strncmp(list, "*", 1) == 0)
		return list[1 + strspn(list + 1, " \t")] == '\0' && len > 2;
	while (*list != '\0') {
		if (strncmp(list, "W/", 2) == 0)
			list += 2;
		if ((end = tag_end(list)) == NULL)
			return false;
		if (len > 2 && (size_t)(end - list) == len &&
		    strncmp(list, opaque, len) == 0)
			return true;
		list = end + strspn(end, " \t,");
	}
	return false;
}
