/* worker/upload: the plan of parts; what S3 allows is never exceeded, and enough. */
#include <inttypes.h>

#include "lib/servers/s3.h"
#include "worker/upload.h"
#include "t/tap.h"

#define MIB ((size_t)1024 * 1024)
/* S3's own: the most bytes of a part, and of an object. */
#define PART_BYTES_MAX ((uint64_t)5 * 1024 * MIB)
#define OBJECT_BYTES_MAX ((uint64_t)5 * 1024 * 1024 * MIB)
/* Parts are kept in memory, three at a time. */
#define MEMORY_MAX (1024 * MIB)

/* What an archive may have whose first part has this size. */
static void
test_plan(size_t first)
{
	uint64_t sum = 0;
	size_t bytes, before = first;
	unsigned long bad = 0;
	int n;

	for (n = 1; n <= S3_PARTS_MAX; n++, before = bytes) {
		bytes = upload_part_bytes(first, n);
		sum += bytes;
		if (bytes < S3_PART_MIN_BYTES || bytes > PART_BYTES_MAX ||
		    bytes > MEMORY_MAX)
			bad_row(&bad, "part %d has %zu bytes", n, bytes);
		if (bytes != before && bytes != before * 2 &&
		    bytes != MEMORY_MAX)
			bad_row(&bad, "part %d has %zu bytes after %zu", n,
			    bytes, before);
	}
	is_int((int64_t)bad, 0, "%zu MiB: each part is one that S3 takes",
	    first / MIB);
	is_int((int64_t)upload_part_bytes(first, 1), (int64_t)first,
	    "%zu MiB: the first part", first / MIB);
	ok(sum >= OBJECT_BYTES_MAX, "%zu MiB: %d parts hold the largest object "
	    "of S3, %" PRIu64 " GB", first / MIB, S3_PARTS_MAX,
	    sum / 1000000000);
}

int
main(void)
{
	/* The bounds of part_bytes and its default (lib/base/conf.c). */
	test_plan(5 * MIB);
	test_plan(8 * MIB);
	test_plan(100 * MIB);
	test_plan(1024 * MIB);
	return done_testing();
}
