/*
 * worker/engine/archive/csvfile.h; FORMAT.md, 4: where a CSV goes on in a next
 * part, by its plain and by its deflated bytes; its header.
 */
#include "worker/engine/archive/csvfile.h"

#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/names.h"
#include "worker/engine/archive_types.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/sink.h"

#include "t/tap.h"
#include "t/unit/inflate.h"

#define HEADER "time,speed\n"
#define SPLIT_BYTES 100
#define PARTS 8

static char speed[] = "speed";
static char *list[] = { speed };
static const struct names columns = { list, 1 };

/* The parts as they are reported. */
struct parts {
	struct csvfile_facts v[PARTS];
	size_t n;
};

static int
drop(struct sink *sink, const void *data, size_t len)
{
	(void)sink;
	(void)data;
	(void)len;
	return 0;
}

static int
part_done(void *arg, const struct csvfile_facts *facts)
{
	struct parts *parts = arg;

	if (parts->n == PARTS)
		return -1;
	parts->v[parts->n++] = *facts;
	return 0;
}

/* One row of len bytes. */
static int
add(struct csvfile *w, struct deflater *d, size_t len)
{
	struct block b = { 0 };
	struct buf deflated;
	char text[512];
	int rc;

	memset(text, '1', len);
	text[1] = ',';
	text[len - 1] = '\n';
	buf_init(&deflated, 1 << 16);
	rc = block_seal(&b, (const uint8_t *)text, len, &deflated, d);
	/* Its text is not needed: the reader of rows drops it. */
	b.deflated = deflated.data;
	b.points = 1;
	block_row(&b, 1);
	if (rc == 0)
		rc = csvfile_block(w, &b);
	buf_release(&deflated);
	return rc;
}

/* A file of these blocks, up to the first of 0 bytes. 0, -1. */
static int
write_file(const size_t *blocks, struct parts *parts)
{
	const struct csvfile_options options = { .level = DEFLATE_FAST,
	    .split_bytes = SPLIT_BYTES };
	struct deflater *d = deflater_new(options.level);
	struct sink sink = { .write = drop };
	struct zip *zip = zip_new(&sink, INT64_C(1543670055678));
	struct csvfile *w = NULL;
	int rc = -1;

	parts->n = 0;
	if (d != NULL && zip != NULL)
		w = csvfile_open(zip, &options, d, "v", &columns, part_done,
		    parts);
	if (w != NULL)
		rc = 0;
	while (rc == 0 && *blocks != 0)
		rc = add(w, d, *blocks++);
	if (rc == 0)
		rc = csvfile_close(w);
	csvfile_free(w);
	zip_free(zip);
	deflater_free(d);
	return rc;
}

/* The header counts: with a first block of 50 a part has 39 left of its 100. */
static void
test_split(void)
{
	static const struct {
		const char *name;
		size_t blocks[4], n, bytes[3];
	} rows[] = {
		{ "no rows", { 0 }, 1, { 11 } },
		{ "a block that ends just at the bound", { 50, 39 }, 1,
		    { 100 } },
		{ "a byte beyond it", { 50, 40 }, 2, { 61, 51 } },
		{ "a byte before it", { 50, 38 }, 1, { 99 } },
		{ "a first block that ends at the bound", { 89 }, 1, { 100 } },
		{ "a full part, then one more", { 50, 39, 4 }, 2, { 100, 15 } },
		{ "a block above the bound is not cut", { 200, 4 }, 2,
		    { 211, 15 } },
		{ "nor is it put after others", { 4, 200 }, 2, { 15, 211 } },
		{ "three parts", { 60, 60, 60 }, 3, { 71, 71, 71 } },
	};
	struct parts parts;
	size_t i, k;

	is_int((int64_t)strlen(HEADER), 11, "the header");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		is_int(write_file(rows[i].blocks, &parts), 0, "%s",
		    rows[i].name);
		is_int((int64_t)parts.n, (int64_t)rows[i].n, "%s: parts",
		    rows[i].name);
		for (k = 0; k < parts.n; k++)
			is_int((int64_t)parts.v[k].bytes,
			    (int64_t)rows[i].bytes[k], "%s: bytes of part %zu",
			    rows[i].name, k + 1);
	}
}

static void
test_parts(void)
{
	static const size_t blocks[] = { 60, 60, 29, 0 };
	struct parts parts;

	is_int(write_file(blocks, &parts), 0, "two parts of three rows");
	if (!is_int((int64_t)parts.n, 2, "two"))
		return;
	is_str(parts.v[0].name, "v.csv", "the first one's name");
	is_str(parts.v[1].name, "v-part2.csv", "the second one's name");
	is_int((int64_t)parts.v[0].rows, 1, "rows of the first");
	is_int((int64_t)parts.v[1].rows, 2, "rows of the second");
	is_int((int64_t)parts.v[1].points, 2, "points of the second");
}

