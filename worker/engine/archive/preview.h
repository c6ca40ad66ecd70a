#ifndef WORKER_ENGINE_ARCHIVE_PREVIEW_H
#define WORKER_ENGINE_ARCHIVE_PREVIEW_H

#include <stddef.h>
#include <stdint.h>

struct block;
struct buf;
struct preview;

/*
 * What GET /export/:id/preview shows of an export, so that people see what they
 * will get: of the first vehicle that has rows the first rows, and of each column
 * one value for each of PREVIEW_SAMPLES equal parts of the range, for a plot. It
 * is taken from the CSV text as it is written: at some places a few rows are
 * looked at, as long as their part of the range lacks a value, so that it costs
 * next to nothing, and a value may be missed where a column has few.
 */

#define PREVIEW_COLUMNS 12	/* the first ones alone */
#define PREVIEW_ROWS 20
#define PREVIEW_CELL_BYTES 64	/* a longer cell is cut */
#define PREVIEW_SAMPLES 120
/* In a block that many places are looked at for each part that it has a share of. */
#define PREVIEW_PLACES 4
/* Rows that are looked at for one part of the range, at most. */
#define PREVIEW_TRIES 64
/* preview_json() gives no more. */
#define PREVIEW_BYTES ((size_t)24 * 1024)

/* preview_new(from_ms, to_ms): Of this range. NULL when memory ends. */
struct preview *preview_new(int64_t from_ms, int64_t to_ms);
void preview_free(struct preview *p);

/*
 * preview_vehicle(p, name, columns, n):
 * The blocks that follow are of this vehicle. Nothing is done once one before it
 * had rows. The strings are copied. Returns 0, -1 when memory ends. p may be NULL
 * here and below.
 */
int preview_vehicle(struct preview *p, const char *name,
    const char *const *columns, size_t n);

/* preview_block(p, block): Rows of the file, in their order. */
void preview_block(struct preview *p, const struct block *block);

/*
 * preview_json(p, b):
 * Append {"vehicle", "parameters": [name], "parametersTotal", "from", "to",
 * "rows": [[time, cell...]], "samples": [[number or null] or null]}; samples has
 * an entry a parameter, null where there was no number (or no room). Nothing is
 * appended where no vehicle had rows. Returns 0, -1 when memory ends.
 */
int preview_json(const struct preview *p, struct buf *b);

#endif
