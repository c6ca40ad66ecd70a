/*
 * Parquet's encodings, against decoders written from its specification alone; times as
 * bits; and what a file's end accepts of its row groups.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/names.h"
#include "worker/engine/parquet/chunk.h"
#include "worker/engine/parquet/encode.h"
#include "worker/engine/parquet/file.h"
#include "worker/engine/parquet/thrift.h"
#include "worker/engine/parquet/timeset.h"

#include "t/tap.h"
#include "t/unit/draw.h"

#define ROUNDS 3000
#define N 3000

struct in {
	const uint8_t *at, *end;
	bool bad;
};

static struct in
in_of(const struct buf *b)
{
	return (struct in){ b->data, b->data + b->len, false };
}

static uint8_t
byte(struct in *in)
{
	in->bad = in->bad || in->at == in->end;
	return in->bad ? 0 : *in->at++;
}

static uint64_t
varint(struct in *in)
{
	uint64_t v = 0;
	uint8_t b;
	int shift = 0;

	do {
		b = byte(in);
		v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
	} while ((b & 0x80) && shift < 70);
	return v;
}

static int64_t
unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* n numbers of `width` bits, from whole bytes. */
static void
unpack(struct in *in, unsigned width, size_t n, uint64_t *to)
{
	uint8_t bits = 0;
	size_t i, left = 0;
	unsigned k;

	for (i = 0; i < n; i++) {
		to[i] = 0;
		for (k = 0; k < width; k++, left--) {
			if (left == 0) {
				bits = byte(in);
				left = 8;
			}
			to[i] |= (uint64_t)(bits & 1) << k;
			bits >>= 1;
		}
	}
}

/* The hybrid of runs and literals, as many as there are up to n and a group. */
static size_t
hybrid(struct in *in, unsigned width, size_t n, uint64_t *to)
{
	uint64_t head, value;
	size_t got = 0, i, k;

	while (got < n && !in->bad) {
		head = varint(in);
		k = (size_t)(head >> 1);
		if (head & 1) {
			if (got + 8 * k >= n + 8) {
				in->bad = true;
				break;
			}
			unpack(in, width, 8 * k, to + got);
			got += 8 * k;
			continue;
		}
		value = byte(in);
		in->bad = in->bad || k == 0 || got + k > n;
		for (i = 0; i < k && !in->bad; i++)
			to[got++] = value;
	}
	return got;
}

static uint32_t at[N];
static uint64_t got[N + 64], want[N + 64];

/* Rows of all kinds of runs: gaps and neighbours of any length. */
static size_t
draw_rows(uint32_t first, uint32_t rows)
{
	const uint64_t gaps = 1 + draw(60), runs = 1 + draw(60);
	uint32_t row = first + (uint32_t)draw(gaps);
	size_t n = 0, k;

	while (row < first + rows) {
		for (k = draw(runs) + 1; k > 0 && row < first + rows; k--)
			at[n++] = row++;
		row += 1 + (uint32_t)draw(gaps);
	}
	return n;
}

static bool
levels_hold(void)
{
	const uint32_t first = (uint32_t)draw(3) * 1000;
	const uint32_t rows = 1 + (uint32_t)draw(N - 1);
	const size_t n = draw_rows(first, rows);
	struct buf b;
	struct in in;
	uint32_t len = 0;
	size_t i;
	bool same;

	buf_init(&b, 1 << 20);
	memset(want, 0, sizeof(want));
	for (i = 0; i < n; i++)
		want[at[i] - first] = 1;
	if (encode_levels(&b, at, n, first, rows) != 0)
		abort();
	in = in_of(&b);
	for (i = 0; i < 4; i++)
		len |= (uint32_t)byte(&in) << 8 * i;
	same = len == b.len - 4 && hybrid(&in, 1, rows, got) >= rows &&
	    !in.bad && in.at == in.end &&
	    memcmp(got, want, rows * sizeof(*got)) == 0;
	/* No run is worse than its literal by more than its header. */
	same = same && b.len <= 4 + rows / 8 + rows / 400 + 8;
	buf_release(&b);
	return same;
}

