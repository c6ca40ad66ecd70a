#ifndef T_UNIT_DRAW_H
#define T_UNIT_DRAW_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The seed of a test's random numbers; not 0. */
static uint64_t seed;

/*
 * draw_from(fixed):
 * Begin to draw, from the seed `fixed`. DRAW_SEED=n in the environment, n not 0,
 * makes another one of each; the first call prints it.
 */
static inline void
draw_from(uint64_t fixed)
{
	static uint64_t other = UINT64_MAX;
	const char *text = getenv("DRAW_SEED");

	if (other == UINT64_MAX) {
		other = text == NULL ? 0 : strtoull(text, NULL, 10);
		printf("# DRAW_SEED=%" PRIu64 "\n", other);
	}
	seed = fixed ^ other * UINT64_C(0x9e3779b97f4a7c15);
	if (seed == 0)
		seed = fixed;
}

/* draw_bits(): The next 64 bits (xorshift64). */
static inline uint64_t
draw_bits(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* draw(n): A number below n (xorshift64*). */
static inline uint64_t
draw(uint64_t n)
{
	return (draw_bits() * UINT64_C(0x2545f4914f6cdd1d) >> 11) % n;
}

#endif
