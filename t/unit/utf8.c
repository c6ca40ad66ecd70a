#include "lib/base/utf8.h"

#include <stdlib.h>

#include "t/tap.h"

/* The first character of bytes: its length, or 0. */
static const struct {
	const char *bytes;
	size_t len;
	size_t expected;
} rows[] = {
	{ "", 0, 0 },
	{ "a", 1, 1 },
	{ "ab", 2, 1 },
	{ "\0", 1, 1 },
	{ "\x7f", 1, 1 },
	{ "\x80", 1, 0 },
	{ "\xbf", 1, 0 },
	/* two bytes: U+0080 to U+07FF */
	{ "\xc2\x80", 2, 2 },
	{ "\xdf\xbf", 2, 2 },
	{ "\xdf\xbf", 1, 0 },
	{ "\xc2\x7f", 2, 0 },
	{ "\xc2\xc0", 2, 0 },
	{ "\xc2 ", 2, 0 },
	{ "\xc3\xa9x", 3, 2 },
	/* not the shortest form */
	{ "\xc0\x80", 2, 0 },
	{ "\xc0\xaf", 2, 0 },
	{ "\xc1\xbf", 2, 0 },
	{ "\xe0\x80\x80", 3, 0 },
	{ "\xe0\x9f\xbf", 3, 0 },
	{ "\xf0\x80\x80\x80", 4, 0 },
	{ "\xf0\x8f\xbf\xbf", 4, 0 },
	/* three bytes: U+0800 to U+FFFF without surrogates */
	{ "\xe0\xa0\x80", 3, 3 },
	{ "\xe2\x82\xac", 3, 3 },
	{ "\xe2\x82\xac", 2, 0 },
	{ "\xe2\x82\xac", 1, 0 },
	{ "\xe2\x82" "a", 3, 0 },
	{ "\xe2" "aa", 3, 0 },
	{ "\xec\xbf\xbf", 3, 3 },
	{ "\xed\x9f\xbf", 3, 3 },
	{ "\xed\xa0\x80", 3, 0 },
	{ "\xed\xad\xbf", 3, 0 },
	{ "\xed\xbf\xbf", 3, 0 },
	{ "\xee\x80\x80", 3, 3 },
	{ "\xef\xbb\xbf", 3, 3 },
	{ "\xef\xbf\xbd", 3, 3 },
	{ "\xef\xbf\xbe", 3, 3 },
	{ "\xef\xbf\xbf", 3, 3 },
	/* four bytes: U+10000 to U+10FFFF */
	{ "\xf0\x90\x80\x80", 4, 4 },
	{ "\xf0\x9f\x9a\x97", 4, 4 },
	{ "\xf0\x9f\x9a\x97", 3, 0 },
	{ "\xf0\x9f\x9a\x97", 2, 0 },
	{ "\xf0\x9f\x9a" "a", 4, 0 },
	{ "\xf3\xbf\xbf\xbf", 4, 4 },
	{ "\xf4\x8f\xbf\xbf", 4, 4 },
	{ "\xf4\x90\x80\x80", 4, 0 },
	{ "\xf5\x80\x80\x80", 4, 0 },
	{ "\xf7\xbf\xbf\xbf", 4, 0 },
	{ "\xf8\x88\x80\x80\x80", 5, 0 },
	{ "\xfc\x84\x80\x80\x80\x80", 6, 0 },
	{ "\xfe", 1, 0 },
	{ "\xff", 1, 0 },
};

static const struct {
	const char *name;
	const char *bytes;
	size_t len;
	int expected;
} texts[] = {
	{ "nothing", "", 0, 1 },
	{ "ASCII", "speed", 5, 1 },
	{ "a NUL inside", "a\0b", 3, 1 },
	{ "all lengths", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x97" "z", 11, 1 },
	{ "Latin-1", "M\xfcnchen", 7, 0 },
	{ "the last character cut", "abc\xe2\x82", 5, 0 },
	{ "the first character cut", "\x82\xac" "abc", 5, 0 },
	{ "CESU-8", "\xed\xa0\xbd\xed\xba\x97", 6, 0 },
	{ "modified UTF-8", "a\xc0\x80" "b", 4, 0 },
	{ "a bad byte at the end", "aaaaaaaaaaaaaaa\xff", 16, 0 },
	{ "a bad byte after eight good", "aaaaaaaa\x80" "aaaaaaaa", 17, 0 },
	{ "bad bytes after len", "abc\xff", 3, 1 },
};

/* Each code point, encoded by the definition, with one byte missing too. */
static void
test_all(void)
{
	unsigned long bad = 0;
	uint32_t c;
	char b[4];
	size_t n;

	for (c = 0; c <= 0x110fff; c++) {
		int good = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);

		n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		if (n == 1) {
			b[0] = (char)c;
		} else if (n == 2) {
			b[0] = (char)(0xc0 | c >> 6);
			b[1] = (char)(0x80 | (c & 63));
		} else if (n == 3) {
			b[0] = (char)(0xe0 | c >> 12);
			b[1] = (char)(0x80 | (c >> 6 & 63));
			b[2] = (char)(0x80 | (c & 63));
		} else {
			b[0] = (char)(0xf0 | c >> 18);
			b[1] = (char)(0x80 | (c >> 12 & 63));
			b[2] = (char)(0x80 | (c >> 6 & 63));
			b[3] = (char)(0x80 | (c & 63));
		}
		if (utf8_length(b, n) != (good ? n : 0) ||
		    utf8_valid(b, n) != good || utf8_length(b, n - 1) != 0)
			bad_row(&bad, "U+%04X", (unsigned)c);
	}
	is_int((int64_t)bad, 0, "every code point, and those that are none");
}

int
main(void)
{
	char *copy;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* Nothing after it: ASan sees a byte read too much. */
		if ((copy = malloc(rows[i].len > 0 ? rows[i].len : 1)) == NULL)
			return 1;
		memcpy(copy, rows[i].bytes, rows[i].len);
		is_int((int64_t)utf8_length(copy, rows[i].len),
		    (int64_t)rows[i].expected, "row %zu", i);
		free(copy);
	}
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		is_int(utf8_valid(texts[i].bytes, texts[i].len),
		    texts[i].expected, "%s", texts[i].name);
	test_all();
	return done_testing();
}
