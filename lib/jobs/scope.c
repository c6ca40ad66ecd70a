/*
 * Which vehicles an owner may have: for a name, and as a filter. Pure; knows neither
 * owners nor collections.
 */
#include "lib/jobs/scope.h"

#include <stdlib.h>
#include <string.h>

#include <bson/bson.h>

/* The bytes before a pattern's * at its end, -1: it is a name. */
static ssize_t
prefix_bytes(const char *pattern)
{
	const size_t n = strlen(pattern);

	return n > 0 && pattern[n - 1] == '*' ? (ssize_t)n - 1 : -1;
}

bool
scope_all(const struct scope *s)
{
	size_t i;

	if (s == NULL || s->all)
		return true;
	for (i = 0; i < s->patterns.n; i++)
		if (strcmp(s->patterns.v[i], "*") == 0)
			return true;
	return false;
}

bool
scope_has(const struct scope *s, const char *vehicle)
{
	ssize_t n;
	size_t i;

	if (s == NULL || s->all)
		return true;
	for (i = 0; i < s->patterns.n; i++) {
		n = prefix_bytes(s->patterns.v[i]);
		if (n < 0 ? strcmp(s->patterns.v[i], vehicle) == 0 :
		    strncmp(s->patterns.v[i], vehicle, (size_t)n) == 0)
			return true;
	}
	return false;
}

char *
scope_end(const char *prefix)
{
	const size_t n = strlen(prefix);
	char *end = malloc(n + 5);

	if (end == NULL)
		return NULL;
	/* U+10FFFF is the last of all characters. */
	memcpy(end, prefix, n);
	memcpy(end + n, "\xf4\x8f\xbf\xbf", 5);
	return end;
}

/* Append {_id: {$gte: prefix, $lt: after all that begin with it}}. */
static void
put_range(bson_t *or, const char *key, const char *pattern, size_t n)
{
	char *prefix = strndup(pattern, n);
	char *end = prefix != NULL ? scope_end(prefix) : NULL;

	/* Without memory the vehicles are left out, never let in. */
	if (end != NULL)
		BCON_APPEND(or, key, "{", "_id", "{", "$gte", BCON_UTF8(prefix),
		    "$lt", BCON_UTF8(end), "}", "}");
	free(end);
	free(prefix);
}

/* Append {_id: {$in: the patterns that are names}}, which may be none. */
static void
put_exact(bson_t *or, const struct names *patterns)
{
	bson_t list = BSON_INITIALIZER;
	uint32_t n = 0;
	const char *key;
	char text[16];
	size_t i;

	for (i = 0; i < patterns->n; i++) {
		if (prefix_bytes(patterns->v[i]) >= 0)
			continue;
		bson_uint32_to_string(n++, &key, text, sizeof(text));
		BSON_APPEND_UTF8(&list, key, patterns->v[i]);
	}
	BCON_APPEND(or, "0", "{", "_id", "{", "$in", BCON_ARRAY(&list), "}", "}");
	bson_destroy(&list);
}

void
scope_filter(const struct scope *s, bson_t *filter)
{
	uint32_t n = 1;
	const char *key;
	char text[16];
	ssize_t len;
	bson_t or;
	size_t i;

	if (scope_all(s))
		return;
	BSON_APPEND_ARRAY_BEGIN(filter, "$or", &or);
	put_exact(&or, &s->patterns);
	for (i = 0; i < s->patterns.n; i++) {
		if ((len = prefix_bytes(s->patterns.v[i])) < 0)
			continue;
		bson_uint32_to_string(n++, &key, text, sizeof(text));
		put_range(&or, key, s->patterns.v[i], (size_t)len);
	}
	bson_append_array_end(filter, &or);
}
