#ifndef WORKER_ENGINE_ARCHIVE_PREVIEW_H
#define WORKER_ENGINE_ARCHIVE_PREVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/engine/archive/preview_rows.h"

struct buf;
struct preview;

/*
 * What GET /export/:id/preview shows of an export, so that people see what they will
 * get: the files with their rows; of the first vehicles that have any, the first rows,
 * and of their first columns, for a plot, the bins of all numbers (rows/bins.h). It is
 * the same however many threads and fragments made the archive.
 *
 * Each part has a ceiling; what is beyond is left out: files, vehicles and columns
 * after the first ones, last rows whose texts are long, and the bins of last columns.
 */
#define PREVIEW_FILES 100
#define PREVIEW_VEHICLES 4
/* Of all vehicles together; one whose columns are too many for the rest is left out. */
#define PREVIEW_SERIES (2 * PREVIEW_COLUMNS)
/* Bytes of JSON: the list of files, the rows of each vehicle, all bins. */
#define PREVIEW_FILES_BYTES ((size_t)32 * 1024)
#define PREVIEW_TEXTS_BYTES ((size_t)24 * 1024)
#define PREVIEW_BINS_BYTES ((size_t)256 * 1024)
/* The most that preview_json() appends: these, and a little between. */
#define PREVIEW_BYTES (PREVIEW_FILES_BYTES + \
    PREVIEW_VEHICLES * PREVIEW_TEXTS_BYTES + PREVIEW_BINS_BYTES + 1024)

/* A vehicle that is shown. */
struct preview_vehicle {
	char *name;
	char *columns[PREVIEW_COLUMNS];	/* part->columns of them */
	size_t total;			/* columns that it has */
	struct preview_part *part;
};

/* preview_new(from_ms, to_ms): Of this range, half-open. NULL: no memory. */
struct preview *preview_new(int64_t from_ms, int64_t to_ms);
void preview_free(struct preview *p);

/*
 * preview_vehicle(p, name, columns, n):
 * What is taken next is this vehicle's, in order. A vehicle without rows gives way to
 * the next; one with rows for which there is no room is the end. The strings are
 * copied. Returns 0, -1: no memory. Here and below p may be NULL: no preview.
 */
int preview_vehicle(struct preview *p, const char *name,
    const char *const *columns, size_t n);

/*
 * preview_take(p, next): Take over the rows that follow, of that vehicle. NULL: none.
 * preview_done(p): Whether more rows of any vehicle cannot change it.
 * preview_file(p, name, vehicle, rows): A file of the archive is complete. Returns 0,
 * -1: no memory.
 */
void preview_take(struct preview *p, const struct preview_part *next);
bool preview_done(const struct preview *p);
int preview_file(struct preview *p, const char *name, const char *vehicle,
    uint64_t rows);

/*
 * preview_json(p, b):
 * Append {"from", "to", "files": [{"name", "vehicle", "rows"}], "filesTotal",
 * "vehicles": [{"vehicle", "parameters": [name], "parametersTotal", "rows": [[time,
 * cell...]], "bins": [[[bin, count, min, max, sum]] or null]}]}. bins has an entry for
 * each parameter, null where no number was found or room is short; only bins with
 * numbers are there; a sum may be null. Appends nothing if no vehicle had rows. What
 * does not fit is taken back: b has room for twice PREVIEW_BYTES. Returns 0, -1: no
 * memory.
 */
int preview_json(const struct preview *p, struct buf *b);

/*
 * For fragments: preview_facts(p, b) appends all of it but the files, exactly, as JSON;
 * nothing if no vehicle had rows. preview_join(p, text) adds that to the preview of the
 * archive, in the order of the fragments. Text that is none, as another version may have
 * made it, leaves the archive without a preview: it would not be that of all rows.
 * Both return 0, -1: no memory.
 */
int preview_facts(const struct preview *p, struct buf *b);
int preview_join(struct preview *p, const char *text);

/* For preview_facts.c: preview_shown(p, n): The vehicles that have rows. */
const struct preview_vehicle *preview_shown(const struct preview *p, size_t *n);
/* preview_range(p, from_ms, to_ms). preview_spoil(p): There is to be none. */
void preview_range(const struct preview *p, int64_t *from_ms, int64_t *to_ms);
void preview_spoil(struct preview *p);
/* preview_end(p): No vehicle follows: preview_done(). */
void preview_end(struct preview *p);

#endif
