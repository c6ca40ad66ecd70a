#include "lib/base/jsonstrict.h"

#include <stdlib.h>

#include "t/tap.h"

/* Texts of RFC 8259, and the members of the outermost object. */
static const struct {
	const char *text;
	size_t members;
} taken[] = {
	{ "{}", 0 },
	{ "[]", 0 },
	{ "null", 0 },
	{ "true", 0 },
	{ "false", 0 },
	{ "0", 0 },
	{ "-0", 0 },
	{ "\"\"", 0 },
	{ "\"a\"", 0 },
	{ " \t\r\n{ \t\r\n} \t\r\n", 0 },
	{ "{\"a\":1}", 1 },
	{ "{\"a\":1,\"b\":2}", 2 },
	{ "{ \"a\" : 1 , \"b\" : [ 1 , 2 ] }", 2 },
	/* each of two equal members counts, those inside do not */
	{ "{\"a\":1,\"a\":1}", 2 },
	{ "{\"a\":1,\"a\":2,\"a\":3}", 3 },
	{ "{\"a\":1,\"\\u0061\":2}", 2 },
	{ "{\"a\":{\"b\":1,\"c\":2},\"d\":[{\"e\":1}]}", 2 },
	{ "[{\"a\":1,\"b\":2}]", 0 },
	{ "{\"\":0}", 1 },
	{ "{\"a\":{}}", 1 },
	{ "{\"a\":[],\"b\":[[]]}", 2 },
	/* numbers */
	{ "[0,-0,1,-1,10,123456789012345678901234567890]", 0 },
	{ "[0.0,0.5,-0.5,1.5,10.25,0.000000000000000000000000001]", 0 },
	{ "[0e0,0E0,1e1,1E1,1e+1,1e-1,1E+01,1e00,1.5e300,1e400,-1e-400]", 0 },
	/* strings */
	{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", 0 },
	{ "\"\\u0001\\u001f\\u007f\\u00e9\\uFFFF\\uabCD\"", 0 },
	{ "\"\\ud83d\\ude97\"", 0 },
	{ "\"\\uD800\\uDC00\\uDBFF\\uDFFF\"", 0 },
	{ "\"\\ud7ff\\ue000\"", 0 },
	{ "\"/ ' \x7f\"", 0 },
	{ "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x97\"", 0 },
	{ "\"\xe2\x80\xa8\xe2\x80\xa9\"", 0 },
	{ "\"\xef\xbb\xbf\"", 0 },
	{ "{\"\\u00e9\":1,\"\xc3\xa9\":2}", 2 },
	{ "\"\\\\u0000\"", 0 },
	{ "\"\\\\ud800\"", 0 },
	/* as deep as is taken: 8 */
	{ "[[[[[[[[]]]]]]]]", 0 },
	{ "[[[[[[[[1]]]]]]],2]", 0 },
	{ "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}", 1 },
	{ "{\"a\":[{\"a\":[{\"a\":[{\"a\":[]}]}]}],\"b\":1}", 2 },
	{ "[[[[[[[[]]]]]]],[[[[[[[]]]]]]]]", 0 },
};

static const char *const refused[] = {
	"", " ", "\n",
	/* literals */
	"n", "nul", "nulll", "Null", "NULL", "True", "TRUE", "tru", "truee",
	"FALSE", "falsey", "undefined", "nan", "NaN", "Infinity", "-Infinity",
	"[NaN]", "[-NaN]", "[Infinity]", "[-inf]", "[nan]", "[truefalse]",
	"true false", "nu ll",
	/* numbers */
	"+1", "-", "--1", "- 1", "01", "00", "-01", "-00", "1.", "-1.", ".5",
	"-.5", "1.e1", "1.5.", "1..5", "1e", "1e+", "1e-", "1E", "1e1.5",
	"1e++1", "1e 1", "1 e1", "1 .5", "0x10", "0X1F", "1_000", "1,000",
	"1L", "1f", "1 2", "[1 2]", "[-]", "[1.]", "[01]", "[1e]", "[0e]",
	"[+1]", "[.1]", "[0.e1]", "[1eE2]", "[0x1]", "[012]", "[-012]",
	"[1a]", "\xd9\xa1", "\xef\xbc\x91",
	/* strings */
	"\"", "\"a", "a", "a\"", "'a'", "[a]", "['a']", "\"\\\"", "\"\\",
	"\"\\x41\"", "\"\\a\"", "\"\\v\"", "\"\\0\"", "\"\\'\"", "\"\\ \"",
	"\"\\N\"", "\"\\T\"", "\"\\U0041\"", "\"\\\n\"", "\"\\\xc3\xa9\"",
	"\"\\u\"", "\"\\u0\"", "\"\\u00\"", "\"\\u004\"", "\"\\u004g\"",
	"\"\\u 041\"", "\"\\u+041\"", "\"\\u-041\"", "\"\\u0x41\"", "\"\\u00",
	"\"\\u{41}\"", "`a`", "\"a\"b", "\"a\" \"b\"",
	/* control characters */
	"\"\n\"", "\"\r\"", "\"\t\"", "\"\x01\"", "\"\x1f\"", "\"\x0b\"",
	"{\"\t\":1}",
	/* NUL, escaped */
	"\"\\u0000\"", "\"a\\u0000b\"", "{\"\\u0000\":1}",
	"{\"a\\u0000\":1,\"a\":1}",
	/* lone surrogates */
	"\"\\ud800\"", "\"\\uDBFF\"", "\"\\udc00\"", "\"\\uDFFF\"",
	"\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\ud800\\u0041\"",
	"\"\\ud800\\ud800\"", "\"\\udc00\\ud800\"",
	"\"\\ud800\\ud800\\udc00\"", "\"\\ud800\\udc00\\udc00\"",
	"\"\\ud800\\\"", "\"\\ud800\\u\"", "\"\\ud800\\udc0\"",
	"\"\\ud800\\\\udc00\"", "\"\\ud800 \\udc00\"", "{\"\\ud800\":1}",
	/* not UTF-8 */
	"\"\x80\"", "\"\xff\"", "\"\xc0\x80\"", "\"\xc3\"", "\"\xe2\x82\"",
	"\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf0\x9f\x9a\"",
	"\"M\xfcnchen\"", "{\"\xff\":1}",
	/* a byte order mark, other space */
	"\xef\xbb\xbf{}", "{}\xef\xbb\xbf", "\xef\xbb\xbf", "\xfe\xff",
	"\x0b{}", "{\x0c}", "{}\x0c", "\xc2\xa0{}", "{}\xc2\xa0",
	"{\xe2\x80\x83}", "\x1f{}",
	/* arrays */
	"[", "]", "[[", "[]]", "[1", "[1,", "[,", "[,]", "[,1]", "[1,]",
	"[1,,2]", "[1;2]", "[1}", "[1:2]", "[\"a\":1]", "[1,\n", "[] []",
	"[],", ",[]", "(1)", "[...]",
	/* objects */
	"{", "}", "{}}", "{]", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,}",
	"{,}", "{,\"a\":1}", "{\"a\":1,,\"b\":2}", "{\"a\" 1}", "{\"a\",1}",
	"{\"a\"::1}", "{\"a\":1 \"b\":2}", "{\"a\":1;\"b\":2}", "{a:1}",
	"{'a':1}", "{1:1}", "{null:1}", "{true:1}", "{[]:1}", "{{}:1}",
	"{\"a\":1]", "{\"a\"=1}", "{\"a\"=>1}", "{} {}", "{}{}", "{},", "{}x",
	"{}1", "{}\"\"", "{:1}", "{\"a\":1,\"b\"}", "{\"a\":a}", "{\"a\":'b'}",
	/* comments */
	"/**/{}", "{}/**/", "{/**/}", "//\n{}", "{}//", "{\"a\":/**/1}",
	"#\n{}", "{}#", "{\"a\":1}//x\n", "<!---->{}",
	/* too deep */
	"[[[[[[[[[]]]]]]]]]", "[[[[[[[[[",
	"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}",
	"[[[[[[[[{}]]]]]]]]", "{\"a\":[[[[[[[[]]]]]]]]}",
};

