#ifndef WORKER_ENGINE_ROWS_GRID_H
#define WORKER_ENGINE_ROWS_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/timestamp.h"
#include "worker/engine/archive_types.h"
#include "worker/engine/decode/celltext.h"
#include "worker/engine/decode/number.h"
#include "worker/engine/decode/points.h"

struct bins;
struct blocks;
struct csv_style;
struct deflater;
struct exactsum;
struct parquet_rows;

/*
 * Fixed steps: FORMAT.md, 3. Points of one piece of time become cells of steps
 * (grid.c), which needs no other piece; then, in the order of pieces, what crosses
 * from one to the next is put together (gridsettle.c), which costs nothing for each
 * point; then cells become rows (gridrows.c).
 */

/* What to make. */
struct grid_spec {
	int64_t every_ms;	/* a divisor of a day; 0: no steps */
	int64_t hold_ms;
	enum archive_take take;
};

/* grid_step(spec, t_ms): When the step of t_ms begins; also before 1970. */
static inline int64_t
grid_step(const struct grid_spec *spec, int64_t t_ms)
{
	return timestamp_floor(t_ms, spec->every_ms);
}

/*
 * A cell's text and number; a long text is in its grid's or carry's buffer. For Parquet
 * there is no text of what a double holds: GRID_NUMBER is its length.
 */
#define GRID_NUMBER 0xfe
struct grid_value {
	struct cell_text text;
	double number;		/* NaN: it is none */
};

struct grid_cell {
	struct grid_value value;
	int64_t step_ms;	/* INT64_MAX: the mark after the last one */
	int64_t last_ms;	/* of the latest point in it */
};

/* A step of which an earlier or later piece may have points, too. */
struct grid_part {
	bool any;
	int64_t step_ms, last_ms;
	uint64_t n;			/* points */
	struct grid_value value;	/* but of a mean */
	struct number number;		/* of a smallest or largest */
	struct exactsum *sum;		/* of a mean; its own */
	struct grid_value last;		/* of the latest point, with hold */
};

/* One column of a piece. */
struct grid_series {
	struct grid *grid;
	/*
	 * Cells first to n - 1 and the mark. Cell 0 is for a step that began in an
	 * earlier piece: first is 0 or 1.
	 */
	struct grid_cell *cells;
	struct grid_value *lasts;	/* what is held of each, unless take is last */
	size_t first, n, cap;
	/* The step that points are added to; end_ms: of the last one, if none is open. */
	bool open;
	int64_t step_ms, end_ms;
	struct point latest;
	uint64_t points;		/* these are not used where the latest counts */
	struct point best;
	struct number number;		/* best's */
	struct exactsum *sum;		/* or NULL: no mean */
	struct grid_part head, tail;	/* its first and last step, if they are cut */
	/* The latest point before the range. */
	bool is_before, is_held;
	struct point before;
	int64_t held_ms;
	struct grid_value held;
};

/* What crosses to the next piece. */
struct grid_carried {
	struct grid_part part;
	bool is_held;
	int64_t held_ms;
	struct grid_value held;
};

struct grid_carry {
	size_t n;
	struct buf longer;
	struct grid_carried v[];
};

/* Where a piece is. */
struct grid_range {
	int64_t from_ms, to_ms;		/* of the export, or unit: points, half-open */
	int64_t begin_ms, end_ms;	/* of the piece */
};

/* A piece. Zeroed it is empty; it keeps memory from one piece to the next. */
struct grid {
	const struct grid_spec *spec;
	struct grid_range range;
	int64_t cut_ms;			/* a step that begins before may have earlier points */
	bool numeric;			/* what is no number is left out */
	char separator;
	struct grid_series *series;
	size_t n, cap;
	struct buf longer;		/* texts of all columns */
	struct grid_carry *in;		/* of the pieces before it */
	uint64_t points, non_finite, non_numeric;	/* in the range */
};

/*
 * grid_begin(g, spec, range, separator, columns): Empty, for this piece. Returns 0,
 * -1: no memory. grid_clear(g): Let go of what it refers to, and much memory.
 * grid_release(g): Free all.
 */
int grid_begin(struct grid *g, const struct grid_spec *spec,
    const struct grid_range *range, char separator, size_t columns);
void grid_clear(struct grid *g);
void grid_release(struct grid *g);

/*
 * grid_add(s, p): A point, later than those before; one before from_ms counts for
 * hold alone. What p refers to must outlive grid_end(g), which follows the last one.
 * Both return 0, -1: no memory.
 */
int grid_add(struct grid_series *s, const struct point *p);
int grid_end(struct grid *g);

/*
 * grid_settle(g, in): After grid_end(), in the order of pieces: in (NULL at a
 * vehicle's beginning) is what the piece before it returned, and g's from here.
 * Returns what is for the next one, NULL: no memory.
 * grid_carry_free(c): NULL is fine.
 */
struct grid_carry *grid_settle(struct grid *g, struct grid_carry *in);
void grid_carry_free(struct grid_carry *c);

/*
 * grid_write(g, style, blocks, deflater, bins):
 * The rows of the steps that end in the piece, once it is settled, all blocks
 * closed. bins (or NULL) count the numbers. Returns 0, -1: no memory.
 */
int grid_write(const struct grid *g, const struct csv_style *style,
    struct blocks *blocks, struct deflater *deflater, struct bins *bins);

/* grid_parquet(g, rows, bins): The same rows, added to those of Parquet. */
int grid_parquet(const struct grid *g, struct parquet_rows *rows, struct bins *bins);

/* For the files of the grid: */

/* grid_part_end(part): Free its sum; it is empty. */
void grid_part_end(struct grid_part *part);
/* grid_ends(g, step_ms): Whether the step ends in the piece. */
bool grid_ends(const struct grid *g, int64_t step_ms);
/* grid_number(g, value): The text of value->number, a double. 0, -1: no memory. */
int grid_number(struct grid *g, struct grid_value *value);
/* grid_grow(s): Room for a cell and the mark. Returns 0, -1: no memory. */
int grid_grow(struct grid_series *s);

/* grid_has_lasts(spec): Whether what is held is not the cell itself. */
static inline bool
grid_has_lasts(const struct grid_spec *spec)
{
	return spec->hold_ms > 0 && spec->take != ARCHIVE_TAKE_LAST;
}

#endif
