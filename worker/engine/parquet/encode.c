/*
 * Numbers as bits. Knows neither pages nor columns.
 */
#include "worker/engine/parquet/encode.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/parquet/thrift.h"

/* Bits, the lowest first, into bytes that are reserved. */
struct bits {
	uint8_t *to;
	uint64_t open;
	unsigned n;		/* of open; below 64 */
};

static inline void
bits_put(struct bits *b, uint64_t v, unsigned width)
{
	b->open |= v << b->n;
	if (b->n + width < 64) {
		b->n += width;
		return;
	}
	put_le64(b->to, b->open);
	b->to += 8;
	b->open = b->n == 0 ? 0 : v >> (64 - b->n);
	b->n = b->n + width - 64;
}

/* The rest of whole bytes; up to 8 bytes are written. */
static inline void
bits_end(struct bits *b)
{
	put_le64(b->to, b->open);
	b->to += (b->n + 7) / 8;
}

/* Levels of one bit: literal runs, of 8 rows each group, and runs of one value. */
#define RUN_MIN 16
#define GROUPS_MAX 63	/* their number fits a byte */

struct levels {
	struct buf *to;
	size_t literal;		/* the open literal run's header */
	unsigned groups;	/* of it; 0: none is open */
};

static int
add_run(struct levels *l, uint32_t rows, uint8_t value)
{
	l->groups = 0;
	return varint_add(l->to, (uint64_t)rows << 1) != 0 ||
	    buf_add(l->to, &value, 1) != 0 ? -1 : 0;
}

static int
add_group(struct levels *l, uint8_t bits)
{
	uint8_t *to;

	if ((to = buf_reserve(l->to, 2)) == NULL)
		return -1;
	if (l->groups == 0 || l->groups == GROUPS_MAX) {
		l->literal = l->to->len++;
		l->groups = 0;
		to++;
	}
	*to = bits;
	l->to->len++;
	l->groups++;
	l->to->data[l->literal] = (uint8_t)(l->groups << 1 | 1);
	return 0;
}

/* How many of at follow each other, up to max. */
static size_t
run_length(const uint32_t *at, size_t n, size_t max)
{
	size_t k;

	for (k = 1; k < n && k < max && at[k] == at[0] + k; k++)
		;
	return k;
}

static int
put_levels(struct levels *l, const uint32_t *at, size_t n, uint32_t row,
    uint32_t end)
{
	uint32_t gap;
	size_t i = 0, k;
	uint8_t bits;
	int rc = 0;

	while (row < end && rc == 0) {
		gap = (i < n ? at[i] : end) - row;
		if (gap >= RUN_MIN || gap == end - row) {
			rc = add_run(l, gap, 0);
			row += gap;
			continue;
		}
		if (gap == 0 && run_length(at + i, n - i, RUN_MIN) == RUN_MIN) {
			k = run_length(at + i, n - i, n);
			rc = add_run(l, (uint32_t)k, 1);
			row += (uint32_t)k;
			i += k;
			continue;
		}
		for (bits = 0; i < n && at[i] - row < 8; i++)
			bits |= (uint8_t)(1U << (at[i] - row));
		rc = add_group(l, bits);
		row += 8;
	}
	return rc;
}

int
encode_levels(struct buf *to, const uint32_t *at, size_t n, uint32_t first,
    uint32_t rows)
{
	struct levels l = { .to = to };
	const size_t begin = to->len;

	if (buf_reserve(to, 4) == NULL)
		return -1;
	to->len += 4;
	if (put_levels(&l, at, n, first, first + rows) != 0)
		return -1;
	put_le32(to->data + begin, (uint32_t)(to->len - begin - 4));
	return 0;
}

/* Blocks of four miniblocks of 32 deltas, which are above the block's smallest one. */
#define MINIBLOCKS 4
#define MINIBLOCK 32
#define DELTAS (MINIBLOCKS * MINIBLOCK)

static unsigned
width_of(uint64_t v)
{
	return v == 0 ? 0 : 64 - (unsigned)__builtin_clzll(v);
}

/* A whole miniblock, or the last one: deltas beyond n are zeros. */
static int
put_miniblock(struct buf *to, const uint64_t *v, unsigned width)
{
	struct bits bits = { 0 };
	int i;

	if ((bits.to = buf_reserve(to, MINIBLOCK / 8 * width + 8)) == NULL)
		return -1;
	for (i = 0; i < MINIBLOCK && width > 0; i++)
		bits_put(&bits, v[i], width);
	bits_end(&bits);
	to->len += MINIBLOCK / 8 * width;
	return 0;
}

