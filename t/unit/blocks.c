/* Blocks: where rows are cut, what is counted, and when their text is gone. */
#include "worker/engine/deflate/blocks.h"

#include <stdlib.h>
#include <zlib.h>

#include "worker/engine/deflate/deflate.h"

#include "t/tap.h"
#include "t/unit/draw.h"
#include "t/unit/inflate.h"

#define ROOM ((size_t)1 << 28)

static struct deflater *deflater;
static struct buf whole;	/* the text of all that was sealed */
static size_t sealed;
static unsigned long bad;

static void
on_sealed(void *arg, const struct block *v, const uint8_t *text)
{
	if (arg != &sealed || v->rows == 0 || v->text_len == 0)
		bad_row(&bad, "sealed(): %" PRIu64 " rows", v->rows);
	if (v->crc != crc32(0, text, (uInt)v->text_len) ||
	    v->deflated_len == 0)
		bad_row(&bad, "sealed() before the block is complete");
	sealed++;
	if (buf_add(&whole, text, v->text_len) != 0)
		abort();
}

/* A row of len bytes at t_ms, in the way of all writers. 0, -1. */
static int
row(struct blocks *b, int64_t t_ms, size_t len)
{
	struct block *open = blocks_open(b);
	uint8_t *to;

	if (open == NULL || (to = buf_reserve(&b->text, len)) == NULL)
		return -1;
	memset(to, 'a' + (int)(t_ms % 20), len);
	to[len - 1] = '\n';
	b->text.len += len;
	open->points += 2;
	open->non_finite++;
	block_row(open, t_ms);
	return blocks_full(b) ? blocks_end(b, deflater) : 0;
}

static void
listen(struct blocks *b)
{
	b->sealed = on_sealed;
	b->arg = &sealed;
	sealed = whole.len = 0;
}

static void
test_cut(void)
{
	struct blocks b;
	struct block v;

	blocks_init(&b);
	listen(&b);
	is_int(blocks_end(&b, deflater), 0, "the end of nothing");
	is_int((int64_t)b.n, 0, "is no block");
	ok(blocks_open(&b) != NULL && blocks_end(&b, deflater) == 0 &&
	    b.n == 0, "nor is a block without rows");
	row(&b, 1, BLOCK_BYTES - 1);
	ok(!blocks_full(&b) && b.n == 0, "a byte less than a block");
	row(&b, 5, 1);
	is_int((int64_t)b.n, 1, "a byte more closes it");
	is_int((int64_t)b.text.len, 0, "and its text is gone");
	v = blocks_get(&b, 0);
	is_int((int64_t)v.text_len, (int64_t)BLOCK_BYTES, "its text's length");
	is_int((int64_t)(v.rows * 100 + v.points * 10 + v.non_finite), 242,
	    "its rows, points and not finite ones");
	ok(v.first_ms == 1 && v.last_ms == 5, "its times");
	row(&b, 7, 3 * BLOCK_BYTES);
	row(&b, 9, 3);
	is_int((int64_t)b.n, 2, "a row is never cut");
	is_int(blocks_end(&b, deflater), 0, "the last");
	is_int(blocks_end(&b, deflater), 0, "ends once");
	is_int((int64_t)b.n, 3, "three blocks");
	v = blocks_get(&b, 2);
	ok(v.rows == 1 && v.points == 2 && v.non_finite == 1 &&
	    v.first_ms == 9 && v.last_ms == 9, "each counts for itself");
	is_int((int64_t)sealed, 3, "each is seen once");
	blocks_clear(&b);
	ok(b.n == 0 && b.text.len == 0 && b.deflated.len == 0, "cleared");
	row(&b, 2, 10), blocks_end(&b, deflater);
	v = blocks_get(&b, 0);
	ok(b.n == 1 && v.rows == 1 && v.points == 2 && v.first_ms == 2,
	    "and used again");
	/* rows of an open block are forgotten, too */
	row(&b, 3, 10), blocks_clear(&b);
	row(&b, 4, 10), blocks_end(&b, deflater);
	v = blocks_get(&b, 0);
	ok(v.rows == 1 && v.first_ms == 4 && v.text_len == 10,
	    "nothing is left of an open one");
	blocks_release(&b);
	ok(b.n == 0 && b.deflated.data == NULL && b.text.data == NULL &&
	    b.sealed == on_sealed && b.arg == &sealed,
	    "released: empty, still heard");
	sealed = 0;
	row(&b, 2, 10), blocks_end(&b, deflater);
	is_int((int64_t)(b.n + sealed), 2, "and used again");
	blocks_release(&b);
	blocks_release(&b);
	b.sealed = NULL;
	row(&b, 2, 10), blocks_end(&b, deflater);
	is_int((int64_t)b.n, 1, "nobody has to listen");
	blocks_release(&b);
}

