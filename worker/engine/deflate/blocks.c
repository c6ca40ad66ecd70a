/*
 * Cuts rows into blocks and seals each one: CRC-32 of the text, deflated bytes.
 * Knows neither columns nor files. CRCs are by ISA-L.
 */
#include "worker/engine/deflate/blocks.h"

#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>

#include "worker/engine/deflate/deflate.h"

/* Of a block, which has a whole row at least: 8 strings of a whole document. */
#define TEXT_MAX ((size_t)128 << 20)

void
blocks_init(struct blocks *b)
{
	memset(b, 0, sizeof(*b));
	buf_init(&b->text, TEXT_MAX);
	buf_init(&b->deflated, 2 * TEXT_MAX);
	buf_init(&b->about, TEXT_MAX);
}

/* v[n], once allocated, is always the open block, zeroed at its start. */
void
blocks_clear(struct blocks *b)
{
	b->text.len = b->deflated.len = b->about.len = 0;
	b->n = 0;
	if (b->cap > 0)
		memset(&b->v[0], 0, sizeof(b->v[0]));
}

void
blocks_release(struct blocks *b)
{
	buf_release(&b->text);
	buf_release(&b->deflated);
	buf_release(&b->about);
	free(b->v);
	b->v = NULL;
	b->n = b->cap = 0;
}

struct block *
blocks_open(struct blocks *b)
{
	size_t cap = b->cap ? b->cap * 2 : 4;
	struct block *v;

	if (b->n < b->cap)
		return &b->v[b->n];
	if ((v = realloc(b->v, cap * sizeof(*v))) == NULL)
		return NULL;
	b->v = v;
	b->cap = cap;
	memset(&v[b->n], 0, sizeof(*v));
	return &v[b->n];
}

uint32_t
block_crc(uint32_t crc, const void *data, size_t len)
{
	/* The reflected polynomial 0xedb88320 of ZIP and gzip. */
	return crc32_gzip_refl(crc, data, len);
}

/* A header of five bytes, then up to 65,535 bytes: RFC 1951, 3.2.4. */
#define STORED_MAX ((size_t)65535)

static int
store(const uint8_t *text, size_t len, struct buf *to)
{
	const uint8_t head[] = { 0, (uint8_t)len, (uint8_t)(len >> 8),
	    (uint8_t)~len, (uint8_t)(~len >> 8) };

	return buf_add(to, head, sizeof(head)) != 0 ||
	    buf_add(to, text, len) != 0 ? -1 : 0;
}

static int
store_all(const uint8_t *text, size_t len, struct buf *to)
{
	size_t at, n;

	for (at = 0; at < len; at += n) {
		n = len - at < STORED_MAX ? len - at : STORED_MAX;
		if (store(text + at, n, to) != 0)
			return -1;
	}
	return 0;
}

int
block_seal(struct block *v, const uint8_t *text, size_t len,
    struct buf *deflated, struct deflater *d)
{
	const size_t before = deflated->len;

	v->crc = block_crc(0, text, len);
	if ((d == NULL ? store_all(text, len, deflated) :
	    deflate_block(d, text, len, deflated)) != 0)
		return -1;
	v->text_len = len;
	v->deflated_len = deflated->len - before;
	return 0;
}

/* An open block without rows has no text either, and stays open. */
int
blocks_end(struct blocks *b, struct deflater *d)
{
	struct block *v = blocks_open(b);

	if (v == NULL)
		return -1;
	if (v->rows == 0)
		return 0;
	if (block_seal(v, b->text.data, b->text.len, &b->deflated, d) != 0)
		return -1;
	if (b->sealed != NULL)
		b->sealed(b->arg, v, b->text.data);
	b->text.len = 0;
	b->n++;
	if (b->n < b->cap)
		memset(&b->v[b->n], 0, sizeof(*v));
	return 0;
}

/*
 * Offsets are added up here, not stored as pointers: the buffers move while
 * they grow. A slice has a handful of blocks.
 */
struct block
blocks_get(const struct blocks *b, size_t i)
{
	struct block v = b->v[i];
	size_t k;

	v.deflated = b->deflated.data;
	v.about = b->about.data;
	for (k = 0; k < i; k++) {
		v.deflated += b->v[k].deflated_len;
		v.about += b->v[k].about_len;
	}
	return v;
}
