#ifndef WORKER_ENGINE_ARCHIVE_PREVIEW_ROWS_H
#define WORKER_ENGINE_ARCHIVE_PREVIEW_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "worker/engine/rows/bins.h"

struct block;
struct parquet_rows;

/*
 * What a piece, or a vehicle, has for the preview: its first rows, from its CSV text,
 * and the bins of its first columns, which its makers fill.
 */
#define PREVIEW_COLUMNS 12	/* only the first ones */
#define PREVIEW_ROWS 20
#define PREVIEW_CELL_BYTES 64	/* a longer cell is cut */
#define PREVIEW_CELLS (PREVIEW_COLUMNS + 1)	/* with the time */

struct preview_cell {
	char text[PREVIEW_CELL_BYTES + 1];
	size_t len;
};

struct preview_part {
	size_t columns;		/* shown */
	size_t rows;
	struct preview_cell cells[PREVIEW_ROWS][PREVIEW_CELLS];
	struct bins bins;
};

/*
 * preview_part_new(from_ms, to_ms, columns, begin_ms, end_ms): Of a vehicle of
 * `columns` columns, for an archive of [from_ms, to_ms); it has rows in [begin_ms,
 * end_ms) only. NULL: no memory.
 */
struct preview_part *preview_part_new(int64_t from_ms, int64_t to_ms,
    size_t columns, int64_t begin_ms, int64_t end_ms);
void preview_part_free(struct preview_part *p);

/*
 * preview_part_block(p, block, text, separator): The next rows, in the order of the file,
 * as CSV.
 * Text that is none is passed over.
 * preview_part_rows(p, rows): The only rows, of Parquet: times in RFC 3339, values as in a
 * CSV.
 * preview_part_take(p, next): Add what another has of later rows, of as many columns.
 */
void preview_part_block(struct preview_part *p, const struct block *block,
    const uint8_t *text, char separator);
void preview_part_rows(struct preview_part *p, const struct parquet_rows *rows);
void preview_part_take(struct preview_part *p, const struct preview_part *next);

#endif
