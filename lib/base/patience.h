#ifndef LIB_BASE_PATIENCE_H
#define LIB_BASE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How long to go on trying, the same for every call to a server: failures that may
 * pass are tried again by time, not by number. Threads may share one.
 *
 *	struct patience_try t = { .patience = p };
 *
 *	while ((rc = call()) != 0 && may_pass(rc) && patience_pause(&t))
 *		;
 *
 * A single call has a short limit of its own, so that stop and alive are called
 * between calls; one that may take longer calls patience_over() meanwhile.
 */
struct patience {
	bool (*stop)(void *arg);	/* whether to end now; NULL: never */
	void (*alive)(void *arg);	/* told that work goes on; NULL: nobody is */
	void *arg;
	int64_t until_ms;	/* clock_monotonic_ms() at the end; 0: no end */
	int64_t each_ms;	/* failing in a row, not longer; 0: no limit */
};

/* One thing that is tried until it succeeds; zeroed but for patience. */
struct patience_try {
	const struct patience *patience;
	int64_t failures;	/* in a row: set to 0 after a success */
	int64_t since_ms;	/* the first of them */
};

/* patience_over(p): Report life, then return whether to end: stopped, or too late. */
bool patience_over(const struct patience *p);

/*
 * patience_pause(t):
 * After a failure that may pass: wait, longer after each in a row, up to some
 * seconds, drawn (lib/base/backoff.h). Calls alive and stop all the while. Returns
 * true to try again, false to give up.
 */
bool patience_pause(struct patience_try *t);

#endif
