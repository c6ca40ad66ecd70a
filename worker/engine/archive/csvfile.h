#ifndef WORKER_ENGINE_ARCHIVE_CSVFILE_H
#define WORKER_ENGINE_ARCHIVE_CSVFILE_H

#include <stdint.h>

#include "lib/base/digest.h"
#include "worker/engine/rows/csv.h"
#include "worker/engine/deflate/deflate.h"
#include "worker/engine/decode/unwind.h"
#include "worker/engine/archive/zip.h"

struct block;
struct entry_writer;

/* What the manifest says of one CSV of the archive. */
struct entry_facts {
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
typedef int entry_done_fn(void *arg, const struct entry_facts *facts);

/* What all CSVs of an archive share. */
struct entry_options {
	struct csv_style style;
	enum deflate_level level;
	uint64_t split_bytes;	/* a CSV goes on in a next part before it is larger */
};

/*
 * The CSV of one vehicle: blocks of rows in, entries of the archive out, a part
 * at a time. entry_open(): names are the columns'; they and the deflater, which
 * is for the headers, have to live as long as the writer.
 * Functions return 0, or -1 with the error logged, or NULL likewise.
 */
struct entry_writer *entry_open(struct zip *zip,
    const struct entry_options *options, struct deflater *deflater,
    const char *vehicle, const char *const *names, size_t n,
    entry_done_fn *done, void *arg);

/* entry_block(w, block): The next rows. */
int entry_block(struct entry_writer *w, const struct block *block);

/* entry_close(w): Report the last part. Then entry_free(). */
int entry_close(struct entry_writer *w);
void entry_free(struct entry_writer *w);

/*
 * entry_name(zip, stem, part, name):
 * What the part of a vehicle is called that comes next in zip. stem: the
 * vehicle's name for the first; it is changed, and has to be given again for the
 * parts after it.
 */
void entry_name(const struct zip *zip, char stem[ZIP_NAME_MAX + 1], int part,
    char name[ZIP_NAME_MAX + 1]);

/* entry_facts(w): Of the part that is open: for counts found outside the rows. */
struct entry_facts *entry_facts(struct entry_writer *w);

/* entry_totals(w, rows, points): Of all parts so far. */
void entry_totals(const struct entry_writer *w, uint64_t *rows,
    uint64_t *points);

#endif
