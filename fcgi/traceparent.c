/*
 * The header traceparent: it goes into the job's document and into log lines, so what is
 * not exactly in its form is left out, and the request goes on without it. Pure.
 */
#include "fcgi/traceparent.h"

#include <stddef.h>
#include <string.h>

#define VERSION 0
#define TRACE_ID 3
#define PARENT_ID 36
#define FLAGS 53
#define LENGTH (TRACEPARENT_SIZE - 1)

/* n lower-case hexadecimal digits at text, and then end. */
static bool
is_field(const char *text, size_t n, char end)
{
	return strspn(text, "0123456789abcdef") == n && text[n] == end;
}

/* The same, and not all zeros. */
static bool
is_id(const char *text, size_t n)
{
	return is_field(text, n, '-') && strspn(text, "0") != n;
}

bool
traceparent_parse(const char *text, char to[TRACEPARENT_SIZE])
{
	to[0] = '\0';
	/* Each field is looked at only after the one before was whole. */
	if (!is_field(text + VERSION, 2, '-') || memcmp(text, "ff", 2) == 0 ||
	    !is_id(text + TRACE_ID, 32) || !is_id(text + PARENT_ID, 16))
		return false;
	/* Later versions may have more fields after these. */
	if (!is_field(text + FLAGS, 2, '\0') &&
	    (memcmp(text, "00", 2) == 0 || !is_field(text + FLAGS, 2, '-')))
		return false;
	memcpy(to, text, LENGTH);
	memcpy(to, "00", 2);
	to[LENGTH] = '\0';
	return true;
}
