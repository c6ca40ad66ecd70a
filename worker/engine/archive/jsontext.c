/*
 * A writer of JSON text in two forms. Knows neither what it describes nor where
 * the text goes on from the buffer: the caller may empty that between calls.
 */
#include "worker/engine/archive/jsontext.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "worker/engine/decode/numtext.h"

void
jsontext_init(struct jsontext *j, struct buf *to, bool pretty, int depth)
{
	*j = (struct jsontext){ .to = to, .pretty = pretty, .depth = depth,
	    .first = true };
}

static void
put(struct jsontext *j, const void *text, size_t len)
{
	if (!j->failed && buf_add(j->to, text, len) != 0)
		j->failed = true;
}

static void
put_text(struct jsontext *j, const char *text)
{
	put(j, text, strlen(text));
}

/* A new line, indented. */
static void
put_line(struct jsontext *j)
{
	static const char line[] = "\n                    ";

	assert(2 * (size_t)j->depth < sizeof(line) - 1);
	if (j->pretty)
		put(j, line, 1 + 2 * (size_t)j->depth);
}

/* What is before a value. The outermost one has nothing. */
static void
put_start(struct jsontext *j, const char *name)
{
	if (!j->first)
		put(j, ",", 1);
	j->first = false;
	if (j->depth > 0)
		put_line(j);
	if (name == NULL)
		return;
	put(j, "\"", 1);
	put_text(j, name);
	put_text(j, j->pretty ? "\": " : "\":");
}

void
jsontext_open(struct jsontext *j, const char *name, char bracket)
{
	put_start(j, name);
	put(j, &bracket, 1);
	j->depth++;
	j->first = true;
}

void
jsontext_close(struct jsontext *j, char bracket)
{
	j->depth--;
	put_line(j);
	put(j, &bracket, 1);
	j->first = false;
}

void
jsontext_int(struct jsontext *j, const char *name, int64_t n)
{
	char text[NUMTEXT_SIZE];

	put_start(j, name);
	put(j, text, numtext_int(n, text));
}

void
jsontext_double(struct jsontext *j, const char *name, double d)
{
	char text[NUMTEXT_SIZE];

	put_start(j, name);
	put(j, text, numtext_double(d, text));
}

void
jsontext_null(struct jsontext *j, const char *name)
{
	put_start(j, name);
	put_text(j, "null");
}

/* The escape of a byte that needs one: a control, a quotation mark, \. */
static void
put_escape(struct jsontext *j, unsigned char c)
{
	static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
	const char *at = c != 0 ? strchr(from, c) : NULL;
	char text[7];

	if (at != NULL)
		snprintf(text, sizeof(text), "\\%c", to[at - from]);
	else
		snprintf(text, sizeof(text), "\\u%04x", c);
	put_text(j, text);
}

/* Runs of bytes that need no escape go as one. */
void
jsontext_string(struct jsontext *j, const char *name, const char *text,
    size_t len)
{
	size_t i, run = 0;

	put_start(j, name);
	put(j, "\"", 1);
	for (i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		put(j, text + run, i - run);
		put_escape(j, c);
		run = i + 1;
	}
	put(j, text + run, len - run);
	put(j, "\"", 1);
}

void
jsontext_text(struct jsontext *j, const char *name, const char *text)
{
	jsontext_string(j, name, text, strlen(text));
}

void
jsontext_items(struct jsontext *j, const void *text, size_t len)
{
	if (len == 0)
		return;
	if (!j->first)
		put(j, ",", 1);
	j->first = false;
	put(j, text, len);
}
