/*
 * The log: one event, one line, one write(2), so that processes may share a
 * file. Text of others is escaped here and nowhere else; secrets must not come
 * here.
 */
#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/timestamp.h"

#define LOG_LINE_BYTES 4096

static int log_fd = STDERR_FILENO;
static char log_job_id[25], log_traceparent[56];
/* A thread that works for later requests must not name this one. */
static _Thread_local char log_request_id[33];
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

int
log_open(const char *path)
{
	int fd;

	if (strcmp(path, "-") == 0)
		return 0;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0) {
		log_msg(LOG_ERROR, "log_open", "%s: %s", path, strerror(errno));
		return -1;
	}
	log_fd = fd;
	return 0;
}

void
log_job(const char *id)
{
	pthread_mutex_lock(&log_lock);
	snprintf(log_job_id, sizeof(log_job_id), "%s", id ? id : "");
	pthread_mutex_unlock(&log_lock);
}

void
log_request(const char *id)
{
	snprintf(log_request_id, sizeof(log_request_id), "%s", id ? id : "");
}

void
log_trace(const char *traceparent)
{
	const char *t = traceparent ? traceparent : "";

	pthread_mutex_lock(&log_lock);
	snprintf(log_traceparent, sizeof(log_traceparent), "%s",
	    t[strspn(t, "0123456789abcdef-")] == '\0' ? t : "");
	pthread_mutex_unlock(&log_lock);
}

/* The head of a line up to its own fields. */
static size_t
line_head(char *line, size_t cap, enum log_level level, const char *op)
{
	static const char *const names[] = { "error", "warn", "info" };
	char at[TIMESTAMP_SIZE];
	bool traced;
	int n;

	timestamp_format(clock_real_ms(), at);
	pthread_mutex_lock(&log_lock);
	/* A thread that serves neither the job nor a request is in no trace. */
	traced = log_traceparent[0] != '\0' &&
	    (log_job_id[0] != '\0' || log_request_id[0] != '\0');
	n = snprintf(line, cap, "time=%s level=%s%s%s%s%s%s%s op=%s ", at,
	    names[level], log_request_id[0] ? " request=" : "", log_request_id,
	    log_job_id[0] ? " job=" : "", log_job_id,
	    traced ? " traceparent=" : "", traced ? log_traceparent : "", op);
	pthread_mutex_unlock(&log_lock);
	return n < 0 ? 0 : (size_t)n;
}

static void
line_write(const char *line, size_t len)
{
	/* A log that cannot be written must not end the service. */
	if (write(log_fd, line, len) < 0)
		return;
}

/* Append text, up to cap: quote, backslash and control bytes escaped. */
static size_t
put_escaped(char *line, size_t len, size_t cap, const char *text)
{
	for (; *text != '\0' && len < cap - 8; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			line[len++] = '\\';
			line[len++] = (char)c;
		} else if (c < 0x20 || c == 0x7f) {
			len += (size_t)snprintf(line + len, 5, "\\x%02x", c);
		} else {
			line[len++] = (char)c;
		}
	}
	return len;
}

const char *
log_quote(const char *text, char *to, size_t size)
{
	size_t len;

	to[0] = '"';
	len = put_escaped(to, 1, size, text);
	to[len++] = '"';
	to[len] = '\0';
	return to;
}

void
log_msg(enum log_level level, const char *op, const char *fmt, ...)
{
	char text[LOG_LINE_BYTES / 2], line[LOG_LINE_BYTES];
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	len = line_head(line, sizeof(line) / 2, level, op);
	memcpy(line + len, "msg=\"", 5);
	len = put_escaped(line, len + 5, sizeof(line), text);
	line[len++] = '"';
	line[len++] = '\n';
	line_write(line, len);
}

void
log_fields(enum log_level level, const char *op, const char *fmt, ...)
{
	char line[LOG_LINE_BYTES];
	va_list ap;
	size_t len;
	int n;

	len = line_head(line, sizeof(line) / 2, level, op);
	va_start(ap, fmt);
	n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	va_end(ap);
	if (n > 0)
		len += (size_t)n < sizeof(line) - len - 1 ? (size_t)n :
		    sizeof(line) - len - 2;
	line[len++] = '\n';
	line_write(line, len);
}
