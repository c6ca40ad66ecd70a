/* Blocks inflate to their text and depend on it only; codes are complete. */
#include "worker/engine/deflate/textdeflate.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "t/tap.h"
#include "t/unit/draw.h"
#include "t/unit/inflate.h"
#include "worker/engine/deflate/huffman.h"

#define TEXT_MAX ((size_t)2 * 1024 * 1024)

static struct textdeflate *z;

/*
 * The block of a text, made twice, in memory that ends with it: nothing is read
 * past its end or written past the bound, and neither address nor history
 * matters. Returns its size, 0 when something was wrong.
 */
static size_t
block(const uint8_t *text, size_t len)
{
	const size_t bound = textdeflate_bound(len);
	uint8_t *exact = malloc(len + 1), *odd = malloc(len + 64);
	uint8_t *first = malloc(bound), *second = malloc(bound);
	size_t size, shift = draw(63), n;
	int good;

	if (exact == NULL || odd == NULL || first == NULL || second == NULL)
		abort();
	memcpy(exact + 1, text, len);
	memcpy(odd + shift, text, len);
	size = textdeflate_block(z, exact + 1, len, first);
	n = textdeflate_block(z, (const uint8_t *)"1,2,3\n1,2,4\n", 12, second);
	good = inflates(second, n, (const uint8_t *)"1,2,3\n1,2,4\n", 12);
	n = textdeflate_block(z, odd + shift, len, second);
	good = good && size <= bound && size >= 5 && n == size &&
	    memcmp(first, second, n) == 0 &&
	    memcmp(first + n - 4, "\0\0\xff\xff", 4) == 0 &&
	    (first[0] & 1) == 0 && inflates(first, size, text, len);
	free(exact);
	free(odd);
	free(first);
	free(second);
	return good ? size : 0;
}

/* Rows of this many columns; per_mille of the cells have a value. */
static size_t
write_rows(char *to, size_t room, unsigned columns, int per_mille)
{
	uint64_t t_ms = 1543536000000 + draw(1000000);
	size_t n = 0;
	unsigned i;

	while (n + 100 + 40 * (size_t)columns < room) {
		t_ms += 1 + draw(100);
		n += (size_t)sprintf(to + n, "%llu", (unsigned long long)t_ms);
		for (i = 0; i < columns; i++) {
			to[n++] = ',';
			if (draw(1000) < (uint64_t)per_mille)
				n += (size_t)sprintf(to + n, "%g",
				    (double)(draw(1000) + i * 1000) / 8);
		}
		to[n++] = '\n';
	}
	return n;
}

static void
test_texts(uint8_t *text)
{
	unsigned long bad = 0;
	size_t len, i;

	ok(block(text, 0) > 0, "nothing");
	for (i = 0; i < 256; i++) {
		text[0] = (uint8_t)i;
		if (block(text, 1) == 0)
			bad_row(&bad, "byte %zu", i);
	}
	ok(bad == 0, "one byte");
	memset(text, ',', TEXT_MAX);
	ok(block(text, TEXT_MAX) > 0, "2 MiB of commas");
	memset(text, '7', TEXT_MAX);
	ok(block(text, TEXT_MAX) > 0, "2 MiB of sevens");
	for (i = 0; i < TEXT_MAX; i++)
		text[i] = (uint8_t)draw(256);
	len = block(text, TEXT_MAX);
	ok(len > 0 && len < TEXT_MAX + TEXT_MAX / 100,
	    "2 MiB of noise grow by less than a hundredth");
	for (i = 0; i < TEXT_MAX; i++)
		text[i] = i % 2 ? ',' : '1';
	len = block(text, TEXT_MAX);
	ok(len > 0 && len < TEXT_MAX / 50,
	    "an edge at each byte, all alike: %zu bytes", len);
	for (i = 0; i < TEXT_MAX; i++)
		text[i] = i % 2 ? ',' : (uint8_t)('-' + draw(80));
	ok(block(text, TEXT_MAX) > 0, "an edge at each byte");
	/* The sample has nothing in common with the rest. */
	memset(text, '1', TEXT_MAX / 4);
	for (i = TEXT_MAX / 4; i < TEXT_MAX; i++)
		text[i] = (uint8_t)draw(256);
	ok(block(text, TEXT_MAX) > 0, "a sample unlike the rest");
}

/* Long gaps and values at, before and after each edge of a window. */
static void
test_windows(uint8_t *text)
{
	const size_t window = 16 * 1024;
	unsigned long bad = 0;
	size_t at, gap;

	for (gap = 1; gap < 200; gap += 13) {
		for (at = window - 70; at < window + 70; at += 3) {
			memset(text, '5', 3 * window);
			memset(text + at, ',', gap);
			memset(text + at + window, ',', gap);
			text[at + gap - 1] = text[at + window + gap - 1] = '\n';
			if (block(text, 3 * window - at % 7) == 0)
				bad_row(&bad, "gap of %zu at %zu", gap, at);
		}
	}
	ok(bad == 0, "gaps at the windows' edges");
}

