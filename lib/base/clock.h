#ifndef LIB_BASE_CLOCK_H
#define LIB_BASE_CLOCK_H

#include <stdint.h>

/*
 * clock_real_ms(): Unix time. For signatures and log lines only: a job's times
 * are the database's. clock_monotonic_ms(), clock_monotonic_us(): For durations;
 * they start anywhere.
 */
int64_t clock_real_ms(void);
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);

/* clock_pause_ms(ms): Wait so long; a signal ends it. */
void clock_pause_ms(int ms);

#endif