/* Names with units are what the header has, and what is reported. */
static void
test_units(void)
{
	static const struct archive_parameter known[] = {
		{ "speed", "km/h", NULL, -1 },
	};
	const struct csvfile_options options = { .level = DEFLATE_FAST,
	    .split_bytes = SPLIT_BYTES, .units = { known, 1 } };
	struct deflater *d = deflater_new(options.level);
	struct sink sink = { .write = drop };
	struct zip *zip = zip_new(&sink, 0);
	struct parts parts = { .n = 0 };
	struct csvfile *w;

	if (d == NULL || zip == NULL || (w = csvfile_open(zip, &options, d, "v",
	    &columns, part_done, &parts)) == NULL)
		abort();
	is_int(csvfile_close(w), 0, "with units");
	is_int((int64_t)parts.n, 1, "with units: a part");
	is_str(parts.v[0].columns->v[0], "speed [km/h]", "with units: the column");
	is_int((int64_t)parts.v[0].bytes, (int64_t)strlen("time,speed [km/h]\n"),
	    "with units: the header");
	csvfile_free(w);
	zip_free(zip);
	deflater_free(d);
}

/* Of a block of rows, in the 32-bit form's place a limit of LIMIT bytes. */
#define LIMIT 100

/* One row of these lengths; what it holds does not matter here. */
static int
add_lengths(struct csvfile *w, size_t plain, size_t deflated)
{
	static const uint8_t bytes[4 * LIMIT];
	struct block b = { .deflated = bytes, .text_len = plain,
	    .deflated_len = deflated };

	block_row(&b, 1);
	return csvfile_block(w, &b);
}

/*
 * The header is stored: 16 bytes for 11. The entry's end takes 2: so with a
 * block of 82 bytes it is full.
 */
static void
test_limit(void)
{
	static const struct {
		const char *name;
		size_t blocks[3][2];	/* plain, deflated */
		int rc;
		size_t n, run_bytes[3];
	} rows[] = {
		{ "deflated bytes that just fit", { { 1, 40 }, { 1, 42 } }, 0,
		    1, { 98 } },
		{ "a byte more", { { 1, 40 }, { 1, 43 } }, 0, 2, { 56, 59 } },
		{ "each fits by itself", { { 1, 82 }, { 1, 82 }, { 1, 82 } },
		    0, 3, { 98, 98, 98 } },
		{ "a block that fits no entry", { { 1, 83 } }, -1, 0, { 0 } },
		{ "after one that does", { { 1, 9 }, { 1, 83 } }, -1, 1,
		    { 25 } },
		{ "plain bytes that just fit", { { 89, 1 } }, 0, 1, { 17 } },
		{ "plain bytes that fit no entry", { { 90, 1 } }, -1, 0,
		    { 0 } },
		{ "plain bytes of several", { { 50, 1 }, { 40, 1 } }, 0, 2,
		    { 17, 17 } },
		{ "far too many", { { SIZE_MAX / 2, 1 } }, -1, 0, { 0 } },
		{ "far too many after others", { { 1, 1 },
		    { 1, SIZE_MAX / 2 } }, -1, 1, { 17 } },
	};
	const struct csvfile_options options = { .level = DEFLATE_FAST,
	    .split_bytes = UINT64_MAX };
	struct sink sink = { .write = drop };
	struct parts parts;
	struct csvfile *w;
	struct zip *zip;
	size_t i, k;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		parts.n = 0;
		if ((zip = zip_new(&sink, 0)) == NULL)
			abort();
		zip_limit(zip, LIMIT);
		w = csvfile_open(zip, &options, NULL, "v", &columns, part_done,
		    &parts);
		rc = w == NULL ? -2 : 0;
		for (k = 0; k < 3 && rc == 0 && rows[i].blocks[k][0] > 0; k++)
			rc = add_lengths(w, rows[i].blocks[k][0],
			    rows[i].blocks[k][1]);
		if (rc == 0)
			rc = csvfile_close(w);
		is_int(rc, rows[i].rc, "limit: %s", rows[i].name);
		is_int((int64_t)parts.n, (int64_t)rows[i].n,
		    "limit: %s: parts", rows[i].name);
		for (k = 0; k < parts.n; k++)
			is_int((int64_t)parts.v[k].run_bytes,
			    (int64_t)rows[i].run_bytes[k],
			    "limit: %s: deflated bytes of part %zu",
			    rows[i].name, k + 1);
		csvfile_free(w);
		zip_free(zip);
	}
}

/*
 * In forms for spreadsheets a part begins before a run with which a sheet might be
 * full, so that a part has at least 1,048,575 - 65,536 rows where more follow.
 */