/* Whatever the rows: joined, the blocks inflate to the text that was seen. */
static void
test_random(void)
{
	struct blocks b;
	struct block v;
	uint64_t rows, n;
	size_t i, at, len, places = 0;
	int round;

	draw_from(5);
	blocks_init(&b);
	for (round = 0; round < 60; round++) {
		if (draw(4) == 0)
			blocks_release(&b);
		blocks_clear(&b);
		listen(&b);
		n = draw(4000);
		for (i = 0; i < n; i++) {
			len = 1 + draw(draw(50) ? 300 : 2 * BLOCK_BYTES);
			if (row(&b, (int64_t)i * 3, len) != 0)
				bad_row(&bad, "%d: row %zu", round, i);
			/* as where a slice ends */
			if (draw(1000) == 0 && blocks_end(&b, deflater) != 0)
				bad_row(&bad, "%d: end", round);
		}
		if (blocks_end(&b, deflater) != 0 || b.n != sealed)
			bad_row(&bad, "%d: %zu blocks", round, b.n);
		for (i = at = 0, rows = 0; i < b.n; i++) {
			v = blocks_get(&b, i);
			if (v.first_ms != (int64_t)rows * 3 || v.last_ms !=
			    (int64_t)(rows + v.rows - 1) * 3)
				bad_row(&bad, "%d: times of block %zu", round,
				    i);
			if (!inflates(v.deflated, v.deflated_len,
			    whole.data + at, v.text_len))
				bad_row(&bad, "%d: block %zu", round, i);
			rows += v.rows;
			at += v.text_len;
		}
		if (rows != n || at != whole.len || (b.n > 0 && !inflates(
		    b.deflated.data, b.deflated.len, whole.data, whole.len)))
			bad_row(&bad, "%d: joined", round);
		places += b.n;
	}
	ok(places > 200, "%zu blocks", places);
	blocks_release(&b);
}

/* No room for text, or for what is deflated: it fails, and can be cleared. */
static void
test_no_room(void)
{
	struct blocks b;
	size_t max;
	int rc;

	for (max = 0; max < 400; max += 7) {
		blocks_init(&b);
		b.text.max = max;
		rc = row(&b, 1, 200);
		if ((rc == 0) != (max >= 200))
			bad_row(&bad, "text of %zu: %d", max, rc);
		blocks_release(&b);
	}
	blocks_init(&b);
	b.deflated.max = 3;
	row(&b, 1, 200);
	is_int(blocks_end(&b, deflater), -1, "no room for what is deflated");
	b.deflated.max = ROOM;
	blocks_clear(&b);
	row(&b, 2, 10);
	is_int(blocks_end(&b, deflater), 0, "cleared, with room");
	ok(b.n == 1 && blocks_get(&b, 0).rows == 1, "a block of a row");
	blocks_release(&b);
}

int
main(void)
{
	uint32_t crc;

	if ((deflater = deflater_new(DEFLATE_FAST)) == NULL)
		abort();
	buf_init(&whole, ROOM);
	crc = block_crc(block_crc(0, "12345", 5), "6789", 4);
	is_int(crc, 0xcbf43926, "a CRC in two steps");
	is_int(block_crc(0, "", 0), 0, "of nothing");
	test_cut();
	test_random();
	test_no_room();
	is_int((int64_t)bad, 0, "each block is well");
	buf_release(&whole);
	deflater_free(deflater);
	return done_testing();
}
