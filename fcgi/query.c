/*
 * The query of a URL, parsed into names and values. It knows the form of a query,
 * not what the parameters mean.
 */
#include "fcgi/query.h"

#include <string.h>

#include "lib/base/utf8.h"

#define BAD_TEXT "contains a broken escape, a control character, or invalid UTF-8"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int
query_decode(const char *text, size_t len, bool plus, char *out)
{
	size_t i, n = 0;
	int high, low;

	for (i = 0; i < len; i++) {
		char c = text[i];

		if (c == '+' && plus) {
			c = ' ';
		} else if (c == '%') {
			if (len - i < 3 ||
			    (high = hex_digit(text[i + 1])) < 0 ||
			    (low = hex_digit(text[i + 2])) < 0)
				return -1;
			c = (char)(high << 4 | low);
			i += 2;
		}
		out[n++] = c;
	}
	out[n] = '\0';
	return utf8_valid(out, n) && !utf8_has_control(out, n) ? 0 : -1;
}

/* Whether a list of words, each but perhaps the last with end after it, has this one. */
static bool
list_has(const char *list, char end, const char *word)
{
	const size_t n = strlen(word);
	const char *stop;

	for (; n > 0; list = stop + 1) {
		stop = strchrnul(list, end);
		if ((size_t)(stop - list) == n && strncmp(list, word, n) == 0)
			return true;
		if (*stop == '\0')
			break;
	}
	return false;
}

static int
query_refuse(struct query *q, const char *at, const char *what)
{
	q->at = at;
	q->fault = what;
	return -1;
}

/* One pair, decoded to the free end of q->text. */
static int
take_pair(const char *pair, size_t len, const char *allowed, struct query *q,
    char **end)
{
	const char *equals = memchr(pair, '=', len);
	const size_t name_len = equals == NULL ? len : (size_t)(equals - pair);
	char *name = *end, *value;

	if (query_decode(pair, name_len, true, name) != 0)
		return query_refuse(q, "", BAD_TEXT);
	if (!list_has(allowed, ' ', name))
		return query_refuse(q, name, "unknown parameter");
	if (query_value(q, name) != NULL)
		return query_refuse(q, name, "given more than once");
	if (equals == NULL)
		return query_refuse(q, name, "has no value");
	value = name + strlen(name) + 1;
	if (query_decode(equals + 1, len - name_len - 1, true, value) != 0)
		return query_refuse(q, name, BAD_TEXT);
	/* Decoded, with two NULs, a pair is no longer than it was with "=" and "&". */
	q->name[q->n] = name;
	q->value[q->n++] = value;
	*end = value + strlen(value) + 1;
	return 0;
}

int
query_parse(const char *text, const char *allowed, struct query *q)
{
	char *end = q->text;
	size_t len;

	q->n = 0;
	q->fault = NULL;
	q->at = "";
	if (*text == '\0')
		return 0;
	if (strlen(text) > QUERY_MAX)
		return query_refuse(q, "", "the query is too long");
	/* An empty pair, as in "a=b&", is an unknown name. */
	for (;; text += len + 1) {
		len = strcspn(text, "&");
		if (q->n == QUERY_PARAMETERS_MAX)
			return query_refuse(q, "", "too many parameters");
		if (take_pair(text, len, allowed, q, &end) != 0)
			return -1;
		if (text[len] == '\0')
			return 0;
	}
}

const char *
query_value(const struct query *q, const char *name)
{
	size_t i;

	for (i = 0; i < q->n; i++)
		if (strcmp(q->name[i], name) == 0)
			return q->value[i];
	return NULL;
}

bool
query_list_has(const char *list, const char *word)
{
	return list_has(list, ',', word);
}

bool
query_list_within(const char *list, const char *const *words)
{
	size_t len, i;

	for (;; list += len + 1) {
		len = strcspn(list, ",");
		for (i = 0; words[i] != NULL && (strlen(words[i]) != len ||
		    strncmp(list, words[i], len) != 0); i++)
			;
		if (words[i] == NULL)
			return false;
		if (list[len] == '\0')
			return true;
	}
}
