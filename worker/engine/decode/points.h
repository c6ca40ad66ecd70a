#ifndef WORKER_ENGINE_DECODE_POINTS_H
#define WORKER_ENGINE_DECODE_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A limit in bytes that several arrays share; it bounds a worker's memory
 * whatever the data. It only counts: the caller allocates.
 */
struct budget {
	size_t used;
	size_t max;
};

/*
 * budget_take(b, n): Charge n bytes. Returns 0, or -1 with nothing charged when
 * they exceed the limit. budget_give(b, n): Give n bytes back.
 */
int budget_take(struct budget *b, size_t n);
void budget_give(struct budget *b, size_t n);

/* Types of leaves that become points: BSON's numbers (bsonspec.org 1.1). */
enum leaf_type {
	LEAF_DOUBLE = 0x01,
	LEAF_STRING = 0x02,
	LEAF_BOOL = 0x08,
	LEAF_INT32 = 0x10,
	LEAF_INT64 = 0x12,
	LEAF_DECIMAL128 = 0x13
};

/*
 * One value of one parameter, at a time in Unix ms. bits holds a double's bits,
 * an integer or a bool; ref points at a string (int32 length that counts the
 * NUL, text, NUL) or a Decimal128 (16 bytes) inside the document, which has to
 * live as long as the point.
 */
struct point {
	int64_t t_ms;
	union {
		uint64_t bits;
		const uint8_t *ref;
	} v;
	uint8_t type;		/* an enum leaf_type */
};

/*
 * point_is_finite(p): Not so with an exponent of all bits, IEEE 754, or a combination
 * field of 5 bits with all or all but the last one set, BSON's Decimal128.
 */
static inline bool
point_is_finite(const struct point *p)
{
	const uint64_t exponent = UINT64_C(0x7ff) << 52;

	if (p->type == LEAF_DOUBLE)
		return (p->v.bits & exponent) != exponent;
	return p->type != LEAF_DECIMAL128 || (p->v.ref[15] & 0x78) != 0x78;
}

/*
 * A growing array of points, charged to a budget. ascending: each time is above
 * the one before, so sorting and deduplicating have nothing to do.
 */
struct points {
	struct point *v;
	size_t n, cap;
	bool ascending;
	struct budget *budget;
};

void points_init(struct points *ps, struct budget *budget);
void points_release(struct points *ps);

/* points_clear(ps): Forget the points, keep the memory. */
void points_clear(struct points *ps);

/* points_add(ps, p): Append a copy. Returns 0, -1: no memory or budget. */
int points_add(struct points *ps, const struct point *p);

/*
 * points_sort(ps):
 * Order by time; points of the same time keep the order they were added in.
 * Returns 0, -1: no memory or budget.
 */
int points_sort(struct points *ps);

/*
 * points_dedupe(ps):
 * Of sorted points keep the last of each time. Returns how many were dropped.
 */
uint64_t points_dedupe(struct points *ps);

/* point_ref_bytes(p): Size of what ref points at, 0 when bits is used. */
size_t point_ref_bytes(const struct point *p);

/*
 * le32(p), le64(p): The little-endian integer at p, aligned or not. put_le32(p, n),
 * put_le64(p, n): Write one.
 */
static inline uint32_t
le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

static inline uint64_t
le64(const uint8_t *p)
{
	return (uint64_t)le32(p) | (uint64_t)le32(p + 4) << 32;
}

static inline void
put_le32(uint8_t *p, uint32_t n)
{
	p[0] = (uint8_t)n;
	p[1] = (uint8_t)(n >> 8);
	p[2] = (uint8_t)(n >> 16);
	p[3] = (uint8_t)(n >> 24);
}

static inline void
put_le64(uint8_t *p, uint64_t n)
{
	put_le32(p, (uint32_t)n);
	put_le32(p + 4, (uint32_t)(n >> 32));
}

#endif
