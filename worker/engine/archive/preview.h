#ifndef WORKER_ENGINE_ARCHIVE_PREVIEW_H
#define WORKER_ENGINE_ARCHIVE_PREVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block;
struct buf;
struct json_object;
struct preview;

/*
 * What GET /export/:id/preview shows of an export, so that people see what they
 * will get: the first rows of the first vehicle that has any, and for a plot,
 * of each column, one value from each of PREVIEW_SAMPLES equal parts of the
 * range. It is taken from the CSV text as that is written. A few rows are read
 * at each of some places, only while their part of the range is missing a
 * value: it costs next to nothing, and may miss a value of a column that has
 * few.
 */

#define PREVIEW_COLUMNS 12	/* only the first ones */
#define PREVIEW_ROWS 20
#define PREVIEW_CELL_BYTES 64	/* a longer cell is cut */
#define PREVIEW_SAMPLES 120
/* Places sampled per block for each part of the range it covers. */
#define PREVIEW_PLACES 4
/* Rows read for one part of the range, at most. */
#define PREVIEW_TRIES 64
/* The most that preview_json() appends. */
#define PREVIEW_BYTES ((size_t)24 * 1024)

/* preview_new(from_ms, to_ms): Of this range, half-open. NULL: no memory. */
struct preview *preview_new(int64_t from_ms, int64_t to_ms);
void preview_free(struct preview *p);

/*
 * preview_vehicle(p, name, columns, n):
 * The next blocks are this vehicle's. Does nothing once an earlier vehicle had
 * rows. The strings are copied. Returns 0, -1: no memory. Here and below p may
 * be NULL: no preview.
 */
int preview_vehicle(struct preview *p, const char *name,
    const char *const *columns, size_t n);

/*
 * preview_columns(p, n):
 * For a preview that is to be taken over by another: the next blocks are the
 * first, of a vehicle of n columns, which has no name yet.
 */
void preview_columns(struct preview *p, size_t n);

/* preview_block(p, block, text): The next rows, in the order of the file. */
void preview_block(struct preview *p, const struct block *block,
    const uint8_t *text);

/*
 * preview_take(p, next): Take over what next has of the rows that follow, of
 * the same vehicle. preview_done(p): Whether more rows cannot change it.
 */
void preview_take(struct preview *p, const struct preview *next);
bool preview_done(const struct preview *p);

/*
 * preview_json(p, b):
 * Append {"vehicle", "parameters": [name], "parametersTotal", "from", "to",
 * "rows": [[time, cell...]], "samples": [[number or null] or null]}. samples
 * has an entry for each parameter, null where no number was found or room is
 * short. Appends nothing if no vehicle had rows. Returns 0, -1: no memory.
 */
int preview_json(const struct preview *p, struct buf *b);

/*
 * preview_parse(text): What preview_json() wrote, with each number as it is there,
 * which json-c would round; the caller's. NULL: it is no JSON, or no memory.
 * preview_join(to, next): Add to such a preview what another has of later rows of
 * the same vehicle. What does not fit is left out, as is what is no preview.
 * preview_text(o): As text that the caller frees; NULL: longer than
 * PREVIEW_BYTES, or no memory.
 */
struct json_object *preview_parse(const char *text);
void preview_join(struct json_object *to, struct json_object *next);
char *preview_text(struct json_object *o);

#endif
