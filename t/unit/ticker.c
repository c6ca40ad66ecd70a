/* lib/base/ticker: when it ticks, what wakes it, and that a stop waits for no interval. */
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/ticker.h"
#include "t/tap.h"

#define HOUR 3600000
#define PATIENCE_MS 10000

struct count {
	atomic_int ticks;
	int wait_ms;		/* from one to the next */
	int in;			/* end of a pipe, -1: none */
};

static int
count_tick(void *arg)
{
	struct count *c = arg;
	char byte;

	if (c->in >= 0 && read(c->in, &byte, 1) != 1)
		return c->wait_ms;
	atomic_fetch_add(&c->ticks, 1);
	return c->wait_ms;
}

static int
count_fd(void *arg)
{
	const struct count *c = arg;

	return c->in;
}

/* How many there were when n had come, or the patience ended. */
static int
ticks(struct count *c, int n)
{
	const int64_t until = clock_monotonic_ms() + PATIENCE_MS;

	while (atomic_load(&c->ticks) < n && clock_monotonic_ms() < until)
		clock_pause_ms(1);
	return atomic_load(&c->ticks);
}

static void
test_intervals(void)
{
	struct count c = { .wait_ms = 5, .in = -1 };
	const int64_t began_ms = clock_monotonic_ms();
	struct ticker *t = ticker_start(20, count_tick, NULL, &c);

	ok(ticks(&c, 10) >= 10, "it ticks again and again");
	ok(clock_monotonic_ms() - began_ms >= 20 + 9 * 5, "not too soon");
	ticker_stop(t);
}

static void
test_stop(void)
{
	struct count c = { .wait_ms = HOUR, .in = -1 };
	const int64_t began_ms = clock_monotonic_ms();
	struct ticker *t = ticker_start(0, count_tick, count_fd, &c);

	is_int(ticks(&c, 1), 1, "the first tick is at once");
	ticker_stop(t);
	ticker_stop(ticker_start(HOUR, count_tick, NULL, &c));
	ok(clock_monotonic_ms() - began_ms < HOUR / 100,
	    "a stop waits for no interval");
	is_int(atomic_load(&c.ticks), 1, "nor does it tick again");
	ticker_stop(NULL);
}

static void
test_input(void)
{
	struct count c = { .wait_ms = HOUR };
	struct ticker *t;
	int ends[2];

	if (!ok(pipe(ends) == 0, "a pipe"))
		return;
	c.in = ends[0];
	t = ticker_start(HOUR, count_tick, count_fd, &c);
	ok(write(ends[1], "x", 1) == 1 && ticks(&c, 1) == 1,
	    "input makes it tick");
	ok(write(ends[1], "x", 1) == 1 && ticks(&c, 2) == 2, "each time");
	ticker_stop(t);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	test_intervals();
	test_stop();
	test_input();
	return done_testing();
}
