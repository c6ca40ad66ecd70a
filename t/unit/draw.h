#ifndef T_UNIT_DRAW_H
#define T_UNIT_DRAW_H

#include <stdint.h>

/* The seed of a test's random numbers; not 0. */
static uint64_t seed;

/* draw(n): A number below n (xorshift64*). */
static inline uint64_t
draw(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed * UINT64_C(0x2545f4914f6cdd1d) >> 11) % n;
}

#endif
