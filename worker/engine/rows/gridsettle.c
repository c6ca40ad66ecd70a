/*
 * What crosses from a piece of time to the next: steps that are not over, and
 * latest values to hold. Knows cells and parts of steps, but no points.
 */
#include "worker/engine/rows/grid.h"

#include <stdlib.h>
#include <string.h>

#include "worker/engine/rows/exactsum.h"

void
grid_carry_free(struct grid_carry *c)
{
	size_t i;

	for (i = 0; c != NULL && i < c->n; i++)
		grid_part_end(&c->v[i].part);
	if (c != NULL)
		buf_release(&c->longer);
	free(c);
}

static struct grid_carry *
carry_new(size_t columns)
{
	struct grid_carry *c;

	if ((c = calloc(1, sizeof(*c) + columns * sizeof(c->v[0]))) == NULL)
		return NULL;
	c->n = columns;
	buf_init(&c->longer, CELL_TEXT_LONGER_MAX);
	return c;
}

static int
copy_value(struct grid_value *to, struct buf *longer,
    const struct grid_value *from, const struct buf *from_longer)
{
	to->number = from->number;
	return celltext_copy(&to->text, longer, &from->text, from_longer);
}

/* part was empty. */
static int
copy_part(struct grid_part *part, struct buf *longer,
    const struct grid_part *from, const struct buf *from_longer)
{
	*part = *from;
	if (from->sum != NULL) {
		if ((part->sum = malloc(sizeof(*part->sum))) == NULL)
			return -1;
		*part->sum = *from->sum;
	}
	return copy_value(&part->value, longer, &from->value, from_longer) != 0 ||
	    copy_value(&part->last, longer, &from->last, from_longer) != 0 ? -1 :
	    0;
}

/* Of a step's two parts, whether the value of the earlier one counts. */
static bool
is_earlier(const struct grid *g, const struct grid_part *early,
    const struct grid_part *late)
{
	switch (g->spec->take) {
	case ARCHIVE_TAKE_FIRST:
		return true;
	case ARCHIVE_TAKE_MIN:
		return number_compare(&early->number, &late->number) <= 0;
	case ARCHIVE_TAKE_MAX:
		return number_compare(&early->number, &late->number) >= 0;
	default:
		return false;
	}
}

/* The earlier part of its step, carried from the piece before, into this one. */
static int
add_earlier(struct grid *g, struct grid_part *part,
    const struct grid_part *early)
{
	part->n += early->n;
	if (part->sum != NULL)
		exactsum_merge(part->sum, early->sum);
	if (!is_earlier(g, early, part))
		return 0;
	part->number = early->number;
	return copy_value(&part->value, &g->longer, &early->value,
	    &g->in->longer);
}

/* What was carried into this column belongs to its first step, or is all of it. */
static int
take_in(struct grid *g, struct grid_series *s, const struct grid_part *early)
{
	if (s->head.any)
		return add_earlier(g, &s->head, early);
	if (s->tail.any && s->tail.step_ms == early->step_ms)
		return add_earlier(g, &s->tail, early);
	return copy_part(&s->head, &g->longer, early, &g->in->longer);
}

/* A part of a step that is over becomes cell i, for which there is room. */
static int
part_cell(struct grid *g, struct grid_series *s, const struct grid_part *part,
    size_t i)
{
	struct grid_cell *cell = &s->cells[i];

	cell->step_ms = part->step_ms;
	cell->last_ms = part->last_ms;
	cell->value = part->value;
	if (grid_has_lasts(g->spec))
		s->lasts[i] = part->last;
	if (part->sum == NULL)
		return 0;
	cell->value.number = exactsum_mean(part->sum, part->n);
	return grid_number(g, &cell->value);
}

static int
hold_on(struct grid_carried *to, struct buf *longer, int64_t t_ms,
    const struct grid_value *value, const struct buf *from_longer)
{
	to->is_held = true;
	to->held_ms = t_ms;
	return copy_value(&to->held, longer, value, from_longer);
}

/* The latest value of the column, of this piece or an earlier one. */
static int
settle_held(const struct grid *g, const struct grid_series *s,
    const struct grid_carried *in, struct grid_carried *out,
    struct buf *longer)
{
	const size_t i = s->n - 1;

	if (s->tail.any)
		return hold_on(out, longer, s->tail.last_ms, &s->tail.last,
		    &g->longer);
	if (s->n > 1)
		return hold_on(out, longer, s->cells[i].last_ms,
		    grid_has_lasts(g->spec) ? &s->lasts[i] :
		    &s->cells[i].value, &g->longer);
	if (s->head.any)
		return hold_on(out, longer, s->head.last_ms, &s->head.last,
		    &g->longer);
	if (s->is_held)
		return hold_on(out, longer, s->held_ms, &s->held, &g->longer);
	if (in != NULL && in->is_held)
		return hold_on(out, longer, in->held_ms, &in->held,
		    &g->in->longer);
	return 0;
}

/* Steps that end here become cells, the others are carried on. */
static int
settle_parts(struct grid *g, struct grid_series *s, struct grid_carried *out,
    struct buf *longer)
{
	int rc = 0;

	if (s->head.any && grid_ends(g, s->head.step_ms)) {
		s->first = 0;
		rc = part_cell(g, s, &s->head, 0);
	} else if (s->head.any) {
		rc = copy_part(&out->part, longer, &s->head, &g->longer);
	}
	if (rc == 0 && s->tail.any && grid_ends(g, s->tail.step_ms)) {
		rc = grid_grow(s) != 0 ? -1 : part_cell(g, s, &s->tail, s->n);
		s->n++;
	} else if (rc == 0 && s->tail.any) {
		rc = copy_part(&out->part, longer, &s->tail, &g->longer);
	}
	s->cells[s->n].step_ms = INT64_MAX;
	return rc;
}

static int
settle_column(struct grid *g, struct grid_series *s,
    const struct grid_carried *in, struct grid_carried *out,
    struct buf *longer)
{
	if (in != NULL && in->part.any && take_in(g, s, &in->part) != 0)
		return -1;
	if (g->spec->hold_ms > 0 &&
	    settle_held(g, s, in, out, longer) != 0)
		return -1;
	return settle_parts(g, s, out, longer);
}

struct grid_carry *
grid_settle(struct grid *g, struct grid_carry *in)
{
	struct grid_carry *out;
	size_t i;

	g->in = in;
	if ((out = carry_new(g->n)) == NULL)
		return NULL;
	for (i = 0; i < g->n; i++) {
		if (settle_column(g, &g->series[i], in != NULL ? &in->v[i] :
		    NULL, &out->v[i], &out->longer) != 0) {
			grid_carry_free(out);
			return NULL;
		}
	}
	return out;
}
