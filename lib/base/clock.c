/*
 * The clocks, and waiting. The only file that asks for the time: the pure core
 * takes it as an argument.
 */
#include "lib/base/clock.h"

#include <time.h>

/* A stop is seen within this time. */
#define PAUSE_STEP_US 50000

static int64_t
read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_real_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

int64_t
clock_monotonic_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

void
clock_pause_ms(int ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

int
clock_pause_unless(int64_t us, bool (*stop)(void *), void *arg)
{
	while (us > 0) {
		const int64_t step = us < PAUSE_STEP_US ? us : PAUSE_STEP_US;
		const struct timespec t = { 0, (long)step * 1000 };

		if (stop != NULL && stop(arg))
			return -1;
		nanosleep(&t, NULL);
		us -= step;
	}
	return 0;
}
