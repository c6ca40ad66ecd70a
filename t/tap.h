#ifndef T_TAP_H
#define T_TAP_H

/*
 * TAP for unit tests: each check prints a line, done_testing() the plan, and
 * returns what main() returns. Tables that are too long for a line an entry
 * count with bad_row() and end in one check.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tap_n, tap_failed;

/* diag(fmt, ...): A line for people, to stderr. */
static inline void __attribute__((format(printf, 1, 2)))
diag(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* tap_line(good, fmt, ap): One result; what would break a line is shown as ?. */
static inline void __attribute__((format(printf, 2, 0)))
tap_line(int good, const char *fmt, va_list ap)
{
	char text[512];
	char *p;

	vsnprintf(text, sizeof(text), fmt, ap);
	for (p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '#')
			*p = '?';
	}
	printf("%sok %d - %s\n", good ? "" : "not ", ++tap_n, text);
	fflush(stdout);
	tap_failed += !good;
}

/* ok(good, fmt, ...): Whether good is true. Returns good. */
static inline int __attribute__((format(printf, 2, 3)))
ok(int good, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_line(good, fmt, ap);
	va_end(ap);
	return good;
}

/* is_int(got, expected, fmt, ...): Equal numbers. */
static inline int __attribute__((format(printf, 3, 4)))
is_int(int64_t got, int64_t expected, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_line(got == expected, fmt, ap);
	va_end(ap);
	if (got != expected)
		diag("got %" PRId64 ", expected %" PRId64, got, expected);
	return got == expected;
}

/* is_str(got, expected, fmt, ...): Equal texts; either may be NULL. */
static inline int __attribute__((format(printf, 3, 4)))
is_str(const char *got, const char *expected, const char *fmt, ...)
{
	int good = got == expected || (got != NULL && expected != NULL &&
	    strcmp(got, expected) == 0);
	va_list ap;

	va_start(ap, fmt);
	tap_line(good, fmt, ap);
	va_end(ap);
	if (!good) {
		diag("     got: %s", got != NULL ? got : "NULL");
		diag("expected: %s", expected != NULL ? expected : "NULL");
	}
	return good;
}

/* is_mem(got, glen, expected, elen, fmt, ...): Equal bytes. */
static inline int __attribute__((format(printf, 5, 6)))
is_mem(const void *got, size_t glen, const void *expected, size_t elen,
    const char *fmt, ...)
{
	int good = glen == elen &&
	    (elen == 0 || memcmp(got, expected, elen) == 0);
	va_list ap;

	va_start(ap, fmt);
	tap_line(good, fmt, ap);
	va_end(ap);
	if (!good) {
		diag("     got (%zu): %.*s", glen, (int)(glen < 2000 ? glen :
		    2000), glen > 0 ? (const char *)got : "");
		diag("expected (%zu): %.*s", elen, (int)(elen < 2000 ? elen :
		    2000), elen > 0 ? (const char *)expected : "");
	}
	return good;
}

/*
 * bad_row(bad, fmt, ...): An entry of a long table is wrong; the first ten are
 * shown.
 */
static inline void __attribute__((format(printf, 2, 3)))
bad_row(unsigned long *bad, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if ((*bad)++ >= 10)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag("%s", text);
}

static inline int
done_testing(void)
{
	printf("1..%d\n", tap_n);
	if (tap_failed > 0)
		diag("%d of %d failed", tap_failed, tap_n);
	return tap_failed > 0 || tap_n == 0;
}

#endif
