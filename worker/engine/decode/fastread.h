#ifndef WORKER_ENGINE_DECODE_FASTREAD_H
#define WORKER_ENGINE_DECODE_FASTREAD_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "worker/engine/decode/celltext.h"
#include "worker/engine/rows/bins.h"

/*
 * The first half of the fast path: one pass through an hour document that
 * checks every length, terminator, type and key, and prints each value at once.
 * (The second half, fastrows_write(), merges the columns into rows.) It takes
 * what nearly all documents are: _id before values; levels that hold nothing
 * but values; ascending keys of up to 9 digits; leaves of every type that is a
 * point, strings of up to FASTREAD_STRING_MAX bytes of UTF-8; ascending times;
 * next to values, any valid elements. Everything else is unusual and goes to the
 * exact path.
 * 6 to 8 ns a point, text included, where document_valid(), unwind_document()
 * and csv_row() take 60 (`make bench`).
 */
/* The longest string of the fast path, and what a cell's text may come to. */
#define FASTREAD_STRING_MAX 4096
#define FASTREAD_TEXT_MAX (2 * FASTREAD_STRING_MAX + 3)

struct grid_series;
struct parquet_column;

/*
 * The points of one column in a slice, in ascending order. t and v have room
 * for one more than n, an end mark that column_text_end() sets. To be zeroed by
 * column_text_init(); column_text_clear() keeps the memory.
 */
struct column_text {
	int32_t *t;		/* ms from the slice's base */
	struct cell_text *v;
	size_t n, cap;
	int64_t last;		/* time of the last leaf, in the range or not */
	/* Texts of more than CELL_TEXT_BYTES; below 3 times the documents. */
	struct buf longer;
	/* Counts its numbers; column_text_clear() ends that. */
	struct bin_cursor bins;
	/*
	 * One of these takes the points in place of t and v, which stay empty, and grid
	 * in place of the bins; NULL again by column_text_clear().
	 */
	struct grid_series *grid;
	struct parquet_column *parquet;
};

void column_text_init(struct column_text *c);
void column_text_clear(struct column_text *c);
void column_text_release(struct column_text *c);

/*
 * column_text_end(c): Set the end mark, a time after all others (INT32_MAX).
 * Returns 0, -1: no memory.
 */
int column_text_end(struct column_text *c);

/* Times in ms from base_ms, which all documents of a slice share. */
struct fastread_range {
	int64_t base_ms;
	int64_t from, to;	/* points outside are dropped */
	int64_t end;		/* the slice's: a later point is unusual */
};

enum fastread_result {
	FASTREAD_DONE,
	FASTREAD_UNUSUAL,	/* for the exact path, with all of its slice */
	FASTREAD_NO_MEMORY
};

/*
 * fastread_document(doc, len, range, separator, column):
 * Append doc's points, as texts between commas, or between semicolons, where a
 * number's point is a comma. Unless FASTREAD_DONE, the column's content is undefined.
 * Where it is FASTREAD_DONE, document_valid() holds and unwind_document() finds
 * the same points, without a skip.
 */
enum fastread_result fastread_document(const uint8_t *doc, size_t len,
    const struct fastread_range *range, char separator,
    struct column_text *column);

#endif