/* Repeats as far back as a match reaches, and one byte more. */
static void
test_reach(uint8_t *text)
{
	static const char line[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	size_t apart, at, near = 0, far = 0;

	for (apart = 32768; apart <= 32769; apart++) {
		for (at = 0; at < 80000; at++)
			text[at] = (uint8_t)('0' + at * at / 7 % 10);
		for (at = 100; at + apart + 40 < 80000; at += apart) {
			text[at] = '\n';
			memcpy(text + at + 1, line, sizeof(line) - 1);
		}
		if (apart == 32768)
			near = block(text, 80000);
		else
			far = block(text, 80000);
	}
	ok(near > 0 && far > near + 20, "32,768 bytes back, not 32,769: %zu, "
	    "%zu bytes", near, far);
}

static void
test_rows(char *text)
{
	static const unsigned columns[] = { 1, 2, 5, 40, 200 };
	z_stream s = { 0 };
	size_t len, size, i, k;
	uint8_t *small = malloc(TEXT_MAX);
	unsigned long bad = 0;
	int per_mille;

	for (i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		for (per_mille = 0; per_mille <= 1000; per_mille += 250) {
			len = write_rows(text, 300000, columns[i], per_mille);
			for (k = 0; k < 4; k++)
				if (block((uint8_t *)text, len - draw(len / 2))
				    == 0)
					bad_row(&bad, "%u columns, %d of 1000",
					    columns[i], per_mille);
		}
	}
	ok(bad == 0, "rows of 1 to 200 columns");
	len = write_rows(text, 300000, 5, 250);
	size = block((uint8_t *)text, len);
	if (small == NULL || deflateInit2(&s, 6, Z_DEFLATED, -15, 8,
	    Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	s.next_in = (Bytef *)text;
	s.avail_in = (uInt)len;
	s.next_out = small;
	s.avail_out = (uInt)TEXT_MAX;
	deflate(&s, Z_FINISH);
	ok(size > 0 && size < s.total_out * 13 / 10, "rows of five columns: %zu "
	    "bytes from %zu, where zlib -6 has %lu", size, len, s.total_out);
	deflateEnd(&s);
	/* So wide that no value of the same column is in reach. */
	len = write_rows(text, 300000, 200, 5);
	size = block((uint8_t *)text, len);
	ok(size > 0 && size < len * 7 / 100, "rows of 200 columns: %zu bytes "
	    "from %zu", size, len);
	/* Gaps of several matches. */
	len = write_rows(text, 300000, 1000, 1);
	size = block((uint8_t *)text, len);
	ok(size > 0 && size < len * 6 / 100, "rows of 1,000 columns: %zu bytes "
	    "from %zu", size, len);
	free(small);
}

/* Kraft's sum of lengths, in units of 2^-limit; 0: one is too long. */
static uint64_t
kraft(const uint8_t *len, size_t n, unsigned limit)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (len[i] > limit)
			return 0;
		if (len[i] > 0)
			sum += 1U << (limit - len[i]);
	}
	return sum;
}

static void
test_huffman(void)
{
	uint32_t freq[HUFFMAN_MAX] = { 0 };
	uint8_t len[HUFFMAN_MAX];
	uint16_t code[HUFFMAN_MAX];
	unsigned limit;
	size_t i, n;
	unsigned long bad = 0;
	int k;

	freq[3] = 1;
	freq[5] = 1000000;
	huffman_lengths(freq, 10, 7, len);
	ok(len[3] == 1 && len[5] == 1 && kraft(len, 10, 7) == 128, "two symbols");
	/* RFC 1951, 3.2.2: lengths of A to H, and their codes. */
	memcpy(len, "\3\3\3\3\3\2\4\4", 8);
	huffman_codes(len, 8, code);
	ok(code[0] == 2 && code[1] == 6 && code[2] == 1 && code[3] == 5 &&
	    code[4] == 3 && code[5] == 0 && code[6] == 7 && code[7] == 15,
	    "the codes of RFC 1951's example, reversed");
	/* Fibonacci numbers make the deepest tree. */
	freq[0] = freq[1] = 1;
	for (i = 2; i < 30; i++)
		freq[i] = freq[i - 1] + freq[i - 2];
	for (limit = 5; limit <= 15; limit++) {
		huffman_lengths(freq, 30, limit, len);
		if (kraft(len, 30, limit) != 1U << limit)
			bad_row(&bad, "limit %u", limit);
		for (i = 1; i < 30; i++)
			if (len[i] > len[i - 1])
				bad_row(&bad, "limit %u: not by frequency",
				    limit);
	}
	ok(bad == 0, "the deepest tree within 5 to 15 bits");
	for (k = 0; k < 3000; k++) {
		n = 2 + draw(HUFFMAN_MAX - 1);
		limit = n > 128 ? 9 + (unsigned)draw(7) :
		    7 + (unsigned)draw(9);
		for (i = 0; i < n; i++)
			freq[i] = draw(4) == 0 ? 0 :
			    (uint32_t)draw(1ULL << (1 + draw(31)));
		freq[0] = freq[n - 1] = 1;
		huffman_lengths(freq, n, limit, len);
		if (kraft(len, n, limit) != 1U << limit)
			bad_row(&bad, "%zu symbols, limit %u", n, limit);
		for (i = 0; i < n; i++)
			if ((freq[i] > 0) != (len[i] > 0))
				bad_row(&bad, "symbol %zu of %zu", i, n);
	}
	ok(bad == 0, "3,000 codes are complete and within their limits");
}

int
main(void)
{
	uint8_t *text = malloc(TEXT_MAX);

	draw_from(4711);
	if (text == NULL || (z = textdeflate_new()) == NULL)
		abort();
	textdeflate_free(NULL);
	test_huffman();
	test_texts(text);
	test_windows(text);
	test_reach(text);
	test_rows((char *)text);
	textdeflate_free(z);
	free(text);
	return done_testing();
}
