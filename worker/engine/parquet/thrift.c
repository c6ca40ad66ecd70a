/*
 * The compact protocol's bytes. Knows no Parquet.
 */
#include "worker/engine/parquet/thrift.h"

#include <assert.h>
#include <string.h>

#include "lib/base/buf.h"

enum { TYPE_TRUE = 1, TYPE_FALSE, TYPE_INT16 = 4, TYPE_INT64 = 6, TYPE_LIST = 9 };

int
varint_add(struct buf *to, uint64_t n)
{
	uint8_t bytes[10];
	size_t len = 0;

	for (; n >= 0x80; n >>= 7)
		bytes[len++] = (uint8_t)(n | 0x80);
	bytes[len++] = (uint8_t)n;
	return buf_add(to, bytes, len);
}

void
thrift_init(struct thrift *t, struct buf *to)
{
	*t = (struct thrift){ .to = to };
}

static void
put(struct thrift *t, const void *data, size_t len)
{
	t->failed = t->failed || buf_add(t->to, data, len) != 0;
}

static void
put_byte(struct thrift *t, unsigned byte)
{
	const uint8_t b = (uint8_t)byte;

	put(t, &b, 1);
}

static void
put_varint(struct thrift *t, uint64_t n)
{
	t->failed = t->failed || varint_add(t->to, n) != 0;
}

/* Most ids are a little above the one before. */
static void
put_field(struct thrift *t, int16_t id, unsigned type)
{
	const int ahead = id - t->last[t->depth];

	assert(ahead > 0);
	if (ahead <= 15) {
		put_byte(t, (unsigned)ahead << 4 | type);
	} else {
		put_byte(t, type);
		put_varint(t, zigzag(id));
	}
	t->last[t->depth] = id;
}

void
thrift_item(struct thrift *t)
{
	assert(t->depth + 1 < THRIFT_DEPTH);
	t->last[++t->depth] = 0;
}

void
thrift_open(struct thrift *t, int16_t id)
{
	put_field(t, id, THRIFT_STRUCT);
	thrift_item(t);
}

void
thrift_close(struct thrift *t)
{
	put_byte(t, 0);
	t->depth--;
}

static void
put_int(struct thrift *t, int16_t id, unsigned type, int64_t n)
{
	put_field(t, id, type);
	put_varint(t, zigzag(n));
}

void
thrift_int16(struct thrift *t, int16_t id, int16_t n)
{
	put_int(t, id, TYPE_INT16, n);
}

void
thrift_int32(struct thrift *t, int16_t id, int32_t n)
{
	put_int(t, id, THRIFT_INT32, n);
}

void
thrift_int64(struct thrift *t, int16_t id, int64_t n)
{
	put_int(t, id, TYPE_INT64, n);
}

void
thrift_bool(struct thrift *t, int16_t id, bool yes)
{
	put_field(t, id, yes ? TYPE_TRUE : TYPE_FALSE);
}

void
thrift_bytes(struct thrift *t, int16_t id, const void *data, size_t len)
{
	put_field(t, id, THRIFT_BYTES);
	put_varint(t, len);
	put(t, data, len);
}

void
thrift_text(struct thrift *t, int16_t id, const char *text)
{
	thrift_bytes(t, id, text, strlen(text));
}

void
thrift_list(struct thrift *t, int16_t id, enum thrift_type type, size_t n)
{
	put_field(t, id, TYPE_LIST);
	if (n < 15) {
		put_byte(t, (unsigned)n << 4 | type);
	} else {
		put_byte(t, 0xf0 | type);
		put_varint(t, n);
	}
}

void
thrift_item_int32(struct thrift *t, int32_t n)
{
	put_varint(t, zigzag(n));
}

void
thrift_item_text(struct thrift *t, const char *text)
{
	put_varint(t, strlen(text));
	put(t, text, strlen(text));
}
