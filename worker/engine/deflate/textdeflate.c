/*
 * DEFLATE for delimited text, in two passes of the same code: one counts the
 * symbols of a sample, which give the Huffman code; one writes all of the text.
 * Knows separators and line ends, but no CSV: any bytes will do. No output may
 * depend on the processor: SSE2 saves time and nothing else.
 */
#include "worker/engine/deflate/textdeflate.h"

#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "worker/engine/deflate/huffman.h"

/* RFC 1951, 3.2.5: symbols of literals, end and lengths; of distances. */
#define SYMBOLS 286
#define END 256
#define LENGTHS 257
#define DISTANCES 30
#define MATCH_MIN 4		/* 3 literals cost no more than a match */
#define MATCH_MAX 258
#define REACH 32768

/* Four literals of at most 14 bits and 7 pending bits fit into 64. */
#define CODE_BITS 14

/*
 * A gap is a run of separators between two values. Its edges, where a value
 * ends and where the next begins, are found for a window of the text at a time,
 * in chunks of 64 bytes.
 */
#define WINDOW ((size_t)16 * 1024)
#define CHUNK 64
#define EDGES_FEW 4		/* of a chunk; that many without a branch, ... */
#define EDGES_USUAL 12		/* ... and that many with one */

/* Slots of the table of last gaps, by column and length. */
#define KEYS 1024
#define NOWHERE UINT32_MAX

/* The sample that gives the code: an eighth of the text, within bounds. */
#define SAMPLE_MIN ((size_t)16 * 1024)
#define SAMPLE_MAX ((size_t)1024 * 1024)
/* A symbol counts this often if sampled, once just for being possible. */
#define SAMPLE_WEIGHT 32

struct code {
	uint16_t bits;
	uint16_t n;
};

/* The code of a match length, its extra bits included. */
struct length_code {
	uint32_t bits;
	unsigned n;
};

struct textdeflate {
	uint8_t length_symbol[256];	/* of length - 3, from LENGTHS */

	/* Counts. Literals have four: consecutive ones do not wait. */
	uint32_t literals[4][256], lengths[256], distances[DISTANCES];

	/* The code made of them. */
	struct code literal[256], end, distance[DISTANCES];
	struct length_code length[256];

	/* Of the window, one left over from the last, and spare writes. */
	uint32_t edges[1 + WINDOW + EDGES_USUAL];
	uint32_t last[KEYS];		/* where such a gap began last */
};

/* Pending bits, fewer than 8, and where they go next. */
struct bits {
	uint64_t v;
	unsigned n;
	uint8_t *to;
};

/* One pass over a text, which is counted or written up to text + at. */
struct pass {
	struct textdeflate *z;
	const uint8_t *text;
	size_t len, at;
	struct bits out;
};

struct textdeflate *
textdeflate_new(void)
{
	struct textdeflate *z = calloc(1, sizeof(*z));
	unsigned i, symbol = 0;

	if (z == NULL)
		return NULL;
	/*
	 * RFC 1951, 3.2.5: eight symbols of one length each, then groups of
	 * four symbols, of twice as many lengths each time; 258 has its own
	 * symbol.
	 */
	for (i = 0; i < 255; i++) {
		z->length_symbol[i] = (uint8_t)symbol;
		if (i < 8 || ((i + 1) & ((1U << ((symbol - 4) / 4)) - 1)) == 0)
			symbol++;
	}
	z->length_symbol[255] = 28;
	return z;
}

void
textdeflate_free(struct textdeflate *z)
{
	free(z);
}

size_t
textdeflate_bound(size_t len)
{
	/*
	 * At most 14 bits a literal and 47 a match of four bytes, so below two
	 * bytes a byte; 1024 for the code lengths, the end, and put_bits(),
	 * which writes 8 bytes at a time.
	 */
	return 2 * len + 1024;
}

static inline uint64_t
load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* Append n bits, at most 57 with 7 pending. Writes 8 bytes, no branch. */
static inline void
put_bits(struct bits *b, uint64_t bits, unsigned n)
{
	const uint64_t v = htole64(b->v | bits << b->n);

	memcpy(b->to, &v, sizeof(v));
	b->n += n;
	b->v = le64toh(v) >> (b->n & ~7U);
	b->to += b->n >> 3;
	b->n &= 7;
}

/* RFC 1951, 3.2.5: a distance's symbol, and the *n extra bits after it. */
static inline unsigned
distance_symbol(uint32_t distance, uint32_t *extra, unsigned *n)
{
	const uint32_t d = distance - 1;

	*n = d < 4 ? 0 : 30 - (unsigned)__builtin_clz(d);
	*extra = d & ((1U << *n) - 1);
	return 2 * *n + (d >> *n);
}

