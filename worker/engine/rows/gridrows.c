/*
 * Cells of steps into CSV rows, column by column, with values that are held. Knows
 * texts and times, and no points.
 */
#include "worker/engine/rows/grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/timestamp.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/rows/bins.h"
#include "worker/engine/rows/csv.h"
#include "worker/engine/rows/periods.h"
#include "worker/engine/rows/timetext.h"

/* What a row needs besides its time and cells: CRLF, what a copy writes too much. */
#define ROW_SPARE (2 + sizeof(struct cell_text))

/* A column's next cell, and what it holds on to. */
struct head {
	const struct grid_cell *cell;
	const struct grid_value *last;	/* what is held of that cell */
	const struct grid_value *held;
	const struct buf *held_longer;
	int64_t until_ms;		/* it is held for steps up to then */
	struct bin_cursor bins;
};

struct rows {
	const struct grid *grid;
	const struct csv_style *style;
	struct timetext time;
	char separator;
	struct head *heads;
	int64_t next_ms;	/* the earliest step of all next cells */
	int64_t until_ms;	/* the latest of all that are held */
	int64_t block_end_ms;	/* of the open block */
	struct buf *text;
	size_t room;
};

/* What the column had before the piece. */
static void
head_init(struct rows *r, struct head *h, size_t i, struct bins *bins)
{
	const struct grid *g = r->grid;
	const struct grid_series *s = &g->series[i];
	const struct grid_carried *in = g->in != NULL ? &g->in->v[i] : NULL;

	h->cell = &s->cells[s->first];
	h->last = grid_has_lasts(g->spec) ? &s->lasts[s->first] : NULL;
	h->until_ms = INT64_MIN;
	if (g->spec->hold_ms > 0 && s->is_held) {
		h->held = &s->held;
		h->held_longer = &g->longer;
		h->until_ms = s->held_ms + g->spec->hold_ms;
	} else if (g->spec->hold_ms > 0 && in != NULL && in->is_held) {
		h->held = &in->held;
		h->held_longer = &g->in->longer;
		h->until_ms = in->held_ms + g->spec->hold_ms;
	}
	if (h->until_ms > r->until_ms)
		r->until_ms = h->until_ms;
	if (h->cell->step_ms < r->next_ms)
		r->next_ms = h->cell->step_ms;
	bin_cursor_begin(&h->bins, bins, i, 0);
}

static int
rows_init(struct rows *r, struct bins *bins)
{
	const struct grid *g = r->grid;
	size_t i;

	r->next_ms = INT64_MAX;
	r->until_ms = r->block_end_ms = INT64_MIN;
	r->separator = csv_separator(r->style);
	r->room = TIMETEXT_ROOM + g->n * (1 + CELL_TEXT_BYTES) + ROW_SPARE;
	if ((r->heads = calloc(g->n + 1, sizeof(*r->heads))) == NULL)
		return -1;
	for (i = 0; i < g->n; i++)
		head_init(r, &r->heads[i], i, bins);
	timetext_init(&r->time, r->style);
	return 0;
}

/* The column's next cell was written: the one after it is next, and it is held. */
static inline void
head_next(struct rows *r, struct head *h)
{
	const struct grid_spec *spec = r->grid->spec;

	if (spec->hold_ms > 0) {
		h->held = h->last != NULL ? h->last++ : &h->cell->value;
		h->held_longer = &r->grid->longer;
		h->until_ms = h->cell->last_ms + spec->hold_ms;
		if (h->until_ms > r->until_ms)
			r->until_ms = h->until_ms;
	}
	h->cell++;
}

/* Returns where the row continues, NULL: no memory. */
static char *
put_text(struct rows *r, char *to, const struct cell_text *v,
    const struct buf *longer)
{
	const char *text;
	size_t len;

	if (v->len != CELL_TEXT_LONG) {
		memcpy(to, v, sizeof(*v));
		return to + v->len;
	}
	text = celltext_long(v, longer, &len);
	r->text->len = (size_t)(to - (char *)r->text->data);
	if ((to = (char *)buf_reserve(r->text, len + r->room)) == NULL)
		return NULL;
	memcpy(to, text, len);
	return to + len;
}