static bool
deltas_hold(void)
{
	const size_t n = 1 + draw(600);
	const unsigned shift = (unsigned)draw(64);
	const bool steps = draw(2) != 0;
	int64_t *v = malloc(n * sizeof(*v));
	uint64_t block, mini, total, deltas[32], widths[4];
	int64_t value, least;
	struct buf b;
	struct in in;
	size_t i, k, m;
	bool same;

	if (v == NULL)
		abort();
	for (i = 0; i < n; i++)
		v[i] = (int64_t)(steps ? (i > 0 ? (uint64_t)v[i - 1] : draw_bits()) +
		    (draw_bits() >> shift) : draw_bits() >> shift);
	buf_init(&b, 1 << 20);
	if (encode_deltas(&b, v, n) != 0)
		abort();
	in = in_of(&b);
	block = varint(&in);
	mini = varint(&in);
	total = varint(&in);
	value = unzigzag(varint(&in));
	same = block == 128 && mini == 4 && total == n && value == v[0];
	for (i = 1; i < n && same; ) {
		least = unzigzag(varint(&in));
		for (k = 0; k < 4; k++)
			widths[k] = byte(&in);
		for (k = 0; k < 4 && i < n && widths[k] <= 64; k++) {
			unpack(&in, (unsigned)widths[k], 32, deltas);
			for (m = 0; m < 32 && i < n; m++, i++) {
				value = (int64_t)((uint64_t)value + (uint64_t)least +
				    deltas[m]);
				same = same && value == v[i];
			}
		}
		same = same && !in.bad;
	}
	same = same && in.at == in.end;
	free(v);
	buf_release(&b);
	return same;
}

static struct dictionary dictionary;

static bool
dictionary_holds(void)
{
	const size_t n = draw(N);
	const uint64_t values = 1 + draw(draw(2) ? 10 : 2000);
	static uint64_t bits[N];
	struct buf b;
	struct in in;
	size_t i, k, distinct = 0;
	unsigned width;
	bool pays, same = true;

	for (i = 0; i < n; i++) {
		bits[i] = draw(values) * UINT64_C(0x3ff0000000001);
		for (k = 0; k < i && bits[k] != bits[i]; k++)
			;
		distinct += k == i;
	}
	if (dictionary_pays(&dictionary, bits, n, &pays) != 0)
		abort();
	for (width = 0; distinct > 1 && (distinct - 1) >> width != 0; width++)
		;
	if (pays != (n > 0 && 64 * distinct + n * width < 32 * n))
		return false;
	if (!pays)
		return true;
	buf_init(&b, 1 << 20);
	if (encode_indices(&b, dictionary.index, n, (uint16_t)(dictionary.n - 1)) != 0)
		abort();
	in = in_of(&b);
	width = byte(&in);
	same = dictionary.n == distinct && hybrid(&in, width, n, got) >= n &&
	    !in.bad && in.at == in.end;
	for (i = 0; i < n && same; i++)
		same = got[i] < distinct && dictionary.values[got[i]] == bits[i];
	buf_release(&b);
	return same;
}

static bool
times_hold(struct timeset *s)
{
	const size_t range = 1 + draw(draw(3) ? 200000 : 90000000);
	static int64_t times[N];
	static uint32_t t[N];
	static bool found[N];
	const size_t n = draw(N);
	size_t i, k, all;
	bool same;

	if (timeset_begin(s, range) != 0)
		abort();
	for (i = 0; i < n; i++) {
		t[i] = (uint32_t)draw(draw(2) ? range : range / 50 + 1);
		timeset_add(s, t[i]);
	}
	if (draw(10) == 0)
		return true;	/* it was unusual: the next one begins empty */
	all = timeset_list(s, 7, times);
	same = all <= n;
	memset(found, 0, sizeof(found));
	for (i = 0; i < n && same; i++) {
		k = timeset_place(s, t[i]);
		same = k < all && times[k] == 7 + (int64_t)t[i];
		found[same ? k : 0] = true;
	}
	for (k = 0; same && k < all; k++)
		same = same && found[k] && (k == 0 || times[k - 1] < times[k]);
	return same;
}

