#ifndef WORKER_ENGINE_DECODE_NUMBER_H
#define WORKER_ENGINE_DECODE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

struct point;

/*
 * A point's number: of an int32, int64 or double its exact value, of a Decimal128
 * the nearest double.
 */
struct number {
	bool whole;		/* i is it; else d */
	int64_t i;
	double d;		/* the nearest double in any case */
};

/*
 * number_of(p, n): Returns whether p is a number: not a bool or a string, nor a NaN
 * or an infinity (also a Decimal128 beyond all doubles).
 * number_compare(a, b): By exact values; < 0, 0, > 0.
 */
bool number_of(const struct point *p, struct number *n);
int number_compare(const struct number *a, const struct number *b);

#endif
