#include "fcgi/query.h"

#include "fcgi/etag.h"

#include <json-c/json.h>

#include "t/tap.h"

#define ALLOWED "state limit after "

static const struct {
	const char *text;
	const char *at;		/* the parameter at fault; NULL: taken */
	const char *state, *limit, *after;
} rows[] = {
	{ "", NULL, NULL, NULL, NULL },
	{ "limit=5", NULL, NULL, "5", NULL },
	{ "limit=", NULL, NULL, "", NULL },
	{ "after=b&state=a&limit=c", NULL, "a", "c", "b" },
	{ "st%61te=%41%c3%a4+b%2bc", NULL, "A\xc3\xa4 b+c", NULL, NULL },
	{ "state=a=b==", NULL, "a=b==", NULL, NULL },
	{ "state=%26limit=1", NULL, "&limit=1", NULL, NULL },
	{ "limit", "limit", NULL, NULL, NULL },
	{ "limit=1&limit=1", "limit", NULL, NULL, NULL },
	{ "Limit=1", "Limit", NULL, NULL, NULL },
	{ "lim=1", "lim", NULL, NULL, NULL },
	{ "limit =1", "limit ", NULL, NULL, NULL },
	{ "state limit=1", "state limit", NULL, NULL, NULL },
	{ "state=1&what%5b=2", "what[", NULL, NULL, NULL },
	{ "&", "", NULL, NULL, NULL },
	{ "limit=1&", "", NULL, NULL, NULL },
	{ "=1", "", NULL, NULL, NULL },
	{ "limit=%", "limit", NULL, NULL, NULL },
	{ "limit=%4", "limit", NULL, NULL, NULL },
	{ "limit=%4g", "limit", NULL, NULL, NULL },
	{ "limit=%g4", "limit", NULL, NULL, NULL },
	{ "limit=%00", "limit", NULL, NULL, NULL },
	{ "limit=%0a", "limit", NULL, NULL, NULL },
	{ "limit=\x7f", "limit", NULL, NULL, NULL },
	{ "limit=%ff", "limit", NULL, NULL, NULL },
	{ "limit=%ed%a0%80", "limit", NULL, NULL, NULL },
	{ "%ff=1", "", NULL, NULL, NULL },
};

static int
same(const char *got, const char *want)
{
	return want == NULL ? got == NULL :
	    got != NULL && strcmp(got, want) == 0;
}

static void
check_rows(void)
{
	struct query q;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rc = query_parse(rows[i].text, ALLOWED, &q);
		if (rows[i].at != NULL)
			ok(rc == -1 && strcmp(q.at, rows[i].at) == 0 &&
			    q.fault != NULL, "refused: '%s'", rows[i].text);
		else
			ok(rc == 0 && same(query_value(&q, "state"),
			    rows[i].state) &&
			    same(query_value(&q, "limit"), rows[i].limit) &&
			    same(query_value(&q, "after"), rows[i].after),
			    "'%s'", rows[i].text);
	}
}

static void
check_ends(void)
{
	char text[QUERY_MAX + 2];
	struct query q;

	memset(text, 'a', sizeof(text));
	memcpy(text, "limit=", 6);
	text[QUERY_MAX] = '\0';
	ok(query_parse(text, ALLOWED, &q) == 0 &&
	    strlen(query_value(&q, "limit")) == QUERY_MAX - 6,
	    "a query of QUERY_MAX");
	text[QUERY_MAX] = 'a';
	text[QUERY_MAX + 1] = '\0';
	ok(query_parse(text, ALLOWED, &q) == -1, "refused: a byte more");
	ok(query_parse("a=1&b=2&c=3&d=4", "a b c d e ", &q) == 0,
	    "QUERY_PARAMETERS_MAX parameters");
	ok(query_parse("a=1&b=2&c=3&d=4&e=5", "a b c d e ", &q) == -1,
	    "refused: one more");
	ok(query_parse("a=1", "", &q) == -1 && strcmp(q.at, "a") == 0,
	    "refused: any, where none is taken");
}

static const struct {
	const char *header;
	int matches;
} tags[] = {
	{ "W/\"abc\"", 1 }, { "\"abc\"", 1 }, { "*", 1 }, { " * ", 1 },
	{ "\"x\", W/\"abc\"", 1 }, { "W/\"x\",W/\"y\",\"abc\"", 1 },
	{ "\t\"abc\" ", 1 },
	{ "", 0 }, { "abc", 0 }, { "\"ab\"", 0 }, { "\"abcd\"", 0 },
	{ "\"ABC\"", 0 }, { "\"abc", 0 }, { "**", 0 }, { "*, \"x\"", 0 },
	{ "W\"abc\"", 0 }, { "w/\"abc\"", 0 }, { "\"x\"; \"abc\"", 0 },
};

static void
check_tags(void)
{
	struct json_object *o = json_object_new_object();
	char a[ETAG_SIZE], b[ETAG_SIZE];
	size_t i;

	for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		ok(etag_matches(tags[i].header, "W/\"abc\"") ==
		    tags[i].matches, "%s: %s", tags[i].matches ? "it" :
		    "not it", tags[i].header);
	etag_of(o, 1, a);
	etag_of(o, 1, b);
	ok(strcmp(a, b) == 0 && etag_matches(a, b), "the same, the same tag");
	etag_of(o, 2, b);
	ok(!etag_matches(a, b), "another salt, another tag");
	json_object_object_add(o, "a", json_object_new_int(1));
	etag_of(o, 1, b);
	ok(!etag_matches(a, b), "another member, another tag");
	etag_of(NULL, 1, b);
	ok(!etag_matches(b, b) && !etag_matches("*", b),
	    "the tag of nothing matches nothing");
	json_object_put(o);
}

int
main(void)
{
	check_rows();
	check_ends();
	check_tags();
	return done_testing();
}
