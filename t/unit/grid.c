/*
 * Fixed steps: the rows of random points do not depend on how their time is cut into
 * pieces. What they are t/0500 holds against the oracle; a few are here by hand.
 */
#include "worker/engine/rows/grid.h"

#include <math.h>
#include <string.h>

#include "worker/engine/deflate/blocks.h"
#include "worker/engine/deflate/deflate.h"
#include "worker/engine/rows/bins.h"
#include "worker/engine/rows/csv.h"

#include "t/tap.h"
#include "t/unit/draw.h"

#define COLUMNS 3
#define POINTS 400
#define FROM 1000
#define TO 3600000

static struct point points[COLUMNS][POINTS];
static size_t npoints[COLUMNS];
static struct csv_style style;
static struct deflater *deflater;
static struct buf text;

static const uint8_t word[] = "\x15\0\0\0" "longer than a cell, \0";

static void
on_sealed(void *arg, const struct block *v, const uint8_t *of)
{
	(void)arg;
	if (buf_add(&text, of, v->text_len) != 0)
		abort();
}

static void
add(size_t column, int64_t t_ms, double d)
{
	struct point *p = &points[column][npoints[column]++];

	p->t_ms = t_ms;
	p->type = LEAF_DOUBLE;
	memcpy(&p->v.bits, &d, sizeof(d));
}

/* One piece: its points, what was carried in, its rows. */
static struct grid_carry *
piece(struct grid *g, const struct grid_spec *spec, int64_t begin_ms,
    int64_t end_ms, struct grid_carry *in, struct bins *bins)
{
	const struct grid_range range = { FROM, TO, begin_ms, end_ms };
	struct grid_carry *out;
	struct blocks b;
	size_t c, i;
	int bad;

	bad = grid_begin(g, spec, &range, ',', COLUMNS);
	for (c = 0; c < COLUMNS; c++)
		for (i = 0; i < npoints[c]; i++)
			if (points[c][i].t_ms >= begin_ms &&
			    points[c][i].t_ms < end_ms &&
			    points[c][i].t_ms >= FROM - spec->hold_ms &&
			    points[c][i].t_ms < TO)
				bad |= grid_add(&g->series[c], &points[c][i]);
	bad |= grid_end(g);
	out = grid_settle(g, in);
	blocks_init(&b);
	b.sealed = on_sealed;
	bad |= grid_write(g, &style, &b, deflater, bins);
	blocks_release(&b);
	if (bad != 0 || out == NULL)
		abort();
	return out;
}

/* All rows as text, of pieces that end at these times; cuts ends with TO. */
static char *
rows(const struct grid_spec *spec, const int64_t *cuts, uint64_t *counted,
    struct bins *bins)
{
	struct grid_carry *carry = NULL;
	struct grid g = { 0 };
	int64_t begin_ms = INT64_MIN;

	buf_release(&text);
	buf_init(&text, 1 << 24);
	*counted = 0;
	for (;; cuts++) {
		carry = piece(&g, spec, begin_ms, *cuts, carry, bins);
		*counted += g.points + 1000 * g.non_finite + 1000000 * g.non_numeric;
		begin_ms = *cuts;
		if (*cuts >= TO)
			break;
	}
	grid_carry_free(carry);
	grid_release(&g);
	return buf_cstr(&text);
}

static void
test_by_hand(void)
{
	static const int64_t whole[] = { INT64_MAX };
	struct grid_spec spec = { .every_ms = 1000 };
	uint64_t counted;

	memset(npoints, 0, sizeof(npoints));
	add(0, 500, 7);
	add(0, 1999, 1);
	add(0, 2000, 2);
	add(0, 2999, 4);
	add(1, 2500, NAN);
	is_str(rows(&spec, whole, &counted, NULL), "1000,1,,\n2000,4,,\n", "edges");
	spec.take = ARCHIVE_TAKE_MEAN;
	is_str(rows(&spec, whole, &counted, NULL), "1000,1,,\n2000,3,,\n", "means");
	spec.hold_ms = 1001;
	is_str(rows(&spec, whole, &counted, NULL),
	    "1000,1,,\n2000,3,,\n3000,4,,\n4000,4,,\n", "held to the ms");
	spec.hold_ms = 1000;
	spec.take = ARCHIVE_TAKE_FIRST;
	is_str(rows(&spec, whole, &counted, NULL),
	    "1000,1,,\n2000,2,,\n3000,4,,\n", "and not a ms longer");
	npoints[0] = 1;
	is_str(rows(&spec, whole, &counted, NULL), "1000,7,,\n",
	    "held from before the range");
	is_int((int64_t)counted, 1001, "which does not count, as the NaN does");
}

