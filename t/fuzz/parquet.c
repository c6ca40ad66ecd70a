/*
 * What another worker says of its row groups, and the end of a file that is made of it:
 * whatever is accepted, that ends, and is not longer than it was said to become.
 * The input is flags, then for each row group its rows, bytes, and its chunks.
 */
#include "worker/engine/parquet/file.h"

#include <string.h>

#include "lib/base/names.h"
#include "worker/engine/parquet/chunk.h"

#include "t/fuzz/fuzz.h"

#define COLUMNS 3
#define GROUPS_MAX 8
#define CHUNKS_MAX (2 * COLUMNS + 2)

static int
count(void *arg, const void *data, size_t len)
{
	(void)data;
	*(uint64_t *)arg += len;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char time[] = "time_2", state[] = "state", text[] = "state_text";
	static char *list[COLUMNS] = { time, state, text };
	struct input in = { data, data + len };
	const uint8_t flags = take(&in);
	const struct names names = { list, flags % (COLUMNS + 1) };
	const struct parquet_about about = { "{}", "[]", (flags & 4) != 0 };
	struct parquet_file *f = parquet_file_new(&about, "v", &names, &names);
	uint8_t chunks[CHUNKS_MAX * PARQUET_CHUNK_BYTES];
	uint64_t at = 4, bytes, max, end = 0;
	size_t n, i;
	uint32_t rows;
	int k, rc;

	CHECK(f != NULL);
	parquet_file_begin(f);
	for (k = 0; k < GROUPS_MAX && in.at < in.end; k++) {
		rows = (uint32_t)take_int(&in, 4);
		bytes = take_int(&in, 5);
		n = take(&in) % sizeof(chunks);
		n = (flags & 8) != 0 ? n : n / PARQUET_CHUNK_BYTES * PARQUET_CHUNK_BYTES;
		for (i = 0; i < n; i++)
			chunks[i] = take(&in);
		rc = parquet_file_group(f, at, bytes, rows, chunks, n);
		CHECK(rc == 0 || rc == 1);
		if (rc == 0)
			at += bytes;
	}
	max = parquet_file_end_max(f);
	CHECK(parquet_file_end(f, at, count, &end) == 0);
	CHECK(end <= max);
	CHECK(parquet_file_columns(f)->n == parquet_file_parameters(f)->n);
	parquet_file_free(f);
	return 0;
}
