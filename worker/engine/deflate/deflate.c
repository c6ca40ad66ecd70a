/*
 * Chooses between our own DEFLATE and zlib, and keeps what each needs between
 * blocks. Knows bytes and levels, no CSV.
 */
#include "worker/engine/deflate/deflate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "lib/base/buf.h"
#include "worker/engine/deflate/textdeflate.h"

/* Enough for a block of the usual size and a row: textdeflate_bound(). */
#define ROOM_KEPT ((size_t)1024 * 1024)

struct deflater {
	enum deflate_level level;
	struct textdeflate *fast;
	struct buf room;	/* fast's output, at its bound */
	z_stream small;
	bool small_open;
};

struct deflater *
deflater_new(enum deflate_level level)
{
	struct deflater *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return NULL;
	d->level = level;
	buf_init(&d->room, SIZE_MAX / 2);
	if (level == DEFLATE_FAST) {
		if ((d->fast = textdeflate_new()) == NULL)
			goto fail;
	} else {
		/* -15: raw DEFLATE with a 32 KiB window, no zlib header. */
		if (deflateInit2(&d->small, 6, Z_DEFLATED, -15, 8,
		    Z_DEFAULT_STRATEGY) != Z_OK)
			goto fail;
		d->small_open = true;
	}
	return d;
fail:
	deflater_free(d);
	return NULL;
}

void
deflater_free(struct deflater *d)
{
	if (d == NULL)
		return;
	if (d->small_open)
		deflateEnd(&d->small);
	textdeflate_free(d->fast);
	buf_release(&d->room);
	free(d);
}

/*
 * Through a buffer of our own: the bound is twice the text, several times what
 * CSV comes to, and too much to reserve in out for every block.
 */
static int
block_fast(struct deflater *d, const void *in, size_t len, struct buf *out)
{
	size_t size;
	uint8_t *to;
	int rc;

	if ((to = buf_reserve(&d->room, textdeflate_bound(len))) == NULL)
		return -1;
	size = textdeflate_block(d->fast, in, len, to);
	rc = buf_add(out, to, size);
	if (d->room.cap > ROOM_KEPT)
		buf_release(&d->room);
	return rc;
}

/*
 * The reset makes a run refer to nothing before it; Z_SYNC_FLUSH ends it on a
 * byte boundary with an empty stored block, which has room in the 64 bytes.
 */
static int
block_small(struct deflater *d, const void *in, size_t len, struct buf *out)
{
	size_t room = deflateBound(&d->small, len) + 64;
	uint8_t *to;

	if ((to = buf_reserve(out, room)) == NULL)
		return -1;
	if (deflateReset(&d->small) != Z_OK)
		return -1;
	d->small.next_in = (Bytef *)(uintptr_t)in;
	d->small.avail_in = (uInt)len;
	d->small.next_out = to;
	d->small.avail_out = (uInt)room;
	if (deflate(&d->small, Z_SYNC_FLUSH) != Z_OK ||
	    d->small.avail_in != 0)
		return -1;
	out->len += room - d->small.avail_out;
	return 0;
}

int
deflate_block(struct deflater *d, const void *in, size_t len, struct buf *out)
{
	/* zlib counts in unsigned ints, textdeflate below 2^31. */
	if (len > INT32_MAX)
		return -1;
	return d->level == DEFLATE_FAST ? block_fast(d, in, len, out) :
	    block_small(d, in, len, out);
}
