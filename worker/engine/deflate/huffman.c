/*
 * Huffman's code of limited length, in three steps: sort the symbols, build the
 * tree to count the leaves of each depth, and shorten what is too deep. Only
 * the counts matter, as canonical codes follow from lengths. Knows no stream.
 */
#include "worker/engine/deflate/huffman.h"

#include <stdlib.h>
#include <string.h>

#define SYMBOL_BITS 16

static int
symbol_compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * The symbols in use by rising frequency, as frequency << 16 | symbol: no two
 * are equal, so the order does not depend on qsort(). Returns how many.
 */
static size_t
sort_by_frequency(const uint32_t *freq, size_t n, uint64_t *sorted)
{
	size_t i, used = 0;

	for (i = 0; i < n; i++)
		if (freq[i] > 0)
			sorted[used++] = (uint64_t)freq[i] << SYMBOL_BITS | i;
	qsort(sorted, used, sizeof(*sorted), symbol_compare);
	return used;
}

/*
 * Count the leaves at each depth of Huffman's tree; those deeper than limit
 * count as if at it. Leaves are nodes 0 to n - 1 by rising weight. Inner nodes
 * come into being by rising weight, too, so the two lightest nodes are always
 * at the heads of two queues, and no heap is needed.
 */
static void
count_depths(const uint64_t *sorted, size_t n, unsigned limit,
    uint32_t count[HUFFMAN_BITS + 1])
{
	uint64_t weight[2 * HUFFMAN_MAX];
	uint16_t parent[2 * HUFFMAN_MAX], depth[2 * HUFFMAN_MAX];
	size_t leaf = 0, inner = n, node, i;
	int k;

	for (i = 0; i < n; i++)
		weight[i] = sorted[i] >> SYMBOL_BITS;
	/* Join the two lightest nodes, n - 1 times. */
	for (node = n; node < 2 * n - 1; node++) {
		weight[node] = 0;
		for (k = 0; k < 2; k++) {
			i = leaf < n && (inner == node ||
			    weight[leaf] <= weight[inner]) ? leaf++ : inner++;
			weight[node] += weight[i];
			parent[i] = (uint16_t)node;
		}
	}
	/* From the root down: a parent's number is above its children's. */
	memset(count, 0, (HUFFMAN_BITS + 1) * sizeof(*count));
	depth[2 * n - 2] = 0;
	for (i = 2 * n - 2; i-- > 0;) {
		depth[i] = (uint16_t)(depth[parent[i]] + 1);
		if (i < n)
			count[depth[i] < limit ? depth[i] : limit]++;
	}
}

/*
 * Make the lengths a code again after depths were cut off at limit. By Kraft, a
 * leaf of depth d takes 2^(limit - d) of the 2^limit places at the bottom. Each
 * step below frees one place, so the sum ends at exactly 2^limit: complete.
 */
static void
limit_depths(uint32_t count[HUFFMAN_BITS + 1], unsigned limit)
{
	uint32_t taken = 0;
	unsigned d;

	for (d = 1; d <= limit; d++)
		taken += count[d] << (limit - d);
	for (; taken > 1U << limit; taken--) {
		/*
		 * Move the deepest leaf above the bottom one level down and
		 * pair it with one taken from the bottom.
		 */
		for (d = limit - 1; count[d] == 0; d--)
			;
		count[d]--;
		count[d + 1] += 2;
		count[limit]--;
	}
}

/* The rarest symbols get the longest codes. */
void
huffman_lengths(const uint32_t *freq, size_t n, unsigned limit, uint8_t *len)
{
	uint64_t sorted[HUFFMAN_MAX];
	uint32_t count[HUFFMAN_BITS + 1];
	size_t i = 0;
	unsigned d;

	count_depths(sorted, sort_by_frequency(freq, n, sorted), limit, count);
	limit_depths(count, limit);
	memset(len, 0, n);
	for (d = limit; d > 0; d--)
		for (; count[d] > 0; count[d]--)
			len[sorted[i++] & ((1U << SYMBOL_BITS) - 1)] =
			    (uint8_t)d;
}

static uint16_t
reverse_bits(uint32_t code, unsigned bits)
{
	uint32_t r = 0;

	for (; bits > 0; bits--, code >>= 1)
		r = r << 1 | (code & 1);
	return (uint16_t)r;
}

/*
 * RFC 1951, 3.2.2, step by step: count the codes of each length, derive the
 * first code of each, then number the symbols of a length in their order.
 */
void
huffman_codes(const uint8_t *len, size_t n, uint16_t *code)
{
	uint32_t count[HUFFMAN_BITS + 1] = { 0 }, next[HUFFMAN_BITS + 1];
	uint32_t first = 0;
	size_t i;
	unsigned d;

	for (i = 0; i < n; i++)
		count[len[i]]++;
	count[0] = 0;
	for (d = 1; d <= HUFFMAN_BITS; d++) {
		first = (first + count[d - 1]) << 1;
		next[d] = first;
	}
	for (i = 0; i < n; i++)
		code[i] = len[i] == 0 ? 0 :
		    reverse_bits(next[len[i]]++, len[i]);
}
