#ifndef WORKER_GATHER_H
#define WORKER_GATHER_H

#include <stddef.h>

#include "worker/engine/source.h"

/* One column of a window, as it was read. */
struct gather_column {
	struct source_doc *v;
	size_t n, room;
	size_t claimed;		/* bytes: expected, then those that have come */
	size_t bytes;
};

/*
 * gather(columns, n, docs):
 * The documents of n columns in one list, each column's by time: numbers were read
 * before Dates, and after the last column those of all that have no time. The
 * caller frees the list of *docs. NULL: no memory.
 */
struct source_doc *gather(const struct gather_column *columns, size_t n,
    size_t *docs);

#endif
