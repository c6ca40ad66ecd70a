/*
 * The one loop of retries: pauses that grow, while there is time and nobody says
 * stop. Knows neither what failed nor what may pass.
 */
#include "lib/base/patience.h"

#include <stddef.h>

#include "lib/base/backoff.h"
#include "lib/base/clock.h"

/* A server that is back is found within the longest pause. */
#define FIRST_MS 400
#define LONGEST_MS 5000

bool
patience_over(const struct patience *p)
{
	if (p->alive != NULL)
		p->alive(p->arg);
	if (p->stop != NULL && p->stop(p->arg))
		return true;
	return p->until_ms != 0 && clock_monotonic_ms() >= p->until_ms;
}

/* The same as clock_pause_unless() takes it. */
static bool
is_over(void *arg)
{
	return patience_over(arg);
}

bool
patience_pause(struct patience_try *t)
{
	struct patience p = *t->patience;
	const int64_t now = clock_monotonic_ms();

	if (t->failures++ == 0)
		t->since_ms = now;
	/* What ends first: all of it, or this row of failures. */
	if (p.each_ms != 0 &&
	    (p.until_ms == 0 || p.until_ms > t->since_ms + p.each_ms))
		p.until_ms = t->since_ms + p.each_ms;
	return clock_pause_unless(backoff_draw_ms(FIRST_MS, LONGEST_MS,
	    t->failures) * 1000, is_over, &p) == 0 && !patience_over(&p);
}