static void
draw_points(void)
{
	struct point *p;
	int64_t t_ms;
	size_t c;

	for (c = 0; c < COLUMNS; c++) {
		npoints[c] = 0;
		for (t_ms = (int64_t)draw(4000) - 2000; t_ms < TO &&
		    npoints[c] < POINTS; t_ms += 1 + (int64_t)draw(draw(8) == 0 ?
		    60000 : 900)) {
			add(c, t_ms, (double)draw(200) / 8 - 10);
			p = &points[c][npoints[c] - 1];
			switch (draw(12)) {
			case 0:
				p->type = LEAF_INT64;
				p->v.bits = draw_bits();
				break;
			case 1:
				p->type = LEAF_STRING;
				p->v.ref = word;
				break;
			case 2:
				p->type = LEAF_BOOL;
				p->v.bits = draw(2);
				break;
			case 3:
				p->v.bits = UINT64_C(0x7ff) << 52;
				break;
			}
		}
	}
}

static int
same_bins(const struct bins *a, const struct bins *b)
{
	double x, y;
	size_t i;

	for (i = 0; i < COLUMNS * BINS; i++) {
		(void)bin_sum(&a->v[i], &x);
		(void)bin_sum(&b->v[i], &y);
		if (a->v[i].n != b->v[i].n || (a->v[i].n > 0 &&
		    (x != y || a->v[i].min != b->v[i].min ||
		    a->v[i].max != b->v[i].max)))
			return 0;
	}
	return 1;
}

static void
draw_cuts(int64_t cuts[20])
{
	int64_t at = FROM - 3000;
	int i;

	for (i = 0; i < 18 && at < TO; i++)
		cuts[i] = at += 1 + (int64_t)draw(draw(3) == 0 ? 300 : 90000);
	cuts[i] = draw(2) ? TO : INT64_MAX;
	cuts[i + 1] = INT64_MAX;
}

static void
test_cuts(void)
{
	static const int64_t everies[] = { 100, 1000, 1350, 60000, 3600000,
	    86400000 };
	static const int64_t whole[] = { INT64_MAX };
	struct bins once, cut;
	struct grid_spec spec;
	uint64_t n, counted;
	int64_t cuts[20];
	int round, bad = 0, lines = 0;
	char *one, *p;

	draw_from(24);
	if (bins_init(&once, FROM, TO, COLUMNS, FROM, TO) != 0 ||
	    bins_init(&cut, FROM, TO, COLUMNS, FROM, TO) != 0)
		abort();
	for (round = 0; round < 600; round++) {
		draw_points();
		spec.every_ms = everies[draw(6)];
		spec.hold_ms = draw(2) ? 0 : (int64_t)draw(20000);
		spec.take = (enum archive_take)draw(5);
		bins_clear(&once), bins_clear(&cut);
		one = strdup(rows(&spec, whole, &n, &once));
		for (p = one; (p = strchr(p, '\n')) != NULL; p++)
			lines++;
		draw_cuts(cuts);
		p = rows(&spec, cuts, &counted, &cut);
		if (strcmp(p, one) != 0 || counted != n ||
		    !same_bins(&once, &cut)) {
			diag("round %d: every %lld, hold %lld, take %d", round,
			    (long long)spec.every_ms, (long long)spec.hold_ms,
			    (int)spec.take);
			bad++;
		}
		free(one);
	}
	bins_release(&once), bins_release(&cut);
	is_int(bad, 0, "600 series, cut anywhere");
	ok(lines > 100000, "%d rows", lines);
}

int
main(void)
{
	deflater = deflater_new(DEFLATE_FAST);
	test_by_hand();
	test_cuts();
	buf_release(&text);
	deflater_free(deflater);
	return done_testing();
}
