#ifndef LIB_BASE_NUM_H
#define LIB_BASE_NUM_H

#include <stdint.h>

/*
 * num_parse(text, min, max, value):
 * Read a whole decimal number (an optional minus, digits, nothing else).
 * Returns 0, or -1, *value untouched, when text is not one or out of range.
 */
int num_parse(const char *text, int64_t min, int64_t max, int64_t *value);

#endif
