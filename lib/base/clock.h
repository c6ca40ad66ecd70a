#ifndef LIB_BASE_CLOCK_H
#define LIB_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * clock_real_ms(): Unix time. For signatures and log lines only: a job's times
 * are the database's. clock_monotonic_ms(), clock_monotonic_us(): For
 * durations: where they start means nothing.
 */
int64_t clock_real_ms(void);
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);

/* clock_pause_ms(ms): Wait; a signal ends it. */
void clock_pause_ms(int ms);

/*
 * clock_pause_unless(us, stop, arg):
 * Wait in short steps; call stop(arg) (may be NULL) before each of them.
 * Returns 0 after the whole pause, -1 when stop returned true.
 */
int clock_pause_unless(int64_t us, bool (*stop)(void *), void *arg);

#endif
