#ifndef WORKER_ENGINE_ROWS_FASTROWS_H
#define WORKER_ENGINE_ROWS_FASTROWS_H

#include <stddef.h>
#include <stdint.h>

struct blocks;
struct column_text;
struct csv_style;
struct deflater;

/*
 * fastrows_write(columns, n, base_ms, style, blocks, deflater):
 * The second half of the fast path: merge columns of text, each with its end
 * mark (column_text_end()), into CSV rows with the same bytes as csv_row()'s,
 * and close the blocks. A point costs the logarithm of n and a copy of fixed
 * size, without a branch that cannot be predicted; an empty cell only its comma.
 * Reserves in blocks->text what a row of short texts may need, and more for a
 * long one: at most FASTREAD_TEXT_MAX a cell. Returns 0, -1: no memory.
 */
int fastrows_write(struct column_text *columns, size_t n, int64_t base_ms,
    const struct csv_style *style, struct blocks *blocks,
    struct deflater *deflater);

#endif
