#ifndef FCGI_TRACEPARENT_H
#define FCGI_TRACEPARENT_H

#include <stdbool.h>

/* "00-" 32 digits "-" 16 digits "-" 2 digits, and a NUL. */
#define TRACEPARENT_SIZE 56

/*
 * traceparent_parse(text, to):
 * Take the header traceparent (W3C Trace Context, 3.2) as version 00 has it; of a later
 * version, that part. "": it is none, or not valid. Returns whether it is valid.
 */
bool traceparent_parse(const char *text, char to[TRACEPARENT_SIZE]);

#endif
