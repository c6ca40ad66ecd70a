#ifndef WORKER_ENGINE_PARQUET_GROUP_H
#define WORKER_ENGINE_PARQUET_GROUP_H

#include <stdbool.h>
#include <stddef.h>

struct blocks;
struct groups;
struct parquet_rows;
struct periods;

/*
 * Rows into row groups: a column chunk for each column, one after the other. One thread
 * at a time.
 */

/* groups_new(small): As pages_new(). groups_free(NULL) is fine. */
struct groups *groups_new(bool small);
void groups_free(struct groups *g);

/*
 * groups_write(g, rows, periods, blocks):
 * All rows, which may be none, as row groups, each a closed block with its chunks as
 * about (chunk.h); one has rows of one period (NULL: of any), and, if they are steps, of
 * one day, UTC. Returns 0, -1: no memory.
 */
int groups_write(struct groups *g, const struct parquet_rows *rows,
    const struct periods *periods, struct blocks *blocks);

#endif
