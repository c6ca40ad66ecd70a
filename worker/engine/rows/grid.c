/*
 * Points into the cells of steps, column by column. Knows one piece of time, and no
 * rows.
 */
#include "worker/engine/rows/grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "worker/engine/decode/numtext.h"
#include "worker/engine/parquet/rows.h"
#include "worker/engine/rows/exactsum.h"
#include "worker/engine/rows/style.h"

#define CELLS_FIRST 64
/* A column's cells, or all long texts, beyond these are not kept. */
#define CELLS_KEEP ((size_t)16 * 1024)
#define LONGER_KEEP ((size_t)256 * 1024)

void
grid_part_end(struct grid_part *part)
{
	free(part->sum);
	memset(part, 0, sizeof(*part));
}

static void
series_clear(struct grid_series *s)
{
	grid_part_end(&s->head);
	grid_part_end(&s->tail);
	if (s->cap > CELLS_KEEP) {
		free(s->cells);
		free(s->lasts);
		s->cells = NULL;
		s->lasts = NULL;
		s->cap = 0;
	}
	s->first = s->n = 1;
	s->open = s->is_before = s->is_held = false;
	s->end_ms = INT64_MIN;
}

static void
series_release(struct grid_series *s)
{
	series_clear(s);
	free(s->sum);
	free(s->cells);
	free(s->lasts);
}

void
grid_clear(struct grid *g)
{
	size_t i;

	for (i = 0; i < g->cap; i++)
		series_clear(&g->series[i]);
	grid_carry_free(g->in);
	g->in = NULL;
	if (g->longer.cap > LONGER_KEEP)
		buf_release(&g->longer);
	g->longer.len = 0;
	g->points = g->non_finite = g->non_numeric = 0;
}

void
grid_release(struct grid *g)
{
	size_t i;

	grid_clear(g);
	for (i = 0; i < g->cap; i++)
		series_release(&g->series[i]);
	free(g->series);
	buf_release(&g->longer);
	memset(g, 0, sizeof(*g));
}

int
grid_grow(struct grid_series *s)
{
	const size_t cap = s->cap ? s->cap * 2 : CELLS_FIRST;
	struct grid_value *lasts;
	struct grid_cell *cells;

	if (s->n + 1 < s->cap)
		return 0;
	if ((cells = realloc(s->cells, cap * sizeof(*cells))) == NULL)
		return -1;
	s->cells = cells;
	if (grid_has_lasts(s->grid->spec)) {
		lasts = realloc(s->lasts, cap * sizeof(*lasts));
		if (lasts == NULL)
			return -1;
		s->lasts = lasts;
	}
	s->cap = cap;
	return 0;
}

static int
series_begin(struct grid *g, struct grid_series *s)
{
	s->grid = g;
	if (g->spec->take != ARCHIVE_TAKE_MEAN)
		return grid_grow(s);
	if (s->sum == NULL && (s->sum = malloc(sizeof(*s->sum))) == NULL)
		return -1;
	exactsum_init(s->sum);
	return grid_grow(s);
}

int
grid_begin(struct grid *g, const struct grid_spec *spec,
    const struct grid_range *range, char separator, size_t columns)
{
	struct grid_series *series;
	size_t i;

	if (columns > g->cap) {
		series = realloc(g->series, columns * sizeof(*series));
		if (series == NULL)
			return -1;
		g->series = series;
		memset(series + g->cap, 0,
		    (columns - g->cap) * sizeof(*series));
		g->cap = columns;
	}
	g->longer.max = CELL_TEXT_LONGER_MAX;
	grid_clear(g);
	g->spec = spec;
	g->range = *range;
	g->cut_ms = range->begin_ms > range->from_ms ? range->begin_ms :
	    range->from_ms;
	g->numeric = spec->take != ARCHIVE_TAKE_LAST &&
	    spec->take != ARCHIVE_TAKE_FIRST;
	g->separator = separator;
	g->n = columns;
	for (i = 0; i < columns; i++)
		if (series_begin(g, &g->series[i]) != 0)
			return -1;
	return 0;
}

bool
grid_ends(const struct grid *g, int64_t step_ms)
{
	const struct grid_range *r = &g->range;

	return r->end_ms >= r->to_ms || step_ms + g->spec->every_ms <= r->end_ms;
}

/* Whether a point counts in its step; *number is set where it is used. */
static inline bool
has_value(struct grid *g, const struct point *p, struct number *number)
{
	const bool counted = p->t_ms >= g->range.from_ms;

	g->points += counted;
	if (!point_is_finite(p)) {
		g->non_finite += counted;
		return false;
	}
	if (!g->numeric || number_of(p, number))
		return true;
	g->non_numeric += counted;
	return false;
}

int
grid_number(struct grid *g, struct grid_value *value)
{
	if (g->separator != CSV_NO_SEPARATOR)
		return celltext_double(&value->text, value->number, g->separator,
		    &g->longer);
	value->text.len = GRID_NUMBER;
	return 0;
}

static int
other_value(struct grid *g, const struct point *p, struct grid_value *value)
{
	struct number number;

	value->number = number_of(p, &number) ? number.d : NAN;
	if (g->separator == CSV_NO_SEPARATOR && parquet_holds(p)) {
		value->text.len = GRID_NUMBER;
		return 0;
	}
	return celltext_point(&value->text, p, g->separator, &g->longer);
}

