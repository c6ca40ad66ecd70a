#ifndef WORKER_ENGINE_ARCHIVE_CSVFILE_H
#define WORKER_ENGINE_ARCHIVE_CSVFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/engine/archive/zip.h"
#include "worker/engine/decode/unwind.h"
#include "worker/engine/deflate/deflate.h"
#include "worker/engine/rows/columns.h"
#include "worker/engine/rows/csv.h"
#include "worker/engine/rows/periods.h"

struct block;
struct csvfile;
struct names;
struct parquet_about;

/* Consecutive days or months without a file. */
struct csvfile_empty {
	char first[PERIOD_NAME_SIZE], last[PERIOD_NAME_SIZE];
};

/* What the manifest reports of one CSV in the archive. */
struct csvfile_facts {
	char name[ZIP_NAME_MAX + 1];
	/* Of files by days or months: which one it is of, which ones have none. */
	char period[PERIOD_NAME_SIZE];
	struct csvfile_empty empty[2];
	int nempty;
	const struct names *columns;	/* their names in the file */
	const struct names *parameters;	/* of each column */
	uint64_t rows, points, bytes;	/* bytes: plain */
	int64_t first_ms, last_ms;	/* Unix ms; when there are rows */
	uint32_t crc;			/* of the plain bytes */
	uint64_t duplicates, non_finite, non_numeric;
	struct skips skipped;
	uint64_t skipped_documents;
	/* Of a run, for a fragment: its deflated bytes, and their CRC-32. */
	uint64_t run_bytes;
	uint32_t run_crc;
	uint64_t run_about;		/* of those, the last ones: for the file's end */
	bool begins, ends;		/* the CSV begins before it, ends after it */
};

/*
 * Called when a CSV, or a run, is complete; facts are valid during the call only.
 * Returns 0, or -1 with the error logged, which ends the archive.
 */
typedef int csvfile_done_fn(void *arg, const struct csvfile_facts *facts);

/* What all CSVs of an archive share. */
struct csvfile_options {
	struct csv_style style;
	enum deflate_level level;
	struct columns_units units;	/* in the names of columns */
	uint64_t split_bytes;	/* a new part begins before this size */
	bool runs;		/* for a fragment, in a bare ZIP */
	const struct parquet_about *parquet;	/* files are Parquet; NULL: CSV */
};

/* The most text of a run, unless one block has more; less for a small split. */
#define CSVFILE_RUN_BYTES ((uint64_t)64 << 20)
/*
 * The rows of a sheet, less the header, and the most of a run, unless one block has
 * more: of the forms for spreadsheets.
 */
#define CSVFILE_SHEET_ROWS ((uint64_t)1048575)
#define CSVFILE_SHEET_RUN_ROWS ((uint64_t)65536)

/*
 * The CSV of one vehicle: blocks of rows in, entries of the archive out, one
 * part at a time. Where style has periods, each that has a row has an entry, or
 * parts, of its own. Blocks form runs: a run has blocks that begin on one day
 * (UTC) and in one period, and at most CSVFILE_RUN_BYTES of text; for a sheet there
 * are limits of rows, too. A part begins with a run, where that might not fit into
 * the part before it. Only what came before decides that, so a CSV can be made of
 * runs from elsewhere. In a fragment runs are all there is: no names, headers or
 * parts. All arguments outlive it; the deflater is for the headers. Of Parquet, a run
 * is a block, a row group. The functions
 * return 0, or -1 or NULL with the error logged.
 */
struct csvfile *csvfile_open(struct zip *zip,
    const struct csvfile_options *options, struct deflater *deflater,
    const char *vehicle, const struct names *parameters,
    csvfile_done_fn *done, void *arg);

/*
 * csvfile_cut(c, continues, goes_on): Of runs, before the first block: the CSV
 * has rows before them, or after them, in other fragments.
 */
void csvfile_cut(struct csvfile *c, bool continues, bool goes_on);

/*
 * csvfile_block(c, block): Append the next rows. Their text is not needed any
 * more, only what it was deflated to.
 */
int csvfile_block(struct csvfile *c, const struct block *block);

/*
 * csvfile_run(c, run): Begin a run that was made elsewhere, and take over what
 * its facts say; its deflated bytes go into the ZIP next. One without bytes only
 * has counts, of what was found before the first row.
 */
int csvfile_run(struct csvfile *c, const struct csvfile_facts *run);

/*
 * csvfile_about(c, about, len): What its maker says of that run for the file's end.
 * Returns 0, 1: it cannot be, -1: no memory, logged.
 */
int csvfile_about(struct csvfile *c, const uint8_t *about, size_t len);

/* csvfile_close(c): Complete the last part. csvfile_free() comes next. */
int csvfile_close(struct csvfile *c);
void csvfile_free(struct csvfile *c);

/*
 * csvfile_facts(c): Of the open part, to add counts found elsewhere.
 * csvfile_count(c, points, non_finite): Points that no block counts.
 */
struct csvfile_facts *csvfile_facts(struct csvfile *c);
void csvfile_count(struct csvfile *c, uint64_t points, uint64_t non_finite);

/* csvfile_totals(c, rows, points): Of all parts so far. */
void csvfile_totals(const struct csvfile *c, uint64_t *rows,
    uint64_t *points);

#endif