/* NUL is no end of the text. */
static const struct {
	const char *text;
	size_t len;
} with_nul[] = {
	{ "\0", 1 }, { "{}\0", 3 }, { "\0{}", 3 }, { "{\0}", 3 },
	{ "\"a\0b\"", 5 }, { "[1\0]", 4 }, { "{\"a\0\":1}", 8 },
	{ "1\0", 2 }, { "true\0", 5 }, { "{}\0garbage", 10 },
};

/* A copy without a NUL after it: ASan sees a byte read too much. */
static const char *
check(const char *text, size_t len, size_t *members)
{
	const char *wrong;
	char *copy;

	if ((copy = malloc(len > 0 ? len : 1)) == NULL)
		abort();
	memcpy(copy, text, len);
	wrong = jsonstrict_check(copy, len, members);
	free(copy);
	return wrong;
}

static void
test_prefixes(void)
{
	static const char text[] = "{\"a\":[1.5e+10,\"\\ud83d\\ude97\\n\xc3"
	    "\xa9\",true,false,null,{}],\"b\":-0}";
	unsigned long bad = 0;
	size_t members, i;

	for (i = 0; i < sizeof(text) - 1; i++) {
		if (check(text, i, &members) == NULL)
			bad_row(&bad, "taken: %.*s", (int)i, text);
	}
	is_int((int64_t)bad, 0, "no prefix of an object is a text");
	is_str(check(text, sizeof(text) - 1, &members), NULL, "the whole is");
}