/*
 * The counting pass and the writing one are compiled from the same source:
 * counts is a constant, and each function is inlined once with either value.
 */
#define BOTH static inline __attribute__((always_inline))

/* The first n, at most four, of the literals at s; four can be read. */
BOTH void
pass_four(struct pass *p, bool counts, const uint8_t *s, size_t n)
{
	struct textdeflate *z = p->z;
	struct code a, b, c, d;

	if (counts) {
		z->literals[0][s[0]] += n > 0;
		z->literals[1][s[1]] += n > 1;
		z->literals[2][s[2]] += n > 2;
		z->literals[3][s[3]] += n > 3;
		return;
	}
	/* No branch for n: mispredictions took most of the time here. */
	a = n > 0 ? z->literal[s[0]] : (struct code){ 0, 0 };
	b = n > 1 ? z->literal[s[1]] : (struct code){ 0, 0 };
	c = n > 2 ? z->literal[s[2]] : (struct code){ 0, 0 };
	d = n > 3 ? z->literal[s[3]] : (struct code){ 0, 0 };
	put_bits(&p->out, ((uint64_t)a.bits | (uint32_t)b.bits << a.n) |
	    ((uint64_t)c.bits | (uint32_t)d.bits << c.n) << (a.n + b.n),
	    (unsigned)a.n + b.n + c.n + d.n);
}

/* All pending literals, up to end; reads nothing past the text. */
BOTH void
pass_literals(struct pass *p, bool counts, size_t end)
{
	uint8_t rest[4] = { 0 };

	while (end - p->at > 4) {
		pass_four(p, counts, p->text + p->at, 4);
		p->at += 4;
	}
	if (p->len - p->at >= 4) {
		pass_four(p, counts, p->text + p->at, end - p->at);
	} else {
		memcpy(rest, p->text + p->at, end - p->at);
		pass_four(p, counts, rest, end - p->at);
	}
	p->at = end;
}

/* How many bytes at a equal those at b, at most max. */
static inline size_t
common_length(const uint8_t *a, const uint8_t *b, size_t max)
{
	uint64_t differ;
	size_t n = 0;
#ifdef __SSE2__
	unsigned same;

	for (; n + 16 <= max; n += 16) {
		same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(
		    _mm_loadu_si128((const __m128i *)(a + n)),
		    _mm_loadu_si128((const __m128i *)(b + n))));
		if (same != 0xffff)
			return n + (size_t)__builtin_ctz(~same);
	}
#endif
	for (; n + 8 <= max; n += 8)
		if ((differ = load64(a + n) ^ load64(b + n)) != 0)
			return n + ((size_t)__builtin_ctzll(differ) >> 3);
	while (n < max && a[n] == b[n])
		n++;
	return n;
}

/*
 * If the text at from continues like the text at to, which may be NOWHERE: the
 * literals pending before from, then the match. Returns whether there was one.
 */
BOTH bool
pass_match(struct pass *p, bool counts, size_t from, size_t to)
{
	const size_t distance = from - to;
	size_t max = p->len - from, n;
	unsigned symbol, extra_n;
	struct length_code l;
	struct code d;
	uint32_t extra;

	if (to == NOWHERE || distance > REACH)
		return false;
	if (max > MATCH_MAX)
		max = MATCH_MAX;
	if ((n = common_length(p->text + from, p->text + to, max)) < MATCH_MIN)
		return false;
	pass_literals(p, counts, from);
	symbol = distance_symbol((uint32_t)distance, &extra, &extra_n);
	if (counts) {
		p->z->lengths[n - 3]++;
		p->z->distances[symbol]++;
	} else {
		l = p->z->length[n - 3];
		d = p->z->distance[symbol];
		put_bits(&p->out, l.bits |
		    (uint64_t)(d.bits | extra << d.n) << l.n,
		    l.n + d.n + extra_n);
	}
	p->at += n;
	return true;
}

/*
 * No earlier gap matches, as with many columns: try a run of commas, which
 * repeats its first byte as often as it takes, then the previous line's
 * beginning.
 */
BOTH void
pass_match_parts(struct pass *p, bool counts, size_t begin, size_t last,
    size_t line)
{
	size_t at = begin + 1;

	for (; last >= at + MATCH_MIN && pass_match(p, counts, at, at - 1);
	    at = p->at)
		;
	if (p->text[last] == '\n' && p->at <= last)
		pass_match(p, counts, last, line);
}

/*
 * A bit for each of the 64 bytes at s that belongs to a value: it is above the
 * comma. Spaces and quotes are below and separate values just as well. Bytes
 * from len on count as separators.
 */
