/*
 * Chunks as bytes: seven numbers of eight bytes each, the lowest first.
 */
#include "worker/engine/parquet/chunk.h"

#include "lib/base/buf.h"
#include "worker/engine/decode/points.h"

#define TEXT (UINT64_C(1) << 32)
#define RANGED (UINT64_C(1) << 33)

int
parquet_chunk_put(struct buf *to, const struct parquet_chunk *c)
{
	const uint64_t v[] = { c->column | (c->text ? TEXT : 0) |
	    (c->ranged ? RANGED : 0), c->dictionary_bytes, c->bytes,
	    c->plain_bytes, c->nulls, c->min, c->max };
	uint8_t bytes[PARQUET_CHUNK_BYTES];
	size_t i;

	_Static_assert(sizeof(v) == sizeof(bytes), "seven numbers");
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		put_le64(bytes + 8 * i, v[i]);
	return buf_add(to, bytes, sizeof(bytes));
}

int
parquet_chunk_get(const uint8_t data[PARQUET_CHUNK_BYTES], struct parquet_chunk *c)
{
	const uint64_t head = le64(data);

	*c = (struct parquet_chunk){
		.column = (uint32_t)head,
		.text = (head & TEXT) != 0,
		.ranged = (head & RANGED) != 0,
		.dictionary_bytes = le64(data + 8),
		.bytes = le64(data + 16),
		.plain_bytes = le64(data + 24),
		.nulls = le64(data + 32),
		.min = le64(data + 40),
		.max = le64(data + 48),
	};
	return head >> 34 != 0 || c->dictionary_bytes >= c->bytes ||
	    c->bytes > UINT32_MAX || c->plain_bytes > UINT32_MAX ||
	    (c->text && c->column == 0) ? -1 : 0;
}
