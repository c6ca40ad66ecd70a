/*
 * The few elements of S3's replies that we read, without an XML parser: replies
 * are flat, ours are small, and what does not fit is an error. Pure, and
 * fuzzed.
 */
#include "lib/servers/s3xml.h"

#include <string.h>

/*
 * The place after the name in the first start tag of this name, or NULL.
 * A name may be followed by white space, by / or by >.
 */
static const char *
find_start(const char *body, size_t len, const char *tag)
{
	const char *p = body, *end = body + len;
	const size_t n = strlen(tag);

	while (p < end && (p = memchr(p, '<', (size_t)(end - p))) != NULL) {
		p++;
		if ((size_t)(end - p) > n && memcmp(p, tag, n) == 0 &&
		    p[n] != '\0' && strchr(" \t\r\n/>", p[n]) != NULL)
			return p + n;
	}
	return NULL;
}

/* The character that the entity at p stands for, and its length. */
static char
entity_at(const char *p, size_t len, size_t *used)
{
	static const struct { const char *text; char c; } table[] = {
		{ "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' },
		{ "&quot;", '"' }, { "&apos;", '\'' },
		{ "&#34;", '"' }, { "&#39;", '\'' },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		*used = strlen(table[i].text);
		if (*used <= len && memcmp(p, table[i].text, *used) == 0)
			return table[i].c;
	}
	return '\0';
}

int
s3xml_text(const char *body, size_t len, const char *tag, char *out,
    size_t size)
{
	const char *p, *end = body + len;
	size_t n = 0, used;

	if ((p = find_start(body, len, tag)) == NULL ||
	    (p = memchr(p, '>', (size_t)(end - p))) == NULL || p[-1] == '/')
		return -1;
	for (p++; p < end && *p != '<'; p += used) {
		char c = *p;

		used = 1;
		if (c == '&' &&
		    (c = entity_at(p, (size_t)(end - p), &used)) == '\0')
			return -1;
		if (c == '\0' || n + 1 >= size)
			return -1;
		out[n++] = c;
	}
	/* The text is whole only if its end tag follows. */
	if (end - p < 2 || p[1] != '/' || size == 0)
		return -1;
	out[n] = '\0';
	return 0;
}

bool
s3xml_has(const char *body, size_t len, const char *tag)
{
	const char *p = find_start(body, len, tag);

	return p != NULL && memchr(p, '>', (size_t)(body + len - p)) != NULL;
}