static inline uint64_t
value_mask(const uint8_t *s, size_t len)
{
	uint64_t gaps = 0;
	size_t i;

#ifdef __SSE2__
	if (len >= CHUNK) {
		const __m128i comma = _mm_set1_epi8(',');

		for (i = 0; i < CHUNK; i += 16) {
			__m128i v = _mm_loadu_si128((const __m128i *)(s + i));

			v = _mm_cmpeq_epi8(_mm_max_epu8(v, comma), comma);
			gaps |= (uint64_t)(uint32_t)_mm_movemask_epi8(v) << i;
		}
		return ~gaps;
	}
#endif
	for (i = 0; i < CHUNK; i++)
		gaps |= (uint64_t)(i >= len || s[i] <= ',') << i;
	return ~gaps;
}

/* How many bits are set; GCC calls a function where it has no instruction. */
static inline size_t
bits_set(uint64_t v)
{
	v -= v >> 1 & UINT64_C(0x5555555555555555);
	v = (v & UINT64_C(0x3333333333333333)) +
	    (v >> 2 & UINT64_C(0x3333333333333333));
	v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return v * UINT64_C(0x0101010101010101) >> 56;
}

/*
 * Write n of the edges that are found in the chunk at `at`, whether there are
 * that many or not. Returns those that are left.
 */
static inline uint64_t
put_edges(uint64_t found, uint32_t at, size_t n, uint32_t *edges)
{
	size_t i;

	for (i = 0; i < n; i++, found &= found - 1)
		edges[i] = at +
		    (uint32_t)__builtin_ctzll(found | UINT64_C(1) << 63);
	return found;
}

/*
 * Append to edges the places in [at, end) where a gap begins, ends, begins,
 * ...; *before is whether the byte before at belongs to a value. Returns how
 * many. An edge is a bit of the mask that differs from the one before it.
 * Branches only for how many a chunk has about: few where there are many
 * columns, one every 6 bytes where there are few.
 */
static size_t
find_edges(const uint8_t *text, size_t at, size_t end, uint64_t *before,
    uint32_t *edges)
{
	uint64_t v, found;
	size_t n = 0, k;

	for (; at < end; at += CHUNK) {
		v = value_mask(text + at, end - at);
		found = v ^ (v << 1 | *before);
		*before = v >> (CHUNK - 1);
		k = bits_set(found);
		found = put_edges(found, (uint32_t)at, EDGES_FEW, edges + n);
		if (k > EDGES_FEW)
			found = put_edges(found, (uint32_t)at,
			    EDGES_USUAL - EDGES_FEW, edges + n + EDGES_FEW);
		if (k > EDGES_USUAL)
			put_edges(found, (uint32_t)at, k - EDGES_USUAL,
			    edges + n + EDGES_USUAL);
		n += k;
	}
	return n;
}

/*
 * The matcher. Go through the text, window by window, from gap to gap:
 * - column counts the separators since the line began, so empty cells count;
 *   hashed with the gap's own length it selects a slot of last;
 * - the slot holds where such a gap began before (a collision only costs a
 *   match) and takes this one;
 * - unless a match already covers the gap's beginning, try that earlier gap,
 *   then the parts. A match often runs on through the values that follow.
 */
BOTH void
pass_run(struct pass *p, bool counts)
{
	struct textdeflate *z = p->z;
	const uint8_t *text = p->text;
	uint32_t column = 0, begin, gap, last, key, before, line = NOWHERE;
	uint64_t value = 1;
	size_t at, end, n = 0, i;

	memset(z->last, 0xff, sizeof(z->last));
	for (at = 0; at < p->len; at = end) {
		end = p->len - at > WINDOW ? at + WINDOW : p->len;
		n += find_edges(text, at, end, &value, z->edges + n);
		for (i = 0; i + 2 <= n; i += 2) {
			begin = z->edges[i];
			gap = z->edges[i + 1] - begin;
			last = begin + gap - 1;
			column = text[last] == '\n' ? 0 : column + gap;
			key = (column * 37 + gap) % KEYS;
			before = z->last[key];
			z->last[key] = begin;
			if (p->at <= begin &&
			    !pass_match(p, counts, begin, before))
				pass_match_parts(p, counts, begin, last, line);
			line = column == 0 ? last : line;
		}
		/* The last gap continues in the next window: keep its begin. */
		if ((n &= 1) != 0)
			z->edges[0] = z->edges[i];
	}
	pass_literals(p, counts, p->len);
}

static void
count_symbols(struct textdeflate *z, const uint8_t *text, size_t len)
{
	struct pass p = { .z = z, .text = text, .len = len };

	memset(z->literals, 0, sizeof(z->literals));
	memset(z->lengths, 0, sizeof(z->lengths));
	memset(z->distances, 0, sizeof(z->distances));
	pass_run(&p, true);
}