/* The text of nearly all is short, and made in the cell. */
static inline int
value_of(struct grid *g, const struct point *p, struct grid_value *value)
{
	size_t len = 0;

	if (g->separator == CSV_NO_SEPARATOR)
		return other_value(g, p, value);
	if (p->type == LEAF_DOUBLE) {
		memcpy(&value->number, &p->v.bits, sizeof(value->number));
		len = numtext_small_double(value->number, value->text.s,
		    g->separator == ';' ? ',' : '.');
	} else if (p->type == LEAF_INT32 || p->type == LEAF_INT64) {
		value->number = (double)(int64_t)p->v.bits;
		len = numtext_small_int((int64_t)p->v.bits, value->text.s);
	}
	value->text.len = (uint8_t)len;
	return len > 0 ? 0 : other_value(g, p, value);
}

static int
mean_of(struct grid *g, const struct exactsum *sum, uint64_t n,
    struct grid_value *value)
{
	value->number = exactsum_mean(sum, n);
	return grid_number(g, value);
}

static inline const struct point *
point_of_step(const struct grid_series *s)
{
	return s->grid->spec->take == ARCHIVE_TAKE_LAST ? &s->latest : &s->best;
}

/* The open step, as one that earlier or later pieces may have points of. */
static int
part_of(struct grid_series *s, struct grid_part *part)
{
	struct grid *g = s->grid;

	part->any = true;
	part->step_ms = s->step_ms;
	part->last_ms = s->latest.t_ms;
	part->n = s->points;
	part->number = s->number;
	if (g->spec->hold_ms > 0 && value_of(g, &s->latest, &part->last) != 0)
		return -1;
	if (g->spec->take != ARCHIVE_TAKE_MEAN)
		return value_of(g, point_of_step(s), &part->value);
	if ((part->sum = malloc(sizeof(*part->sum))) == NULL)
		return -1;
	*part->sum = *s->sum;
	return 0;
}

/* The open step is over. A grid that is begun has room for a cell. */
static int
close_step(struct grid_series *s)
{
	struct grid *g = s->grid;
	struct grid_cell *cell = &s->cells[s->n];

	s->open = false;
	if (s->step_ms < g->cut_ms)
		return part_of(s, &s->head);
	cell->step_ms = s->step_ms;
	cell->last_ms = s->latest.t_ms;
	if ((g->spec->take == ARCHIVE_TAKE_MEAN ?
	    mean_of(g, s->sum, s->points, &cell->value) :
	    value_of(g, point_of_step(s), &cell->value)) != 0)
		return -1;
	if (s->lasts != NULL &&
	    value_of(g, &s->latest, &s->lasts[s->n]) != 0)
		return -1;
	s->n++;
	return s->n + 1 < s->cap ? 0 : grid_grow(s);
}

/* Mostly the step after the one before it, which takes no division. */
static void
open_step(struct grid_series *s, int64_t t_ms)
{
	const int64_t every_ms = s->grid->spec->every_ms;

	s->open = true;
	if (t_ms < s->end_ms + every_ms) {
		s->step_ms = s->end_ms;
	} else {
		s->step_ms = grid_step(s->grid->spec, t_ms);
	}
	s->end_ms = s->step_ms + every_ms;
	s->points = 0;
	if (s->sum != NULL)
		exactsum_clear(s->sum);
}

static bool
is_better(const struct grid_series *s, const struct number *number)
{
	switch (s->grid->spec->take) {
	case ARCHIVE_TAKE_MIN:
		return number_compare(number, &s->number) < 0;
	case ARCHIVE_TAKE_MAX:
		return number_compare(number, &s->number) > 0;
	default:
		return false;
	}
}

/* Which of the step's points counts, of those but the latest; or their sum. */
static void
add_to_step(struct grid_series *s, const struct point *p,
    const struct number *number)
{
	if (s->points++ == 0 || (s->grid->numeric && is_better(s, number))) {
		s->best = *p;
		s->number = *number;
	}
	if (s->sum == NULL)
		return;
	if (number->whole)
		exactsum_add_int(s->sum, number->i);
	else
		exactsum_add(s->sum, number->d);
}

/* The first point opens its series' first step: end_ms is INT64_MIN before. */
int
grid_add(struct grid_series *s, const struct point *p)
{
	struct number number;

	if (!has_value(s->grid, p, &number))
		return 0;
	if (p->t_ms < s->grid->range.from_ms) {
		s->before = *p;
		s->is_before = true;
		return 0;
	}
	if (p->t_ms >= s->end_ms) {
		if (s->open && close_step(s) != 0)
			return -1;
		open_step(s, p->t_ms);
	}
	if (s->grid->spec->take != ARCHIVE_TAKE_LAST)
		add_to_step(s, p, &number);
	s->latest = *p;
	return 0;
}

/* Documents are not needed after this: what is open or held becomes text. */
int
grid_end(struct grid *g)
{
	struct grid_series *s;
	size_t i;

	for (i = 0; i < g->n; i++) {
		s = &g->series[i];
		if (s->open && part_of(s, &s->tail) != 0)
			return -1;
		s->open = false;
		if (!s->is_before)
			continue;
		s->is_held = true;
		s->held_ms = s->before.t_ms;
		if (value_of(g, &s->before, &s->held) != 0)
			return -1;
	}
	return 0;
}
