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

#endif
