/* lib/base/patience: what ends it, who is told meanwhile, and how pauses grow. */
#include <stdbool.h>

#include "lib/base/clock.h"
#include "lib/base/patience.h"
#include "t/tap.h"

/* stop() is true from the nth call on. */
struct caller {
	int stop_at, stops, alives;
};

static bool
caller_stop(void *arg)
{
	struct caller *c = arg;

	return ++c->stops >= c->stop_at;
}

static void
caller_alive(void *arg)
{
	struct caller *c = arg;

	c->alives++;
}

static void
test_over(void)
{
	struct caller c = { .stop_at = 2 };
	struct patience p = { 0 };

	ok(!patience_over(&p), "without a limit: go on");
	p = (struct patience){ caller_stop, caller_alive, &c, 0, 0 };
	ok(!patience_over(&p), "stop() is false: go on");
	is_int(c.alives, 1, "and alive() has been called");
	ok(patience_over(&p), "stop() is true: over");
	is_int(c.alives, 2, "alive() is called all the same");
	p = (struct patience){ .until_ms = clock_monotonic_ms() + 60000 };
	ok(!patience_over(&p), "there is time");
	p.until_ms = clock_monotonic_ms();
	ok(patience_over(&p), "the time is over");
	ok(!patience_pause(&(struct patience_try){ .patience = &p }),
	    "and no try is left");
}

/* Many tries in so short a time would be a hot loop. */
static void
test_time(void)
{
	struct caller c = { .stop_at = 1000000 };
	struct patience p = { caller_stop, caller_alive, &c,
	    clock_monotonic_ms() + 1500, 0 };
	struct patience_try t = { .patience = &p };
	int64_t now = clock_monotonic_ms();
	int n = 0;

	while (patience_pause(&t))
		n++;
	now = clock_monotonic_ms() - now;
	ok(now >= 1500 && now < 3000, "until_ms ends a pause, after %d ms",
	    (int)now);
	ok(n >= 1 && n < 20, "%d tries in 1.5 s", n);
	is_int(t.failures, n + 1, "each failure is counted");
	ok(c.alives > 10, "alive() is called in pauses, %d times", c.alives);

	p = (struct patience){ .each_ms = 300 };
	t = (struct patience_try){ .patience = &p };
	now = clock_monotonic_ms();
	while (patience_pause(&t))
		;
	now = clock_monotonic_ms() - now;
	ok(now >= 300 && now < 1500, "each_ms ends a row of failures, %d ms",
	    (int)now);
	t.failures = 0;
	t.since_ms = 0;
	p.each_ms = 60000;
	ok(patience_pause(&t), "after a success there is time again");
}

static void
test_stop(void)
{
	struct caller c = { .stop_at = 3 };
	const struct patience p = { caller_stop, NULL, &c, 0, 0 };
	struct patience_try t = { .patience = &p, .failures = 30 };
	const int64_t began_ms = clock_monotonic_ms();

	/* Now and then a pause is drawn that is too short to be stopped. */
	while (patience_pause(&t))
		;
	ok(clock_monotonic_ms() - began_ms < 2000, "stop() ends a long pause");
	is_int(c.stops, 3, "at its first answer");
}

/* Of many pauses after the first failure none is longer than the first limit. */
static void
test_growth(void)
{
	const struct patience p = { 0 };
	int64_t began_ms, longest_ms = 0, ms;
	struct patience_try t;
	int i;

	for (i = 0; i < 8; i++) {
		t = (struct patience_try){ .patience = &p };
		began_ms = clock_monotonic_ms();
		patience_pause(&t);
		ms = clock_monotonic_ms() - began_ms;
		longest_ms = ms > longest_ms ? ms : longest_ms;
	}
	ok(longest_ms > 20 && longest_ms < 800,
	    "the first pause is short, %d ms at most", (int)longest_ms);
}

int
main(void)
{
	test_over();
	test_time();
	test_stop();
	test_growth();
	return done_testing();
}
