/*
 * A strict check of JSON text (RFC 8259), since json-c 0.16 is lax even when
 * asked to be strict. Builds no value: json-c parses what has passed. Pure, and
 * fuzzed.
 */
#include "lib/base/jsonstrict.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"

struct scan {
	const char *p, *end;
	size_t members;
	const char *wrong;
};

static int scan_value(struct scan *s, int depth);

static int
scan_fail(struct scan *s, const char *wrong)
{
	s->wrong = wrong;
	return -1;
}

static void
scan_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' ||
	    *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static int
scan_peek(const struct scan *s)
{
	return s->p < s->end ? (unsigned char)*s->p : -1;
}

/* Four hex digits. */
static int
scan_hex4(struct scan *s)
{
	int i, c, v = 0;

	for (i = 0; i < 4; i++, s->p++) {
		c = scan_peek(s);
		if (c >= '0' && c <= '9')
			v = v * 16 + c - '0';
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v * 16 + (c | 32) - 'a' + 10;
		else
			return -1;
	}
	return v;
}

/* After the backslash. Surrogates have to come in pairs, in order. */
static int
scan_escape(struct scan *s)
{
	int c = scan_peek(s), u;

	if (c < 0 || strchr("\"\\/bfnrtu", c) == NULL || c == '\0')
		return scan_fail(s, "an escape that JSON does not have");
	s->p++;
	if (c != 'u')
		return 0;
	if ((u = scan_hex4(s)) < 0)
		return scan_fail(s, "\\u without four hex digits");
	if (u == 0)
		return scan_fail(s, "a NUL character");
	if (u >= 0xdc00 && u <= 0xdfff)
		return scan_fail(s, "half a surrogate pair");
	if (u < 0xd800 || u > 0xdbff)
		return 0;
	if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u')
		return scan_fail(s, "half a surrogate pair");
	s->p += 2;
	if ((u = scan_hex4(s)) < 0xdc00 || u > 0xdfff)
		return scan_fail(s, "half a surrogate pair");
	return 0;
}

/* From one quotation mark to the other. */
static int
scan_string(struct scan *s)
{
	size_t n;
	int c;

	for (s->p++; (c = scan_peek(s)) != '"'; ) {
		if (c < 0)
			return scan_fail(s, "a string without its end");
		if (c < 0x20)
			return scan_fail(s, "a control character in a string");
		if (c == '\\') {
			s->p++;
			if (scan_escape(s) != 0)
				return -1;
			continue;
		}
		if ((n = utf8_length(s->p, (size_t)(s->end - s->p))) == 0)
			return scan_fail(s, "bytes that are not UTF-8");
		s->p += n;
	}
	s->p++;
	return 0;
}

static int
scan_digits(struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > from ? 0 : scan_fail(s, "something that is no JSON value");
}

/* -? int frac? exp?, with no zero before other digits (RFC 8259, 6). */
static int
scan_number(struct scan *s)
{
	if (scan_peek(s) == '-')
		s->p++;
	if (scan_peek(s) == '0')
		s->p++;
	else if (scan_digits(s) != 0)
		return -1;
	if (scan_peek(s) == '.') {
		s->p++;
		if (scan_digits(s) != 0)
			return -1;
	}
	if (scan_peek(s) == 'e' || scan_peek(s) == 'E') {
		s->p++;
		if (scan_peek(s) == '+' || scan_peek(s) == '-')
			s->p++;
		return scan_digits(s);
	}
	return 0;
}

static int
scan_word(struct scan *s, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, text, n) != 0)
		return scan_fail(s, "something that is no JSON value");
	s->p += n;
	return 0;
}

static int
scan_member(struct scan *s, int depth)
{
	scan_space(s);
	if (scan_peek(s) != '"')
		return scan_fail(s, "a member without a name in quotation marks");
	if (scan_string(s) != 0)
		return -1;
	scan_space(s);
	if (scan_peek(s) != ':')
		return scan_fail(s, "a member without a colon");
	s->p++;
	if (depth == 1)
		s->members++;
	return scan_value(s, depth);
}

/* The items after an opening bracket, and the closing one. */
static int
scan_list(struct scan *s, int close, int (*item)(struct scan *, int), int depth)
{
	if (depth > JSONSTRICT_DEPTH_MAX)
		return scan_fail(s, "too much nesting");
	s->p++;
	scan_space(s);
	if (scan_peek(s) == close) {
		s->p++;
		return 0;
	}
	for (;;) {
		if (item(s, depth) != 0)
			return -1;
		scan_space(s);
		if (scan_peek(s) == close) {
			s->p++;
			return 0;
		}
		if (scan_peek(s) != ',')
			return scan_fail(s, "an object or array without its end");
		s->p++;
	}
}

static int
scan_value(struct scan *s, int depth)
{
	scan_space(s);
	switch (scan_peek(s)) {
	case '{':
		return scan_list(s, '}', scan_member, depth + 1);
	case '[':
		return scan_list(s, ']', scan_value, depth + 1);
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		return scan_number(s);
	}
}

const char *
jsonstrict_check(const char *text, size_t len, size_t *members)
{
	struct scan s = { .p = text, .end = text + len };

	*members = 0;
	if (scan_value(&s, 0) != 0)
		return s.wrong;
	scan_space(&s);
	if (s.p != s.end)
		return "something after the end";
	*members = s.members;
	return NULL;
}

/* The number in four hex digits. */
static unsigned
number_at(const char *at)
{
	char text[5];

	memcpy(text, at, 4);
	text[4] = '\0';
	return (unsigned)strtoul(text, NULL, 16);
}

/* U+10000 to U+10FFFF, in four bytes (RFC 3629). */
static void
put_utf8(unsigned c, char *out)
{
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
}

size_t
jsonstrict_join(const char *text, size_t len, char *out)
{
	size_t i = 0, n = 0;
	unsigned high, low;

	while (i < len) {
		if (text[i] != '\\' || i + 1 == len) {
			out[n++] = text[i++];
			continue;
		}
		/* jsonstrict_check() made sure that a low one follows. */
		if (text[i + 1] == 'u' && len - i >= 12 &&
		    (high = number_at(text + i + 2)) >= 0xd800 && high < 0xdc00) {
			low = number_at(text + i + 8);
			put_utf8(0x10000 + ((high - 0xd800) << 10) +
			    (low - 0xdc00), out + n);
			i += 12;
			n += 4;
			continue;
		}
		out[n++] = text[i++];
		out[n++] = text[i++];
	}
	return n;
}