/*
 * One column's cell in the row of step_ms; at_ms: its beginning, or that of the
 * range. What is held is from before it.
 */
static inline char *
put_cell(struct rows *r, struct head *h, char *to, int64_t step_ms,
    int64_t at_ms)
{
	const struct buf *longer = h->held_longer;
	const struct grid_value *value = NULL;

	if (h->cell->step_ms == step_ms) {
		value = &h->cell->value;
		longer = &r->grid->longer;
		head_next(r, h);
	} else if (h->until_ms >= at_ms) {
		value = h->held;
	}
	if (h->cell->step_ms < r->next_ms)
		r->next_ms = h->cell->step_ms;
	if (value == NULL)
		return to;
	if (h->bins.bins != NULL && !isnan(value->number))
		bin_add(bin_cursor_at(&h->bins, at_ms), value->number);
	return put_text(r, to, &value->text, longer);
}

static int64_t
row_at(const struct rows *r, int64_t step_ms)
{
	const int64_t from_ms = r->grid->range.from_ms;

	return step_ms > from_ms ? step_ms : from_ms;
}

static int
put_row(struct rows *r, int64_t step_ms)
{
	const int64_t at_ms = row_at(r, step_ms);
	size_t i;
	char *to;

	if ((to = (char *)buf_reserve(r->text, r->room)) == NULL)
		return -1;
	r->next_ms = INT64_MAX;
	to += timetext_put(&r->time, step_ms, to);
	for (i = 0; i < r->grid->n; i++) {
		*to++ = r->separator;
		to = put_cell(r, &r->heads[i], to, step_ms, at_ms);
		if (to == NULL)
			return -1;
	}
	if (r->style->excel)
		*to++ = '\r';
	*to++ = '\n';
	r->text->len = (size_t)(to - (char *)r->text->data);
	return 0;
}

/* A block has rows of one day, UTC, in which units begin and end, and one period. */
static int64_t
block_ends(const struct rows *r, int64_t step_ms)
{
	const int64_t day_end_ms = timestamp_floor(step_ms, DAY_MS) + DAY_MS;
	const int64_t end_ms = periods_end(r->style->periods, step_ms);

	return day_end_ms < end_ms ? day_end_ms : end_ms;
}

static int
next_row(struct rows *r, struct blocks *b, struct deflater *d,
    int64_t step_ms)
{
	struct block *open;

	if (step_ms >= r->block_end_ms) {
		if (blocks_end(b, d) != 0)
			return -1;
		r->block_end_ms = block_ends(r, step_ms);
	}
	if ((open = blocks_open(b)) == NULL || put_row(r, step_ms) != 0)
		return -1;
	block_row(open, step_ms);
	return blocks_full(b) ? blocks_end(b, d) : 0;
}

/* Step by step where something is held, else on to the next one with a cell. */
int
grid_write(const struct grid *g, const struct csv_style *style,
    struct blocks *blocks, struct deflater *deflater, struct bins *bins)
{
	struct rows r = { .grid = g, .style = style, .text = &blocks->text };
	const struct grid_range *range = &g->range;
	int64_t step_ms;
	int rc = 0;

	/* The last step may be cut: it ended before. */
	if (range->begin_ms >= range->to_ms)
		return 0;
	if (rows_init(&r, bins) != 0)
		return -1;
	step_ms = grid_step(g->spec, g->cut_ms);
	while (rc == 0) {
		if (r.until_ms < row_at(&r, step_ms))
			step_ms = r.next_ms;
		if (step_ms >= range->to_ms || !grid_ends(g, step_ms))
			break;
		rc = next_row(&r, blocks, deflater, step_ms);
		step_ms += g->spec->every_ms;
	}
	if (rc == 0)
		rc = blocks_end(blocks, deflater);
	free(r.heads);
	return rc;
}
