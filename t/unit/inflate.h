#ifndef T_UNIT_INFLATE_H
#define T_UNIT_INFLATE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "worker/engine/deflate/deflate.h"

/*
 * inflates(run, size, text, len): Whether a run of blocks inflates to the text,
 * ends on a byte boundary, and is a complete stream with DEFLATE_END after it.
 */
static inline int
inflates(const uint8_t *run, size_t size, const uint8_t *text, size_t len)
{
	uint8_t end[] = DEFLATE_END;
	uint8_t *out = malloc(len + 1);
	z_stream z = { 0 };
	int good, rc;

	if (out == NULL || inflateInit2(&z, -15) != Z_OK)
		abort();
	z.next_in = (Bytef *)(uintptr_t)run;
	z.avail_in = (uInt)size;
	z.next_out = out;
	z.avail_out = (uInt)len + 1;
	rc = inflate(&z, Z_SYNC_FLUSH);
	/* An empty run is valid, too: Z_BUF_ERROR. */
	good = (rc == Z_OK || (rc == Z_BUF_ERROR && size == 0)) &&
	    z.avail_in == 0;
	z.next_in = end;
	z.avail_in = DEFLATE_END_LEN;
	good = good && inflate(&z, Z_FINISH) == Z_STREAM_END &&
	    z.avail_in == 0 && z.total_out == len &&
	    (len == 0 || memcmp(out, text, len) == 0);
	inflateEnd(&z);
	free(out);
	return good;
}

#endif
