#ifndef LIB_BASE_LOG_H
#define LIB_BASE_LOG_H

#include <stddef.h>

/*
 * One line per event in logfmt:
 *   time=2018-12-01T00:00:00.000Z level=error job=65f0... op=s3_part msg="..."
 * Lines are written with one write(2) each, so processes may share a file.
 * Safe from several threads. Never pass a secret to these functions.
 */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO };

/*
 * log_open(path):
 * Append to the file at path ("-": stderr, the default). Returns 0, or
 * -1 with the reason on stderr.
 */
int log_open(const char *path);

/*
 * log_job(id):
 * Put job=id into the lines that follow, of all threads, until log_job(NULL).
 * At most 24 bytes of id are kept. log_request(id): The same for request=id, of
 * at most 32 bytes, all letters and digits, in the lines of this thread alone.
 */
void log_job(const char *id);
void log_request(const char *id);

/*
 * log_trace(traceparent):
 * The same for traceparent=..., of W3C Trace Context. NULL, and what has other
 * characters than one of its values has: none.
 */
void log_trace(const char *traceparent);

/*
 * log_msg(level, op, fmt, ...): A line with free text; it is quoted and
 * escaped.
 */
void log_msg(enum log_level level, const char *op, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * log_fields(level, op, fmt, ...): A line with fields that are in logfmt
 * already.
 */
void log_fields(enum log_level level, const char *op, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * log_quote(text, to, size):
 * Text of others as a quoted value for log_fields(), escaped as log_msg() does; as
 * much as fits. size is at least 16. Returns to.
 */
const char *log_quote(const char *text, char *to, size_t size);

#endif
