/* lib/base/backoff: the bounds of each pause, its cap, and the steps of a pause. */
#include <stdbool.h>

#include "lib/base/backoff.h"
#include "lib/base/clock.h"
#include "t/tap.h"

#define FIRST_MS 30000
#define MAX_MS 900000
#define FOREVER_US INT64_C(3600000000)

/* The largest pause after the nth failure, by hand. */
static const int64_t bounds[] = { 30000, 60000, 120000, 240000, 480000, 900000,
    900000, 900000, 900000 };

static void
test_bounds(void)
{
	const size_t n = sizeof(bounds) / sizeof(bounds[0]);
	size_t i;

	for (i = 0; i < n; i++) {
		const int64_t nth = (int64_t)i + 1;
		const uint64_t most = (uint64_t)bounds[i];

		is_int(backoff_ms(FIRST_MS, MAX_MS, nth, most), bounds[i],
		    "failure %d: up to %d ms", (int)nth, (int)bounds[i]);
		is_int(backoff_ms(FIRST_MS, MAX_MS, nth, most + 1), 0,
		    "failure %d: and no longer", (int)nth);
	}
	is_int(backoff_ms(FIRST_MS, MAX_MS, 1000000, MAX_MS), MAX_MS,
	    "any number of failures: the cap");
	is_int(backoff_ms(FIRST_MS, MAX_MS, 1000000, UINT64_MAX),
	    (int64_t)(UINT64_MAX % (MAX_MS + 1)), "any random number");
	is_int(backoff_ms(1, 1, 1, 1), 1, "1 ms is a pause, too");
}

/* All of the range is drawn from: the mean of many is near its middle. */
static void
test_draws(void)
{
	int64_t sum = 0, highest = 0, ms;
	int i, outside = 0;

	for (i = 0; i < 10000; i++) {
		ms = backoff_draw_ms(FIRST_MS, MAX_MS, 3);
		outside += ms < 0 || ms > bounds[2];
		highest = ms > highest ? ms : highest;
		sum += ms;
	}
	is_int(outside, 0, "10,000 draws are within the bounds");
	ok(sum / i > 55000 && sum / i < 65000, "their mean is %d ms, of %d",
	    (int)(sum / i), (int)bounds[2]);
	ok(highest > 110000, "the highest is %d ms", (int)highest);
}

static bool
counted_stop(void *arg)
{
	return --*(int *)arg == 0;
}

static void
test_pause(void)
{
	int left = 3;
	int64_t began_us = clock_monotonic_us();

	is_int(clock_pause_unless(120000, NULL, NULL), 0, "a whole pause");
	ok(clock_monotonic_us() - began_us >= 120000, "is not shorter");
	began_us = clock_monotonic_us();
	is_int(clock_pause_unless(FOREVER_US, counted_stop, &left), -1,
	    "stop() ends a pause");
	ok(clock_monotonic_us() - began_us < FOREVER_US / 100,
	    "at once, not at its end");
	is_int(left, 0, "stop() is called until then, and not again");
	left = 3;
	is_int(clock_pause_unless(0, counted_stop, &left), 0, "no pause at all");
}

int
main(void)
{
	test_bounds();
	test_draws();
	test_pause();
	return done_testing();
}
