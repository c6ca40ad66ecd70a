#ifndef WORKER_ENGINE_ARCHIVE_CSVFILE_H
#define WORKER_ENGINE_ARCHIVE_CSVFILE_H

#include <stdint.h>

#include "lib/base/digest.h"
#include "worker/engine/archive/zip.h"
#include "worker/engine/decode/unwind.h"
#include "worker/engine/deflate/deflate.h"
#include "worker/engine/rows/csv.h"

struct block;
struct names;
struct csvfile;

/* What the manifest says of one CSV of the archive. */
struct csvfile_facts {
	char name[ZIP_NAME_MAX + 1];
	uint64_t rows, points, bytes;
	int64_t first_ms, last_ms;	/* when there are rows */
	uint32_t crc;
	char sha256[DIGEST_HEX_SIZE];
	uint64_t duplicates, non_finite;
	struct skips skipped;
	uint64_t skipped_documents;
	/* Of the runs of blocks that it is made of. */
	uint64_t run_bytes;
	uint32_t run_crc;
	int part;			/* of its vehicle, from 1 */
};

/* Who is told when a CSV is complete; facts are the caller's, for the call only. */
typedef int csvfile_done_fn(void *arg, const struct csvfile_facts *facts);

/* What all CSVs of an archive share. */
struct csvfile_options {
	struct csv_style style;
	enum deflate_level level;
	uint64_t split_bytes;	/* a CSV goes on in a next part before it is larger */
};

/*
 * The CSV of one vehicle: blocks of rows in, entries of the archive out, a part
 * at a time. csvfile_open(): columns and the deflater, which
 * is for the headers, have to live as long as the writer.
 * Functions return 0, or -1 with the error logged, or NULL likewise.
 */
struct csvfile *csvfile_open(struct zip *zip,
    const struct csvfile_options *options, struct deflater *deflater,
    const char *vehicle, const struct names *columns,
    csvfile_done_fn *done, void *arg);

/* csvfile_block(w, block): The next rows. */
int csvfile_block(struct csvfile *w, const struct block *block);

/* csvfile_close(w): Report the last part. Then csvfile_free(). */
int csvfile_close(struct csvfile *w);
void csvfile_free(struct csvfile *w);

/*
 * csvfile_name(zip, stem, part, name):
 * What the part of a vehicle is called that comes next in zip. stem: the
 * vehicle's name for the first; it is changed, and has to be given again for the
 * parts after it.
 */
void csvfile_name(const struct zip *zip, char stem[ZIP_NAME_MAX + 1], int part,
    char name[ZIP_NAME_MAX + 1]);

/* csvfile_facts(w): Of the part that is open: for counts found outside the rows. */
struct csvfile_facts *csvfile_facts(struct csvfile *w);

/* csvfile_totals(w, rows, points): Of all parts so far. */
void csvfile_totals(const struct csvfile *w, uint64_t *rows,
    uint64_t *points);

#endif
