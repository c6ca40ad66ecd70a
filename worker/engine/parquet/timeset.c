/*
 * Times as bits. Passes over what has none 4,096 ms at a time.
 */
#include "worker/engine/parquet/timeset.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Words of touched, for so many of bits. */
#define TOUCHED(words) ((words) / 64 + 1)

void
timeset_release(struct timeset *s)
{
	free(s->bits);
	free(s->touched);
	free(s->before);
	memset(s, 0, sizeof(*s));
}

/* The next word of bits, at or after *word, that is not zero. Returns whether there is. */
static inline bool
next_word(const struct timeset *s, size_t *word)
{
	size_t i = *word / 64;
	uint64_t left = s->touched[i] >> *word % 64 << *word % 64;

	while (left == 0) {
		if (++i >= TOUCHED(s->words))
			return false;
		left = s->touched[i];
	}
	*word = i * 64 + (size_t)__builtin_ctzll(left);
	return true;
}

static void
timeset_clear(struct timeset *s)
{
	size_t word;

	for (word = 0; s->cap > 0 && next_word(s, &word); word++)
		s->bits[word] = 0;
	if (s->cap > 0)
		memset(s->touched, 0, TOUCHED(s->words) * sizeof(*s->touched));
}

int
timeset_begin(struct timeset *s, size_t range_ms)
{
	const size_t words = range_ms / 64 + 1;

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

size_t
timeset_list(struct timeset *s, int64_t base_ms, int64_t *times)
{
	uint64_t bits;
	size_t word, n = 0;

	for (word = 0; next_word(s, &word); word++) {
		s->before[word] = (uint32_t)n;
		for (bits = s->bits[word]; bits != 0; bits &= bits - 1)
			times[n++] = base_ms + (int64_t)(word * 64) +
			    __builtin_ctzll(bits);
	}
	return n;
}
