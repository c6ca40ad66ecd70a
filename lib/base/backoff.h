#ifndef LIB_BASE_BACKOFF_H
#define LIB_BASE_BACKOFF_H

#include <stdint.h>

/*
 * backoff_ms(first_ms, max_ms, n, random):
 * The pause after the nth failure in a row, n from 1 on: full jitter, which is
 * a draw from 0 to first_ms * 2^(n - 1), at most max_ms, both included. random
 * is any number, evenly drawn.
 */
int64_t backoff_ms(int64_t first_ms, int64_t max_ms, int64_t n,
    uint64_t random);

/* backoff_random(): Such a number; 0 without entropy. */
uint64_t backoff_random(void);

/* backoff_draw_ms(first_ms, max_ms, n): The same, the number drawn here. */
int64_t backoff_draw_ms(int64_t first_ms, int64_t max_ms, int64_t n);

#endif
