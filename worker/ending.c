/*
 * The ends of an attempt, as one table: what is written, counted and logged, and
 * whether the message rings again. Pure; attempt.c carries it out.
 */
#include "worker/ending.h"

#include "lib/base/backoff.h"

static const struct ending endings[] = {
	[METRICS_FINISHED] = { .transition = T_FINISH,
	    .metric = METRICS_FINISHED, .level = LOG_INFO,
	    .op = "done", .unit_op = "unit_done", .done = true },
	[METRICS_FAILED] = { .transition = T_FAIL,
	    .metric = METRICS_FAILED, .level = LOG_ERROR,
	    .op = "failed", .unit_op = "unit_failed", .done = true },
	[METRICS_RETRIED] = { .transition = T_RETRY,
	    .metric = METRICS_RETRIED, .level = LOG_WARN,
	    .op = "retry", .unit_op = "unit_retry" },
	[METRICS_CANCELLED] = { .transition = T_CANCELLED,
	    .metric = METRICS_CANCELLED, .level = LOG_INFO,
	    .op = "cancelled", .unit_op = "unit_cancelled", .done = true },
	[METRICS_HANDED_BACK] = { .transition = T_RELEASE,
	    .metric = METRICS_HANDED_BACK, .level = LOG_INFO,
	    .op = "handed_back", .unit_op = "unit_handed_back" },
	/* The lease has logged it; only ending_refused() adds a line. */
	[METRICS_LOST] = { .transition = TRANSITIONS,
	    .metric = METRICS_LOST, .level = LOG_WARN },
};

static struct ending
ending_failed(const struct ending_facts *f)
{
	struct ending e;

	if (failure_permanent(f->why) || f->attempts >= f->max_attempts) {
		e = endings[METRICS_FAILED];
		e.spent = f->attempts >= f->max_attempts;
		e.why = failure_permanent(f->why) ? f->why : FAILURE_ATTEMPTS;
		return e;
	}
	e = endings[METRICS_RETRIED];
	e.why = f->why;
	e.delay_ms = backoff_ms(f->backoff_ms, f->backoff_max_ms, f->attempts,
	    f->random);
	return e;
}

struct ending
ending_of(const struct ending_facts *f)
{
	switch (f->outcome) {
	case COMPLETE:
		return endings[METRICS_FINISHED];
	case FAILED:
		return ending_failed(f);
	case STOPPED:
		break;
	}
	switch (f->lease) {
	case LEASE_CANCEL:
		return endings[METRICS_CANCELLED];
	case LEASE_LOST:
		return endings[METRICS_LOST];
	case LEASE_HELD:
		break;
	}
	return endings[METRICS_HANDED_BACK];
}

struct ending
ending_refused(bool cancelled)
{
	struct ending e = endings[cancelled ? METRICS_CANCELLED : METRICS_LOST];

	if (!cancelled) {
		e.op = "finish";
		e.unit_op = "unit_finish";
	}
	return e;
}
