/*
 * Text into one deflate stream, held in chunks. Knows neither what the text is
 * nor when it is written; zip.c ends the stream, as for every entry.
 */
#include "worker/engine/archive/packed.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "worker/engine/archive/zip.h"
#include "worker/engine/deflate/blocks.h"

#define LEVEL 6
/* zlib gets the text in pieces of this size, so that its bytes are the same. */
#define STEP ((size_t)16 * 1024)
#define CHUNK ((size_t)64 * 1024 - 64)

struct chunk {
	struct chunk *next;
	size_t len;
	uint8_t data[CHUNK];
};

struct packed {
	z_stream z;
	bool open;		/* z is to be released */
	struct chunk *first, *last;
	uint64_t plain;
	uint32_t crc;		/* of the plain bytes */
	size_t waiting;		/* bytes in step */
	uint8_t step[STEP];
};

struct packed *
packed_new(void)
{
	struct packed *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	/* -15: raw DEFLATE with a 32 KiB window, no zlib header. */
	if (deflateInit2(&p->z, LEVEL, Z_DEFLATED, -15, 8,
	    Z_DEFAULT_STRATEGY) != Z_OK) {
		packed_free(p);
		return NULL;
	}
	p->open = true;
	return p;
}

void
packed_free(struct packed *p)
{
	struct chunk *c;

	if (p == NULL)
		return;
	if (p->open)
		deflateEnd(&p->z);
	while ((c = p->first) != NULL) {
		p->first = c->next;
		free(c);
	}
	free(p);
}

/* Room for zlib's output: a new chunk when the last one is full. */
static int
make_room(struct packed *p)
{
	struct chunk *c;

	if (p->z.avail_out > 0)
		return 0;
	if ((c = malloc(sizeof(*c))) == NULL)
		return -1;
	c->next = NULL;
	c->len = 0;
	if (p->last == NULL)
		p->first = c;
	else
		p->last->next = c;
	p->last = c;
	p->z.next_out = c->data;
	p->z.avail_out = CHUNK;
	return 0;
}

/*
 * Deflate what waits. zlib has taken and given all of it when it leaves room:
 * with a flush, too.
 */
static int
deflate_step(struct packed *p, int flush)
{
	p->crc = block_crc(p->crc, p->step, p->waiting);
	p->plain += p->waiting;
	p->z.next_in = p->step;
	p->z.avail_in = (uInt)p->waiting;
	p->waiting = 0;
	do {
		/* Z_BUF_ERROR: there was nothing to do, which is fine. */
		if (make_room(p) != 0 ||
		    deflate(&p->z, flush) == Z_STREAM_ERROR)
			return -1;
		p->last->len = CHUNK - p->z.avail_out;
	} while (p->z.avail_out == 0);
	return 0;
}

int
packed_add(struct packed *p, const void *text, size_t len)
{
	const uint8_t *from = text;
	size_t n;

	while (len > 0) {
		n = len < STEP - p->waiting ? len : STEP - p->waiting;
		memcpy(p->step + p->waiting, from, n);
		p->waiting += n;
		from += n;
		len -= n;
		if (p->waiting == STEP && deflate_step(p, Z_NO_FLUSH) != 0)
			return -1;
	}
	return 0;
}

/* On a byte boundary, with no final block: DEFLATE_END follows. */
int
packed_end(struct packed *p)
{
	return deflate_step(p, Z_SYNC_FLUSH);
}

/* The CRC and the length of all are added with the last chunk. */
int
packed_write(const struct packed *p, struct zip *zip)
{
	const struct chunk *c;

	for (c = p->first; c != NULL; c = c->next)
		if (zip_add(zip, c->data, c->len, c->next == NULL ? p->crc : 0,
		    c->next == NULL ? (size_t)p->plain : 0) != 0)
			return -1;
	return 0;
}
