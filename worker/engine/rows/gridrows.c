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
#include "worker/engine/parquet/rows.h"
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
	struct blocks *blocks;
	struct deflater *deflater;
	struct parquet_rows *parquet;	/* in place of text; or NULL */
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
 * One column's cell in the row of step_ms, NULL: none; at_ms: its beginning, or that of
 * the range. What is held is from before it. *longer: where a long text of it is.
 */
static inline const struct grid_value *
take_cell(struct rows *r, struct head *h, int64_t step_ms, int64_t at_ms,
    const struct buf **longer)
{
	const struct grid_value *value = NULL;

	*longer = h->held_longer;
	if (h->cell->step_ms == step_ms) {
		value = &h->cell->value;
		*longer = &r->grid->longer;
		head_next(r, h);
	} else if (h->until_ms >= at_ms) {
		value = h->held;
	}
	if (h->cell->step_ms < r->next_ms)
		r->next_ms = h->cell->step_ms;
	if (value != NULL && h->bins.bins != NULL && !isnan(value->number))
		bin_add(bin_cursor_at(&h->bins, at_ms), value->number);
	return value;
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
	const struct grid_value *value;
	const struct buf *longer;
	size_t i;
	char *to;

	if ((to = (char *)buf_reserve(r->text, r->room)) == NULL)
		return -1;
	r->next_ms = INT64_MAX;
	to += timetext_put(&r->time, step_ms, to);
	for (i = 0; i < r->grid->n; i++) {
		*to++ = r->separator;
		value = take_cell(r, &r->heads[i], step_ms, at_ms, &longer);
		if (value != NULL &&
		    (to = put_text(r, to, &value->text, longer)) == NULL)
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
csv_step(struct rows *r, int64_t step_ms)
{
	struct blocks *b = r->blocks;
	struct block *open;

	if (step_ms >= r->block_end_ms) {
		if (blocks_end(b, r->deflater) != 0)
			return -1;
		r->block_end_ms = block_ends(r, step_ms);
	}
	if ((open = blocks_open(b)) == NULL || put_row(r, step_ms) != 0)
		return -1;
	block_row(open, step_ms);
	return blocks_full(b) ? blocks_end(b, r->deflater) : 0;
}

static int
parquet_value(struct parquet_column *c, const struct grid_value *v,
    const struct buf *longer, uint32_t row)
{
	const char *text = v->text.s;
	size_t len = v->text.len;
	uint64_t bits;

	if (v->text.len == GRID_NUMBER) {
		memcpy(&bits, &v->number, sizeof(bits));
		return parquet_double(c, bits, row);
	}
	if (v->text.len == CELL_TEXT_LONG)
		text = celltext_long(&v->text, longer, &len);
	return parquet_other(c, text, len, row);
}

static int
parquet_step(struct rows *r, int64_t step_ms)
{
	const int64_t at_ms = row_at(r, step_ms);
	const uint32_t row = (uint32_t)r->parquet->n_rows;
	const struct grid_value *value;
	const struct buf *longer;
	size_t i;

	if (parquet_row(r->parquet, step_ms) != 0)
		return -1;
	r->next_ms = INT64_MAX;
	for (i = 0; i < r->grid->n; i++) {
		value = take_cell(r, &r->heads[i], step_ms, at_ms, &longer);
		if (value != NULL && parquet_value(&r->parquet->columns[i], value,
		    longer, row) != 0)
			return -1;
	}
	return 0;
}

/* Step by step where something is held, else on to the next one with a cell. */
static int
put_rows(struct rows *r, struct bins *bins)
{
	const struct grid *g = r->grid;
	const struct grid_range *range = &g->range;
	int64_t step_ms;
	int rc = 0;

	/* The last step may be cut: it ended before. */
	if (range->begin_ms >= range->to_ms)
		return 0;
	if (rows_init(r, bins) != 0)
		return -1;
	step_ms = grid_step(g->spec, g->cut_ms);
	while (rc == 0) {
		if (r->until_ms < row_at(r, step_ms))
			step_ms = r->next_ms;
		if (step_ms >= range->to_ms || !grid_ends(g, step_ms))
			break;
		rc = r->parquet != NULL ? parquet_step(r, step_ms) :
		    csv_step(r, step_ms);
		step_ms += g->spec->every_ms;
	}
	free(r->heads);
	return rc;
}

int
grid_write(const struct grid *g, const struct csv_style *style,
    struct blocks *blocks, struct deflater *deflater, struct bins *bins)
{
	struct rows r = { .grid = g, .style = style, .text = &blocks->text,
	    .blocks = blocks, .deflater = deflater };

	return put_rows(&r, bins) != 0 ? -1 : blocks_end(blocks, deflater);
}

int
grid_parquet(const struct grid *g, struct parquet_rows *rows, struct bins *bins)
{
	const struct csv_style style = { .parquet = true };
	struct rows r = { .grid = g, .style = &style, .parquet = rows };

	return put_rows(&r, bins);
}
