/* worker/upload: the plan of parts; what S3 allows is never exceeded. */
#include "worker/upload.h"

#include "lib/servers/s3.h"
#include "t/tap.h"

#define MIB ((size_t)1024 * 1024)
/* S3's own: the most bytes of a part. */
#define PART_BYTES_MAX ((uint64_t)5 * 1024 * MIB)
/* Parts are kept in memory, three at a time. */
#define MEMORY_MAX (1024 * MIB)

/* The bounds of part_bytes, its default (lib/base/conf.c), and what an archive may have then. */
static const struct {
	size_t first_mib;
	uint64_t archive_mib;
} rows[] = {
	{ 5, 2000 * (5 + 10 + 20 + 40 + 80) },
	{ 8, 2000 * (8 + 16 + 32 + 64 + 128) },
	{ 100, 2000 * (100 + 200 + 400 + 800 + 800) },
	{ 1024, 10000 * 1024 },
};

static void
test_plan(size_t first, uint64_t archive_mib)
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
		if (bytes != before && bytes != before * 2)
			bad_row(&bad, "part %d has %zu bytes after %zu", n,
			    bytes, before);
	}
	is_int((int64_t)bad, 0, "%zu MiB: each part is one that S3 takes",
	    first / MIB);
	is_int((int64_t)upload_part_bytes(first, 1), (int64_t)first,
	    "%zu MiB: the first part", first / MIB);
	is_int((int64_t)(sum / MIB), (int64_t)archive_mib,
	    "%zu MiB: what %d parts hold, MiB", first / MIB, S3_PARTS_MAX);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		test_plan(rows[i].first_mib * MIB, rows[i].archive_mib);
	return done_testing();
}