/*
 * The block's header and its code lengths (RFC 1951, 3.2.7), themselves Huffman
 * coded. Repeat codes are not used: all lengths take 300 bytes of 60,000.
 */
static void
put_lengths(struct bits *b, const uint8_t lengths[SYMBOLS + DISTANCES])
{
	static const uint8_t order[19] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11,
	    4, 12, 3, 13, 2, 14, 1, 15 };
	uint32_t freq[19] = { 0 };
	uint16_t code[19];
	uint8_t len[19];
	size_t i;

	for (i = 0; i < SYMBOLS + DISTANCES; i++)
		freq[lengths[i]]++;
	huffman_lengths(freq, 19, 7, len);
	huffman_codes(len, 19, code);
	/* BFINAL 0, BTYPE 2; then HLIT, HDIST, HCLEN. */
	put_bits(b, 2 << 1, 3);
	put_bits(b, SYMBOLS - 257, 5);
	put_bits(b, DISTANCES - 1, 5);
	put_bits(b, 19 - 4, 4);
	for (i = 0; i < 19; i++)
		put_bits(b, len[order[i]], 3);
	for (i = 0; i < SYMBOLS + DISTANCES; i++)
		put_bits(b, code[lengths[i]], len[lengths[i]]);
}

/* A code for every symbol, as the rest may have it; freq is overwritten. */
static void
make_code(uint32_t *freq, size_t n, uint8_t *lengths, uint16_t *code)
{
	size_t i;

	for (i = 0; i < n; i++)
		freq[i] = freq[i] * SAMPLE_WEIGHT + 1;
	huffman_lengths(freq, n, CODE_BITS, lengths);
	huffman_codes(lengths, n, code);
}

/*
 * The code of literals, end and match lengths. A length's extra bits, its
 * offset from the first length of its symbol, are put into the table with its
 * code, so that a match takes one put_bits().
 */
static void
code_symbols(struct textdeflate *z, uint8_t lengths[SYMBOLS])
{
	uint32_t freq[SYMBOLS] = { 0 };
	uint16_t code[SYMBOLS];
	unsigned i, symbol, extra, first = 0;

	for (i = 0; i < 256; i++) {
		freq[i] = z->literals[0][i] + z->literals[1][i] +
		    z->literals[2][i] + z->literals[3][i];
		freq[LENGTHS + z->length_symbol[i]] += z->lengths[i];
	}
	make_code(freq, SYMBOLS, lengths, code);
	for (i = 0; i < 256; i++)
		z->literal[i] = (struct code){ code[i], lengths[i] };
	z->end = (struct code){ code[END], lengths[END] };
	for (i = 0; i < 256; i++) {
		symbol = z->length_symbol[i];
		if (i == 0 || symbol != z->length_symbol[i - 1])
			first = i;
		extra = symbol < 8 || symbol == 28 ? 0 : (symbol - 4) / 4;
		symbol += LENGTHS;
		z->length[i] = (struct length_code){ code[symbol] |
		    (i - first) << lengths[symbol], lengths[symbol] + extra };
	}
}

static void
code_distances(struct textdeflate *z, uint8_t lengths[DISTANCES])
{
	uint16_t code[DISTANCES];
	size_t i;

	make_code(z->distances, DISTANCES, lengths, code);
	for (i = 0; i < DISTANCES; i++)
		z->distance[i] = (struct code){ code[i], lengths[i] };
}

static size_t
sample_bytes(size_t len)
{
	size_t n = len / 8;

	n = n < SAMPLE_MIN ? SAMPLE_MIN : n > SAMPLE_MAX ? SAMPLE_MAX : n;
	return n < len ? n : len;
}

size_t
textdeflate_block(struct textdeflate *z, const uint8_t *text, size_t len,
    uint8_t *to)
{
	uint8_t lengths[SYMBOLS + DISTANCES];
	struct pass p = { .z = z, .text = text, .len = len,
	    .out = { .to = to } };

	count_symbols(z, text, sample_bytes(len));
	code_symbols(z, lengths);
	code_distances(z, lengths + SYMBOLS);
	put_lengths(&p.out, lengths);
	pass_run(&p, false);
	put_bits(&p.out, z->end.bits, z->end.n);
	/*
	 * An empty stored block (3.2.4): BFINAL 0 and BTYPE 0, zeros up to a
	 * byte boundary, LEN 0 and NLEN, its complement.
	 */
	put_bits(&p.out, 0, 3);
	if (p.out.n > 0)
		put_bits(&p.out, 0, 8 - p.out.n);
	put_bits(&p.out, UINT32_C(0xffff0000), 32);
	return (size_t)(p.out.to - to);
}
