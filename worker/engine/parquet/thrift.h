#ifndef WORKER_ENGINE_PARQUET_THRIFT_H
#define WORKER_ENGINE_PARQUET_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * Thrift's compact protocol (thrift/doc/specs/thrift-compact-protocol.md), written
 * from front to back: structs, in which fields have ascending ids, and lists. A call
 * that fails sets `failed`; those after it do nothing.
 */
#define THRIFT_DEPTH 12

struct thrift {
	struct buf *to;
	int depth;			/* of open structs */
	int16_t last[THRIFT_DEPTH];	/* id of the last field of each */
	bool failed;
};

/* thrift_init(t, to): Append to `to`; the outermost struct is open. */
void thrift_init(struct thrift *t, struct buf *to);

/*
 * thrift_open(t, id), thrift_close(t): A struct as a field. thrift_close() also ends
 * the outermost one.
 * thrift_int16(t, id, n), thrift_int32(t, id, n), thrift_int64(t, id, n),
 * thrift_bool(t, id, yes), thrift_bytes(t, id, data, len), thrift_text(t, id, text):
 * Fields.
 */
void thrift_open(struct thrift *t, int16_t id);
void thrift_close(struct thrift *t);
void thrift_int16(struct thrift *t, int16_t id, int16_t n);
void thrift_int32(struct thrift *t, int16_t id, int32_t n);
void thrift_int64(struct thrift *t, int16_t id, int64_t n);
void thrift_bool(struct thrift *t, int16_t id, bool yes);
void thrift_bytes(struct thrift *t, int16_t id, const void *data, size_t len);
void thrift_text(struct thrift *t, int16_t id, const char *text);

/*
 * thrift_list(t, id, type, n): A field with a list, n items of which follow:
 * thrift_item_int32(t, n), thrift_item_text(t, text), or thrift_item(t) and then, as
 * of a struct, its fields and thrift_close().
 */
enum thrift_type { THRIFT_INT32 = 5, THRIFT_BYTES = 8, THRIFT_STRUCT = 12 };
void thrift_list(struct thrift *t, int16_t id, enum thrift_type type, size_t n);
void thrift_item_int32(struct thrift *t, int32_t n);
void thrift_item_text(struct thrift *t, const char *text);
void thrift_item(struct thrift *t);

/* varint_add(to, n): Seven bits in a byte, the lowest first. 0, -1: no memory. */
int varint_add(struct buf *to, uint64_t n);

/* zigzag(n): Small for small numbers of either sign. */
static inline uint64_t
zigzag(int64_t n)
{
	return (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0);
}

#endif