static int
add_rows(struct csvfile *w, uint64_t rows, int64_t t_ms)
{
	static const uint8_t bytes[1];
	const struct block b = { .deflated = bytes, .text_len = 1,
	    .deflated_len = 1, .rows = rows, .points = rows,
	    .first_ms = t_ms, .last_ms = t_ms };

	return csvfile_block(w, &b);
}

static void
test_sheets(void)
{
	static const struct {
		const char *name;
		bool excel;
		uint64_t rows, step;	/* all, and of a block */
		int64_t days;		/* between two blocks, in tenths */
		size_t n;
		uint64_t first;		/* rows of the first part */
	} rows[] = {
		{ "no sheet", false, 3000000, 10000, 0, 1, 3000000 },
		{ "up to a sheet's last run", true, 983040, 4096, 0, 1, 983040 },
		{ "beyond it", true, 987136, 4096, 0, 2, 983040 },
		{ "runs of several blocks", true, 3000000, 10000, 0, 3, 1020000 },
		{ "a run a day", true, 3000000, 10000, 10, 4, 990000 },
		{ "blocks that are runs", true, 1100000, 100000, 0, 2, 1000000 },
		{ "a block larger than a sheet", true, 2200000, 1100000, 0, 2,
		    1100000 },
	};
	const struct names two = columns;
	struct sink sink = { .write = drop };
	struct parts parts;
	struct csvfile *w;
	struct zip *zip;
	uint64_t k;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct csvfile_options options = {
		    .style = { .excel = rows[i].excel },
		    .level = DEFLATE_FAST, .split_bytes = UINT64_MAX };

		parts.n = 0;
		if ((zip = zip_new(&sink, 0)) == NULL)
			abort();
		w = csvfile_open(zip, &options, NULL, "v", &two, part_done,
		    &parts);
		rc = w == NULL ? -2 : 0;
		for (k = 0; k < rows[i].rows && rc == 0; k += rows[i].step)
			rc = add_rows(w, rows[i].step, (int64_t)(k /
			    rows[i].step) * rows[i].days * 8640000);
		if (rc == 0)
			rc = csvfile_close(w);
		is_int(rc, 0, "sheets: %s", rows[i].name);
		is_int((int64_t)parts.n, (int64_t)rows[i].n,
		    "sheets: %s: parts", rows[i].name);
		is_int((int64_t)parts.v[0].rows, (int64_t)rows[i].first,
		    "sheets: %s: rows of the first", rows[i].name);
		csvfile_free(w);
		zip_free(zip);
	}
}

/* What the sink gets of a bare archive. */
struct memory {
	struct sink sink;
	struct buf data;
};

static int
memory_write(struct sink *sink, const void *data, size_t len)
{
	return buf_add(&((struct memory *)sink)->data, data, len);
}

/* A header of n columns of one letter, upper and lower case in turn. */
static void
header_row(size_t n)
{
	const struct csvfile_options options = { .level = DEFLATE_FAST,
	    .split_bytes = UINT64_MAX };
	struct deflater *d = deflater_new(options.level);
	struct memory m = { .sink = { .write = memory_write } };
	struct zip *zip = zip_new_bare(&m.sink);
	struct names letters = { 0 };
	struct csvfile *w;
	struct buf text;
	struct parts parts = { .n = 0 };
	size_t i;

	buf_init(&m.data, 1 << 20);
	buf_init(&text, 1 << 20);
	buf_adds(&text, "time");
	for (i = 0; i < n; i++) {
		names_add(&letters, i % 2 ? "A" : "a", 1);
		buf_addf(&text, i == 0 ? ",a" : i % 2 ? ",A_%zu" : ",a_%zu",
		    i + 1);
	}
	buf_adds(&text, "\n");
	w = csvfile_open(zip, &options, d, "v", &letters, part_done, &parts);
	ok(w != NULL && csvfile_close(w) == 0, "%zu columns", n);
	ok(inflates(m.data.data, m.data.len, text.data, text.len),
	    "a header of %zu bytes, from %zu", text.len, m.data.len);
	ok(m.data.len <= text.len + 5, "deflated where that is shorter");
	ok(parts.n == 1 && parts.v[0].bytes == text.len &&
	    parts.v[0].crc == block_crc(0, text.data, text.len),
	    "its length and CRC");
	csvfile_free(w);
	zip_free(zip);
	deflater_free(d);
	names_release(&letters);
	buf_release(&text);
	buf_release(&m.data);
}

int
main(void)
{
	size_t n;

	test_limit();
	test_sheets();
	for (n = 0; n < 100; n++)
		header_row(n);
	header_row(5000);
	test_split();
	test_units();
	test_parts();
	return done_testing();
}
