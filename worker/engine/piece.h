#ifndef WORKER_ENGINE_PIECE_H
#define WORKER_ENGINE_PIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/engine/deflate/blocks.h"
#include "worker/engine/deflate/deflate.h"
#include "worker/engine/rows/grid.h"

struct carried;
struct preview_part;
struct scratch;
struct slice;

/*
 * A piece: the rows of a slice in a part of its time, which one thread makes in
 * one go. It is read first, which is all that usual documents need; a piece that
 * turns out to be unusual, or that has points of earlier slices, is made again
 * on the exact path, once all slices before it are read.
 */
struct piece {
	struct slice *slice;
	size_t index;			/* of the slice's */
	int64_t from_ms, to_ms;		/* of its rows, half-open */
	struct carried **carried;	/* of earlier slices; references */
	size_t ncarried;

	bool unusual;			/* for the exact path */
	enum {
		PIECE_MADE, PIECE_TOO_LARGE, PIECE_REACHES, PIECE_NO_MEMORY
	} result;
	struct grid grid;		/* its steps, if rows are steps */
	struct blocks blocks;		/* its rows */
	struct preview_part *preview;	/* of them; or NULL */
	uint64_t duplicates;
};

void piece_init(struct piece *p);
/* piece_begin(p, s, index, from_ms): Of this slice; keeps memory. */
void piece_begin(struct piece *p, struct slice *s, size_t index,
    int64_t from_ms);
/* piece_end(p): Its rows are written: let go of all but some memory. */
void piece_end(struct piece *p);
void piece_release(struct piece *p);

/*
 * piece_read(p, scratch): Make the rows on the fast path, or set p->unusual. The
 * first piece of a slice that is unusual also finds the slice's skips, and what
 * is to be carried on.
 * piece_exact(p, scratch): Make them on the exact path.
 *
 * Where rows are steps (piece_has_steps()), both only find their cells.
 * piece_settle(p, in): Then, in the order of pieces, take over what the one before
 * it returned, NULL for the first of a vehicle. Returns what is for the next one,
 * NULL after the last of a vehicle, or with p->result set.
 * piece_write(p, scratch): Then make the rows.
 */
void piece_read(struct piece *p, struct scratch *scratch);
void piece_exact(struct piece *p, struct scratch *scratch);
bool piece_has_steps(const struct piece *p);
struct grid_carry *piece_settle(struct piece *p, struct grid_carry *in);
void piece_write(struct piece *p, struct scratch *scratch);

/* What a thread needs to work on pieces, one at a time. NULL: no memory. */
struct scratch *scratch_new(enum deflate_level level);
void scratch_free(struct scratch *scratch);

#endif
