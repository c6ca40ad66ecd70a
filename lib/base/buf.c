/*
 * Growing bytes with a ceiling, so that no input makes a process grow without
 * bound. Out of memory and out of room look the same to the caller, and neither
 * is logged here.
 */
#include "lib/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 256

void
buf_init(struct buf *b, size_t max)
{
	memset(b, 0, sizeof(*b));
	b->max = max;
}

uint8_t *
buf_reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : BUF_FIRST;
	uint8_t *data;

	if (n > b->max || b->len > b->max - n)
		return NULL;
	if (b->data != NULL && b->cap - b->len >= n)
		return b->data + b->len;
	while (cap < b->len + n)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	/* One byte more than cap says, for the NUL of buf_cstr(). */
	if (cap == SIZE_MAX || (data = realloc(b->data, cap + 1)) == NULL)
		return NULL;
	b->data = data;
	b->cap = cap;
	return b->data + b->len;
}

int
buf_add(struct buf *b, const void *data, size_t len)
{
	uint8_t *to;

	if ((to = buf_reserve(b, len)) == NULL)
		return -1;
	if (len > 0)
		memcpy(to, data, len);
	b->len += len;
	return 0;
}

int
buf_adds(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

int
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	uint8_t *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (to = buf_reserve(b, (size_t)n)) == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

char *
buf_cstr(struct buf *b)
{
	uint8_t *end;

	if ((end = buf_reserve(b, 0)) == NULL)
		return NULL;
	*end = '\0';
	return (char *)b->data;
}

void
buf_release(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}