static int
put_deltas(struct buf *to, uint64_t *v, size_t n)
{
	uint64_t all[MINIBLOCKS] = { 0 };
	int64_t least = (int64_t)v[0];
	uint8_t widths[MINIBLOCKS];
	size_t i;

	for (i = 1; i < n; i++)
		if ((int64_t)v[i] < least)
			least = (int64_t)v[i];
	for (i = 0; i < DELTAS; i++) {
		v[i] = i < n ? v[i] - (uint64_t)least : 0;
		all[i / MINIBLOCK] |= v[i];
	}
	for (i = 0; i < MINIBLOCKS; i++)
		widths[i] = (uint8_t)width_of(all[i]);
	if (varint_add(to, zigzag(least)) != 0 ||
	    buf_add(to, widths, sizeof(widths)) != 0)
		return -1;
	for (i = 0; i < MINIBLOCKS && i * MINIBLOCK < n; i++)
		if (put_miniblock(to, v + i * MINIBLOCK, widths[i]) != 0)
			return -1;
	return 0;
}

int
encode_deltas(struct buf *to, const int64_t *v, size_t n)
{
	uint64_t deltas[DELTAS];
	size_t i, k;

	if (varint_add(to, DELTAS) != 0 || varint_add(to, MINIBLOCKS) != 0 ||
	    varint_add(to, n) != 0 || varint_add(to, zigzag(n > 0 ? v[0] : 0)) != 0)
		return -1;
	for (i = 1; i < n; i += k) {
		for (k = 0; k < DELTAS && i + k < n; k++)
			deltas[k] = (uint64_t)v[i + k] - (uint64_t)v[i + k - 1];
		if (put_deltas(to, deltas, k) != 0)
			return -1;
	}
	return 0;
}

int
encode_doubles(struct buf *to, const uint64_t *bits, size_t n)
{
	uint8_t *out;
	size_t i;

	if ((out = buf_reserve(to, 8 * n)) == NULL)
		return -1;
	for (i = 0; i < n; i++)
		put_le64(out + 8 * i, bits[i]);
	to->len += 8 * n;
	return 0;
}

/* One literal run, of whole groups. */
int
encode_indices(struct buf *to, const uint16_t *v, size_t n, uint16_t max)
{
	const unsigned width = max == 0 ? 1 : width_of(max);
	const size_t groups = (n + 7) / 8;
	const uint8_t head = (uint8_t)width;
	struct bits bits = { 0 };
	size_t i;

	if (buf_add(to, &head, 1) != 0 ||
	    varint_add(to, (uint64_t)groups << 1 | 1) != 0 ||
	    (bits.to = buf_reserve(to, groups * width + 8)) == NULL)
		return -1;
	for (i = 0; i < 8 * groups; i++)
		bits_put(&bits, i < n ? v[i] : 0, width);
	bits_end(&bits);
	to->len += groups * width;
	return 0;
}

static inline size_t
slot_of(uint64_t bits)
{
	return (size_t)(bits * UINT64_C(0x9e3779b97f4a7c15) >> 49) %
	    (2 * DICTIONARY_MAX);
}

/* The place of a value, which is added if it is new; there is room. */
static inline uint16_t
place_of(struct dictionary *d, uint64_t bits)
{
	size_t slot = slot_of(bits);

	while (d->rounds[slot] == d->round) {
		if (d->values[d->slots[slot]] == bits)
			return d->slots[slot];
		slot = (slot + 1) % (2 * DICTIONARY_MAX);
	}
	d->rounds[slot] = d->round;
	d->slots[slot] = (uint16_t)d->n;
	d->values[d->n] = bits;
	return (uint16_t)d->n++;
}

/* A new round forgets all slots. */
static int
dictionary_begin(struct dictionary *d, size_t n)
{
	uint16_t *index;

	if (n > d->cap) {
		if ((index = realloc(d->index, n * sizeof(*index))) == NULL)
			return -1;
		d->index = index;
		d->cap = n;
	}
	d->n = 0;
	if (++d->round == 0) {
		memset(d->rounds, 0, sizeof(d->rounds));
		d->round = 1;
	}
	return 0;
}

int
dictionary_pays(struct dictionary *d, const uint64_t *bits, size_t n,
    bool *pays)
{
	/* The values alone may not take half. */
	const size_t max = n / 2 < DICTIONARY_MAX ? n / 2 : DICTIONARY_MAX;
	size_t i;

	*pays = false;
	if (dictionary_begin(d, n) != 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (d->n == max)
			return 0;
		d->index[i] = place_of(d, bits[i]);
	}
	*pays = n > 0 && 64 * d->n + n * width_of(d->n - 1) < 32 * n;
	return 0;
}
