/* Columns of points into rows: by tables, and against counting. */
#include "worker/engine/rows/merge.h"

#include <stdlib.h>

#include "worker/engine/decode/points.h"

#include "t/tap.h"
#include "t/unit/draw.h"

#define COLUMNS 4
#define POINTS 8

/* Times of each column, -1 after the last; rows as "time:columns ". */
static const struct {
	const char *name;
	size_t n;
	int64_t times[COLUMNS][POINTS];
	const char *expected;
} rows[] = {
	{ "no columns", 0, { { -1 } }, "" },
	{ "a column without points", 1, { { -1 } }, "" },
	{ "columns without points", 3, { { -1 }, { -1 }, { -1 } }, "" },
	{ "one column", 1, { { 1, 2, 9, -1 } }, "1:a 2:a 9:a " },
	{ "the time 0", 2, { { 0, -1 }, { 0, 1, -1 } }, "0:ab 1:b " },
	{ "all at one time", 4, { { 5, -1 }, { 5, -1 }, { 5, -1 },
	    { 5, -1 } }, "5:abcd " },
	{ "none together", 3, { { 1, 4, -1 }, { 2, 5, -1 }, { 3, 6, -1 } },
	    "1:a 2:b 3:c 4:a 5:b 6:c " },
	{ "one after another", 3, { { 7, 8, -1 }, { 1, 2, -1 },
	    { 4, 5, -1 } }, "1:b 2:b 4:c 5:c 7:a 8:a " },
	{ "some together", 3, { { 1, 2, 3, -1 }, { 2, 3, 4, -1 },
	    { 3, 9, -1 } }, "1:a 2:ab 3:abc 4:b 9:c " },
	{ "one ends early", 4, { { 1, -1 }, { -1 }, { 1, 2, 3, 4, 5, 6, 7, -1 },
	    { 7, -1 } }, "1:ac 2:c 3:c 4:c 5:c 6:c 7:cd " },
};

static void
test_table(void)
{
	struct point points[COLUMNS][POINTS];
	struct series series[COLUMNS];
	const struct point *cells[COLUMNS];
	struct merge m = { series, cells, 0 };
	char text[256], name[64];
	size_t i, c, k, n;
	int64_t t_ms = 0;
	int right, rc;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		m.n = rows[i].n;
		for (c = 0; c < m.n; c++) {
			for (k = 0; rows[i].times[c][k] != -1; k++) {
				points[c][k].t_ms = rows[i].times[c][k];
				points[c][k].type = LEAF_INT32;
				points[c][k].v.bits = c * 100 + k;
			}
			series[c].v = points[c];
			series[c].n = k;
			cells[c] = &points[0][7];
		}
		n = 0;
		right = 1;
		text[0] = '\0';
		while ((rc = merge_next(&m, &t_ms)) == 0 && n < 200) {
			n += (size_t)snprintf(text + n, 32, "%" PRId64 ":",
			    t_ms);
			for (c = 0; c < m.n; c++) {
				if (cells[c] == NULL)
					continue;
				text[n++] = (char)('a' + c);
				right &= cells[c]->t_ms == t_ms &&
				    cells[c]->v.bits / 100 == c;
			}
			text[n++] = ' ';
			text[n] = '\0';
		}
		snprintf(name, sizeof(name), "%s", rows[i].name);
		is_str(text, rows[i].expected, "%s", name);
		ok(right && rc == 1, "%s: cells, and the end", name);
		is_int(merge_next(&m, &t_ms), 1, "%s: the end again", name);
	}
}

/* The first and last times, and negative ones. */
static void
test_extremes(void)
{
	const struct point a[] = {
		{ INT64_MIN, { 0 }, LEAF_BOOL }, { -1, { 0 }, LEAF_BOOL },
		{ INT64_MAX - 1, { 0 }, LEAF_BOOL }
	};
	const struct point b[] = {
		{ -1, { 1 }, LEAF_BOOL }, { 0, { 1 }, LEAF_BOOL },
		{ INT64_MAX - 1, { 1 }, LEAF_BOOL }
	};
	struct series series[2] = { { a, 3 }, { b, 3 } };
	const struct point *cells[2];
	struct merge m = { series, cells, 2 };
	int64_t t[4] = { 0 };
	int i, rc = 0;

	for (i = 0; i < 4; i++)
		rc |= merge_next(&m, &t[i]);
	ok(rc == 0 && t[0] == INT64_MIN && t[1] == -1 && t[2] == 0 &&
	    t[3] == INT64_MAX - 1, "the ends of time");
	ok(cells[0] == &a[2] && cells[1] == &b[2], "cells are the points");
	is_int(merge_next(&m, &t[0]), 1, "and the end");
}

/* Random columns, checked by counting. */
static void
test_random(void)
{
	enum { WIDTH = 30, SPAN = 500 };
	static struct point points[WIDTH][SPAN];
	static uint8_t there[WIDTH][SPAN];
	struct series series[WIDTH];
	const struct point *cells[WIDTH];
	struct merge m = { series, cells, WIDTH };
	unsigned long bad = 0;
	int64_t t_ms = 0;
	int round, c, t, k, any;

	draw_from(88172645463325252);
	for (round = 0; round < 50; round++) {
		for (c = 0; c < WIDTH; c++) {
			k = 0;
			for (t = 0; t < SPAN; t++) {
				there[c][t] = draw_bits() %
				    (uint64_t)(2 + round * c) == 0;
				if (there[c][t])
					points[c][k++].t_ms = t - 250;
			}
			series[c].v = points[c];
			series[c].n = (size_t)k;
		}
		for (t = 0; t < SPAN; t++) {
			for (any = c = 0; c < WIDTH; c++)
				any |= there[c][t];
			if (!any)
				continue;
			if (merge_next(&m, &t_ms) != 0 || t_ms != t - 250)
				bad_row(&bad, "round %d: %d", round, t);
			for (c = 0; c < WIDTH; c++) {
				if ((cells[c] != NULL) != there[c][t] ||
				    (cells[c] != NULL &&
				    cells[c]->t_ms != t_ms))
					bad_row(&bad, "round %d: %d, column "
					    "%d", round, t, c);
			}
		}
		if (merge_next(&m, &t_ms) != 1)
			bad_row(&bad, "round %d: no end", round);
	}
	is_int((int64_t)bad, 0, "50 random sets of 30 columns");
}

int
main(void)
{
	test_table();
	test_extremes();
	test_random();
	return done_testing();
}
