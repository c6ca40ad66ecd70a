/* traceparent_parse(): what W3C Trace Context calls valid, and nothing else. */
#include "fcgi/traceparent.h"

#include "t/tap.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"
#define GOOD "00-" TRACE "-" PARENT "-01"
#define ZEROS "0000000000000000"

static const struct {
	const char *text;
	const char *expected;
} rows[] = {
	{ GOOD, GOOD },
	{ "00-" TRACE "-" PARENT "-00", "00-" TRACE "-" PARENT "-00" },
	{ "00-" TRACE "-" PARENT "-ff", "00-" TRACE "-" PARENT "-ff" },
	/* A later version is read as far as 00 goes. */
	{ "01-" TRACE "-" PARENT "-01", GOOD },
	{ "cc-" TRACE "-" PARENT "-01-what the future holds", GOOD },
	{ "cc-" TRACE "-" PARENT "-01.what", "" },
	{ "ff-" TRACE "-" PARENT "-01", "" },
	{ "", "" },
	{ "0", "" },
	{ "00", "" },
	{ "00-", "" },
	{ "00-" TRACE, "" },
	{ "00-" TRACE "-" PARENT, "" },
	{ "00-" TRACE "-" PARENT "-", "" },
	{ "00-" TRACE "-" PARENT "-1", "" },
	{ GOOD "-", "" },
	{ GOOD "1", "" },
	{ GOOD " ", "" },
	{ " " GOOD, "" },
	{ GOOD ", " GOOD, "" },
	{ "00-" ZEROS ZEROS "-" PARENT "-01", "" },
	{ "00-" TRACE "-" ZEROS "-01", "" },
	{ "00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01", "" },
	{ "00-0af7651916cd43dd8448eb211c80319-" PARENT "-01", "" },
	{ "00-" TRACE "0-" PARENT "-01", "" },
	{ "00-" TRACE "-b7ad6b716920333g-01", "" },
	{ "00_" TRACE "-" PARENT "-01", "" },
	{ "00-" TRACE "-" PARENT "-01\n op=lie", "" },
};

int
main(void)
{
	char got[TRACEPARENT_SIZE];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ok(traceparent_parse(rows[i].text, got) ==
		    (rows[i].expected[0] != '\0'), "%s: valid or not", rows[i].text);
		is_str(got, rows[i].expected, "%s: what is kept", rows[i].text);
	}
	return done_testing();
}
