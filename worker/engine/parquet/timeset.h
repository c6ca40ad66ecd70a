#ifndef WORKER_ENGINE_PARQUET_TIMESET_H
#define WORKER_ENGINE_PARQUET_TIMESET_H

#include <stddef.h>
#include <stdint.h>

/*
 * The times at which any column has a point, in ms from 0 to below 2^31, each once, and
 * which one of them, in order, a time is. A bit for each ms: a time costs nothing that
 * depends on how many columns there are. Zeroed it is empty; it keeps memory, of 1/5 of
 * a byte for each ms of the longest range.
 */
struct timeset {
	uint64_t *bits;
	uint64_t *touched;	/* a bit for each word of bits that is not zero */
	uint32_t *before;	/* once they are listed: times before a word of bits */
	size_t words, cap;	/* of bits; cap: with memory */
};

/*
 * timeset_begin(s, range_ms): Empty, for times below range_ms. Returns 0, -1: no memory.
 * timeset_list(s, base_ms, times): After the last one: store all, plus base_ms, and
 * return their number; from here on timeset_place() holds.
 * timeset_release(s): Free the memory.
 */
int timeset_begin(struct timeset *s, size_t range_ms);
size_t timeset_list(struct timeset *s, int64_t base_ms, int64_t *times);
void timeset_release(struct timeset *s);

/* timeset_add(s, t): Below range_ms. */
static inline void
timeset_add(struct timeset *s, uint32_t t)
{
	s->bits[t / 64] |= UINT64_C(1) << t % 64;
	s->touched[t / 4096] |= UINT64_C(1) << t / 64 % 64;
}

/* timeset_place(s, t): How many are before t. Few share its word. */
static inline uint32_t
timeset_place(const struct timeset *s, uint32_t t)
{
	uint64_t before = s->bits[t / 64] & ((UINT64_C(1) << t % 64) - 1);
	uint32_t n = s->before[t / 64];

	for (; before != 0; before &= before - 1)
		n++;
	return n;
}

#endif
