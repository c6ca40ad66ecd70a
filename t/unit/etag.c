/*
 * Entity-tags of answers: any change of an answer gives another tag, or a client that
 * polls would be answered 304 for ever.
 */
#include "fcgi/etag.h"

#include <json-c/json.h>

#include "t/tap.h"

/* A running job, then the same with one member changed, each in its place. */
#define JOB(state, points, error, eta) \
	"{\"_id\":\"5c00a1b2c3d4e5f601234567\",\"startDate\":\"2018-11-30T00:00:00.000Z\"," \
	"\"state\":\"" state "\",\"vehicles\":[\"vehicle_001\",\"vehicle_002\"]," \
	"\"progress\":{\"phase\":\"exporting\",\"documents\":4,\"points\":" points "}," \
	error "\"eta\":\"2018-12-01T00:00:0" eta ".000Z\"}"
/* A page, whose last lines are far from the front. */
#define LINE(n) "{\"_id\":\"5c00a1b2c3d4e5f60123456" n "\",\"state\":\"FINISHED\",\"size\":123456}"
#define PAGE(last, next) "{\"exports\":[" LINE("0") "," LINE("1") "," LINE("2") "," \
	LINE("3") "," LINE("4") "," LINE("5") "," LINE("6") "," LINE("7") "," last "]" next "}"

static const struct {
	const char *what, *text;
	int64_t salt;
} answers[] = {
	{ "a job", JOB("STARTED", "7", "", "1"), 0 },
	{ "its state", JOB("FAILED", "7", "", "1"), 0 },
	{ "its progress", JOB("STARTED", "8", "", "1"), 0 },
	{ "its error", JOB("STARTED", "7", "\"error\":{\"code\":\"c\"},", "1"), 0 },
	{ "its eta, the last member", JOB("STARTED", "7", "", "2"), 0 },
	{ "the salt", JOB("STARTED", "7", "", "1"), 1 },
	{ "another salt", JOB("STARTED", "7", "", "1"), INT64_C(1) << 40 },
	{ "a list", PAGE(LINE("8"), ""), 0 },
	{ "its last line", PAGE(LINE("9"), ""), 0 },
	{ "one line more", PAGE(LINE("8") "," LINE("9"), ""), 0 },
	{ "its next", PAGE(LINE("8"), ",\"next\":\"5c00a1b2c3d4e5f601234568\""), 0 },
	{ "its next, another", PAGE(LINE("8"), ",\"next\":\"5c00a1b2c3d4e5f601234569\""), 0 },
	{ "a number at the end", "{\"size\":1}", 0 },
	{ "another", "{\"size\":2}", 0 },
	{ "nothing in it", "{\"exports\":[]}", 0 },
};
#define NANSWERS (sizeof(answers) / sizeof(answers[0]))

static void
tag_of(const char *text, int64_t salt, char tag[ETAG_SIZE])
{
	struct json_object *o = json_tokener_parse(text);

	etag_of(o, salt, tag);
	json_object_put(o);
}

static void
test_of(void)
{
	char tags[NANSWERS][ETAG_SIZE], again[ETAG_SIZE];
	size_t i, k, same;

	for (i = 0; i < NANSWERS; i++) {
		tag_of(answers[i].text, answers[i].salt, tags[i]);
		for (same = k = 0; k < i; k++)
			same += strcmp(tags[i], tags[k]) == 0;
		ok(same == 0, "a tag of its own: %s", answers[i].what);
		ok(strncmp(tags[i], "W/\"", 3) == 0 && strlen(tags[i]) == 36 &&
		    strspn(tags[i] + 3, "0123456789abcdef") == 32,
		    "of 128 bits, weak");
	}
	tag_of(answers[0].text, answers[0].salt, again);
	is_str(again, tags[0], "the same answer has the same tag");
	etag_of(NULL, 0, again);
	ok(!etag_matches(again, again) && !etag_matches("*", again),
	    "that of no answer matches nothing");
}

#define TAG "W/\"0123456789abcdef\""
static const struct {
	const char *header;
	bool matches;
} headers[] = {
	{ TAG, true },
	{ "\"0123456789abcdef\"", true },	/* weak comparison */
	{ "*", true },
	{ " * ", true },
	{ "\"a\", " TAG, true },
	{ "\"a\",W/\"b\" ,\t" TAG " , \"c\"", true },
	{ "\"a,\\\"\"," TAG, false },		/* a tag ends at its quote */
	{ "", false },
	{ "W/", false },
	{ "w/\"0123456789abcdef\"", false },
	{ "0123456789abcdef", false },
	{ "\"0123456789abcde\"", false },
	{ "\"0123456789abcdef0\"", false },
	{ "\"0123456789abcdef", false },
	{ "\"\"", false },
	{ "* " TAG, false },
	{ "x" TAG, false },
};

static void
test_matches(void)
{
	size_t i;

	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		ok(etag_matches(headers[i].header, TAG) == headers[i].matches,
		    "If-None-Match: %s", headers[i].header);
}

int
main(void)
{
	test_of();
	test_matches();
	return done_testing();
}
