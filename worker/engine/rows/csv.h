#ifndef WORKER_ENGINE_ROWS_CSV_H
#define WORKER_ENGINE_ROWS_CSV_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct point;

/* U+FEFF in UTF-8: without it Excel takes a file for one of its code page. */
#define CSV_BOM "\xef\xbb\xbf"

/* How a row is written (FORMAT.md, 3). */
struct csv_style {
	int rfc3339;	/* time as RFC 3339, else Unix ms */
	int excel;	/* lines end in CRLF, and a BOM stands before the header */
};

/* csv_header(b, style, names, n): Append the header. Returns 0, -1: no memory. */
int csv_header(struct buf *b, const struct csv_style *style,
    const char *const *names, size_t n);

/*
 * csv_row(b, style, t_ms, cells, n, non_finite):
 * Append one row; cells[i] is NULL where column i has no point. NaN and
 * infinities are left empty and added to *non_finite. Returns 0, -1: no memory.
 */
int csv_row(struct buf *b, const struct csv_style *style, int64_t t_ms,
    const struct point *const *cells, size_t n, uint64_t *non_finite);

#endif
