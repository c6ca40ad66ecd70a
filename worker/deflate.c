#include "worker/deflate.h"

#include <stdlib.h>
#include <string.h>

#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include "lib/buf.h"

struct deflater {
	enum deflate_level level;
	struct isal_zstream fast;
	uint8_t *fast_state;
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
	if (level == DEFLATE_FAST) {
		d->fast_state = calloc(1, ISAL_DEF_LVL1_DEFAULT);
		if (d->fast_state == NULL)
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
	free(d->fast_state);
	free(d);
}

/*
 * ISA-L (2.30, igzip_icf_body_h1_gr_bt.asm) takes the second hash of a stream
 * without history from the address of its state: the same text may come out in
 * two ways. With a history it does not; so there is one of four bytes that no
 * UTF-8 text holds, and no match can begin in it. The rare text that holds one
 * all the same goes without.
 */
static const uint8_t history[4] = { 0xff, 0xff, 0xff, 0xff };

static int
block_fast(struct deflater *d, const void *in, size_t len, struct buf *out)
{
	/* ISA-L falls back to stored blocks of up to 65,535 bytes. */
	size_t room = len + len / 1024 + 1024;
	uint8_t *to;

	if ((to = buf_reserve(out, room)) == NULL)
		return -1;
	isal_deflate_init(&d->fast);
	if (memchr(in, history[0], len) == NULL &&
	    isal_deflate_set_dict(&d->fast, (uint8_t *)(uintptr_t)history,
	    sizeof(history)) != COMP_OK)
		return -1;
	d->fast.level = 1;
	d->fast.level_buf = d->fast_state;
	d->fast.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	d->fast.flush = FULL_FLUSH;
	d->fast.end_of_stream = 0;
	d->fast.next_in = (uint8_t *)(uintptr_t)in;
	d->fast.avail_in = (uint32_t)len;
	d->fast.next_out = to;
	d->fast.avail_out = (uint32_t)room;
	if (isal_deflate(&d->fast) != COMP_OK || d->fast.avail_in != 0 ||
	    d->fast.avail_out == 0)
		return -1;
	out->len += room - d->fast.avail_out;
	return 0;
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
	if (len > UINT32_MAX / 2)
		return -1;
	return d->level == DEFLATE_FAST ? block_fast(d, in, len, out) :
	    block_small(d, in, len, out);
}
