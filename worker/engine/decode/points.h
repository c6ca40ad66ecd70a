#ifndef WORKER_ENGINE_DECODE_POINTS_H
#define WORKER_ENGINE_DECODE_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the memory for one vehicle's data is charged to: documents, points and
 * what is carried into later hours. Bounds a worker whatever the data.
 */
struct budget {
	size_t used;
	size_t max;
};

/* budget_take(b, n): Charge n bytes. Returns 0, or -1 when it is too much. */
int budget_take(struct budget *b, size_t n);
void budget_give(struct budget *b, size_t n);

/* BSON's own type numbers (bsonspec.org, version 1.1), for the leaves we take. */
enum leaf_type {
	LEAF_DOUBLE = 0x01,
	LEAF_STRING = 0x02,
	LEAF_BOOL = 0x08,
	LEAF_INT32 = 0x10,
	LEAF_INT64 = 0x12,
	LEAF_DECIMAL128 = 0x13
};

/*
 * One value of one parameter. bits holds a double's bits, an integer or a bool;
 * a string (int32 length with its NUL, text, NUL) and a Decimal128 (16 bytes)
 * stay where they were read, and ref points there.
 */
struct point {
	int64_t t_ms;
	union {
		uint64_t bits;
		const uint8_t *ref;
	} v;
	uint8_t type;
};

/* A growing array of points; ascending: each time is above the one before. */
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

/* points_add(ps, p): Append a copy. Returns 0, -1 when memory or budget ends. */
int points_add(struct points *ps, const struct point *p);

/*
 * points_sort(ps):
 * Order by time; points of one time stay in the order they were added in.
 * Returns 0, -1 when memory or budget ends.
 */
int points_sort(struct points *ps);

/*
 * points_dedupe(ps):
 * Of sorted points keep the last of each time. Returns how many were dropped.
 */
uint64_t points_dedupe(struct points *ps);

/* points_before(ps, t_ms): How many of the sorted points are before t_ms. */
size_t points_before(const struct points *ps, int64_t t_ms);

/* points_drop(ps, n): Remove the first n. */
void points_drop(struct points *ps, size_t n);

/* point_ref_bytes(p): Size of what ref points to, 0 when bits is used. */
size_t point_ref_bytes(const struct point *p);

/* le32(p), le64(p): The little-endian integer at p, aligned or not. */
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

#endif
