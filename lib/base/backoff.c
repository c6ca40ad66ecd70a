/*
 * How long to wait after a failure: longer each time, up to a bound, and drawn,
 * so that clients that failed together do not come back together.
 * Knows neither what failed nor how the wait is done.
 */
#include "lib/base/backoff.h"

#include <openssl/rand.h>

int64_t
backoff_ms(int64_t first_ms, int64_t max_ms, int64_t n, uint64_t random)
{
	int64_t limit_ms = first_ms;

	while (--n > 0 && limit_ms < max_ms)
		limit_ms *= 2;
	if (limit_ms > max_ms)
		limit_ms = max_ms;
	return (int64_t)(random % (uint64_t)(limit_ms + 1));
}

uint64_t
backoff_random(void)
{
	uint64_t random = 0;

	/* Without entropy the pause is 0: no harm, and no reason to fail. */
	RAND_bytes((unsigned char *)&random, sizeof(random));
	return random;
}

int64_t
backoff_draw_ms(int64_t first_ms, int64_t max_ms, int64_t n)
{
	return backoff_ms(first_ms, max_ms, n, backoff_random());
}