static int
drop(void *arg, const void *data, size_t len)
{
	(void)data;
	*(uint64_t *)arg += len;
	return 0;
}

/* Two columns; the second has texts in the later of two row groups only. */
static void
test_file(void)
{
	static char speed[] = "speed", state[] = "state";
	static char *list[] = { speed, state };
	static const struct names names = { list, 2 };
	const struct parquet_about about = { "{}", "[]", false };
	struct parquet_file *f = parquet_file_new(&about, "v", &names, &names);
	struct parquet_chunk c[] = { { .bytes = 10, .plain_bytes = 10 },
	    { .column = 1, .bytes = 5 }, { .column = 2, .bytes = 7, .nulls = 3 },
	    { .column = 2, .text = true, .bytes = 3 } };
	struct buf b;
	uint64_t max, len = 0;
	size_t i;

	buf_init(&b, 1 << 16);
	for (i = 0; i < 4; i++)
		if (parquet_chunk_put(&b, &c[i]) != 0)
			abort();
	parquet_file_begin(f);
	is_int(parquet_file_group(f, 4, 22, 3, b.data, 3 * PARQUET_CHUNK_BYTES), 0,
	    "a row group without texts");
	is_int(parquet_file_group(f, 26, 25, 3, b.data, b.len), 0, "one with texts");
	is_int(parquet_file_group(f, 51, 24, 3, b.data, b.len), 1, "other bytes");
	is_int(parquet_file_group(f, 51, 25, 3, b.data, b.len - 1), 1, "half a chunk");
	is_int(parquet_file_group(f, 51, 25, 2, b.data, b.len), 1, "more nulls than rows");
	is_int(parquet_file_group(f, 51, 25, 0, b.data, b.len), 1, "no rows");
	is_int(parquet_file_group(f, 51, 15, 3, b.data, 2 * PARQUET_CHUNK_BYTES), 1,
	    "a column is missing");
	is_int(parquet_file_group(f, 51, 15, 3, b.data + PARQUET_CHUNK_BYTES,
	    3 * PARQUET_CHUNK_BYTES), 1, "the time is missing");
	max = parquet_file_end_max(f);
	is_int(parquet_file_end(f, 51, drop, &len), 0, "the end");
	ok(len > 100 && len <= max, "is not longer than it may be");
	is_int((int64_t)parquet_file_columns(f)->n, 3, "with a companion");
	is_str(parquet_file_columns(f)->v[2], "state_text", "its name");
	is_str(parquet_file_parameters(f)->v[2], "state", "and parameter");
	parquet_file_begin(f);
	is_int(parquet_file_end(f, 4, drop, &len), 0, "a file without rows");
	is_int((int64_t)parquet_file_columns(f)->n, 2, "has none");
	parquet_file_free(f);
	buf_release(&b);
}

int
main(void)
{
	struct timeset s = { 0 };
	int i, levels = 0, deltas = 0, dictionaries = 0, times = 0;

	for (i = 0; i < ROUNDS; i++) {
		levels += levels_hold();
		deltas += deltas_hold();
	}
	is_int(levels, ROUNDS, "definition levels");
	is_int(deltas, ROUNDS, "deltas");
	for (i = 0; i < 300; i++) {
		dictionaries += dictionary_holds();
		times += times_hold(&s);
	}
	is_int(dictionaries, 300, "dictionaries");
	is_int(times, 300, "times as bits");
	timeset_release(&s);
	free(dictionary.index);
	test_file();
	return done_testing();
}
