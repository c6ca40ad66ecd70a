/*
 * What a browser calls a download. Knows no job: a name and a range of time. Only
 * what is safe in any file system and any header gets through.
 */
#include "lib/base/disposition.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/timestamp.h"
#include "lib/base/utf8.h"

/* Of a name, in bytes: a file system allows 255, with the days. */
#define NAME_MAX_BYTES 100
/* "_2026-09-30_2026-11-29.zip" and a NUL. */
#define DAYS_SIZE 27
#define DAY_CHARS 10

/*
 * Characters beyond ASCII that are no letters, or that change how a name is shown:
 * Latin-1's signs, blanks and marks of direction, CJK signs, variation selectors and
 * full-width forms of signs, tags.
 */
static const struct { uint32_t first, last; } no_letters[] = {
	{ 0x80, 0xbf }, { 0x1680, 0x1680 }, { 0x180b, 0x180f }, { 0x2000, 0x206f },
	{ 0x3000, 0x3004 }, { 0x3008, 0x3020 }, { 0xe000, 0xf8ff },
	{ 0xfe00, 0xfe6f }, { 0xfeff, 0xff0f }, { 0xff1a, 0xff20 },
	{ 0xff3b, 0xff40 }, { 0xff5b, 0xff65 }, { 0xffe0, 0xffff },
	{ 0xe0000, 0x10ffff },
};

static uint32_t
code_point(const unsigned char *s, size_t n)
{
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = s[0] & mask[n];
	size_t i;

	for (i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/* Whether a character, of n bytes, is kept; ASCII in lower case. */
static bool
is_kept(const char *s, size_t n)
{
	uint32_t c = code_point((const unsigned char *)s, n);
	size_t i;

	if (n == 1)
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z');
	for (i = 0; i < sizeof(no_letters) / sizeof(no_letters[0]); i++)
		if (c >= no_letters[i].first && c <= no_letters[i].last)
			return false;
	return true;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* ascii: only its letters and digits. Returns whether others would be kept. */
static bool
put_name(const char *name, bool ascii, char to[NAME_MAX_BYTES + 1])
{
	const char *end = name + strlen(name);
	bool others = false, dash = false;
	size_t n, len = 0;

	for (; name < end && (n = utf8_length(name, (size_t)(end - name))) > 0;
	    name += n) {
		if (!is_kept(name, n) || (ascii && n > 1)) {
			others = others || is_kept(name, n);
			dash = len > 0;
			continue;
		}
		if (len + dash + n > NAME_MAX_BYTES)
			break;
		if (dash)
			to[len++] = '-';
		dash = false;
		memcpy(to + len, name, n);
		to[len] = lower(to[len]);
		len += n;
	}
	to[len] = '\0';
	return others;
}

/* An attr-char of RFC 8187, of those that occur here, stays as it is. */
static void
escape(const char *from, char *to)
{
	for (; *from != '\0'; from++)
		if ((unsigned char)*from < 0x80)
			*to++ = *from;
		else
			to += sprintf(to, "%%%02X", (unsigned char)*from);
	*to = '\0';
}

void
disposition(const char *name, int64_t from_ms, int64_t to_ms,
    char text[DISPOSITION_SIZE])
{
	char first[TIMESTAMP_SIZE], last[TIMESTAMP_SIZE], days[DAYS_SIZE];
	char own[NAME_MAX_BYTES + 1] = "", whole[NAME_MAX_BYTES + 1] = "";
	char escaped[3 * NAME_MAX_BYTES + 1];
	bool others = name != NULL && put_name(name, true, own);

	/* The range is half-open: midnight is of the day before. */
	timestamp_format(from_ms, first);
	timestamp_format(to_ms - 1, last);
	snprintf(days, sizeof(days), "_%.*s_%.*s.zip", DAY_CHARS, first, DAY_CHARS,
	    last);
	snprintf(text, DISPOSITION_SIZE, "attachment; filename=\"%s%s\"",
	    own[0] != '\0' ? own : "export", days);
	if (!others)
		return;
	put_name(name, false, whole);
	escape(whole, escaped);
	snprintf(text + strlen(text), DISPOSITION_SIZE - strlen(text),
	    "; filename*=UTF-8''%s%s", escaped, days);
}
