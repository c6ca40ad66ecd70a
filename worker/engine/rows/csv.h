#ifndef WORKER_ENGINE_ROWS_CSV_H
#define WORKER_ENGINE_ROWS_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "worker/engine/rows/style.h"

struct buf;
struct point;

/* RFC 4180 text, as FORMAT.md, 3, specifies it, of any kind of point. */

/* U+FEFF in UTF-8; without it Excel assumes its own code page. */
#define CSV_BOM "\xef\xbb\xbf"

/* csv_header(b, style, names, n): Append the header. 0, -1: no memory. */
int csv_header(struct buf *b, const struct csv_style *style,
    const char *const *names, size_t n);

/*
 * csv_row(b, style, t_ms, cells, n, non_finite):
 * Append one row; cells[i] is NULL where column i has no point. NaN and
 * infinities leave an empty cell and are added to *non_finite. Returns 0, -1:
 * no memory, and then b may end in the middle of a row.
 */
int csv_row(struct buf *b, const struct csv_style *style, int64_t t_ms,
    const struct point *const *cells, size_t n, uint64_t *non_finite);

#endif
