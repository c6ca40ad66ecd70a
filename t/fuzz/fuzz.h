#ifndef T_FUZZ_FUZZ_H
#define T_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What a fuzzer (-fsanitize=fuzzer) or replay.c calls with each input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* CHECK(good): A promise that no input may break. */
#define CHECK(good) do { \
	if (!(good)) { \
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #good); \
		abort(); \
	} \
} while (0)

/* An input, taken apart from the front; zeros after its end. */
struct input {
	const uint8_t *at, *end;
};

static inline uint8_t
take(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

/* take_int(in, bytes): Little-endian. */
static inline uint64_t
take_int(struct input *in, int bytes)
{
	uint64_t u = 0;
	int i;

	for (i = 0; i < bytes; i++)
		u |= (uint64_t)take(in) << 8 * i;
	return u;
}

#endif
