#include "worker/engine/deflate/deflate.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "lib/base/buf.h"
#include "worker/engine/deflate/textdeflate.h"

/* What a block of a usual size needs, and a row more. */
#define ROOM_KEPT ((size_t)1024 * 1024)

struct deflater {
	enum deflate_level level;
	struct textdeflate *fast;
	struct buf room;	/* for what fast may need, a fourth of it used */
	z_stream small;
	int small_open;
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
		if (deflateInit2(&d->small, 6, Z_DEFLATED, -15, 8,
		    Z_DEFAULT_STRATEGY) != Z_OK)
			goto fail;
		d->small_open = 1;
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
	if (len > INT32_MAX)
		return -1;
	return d->level == DEFLATE_FAST ? block_fast(d, in, len, out) :
	    block_small(d, in, len, out);
}
