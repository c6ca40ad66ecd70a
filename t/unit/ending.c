#include "worker/ending.h"

#include "t/tap.h"

#define FIRST_MS 30000
#define MOST_MS 900000

static struct ending
end_of(enum outcome outcome, enum lease_state lease, enum failure why,
    int64_t attempts)
{
	return ending_of(&(struct ending_facts){ outcome, lease, why, attempts,
	    8, FIRST_MS, MOST_MS, UINT64_MAX });
}

/* The whole table; permanent and spent ones are below. */
static const struct {
	enum outcome outcome;
	enum lease_state lease;
	enum failure why;
	int64_t attempts;

	enum transition_id transition;
	enum metrics_end metric;
	const char *op, *unit_op;
	enum log_level level;
	bool done;
} rows[] = {
	{ COMPLETE, LEASE_HELD, FAILURE_NONE, 1,
	    T_FINISH, METRICS_FINISHED, "done", "unit_done", LOG_INFO, true },
	/* The write decides, not what the lease says now. */
	{ COMPLETE, LEASE_CANCEL, FAILURE_NONE, 1,
	    T_FINISH, METRICS_FINISHED, "done", "unit_done", LOG_INFO, true },
	{ COMPLETE, LEASE_LOST, FAILURE_NONE, 8,
	    T_FINISH, METRICS_FINISHED, "done", "unit_done", LOG_INFO, true },
	{ FAILED, LEASE_HELD, FAILURE_STORAGE, 1,
	    T_RETRY, METRICS_RETRIED, "retry", "unit_retry", LOG_WARN, false },
	{ FAILED, LEASE_CANCEL, FAILURE_DATABASE, 7,
	    T_RETRY, METRICS_RETRIED, "retry", "unit_retry", LOG_WARN, false },
	{ FAILED, LEASE_HELD, FAILURE_DATABASE, 8,
	    T_FAIL, METRICS_FAILED, "failed", "unit_failed", LOG_ERROR, true },
	{ FAILED, LEASE_LOST, FAILURE_UNKNOWN_VEHICLE, 1,
	    T_FAIL, METRICS_FAILED, "failed", "unit_failed", LOG_ERROR, true },
	{ STOPPED, LEASE_CANCEL, FAILURE_NONE, 8,
	    T_CANCELLED, METRICS_CANCELLED, "cancelled", "unit_cancelled",
	    LOG_INFO, true },
	{ STOPPED, LEASE_LOST, FAILURE_NONE, 1,
	    TRANSITIONS, METRICS_LOST, NULL, NULL, LOG_WARN, false },
	{ STOPPED, LEASE_HELD, FAILURE_NONE, 8,
	    T_RELEASE, METRICS_HANDED_BACK, "handed_back", "unit_handed_back",
	    LOG_INFO, false },
};

static void
test_rows(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct ending e = end_of(rows[i].outcome, rows[i].lease,
		    rows[i].why, rows[i].attempts);

		is_int(e.transition, rows[i].transition, "%zu: transition", i);
		is_int(e.metric, rows[i].metric, "%zu: metric", i);
		is_int(e.level, rows[i].level, "%zu: level", i);
		is_int(e.done, rows[i].done, "%zu: message", i);
		if (rows[i].op == NULL) {
			ok(e.op == NULL && e.unit_op == NULL, "%zu: no line", i);
			continue;
		}
		is_str(e.op, rows[i].op, "%zu: log word", i);
		is_str(e.unit_op, rows[i].unit_op, "%zu: of a unit", i);
	}
}

/* Every failure, at the last attempt and before it. */
static void
test_failures(void)
{
	int why;

	for (why = FAILURE_NONE + 1; why <= FAILURE_INTERNAL; why++) {
		const bool permanent = failure_permanent(why);
		const struct ending first = end_of(FAILED, LEASE_HELD, why, 7);
		const struct ending last = end_of(FAILED, LEASE_HELD, why, 8);
		const struct ending over = end_of(FAILED, LEASE_HELD, why, 9);

		is_int(first.transition, permanent ? T_FAIL : T_RETRY,
		    "%s: before the last attempt", failure_code(why));
		is_int(first.why, why, "its error");
		ok(!first.spent, "attempts are left");
		is_int(last.transition, T_FAIL, "%s: at the last one",
		    failure_code(why));
		is_int(last.why, permanent ? why : (int)FAILURE_ATTEMPTS,
		    "its error");
		ok(last.spent && over.spent && over.transition == T_FAIL,
		    "none is left");
	}
}

static void
test_delay(void)
{
	int64_t limit = FIRST_MS, n;

	for (n = 1; n < 8; n++) {
		struct ending_facts f = { FAILED, LEASE_HELD, FAILURE_STORAGE,
		    n, 8, FIRST_MS, MOST_MS, 0 };

		is_int(ending_of(&f).delay_ms, 0, "attempt %d: no less than 0",
		    (int)n);
		f.random = (uint64_t)limit;
		is_int(ending_of(&f).delay_ms, limit, "the most it draws");
		f.random = (uint64_t)limit + 1;
		is_int(ending_of(&f).delay_ms, 0, "and no more");
		limit = limit * 2 < MOST_MS ? limit * 2 : MOST_MS;
	}
	is_int(end_of(STOPPED, LEASE_HELD, FAILURE_NONE, 3).delay_ms, 0,
	    "what is given back is due at once");
}

static void
test_refused(void)
{
	struct ending e = ending_refused(true);

	is_int(e.metric, METRICS_CANCELLED, "cancelled before it was FINISHED");
	is_str(e.op, "cancelled", "its log word");
	ok(e.done, "its message is settled");
	e = ending_refused(false);
	is_int(e.metric, METRICS_LOST, "FINISHED refused without a cancel: lost");
	is_int(e.transition, TRANSITIONS, "nothing is written");
	is_str(e.op, "finish", "its log word");
	is_str(e.unit_op, "unit_finish", "of a unit");
	ok(!e.done, "its message is not settled");
}

int
main(void)
{
	test_rows();
	test_failures();
	test_delay();
	test_refused();
	return done_testing();
}
