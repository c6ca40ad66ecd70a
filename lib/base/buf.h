#ifndef LIB_BASE_BUF_H
#define LIB_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

/*
 * Growing bytes with a ceiling. A zeroed struct with max set is a valid empty
 * buffer; data[len] is not a NUL unless buf_cstr() put it there, for which
 * there is always room.
 */
struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t max;
};

/* buf_init(b, max): Make b empty; it will never hold more than max bytes. */
void buf_init(struct buf *b, size_t max);

/*
 * buf_reserve(b, n):
 * Make room for n more bytes and return where they go; the caller adds what it
 * wrote to b->len. Returns NULL, b unchanged, when memory or the ceiling ends.
 */
uint8_t *buf_reserve(struct buf *b, size_t n);

/* buf_add(b, data, len), buf_adds(b, text): Append. Returns 0, -1 as above. */
int buf_add(struct buf *b, const void *data, size_t len);
int buf_adds(struct buf *b, const char *text);

/* buf_addf(b, fmt, ...): Append formatted text. Returns 0, -1 as above. */
int buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * buf_cstr(b): The content, a NUL after it that does not count; NULL: no
 * memory.
 */
char *buf_cstr(struct buf *b);

/* buf_release(b): Free the memory; b is empty again, its ceiling kept. */
void buf_release(struct buf *b);

#endif
