#ifndef WORKER_ENGINE_ROWS_EXACTSUM_H
#define WORKER_ENGINE_ROWS_EXACTSUM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The exact sum of any int64 and finite doubles, up to 2^30 of them: an integer of
 * as many bits as it takes, in units of 2^-1074, the smallest double. So it does not
 * depend on the order in which they come, or on how sums are put together.
 */

/* 2^1024 / 2^-1074, and 32 bits for the number of them. */
#define EXACTSUM_LIMBS 68

struct exactsum {
	/* Limb k counts 2^(32 k - 1074); carries wait until the end. */
	int64_t limb[EXACTSUM_LIMBS];
	int low, high;		/* those that may not be 0: low <= k < high */
};

/* exactsum_init(s): Of nothing; exactsum_clear(s): the same, of one in use. */
void exactsum_init(struct exactsum *s);
void exactsum_clear(struct exactsum *s);

/*
 * exactsum_add_int(s, i), exactsum_add(s, d): d is finite.
 * exactsum_merge(s, from): Add another sum.
 */
void exactsum_add_int(struct exactsum *s, int64_t i);
void exactsum_add(struct exactsum *s, double d);
void exactsum_merge(struct exactsum *s, const struct exactsum *from);

/*
 * exactsum_mean(s, n): The double nearest to the sum over n (1 to 2^30), of two as
 * near the even one. 0 is never negative.
 */
double exactsum_mean(const struct exactsum *s, uint64_t n);

#endif
