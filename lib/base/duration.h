#ifndef LIB_BASE_DURATION_H
#define LIB_BASE_DURATION_H

#include <stddef.h>
#include <stdint.h>

/* Room for any number of ms as text, and its NUL. */
#define DURATION_SIZE 24
/* More than any range; duration_parse() takes no more. */
#define DURATION_MAX_MS INT64_C(1000000000000000)

/*
 * duration_parse(text, len, ms):
 * Read a whole number without leading zeros and its unit: ms, s, m or h. Returns 0,
 * or -1, *ms untouched, when it is anything else or above DURATION_MAX_MS.
 */
int duration_parse(const char *text, size_t len, int64_t *ms);

/*
 * duration_text(ms, text):
 * The same, in the largest unit of which ms, 0 or more, is a whole number: "1s",
 * "90s", "100ms", "24h"; 0 is "0s". Each duration has one such text.
 */
void duration_text(int64_t ms, char text[DURATION_SIZE]);

#endif
