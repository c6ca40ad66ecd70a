/*
 * worker/upload: the plan of parts. S3's own limits are never exceeded, and its largest
 * object fits whatever was expected.
 */
#include "worker/upload.h"

#include "lib/servers/s3.h"
#include "t/tap.h"

#define MIB ((uint64_t)1024 * 1024)
#define GIB (1024 * MIB)
/* S3's own: the most bytes of a part, and of an object. */
#define PART_BYTES_MAX (5 * GIB)
#define OBJECT_BYTES_MAX (5 * 1024 * GIB)
#define MEMORY_BYTES (64 * MIB)

/* What 10,000 parts hold, by hand: sizes of the steps times their numbers, bytes. */
static const struct {
	uint64_t part_bytes, estimate, first, archive;
} rows[] = {
	/* The default: 2,000 of it, 1,000 of each next, the last of 5 GiB. */
	{ 5242880, 0, 5242880, UINT64_C(10703790080000) },
	{ 8388608, 0, 8388608, UINT64_C(13904838656000) },
	/* Any estimate: 5,600 of it, 550 of each next. */
	{ 5242880, 1, 5242880, UINT64_C(5910677504000) },
	{ 5242880, 31457280000, 5242880, UINT64_C(5910677504000) },
	{ 5242880, UINT64_C(60000000000), 10000000, UINT64_C(8190369094500) },
	/* S3's largest object, expected. */
	{ 5242880, OBJECT_BYTES_MAX, 916259690, UINT64_C(27060441449750) },
};

static void
test_sizes(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_int((int64_t)upload_first_bytes(rows[i].part_bytes,
		    rows[i].estimate), (int64_t)rows[i].first,
		    "row %zu: the first part", i);
	is_int((int64_t)upload_first_bytes(5242880, OBJECT_BYTES_MAX) * 6000 /
	    (int64_t)GIB, 5120, "an estimate fits into 6,000 parts");
	is_int((int64_t)upload_first_bytes(1024 * MIB, 1), (int64_t)GIB,
	    "part_bytes is the least");
	is_int((int64_t)upload_first_bytes(5242880, UINT64_MAX / 2),
	    (int64_t)PART_BYTES_MAX, "any estimate: a part that S3 takes");
}

/* Sum all parts; each is one that S3 takes, and none is smaller than the one before. */
static uint64_t
sum_parts(size_t first, bool estimated, unsigned long *bad)
{
	uint64_t sum = 0, bytes, before = first;
	int n;

	for (n = 1; n <= S3_PARTS_MAX; n++, before = bytes) {
		bytes = upload_part_bytes(first, estimated, n);
		sum += bytes;
		if (bytes < S3_PART_MIN_BYTES || bytes > PART_BYTES_MAX ||
		    bytes < before || bytes > before / 2 * 5)
			bad_row(bad, "part %d has %llu bytes after %llu", n,
			    (unsigned long long)bytes, (unsigned long long)before);
	}
	return sum;
}

/* Of a first size: every bound of part_bytes and of estimates. */
static void
test_capacity(void)
{
	static const uint64_t firsts[] = { 5 * MIB, 8 * MIB, 100 * MIB, GIB,
	    916259690, 5242881, 7000001, PART_BYTES_MAX };
	unsigned long bad = 0;
	size_t i;
	int e;

	for (i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++)
		for (e = 0; e < 2; e++)
			if (sum_parts(firsts[i], e != 0, &bad) <
			    OBJECT_BYTES_MAX)
				bad_row(&bad, "%llu: 5 TiB do not fit",
				    (unsigned long long)firsts[i]);
	is_int((int64_t)bad, 0, "5 TiB fit into %d parts, from any first size",
	    S3_PARTS_MAX);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_int((int64_t)sum_parts(rows[i].first, rows[i].estimate > 0,
		    &bad), (int64_t)rows[i].archive, "row %zu: all parts", i);
}

/* Where a right estimate ends, parts have not grown much. */
static void
test_estimate(void)
{
	const uint64_t estimate = 100 * GIB;
	const size_t first = upload_first_bytes(5242880, estimate);
	uint64_t sum = 0;
	int n = 0;

	while (sum < estimate)
		sum += upload_part_bytes(first, true, ++n);
	ok(n < 9000, "100 GiB, as estimated, are %d parts", n);
	ok(upload_part_bytes(first, true, n) <= first / 2 * 5,
	    "the last of %zu bytes after a first of %zu",
	    upload_part_bytes(first, true, n), first);
}

static void
test_memory(void)
{
	static const struct {
		int senders;
		uint64_t part_bytes;
		int parts;
	} table[] = {
		{ 4, 5 * MIB, 5 }, { 1, 5 * MIB, 2 }, { 16, 5 * MIB, 12 },
		{ 4, 13107200, 5 }, { 4, 16 * MIB, 4 }, { 4, 32 * MIB, 2 },
		{ 4, 33 * MIB, 2 }, { 4, PART_BYTES_MAX, 2 },
		{ 1, PART_BYTES_MAX, 2 },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const int n = upload_parts(table[i].senders, table[i].part_bytes);

		is_int(n, table[i].parts, "%d senders, parts of %llu",
		    table[i].senders, (unsigned long long)table[i].part_bytes);
		ok(n == 2 || (uint64_t)n * table[i].part_bytes <= MEMORY_BYTES,
		    "they take 64 MiB at most, or are two");
	}
}

int
main(void)
{
	test_sizes();
	test_capacity();
	test_estimate();
	test_memory();
	return done_testing();
}
