#include "lib/base/baseurl.h"

#include <stdlib.h>
#include <string.h>

#include "t/tap.h"

/* out: NULL: refused; fault: what the refusal has in it. */
static const struct {
	const char *text;
	bool path;
	const char *out, *fault;
} rows[] = {
	{ "http://h", false, "http://h", NULL },
	{ "http://h:8333", false, "http://h:8333", NULL },
	{ "https://h.example.org", false, "https://h.example.org", NULL },
	/* the scheme's own port, and the other's */
	{ "http://h:80", false, "http://h", NULL },
	{ "https://h:443", false, "https://h", NULL },
	{ "http://h:443", false, "http://h:443", NULL },
	{ "https://h:80", false, "https://h:80", NULL },
	{ "http://h:", false, "http://h", NULL },
	{ "http://h:080", false, "http://h", NULL },
	{ "http://h:08333", false, "http://h:8333", NULL },
	/* case, slashes */
	{ "HTTP://Host.Example:80", false, "http://host.example", NULL },
	{ "hTTps://HOST:443/", false, "https://host", NULL },
	{ "http://h/", false, "http://h", NULL },
	{ "http://h:9000///", false, "http://h:9000", NULL },
	/* addresses */
	{ "http://127.0.0.1:8333/", false, "http://127.0.0.1:8333", NULL },
	{ "http://[::1]:80", false, "http://[::1]", NULL },
	{ "http://[2001:DB8::1]:9000", false, "http://[2001:db8::1]:9000", NULL },
	/* paths */
	{ "https://h/telemetry", true, "https://h/telemetry", NULL },
	{ "https://H/Telemetry//", true, "https://h/Telemetry", NULL },
	{ "https://h/a/./b/../c/", true, "https://h/a/c", NULL },
	{ "https://h", true, "https://h", NULL },
	{ "https://h/", true, "https://h", NULL },
	{ "https://h/telemetry", false, NULL, "a path" },
	/* what cannot be appended to */
	{ "https://h?x=1", false, NULL, "a query" },
	{ "https://h/a?x", true, NULL, "a query" },
	{ "https://h/a#b", true, NULL, "a fragment" },
	{ "https://u:p@h", false, NULL, "a user" },
	{ "https://u@h", false, NULL, "a user" },
	{ "http://[fe80::1%25eth0]", false, NULL, "a zone" },
	/* not such a URL */
	{ "", false, NULL, "no http" },
	{ "h", false, NULL, "no http" },
	{ "h:80", false, NULL, "http" },
	{ "//h", false, NULL, "no http" },
	{ "/a", true, NULL, "no http" },
	{ "http://", false, NULL, "no http" },
	{ "http:///a", true, NULL, "no http" },
	{ "http://h:x", false, NULL, "no http" },
	{ "http://h:65536", false, NULL, "no http" },
	{ "http://h:-1", false, NULL, "no http" },
	{ "http://h:0", false, NULL, "port 0" },
	{ "http://h h", false, NULL, "no http" },
	{ "http://[::1", false, NULL, "no http" },
	{ "ftp://h", false, NULL, "no http" },
	{ "file:///etc/passwd", true, NULL, "no http" },
	{ "http://h\xc3\xa4", false, NULL, "not ASCII" },
};

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *out = NULL;
		const char *fault = baseurl_normalise(rows[i].text, rows[i].path,
		    &out);

		is_str(fault == NULL ? out : NULL, rows[i].out, "%s", rows[i].text);
		if (rows[i].fault != NULL)
			ok(fault != NULL && strstr(fault, rows[i].fault) != NULL,
			    "%s: why: %s", rows[i].text, fault ? fault : "");
		free(out);
	}
	return done_testing();
}
