/* lib/base/log: one event is one line, whatever foreign text is in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "t/tap.h"

/* Longer than any line that is written. */
#define LONG 9000
/* "time=2018-12-01T00:00:00.000Z " */
#define TIME_LEN 30

static FILE *logged;

/* What was written since the last call, without the time; it is one line. */
static const char *
last_line(void)
{
	static char text[4 * LONG];
	size_t n;

	n = fread(text, 1, sizeof(text) - 1, logged);
	clearerr(logged);
	text[n] = '\0';
	if (n < TIME_LEN || strncmp(text, "time=", 5) != 0 ||
	    strlen(text) != n || strchr(text, '\n') != text + n - 1)
		return "not one line";
	text[n - 1] = '\0';
	return text + TIME_LEN;
}

static void
test_escapes(void)
{
	static const struct {
		const char *text, *line;
	} table[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "two\nlines", "two\\x0alines" },
		{ "\r\n\t", "\\x0d\\x0a\\x09" },
		{ "a \x1b[31mred\x1b[0m word", "a \\x1b[31mred\\x1b[0m word" },
		{ "\x01\x1f\x7f", "\\x01\\x1f\\x7f" },
		{ "\"quoted\"", "\\\"quoted\\\"" },
		{ "back\\slash \\", "back\\\\slash \\\\" },
		{ "\" op=done msg=\"", "\\\" op=done msg=\\\"" },
		{ "x\ntime=2018-12-01T00:00:00.000Z level=error op=lie",
		    "x\\x0atime=2018-12-01T00:00:00.000Z level=error op=lie" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
	};
	char expected[512];
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		log_msg(LOG_ERROR, "s3", "S3: %s", table[i].text);
		snprintf(expected, sizeof(expected),
		    "level=error op=s3 msg=\"S3: %s\"", table[i].line);
		is_str(last_line(), expected, "%s", table[i].text);
	}
}

/* Cut, but still one line with its quotation mark. */
static void
test_long(char c, const char *name)
{
	char *text = malloc(LONG + 1);
	const char *line;
	size_t n;

	memset(text, c, LONG);
	text[LONG] = '\0';
	log_msg(LOG_INFO, "long", "%s", text);
	line = last_line();
	n = strlen(line);
	ok(strncmp(line, "level=info op=long msg=\"", 24) == 0 &&
	    n > 1000 && line[n - 1] == '"' && TIME_LEN + n < 4096,
	    "%s: cut to one line of %zu bytes", name, n);
	free(text);
}

static void
test_heads(void)
{
	log_job("0123456789abcdef01234567");
	log_fields(LOG_INFO, "done", "rows=%d", 3);
	is_str(last_line(),
	    "level=info job=0123456789abcdef01234567 op=done rows=3",
	    "the job is in the line");
	log_request("r1");
	log_msg(LOG_WARN, "reply", "x");
	is_str(last_line(), "level=warn request=r1 "
	    "job=0123456789abcdef01234567 op=reply msg=\"x\"",
	    "so is the request");
	log_job("0123456789abcdef012345678");
	log_request(NULL);
	log_msg(LOG_WARN, "reply", "x");
	is_str(last_line(),
	    "level=warn job=0123456789abcdef01234567 op=reply msg=\"x\"",
	    "24 bytes of the job's id");
	log_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	log_fields(LOG_INFO, "done", "rows=%d", 3);
	is_str(last_line(), "level=info job=0123456789abcdef01234567 "
	    "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 "
	    "op=done rows=3", "the trace");
	log_job(NULL);
	log_trace("00 op=lie");
	log_fields(LOG_INFO, "done", "rows=%d", 3);
	is_str(last_line(), "level=info op=done rows=3", "other characters: no trace");
	log_trace(NULL);
	log_fields(LOG_INFO, "stop", "pid=%d", 1);
	is_str(last_line(), "level=info op=stop pid=1", "neither any more");
}

static void
test_quote(void)
{
	char to[24];

	log_fields(LOG_INFO, "created", "owner=%s",
	    log_quote("a\"b\\\n\xc3\xa9", to, sizeof(to)));
	is_str(last_line(), "level=info op=created owner=\"a\\\"b\\\\\\x0a\xc3\xa9\"",
	    "a quoted value");
	is_str(log_quote("", to, sizeof(to)), "\"\"", "of nothing");
	is_str(log_quote("0123456789012345678901234567", to, sizeof(to)),
	    "\"012345678901234\"", "as much as fits");
}

int
main(void)
{
	char path[] = "/tmp/log.t.XXXXXX";
	const int fd = mkstemp(path);

	if (fd < 0 || log_open(path) != 0 ||
	    (logged = fdopen(fd, "r")) == NULL)
		return !ok(0, "a file for the log: %s", path);
	test_escapes();
	test_long('x', "a long text");
	test_long('\n', "a long text of newlines");
	test_long('"', "a long text of quotation marks");
	test_heads();
	test_quote();
	fclose(logged);
	unlink(path);
	return done_testing();
}