static void
test_large(void)
{
	size_t members, n = 200000, i;
	char *text, *p;

	if ((text = malloc(n * 6 + 3)) == NULL)
		abort();
	memset(text, '[', n);
	ok(check(text, n, &members) != NULL, "200,000 opened arrays");
	for (i = 0; i < n; i++)
		memcpy(text + 5 * i, "{\"a\":", 5);
	ok(check(text, 5 * n, &members) != NULL, "200,000 opened objects");
	p = text;
	*p++ = '{';
	for (i = 0; i < n; i++) {
		memcpy(p, "\"a\":1,", 6);
		p += 6;
	}
	p[-1] = '}';
	members = 0;
	ok(check(text, (size_t)(p - text), &members) == NULL &&
	    members == n, "200,000 members");
	memset(text, '1', n);
	ok(check(text, n, &members) == NULL, "a number of 200,000 digits");
	memset(text, ' ', n);
	text[n - 1] = '1';
	ok(check(text, n, &members) == NULL, "200,000 spaces");
	free(text);
}

static const struct {
	const char *text, *joined;
} pairs[] = {
	{ "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"" },
	{ "\"\\uD836\\uDC00\"", "\"\xf0\x9d\xa0\x80\"" },
	{ "\"\\ud800\\udc00\\udbff\\udfff\"",
	    "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"" },
	{ "\"a\\u00e4b\\ud836\\udc00c\"",
	    "\"a\\u00e4b\xf0\x9d\xa0\x80" "c\"" },
	/* these are no escapes of surrogates */
	{ "\"\\\\ud836\\\\udc00\"", "\"\\\\ud836\\\\udc00\"" },
	{ "\"\\ud7ff\\ue000\"", "\"\\ud7ff\\ue000\"" },
	{ "\"\\n\\\"\\/\"", "\"\\n\\\"\\/\"" },
	{ "{\"\\ud83d\\ude00\":1}", "{\"\xf0\x9f\x98\x80\":1}" },
	{ "1", "1" },
};

static void
test_pairs(void)
{
	size_t i, n, len, members;
	char *out;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		len = strlen(pairs[i].text);
		/* Of just that size, so that a byte more would be seen. */
		if ((out = malloc(len)) == NULL)
			abort();
		n = jsonstrict_join(pairs[i].text, len, out);
		ok(check(pairs[i].text, len, &members) == NULL &&
		    n == strlen(pairs[i].joined) &&
		    memcmp(out, pairs[i].joined, n) == 0, "joined: %s",
		    pairs[i].text);
		free(out);
	}
}

int
main(void)
{
	const char *wrong;
	size_t members, i;

	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		members = 12345;
		wrong = check(taken[i].text, strlen(taken[i].text), &members);
		if (!ok(wrong == NULL && members == taken[i].members,
		    "taken: %s", taken[i].text))
			diag("'%s', %zu members", wrong != NULL ? wrong :
			    "none", members);
	}
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		wrong = check(refused[i], strlen(refused[i]), &members);
		ok(wrong != NULL && wrong[0] != '\0', "refused: %s",
		    refused[i]);
	}
	for (i = 0; i < sizeof(with_nul) / sizeof(with_nul[0]); i++)
		ok(check(with_nul[i].text, with_nul[i].len, &members) != NULL,
		    "refused: a NUL, %zu", i);
	test_prefixes();
	test_large();
	test_pairs();
	return done_testing();
}
