/*
 * Times as bits. Passes over what has none 4,096 ms at a time.
 */
#include "worker/engine/parquet/timeset.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Words of bits that a bit of touched stands for; words of touched. */
#define PART ((size_t)64)
#define TOUCHED(words) ((words) / (PART * 64) + 1)

void
timeset_release(struct timeset *s)
{
	free(s->bits);
	free(s->touched);
	free(s->before);
	memset(s, 0, sizeof(*s));
}

/* The next part at or after *part that has times. Returns whether there is one. */
static bool
next_part(const struct timeset *s, size_t *part)
{
	size_t i = *part / 64;
	uint64_t left;

	if (i >= TOUCHED(s->words))
		return false;
	left = s->touched[i] >> *part % 64 << *part % 64;
	while (left == 0) {
		if (++i >= TOUCHED(s->words))
			return false;
		left = s->touched[i];
	}
	*part = i * 64 + (size_t)__builtin_ctzll(left);
	return true;
}

static void
timeset_clear(struct timeset *s)
{
	size_t part;

	if (s->cap == 0)
		return;
	for (part = 0; next_part(s, &part); part++)
		memset(&s->bits[part * PART], 0, PART * sizeof(*s->bits));
	memset(s->touched, 0, TOUCHED(s->words) * sizeof(*s->touched));
	s->n = 0;
}

int
timeset_begin(struct timeset *s, size_t range_ms)
{
	const size_t words = (range_ms / 64 / PART + 1) * PART;

	timeset_clear(s);
	s->words = words;
	if (words <= s->cap)
		return 0;
	timeset_release(s);
	s->bits = calloc(words, sizeof(*s->bits));
	s->touched = calloc(TOUCHED(words), sizeof(*s->touched));
	s->before = malloc(words * sizeof(*s->before));
	if (s->bits == NULL || s->touched == NULL || s->before == NULL) {
		timeset_release(s);
		return -1;
	}
	s->words = s->cap = words;
	return 0;
}

void
timeset_index(struct timeset *s)
{
	size_t part, w;

	s->n = 0;
	for (part = 0; next_part(s, &part); part++) {
		for (w = part * PART; w < (part + 1) * PART; w++) {
			s->before[w] = (uint32_t)s->n;
			s->n += (size_t)__builtin_popcountll(s->bits[w]);
		}
	}
}

void
timeset_list(struct timeset *s, int64_t base_ms, int64_t *times)
{
	size_t part, w;
	uint64_t bits;

	for (part = 0; next_part(s, &part); part++) {
		for (w = part * PART; w < (part + 1) * PART; w++) {
			for (bits = s->bits[w]; bits != 0; bits &= bits - 1)
				*times++ = base_ms + (int64_t)(w * 64) +
				    __builtin_ctzll(bits);
		}
	}
}
