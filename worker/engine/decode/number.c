/*
 * Points as numbers, and which of two is larger. Knows no text but that of a
 * Decimal128.
 */
#include "worker/engine/decode/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "worker/engine/decode/leaftext.h"
#include "worker/engine/decode/points.h"

static bool
decimal(const uint8_t *ref, struct number *n)
{
	char text[LEAFTEXT_SIZE];

	if (leaftext_decimal128(ref, text) == 0)
		return false;
	n->d = strtod(text, NULL);
	return isfinite(n->d);
}

bool
number_of(const struct point *p, struct number *n)
{
	n->whole = false;
	switch (p->type) {
	case LEAF_INT32:
	case LEAF_INT64:
		n->whole = true;
		n->i = (int64_t)p->v.bits;
		n->d = (double)n->i;
		return true;
	case LEAF_DOUBLE:
		memcpy(&n->d, &p->v.bits, sizeof(n->d));
		return isfinite(n->d);
	case LEAF_DECIMAL128:
		return decimal(p->v.ref, n);
	default:
		return false;
	}
}

/* An integer and a double, of which the integer's nearest double is equal to d. */
static int
compare_near(int64_t i, double d)
{
	/* 2^63 itself may be nearest to an int64, and is none. */
	if (d >= 0x1p63)
		return -1;
	return (i > (int64_t)d) - (i < (int64_t)d);
}

int
number_compare(const struct number *a, const struct number *b)
{
	if (a->whole && b->whole)
		return (a->i > b->i) - (a->i < b->i);
	if (a->d != b->d)
		return a->d < b->d ? -1 : 1;
	if (a->whole)
		return compare_near(a->i, b->d);
	return b->whole ? -compare_near(b->i, a->d) : 0;
}
