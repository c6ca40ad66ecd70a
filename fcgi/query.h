#ifndef FCGI_QUERY_H
#define FCGI_QUERY_H

#include <stdbool.h>
#include <stddef.h>

/* The most bytes and parameters that a query may have. */
#define QUERY_MAX 1024
#define QUERY_PARAMETERS_MAX 4

/* The parameters of a request; names and values lie in text. */
struct query {
	size_t n;
	const char *name[QUERY_PARAMETERS_MAX];
	const char *value[QUERY_PARAMETERS_MAX];
	char text[QUERY_MAX + 1];
	const char *fault;	/* what is wrong; NULL: nothing */
	const char *at;		/* with which parameter; "" for the whole */
};

/*
 * query_parse(text, allowed, q):
 * Read NAME=VALUE pairs joined by "&", decoded as the URL Standard has it for
 * application/x-www-form-urlencoded (5.1), but strictly: a broken escape, bytes
 * that are not UTF-8, control characters, a name that is not in allowed (names
 * with a space after each) or that is given more than once are faults. Returns 0,
 * or -1 with q->fault and q->at set.
 */
int query_parse(const char *text, const char *allowed, struct query *q);

/* query_value(q, name): NULL when it was not given. */
const char *query_value(const struct query *q, const char *name);

/*
 * query_list_has(list, word): Whether a list with commas has it.
 * query_list_within(list, words): Whether it has one word at least, and none but
 * these; words ends with NULL.
 */
bool query_list_has(const char *list, const char *word);
bool query_list_within(const char *list, const char *const *words);

/*
 * query_decode(text, len, plus, out):
 * Decode percent-escapes of len bytes into out, which has room for len + 1; with
 * plus a "+" is a space. Returns 0, -1 for a broken escape, invalid UTF-8, or a
 * control character.
 */
int query_decode(const char *text, size_t len, bool plus, char *out);

#endif
