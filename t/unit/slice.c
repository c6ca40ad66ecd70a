/*
 * Slices: which documents belong together, and that the pieces of a slice tile
 * its time, whatever it holds.
 */
#include "worker/engine/slice.h"

#include <stdlib.h>

#include "lib/base/names.h"

#include "t/tap.h"
#include "t/unit/draw.h"

#define BASE INT64_C(1543536000000)	/* 2018-11-30 */
#define MIB ((size_t)1 << 20)

static struct slice_plan plan;
static struct names columns = { NULL, 3 };
static const struct source_vehicle vehicle = { .name = "v",
    .columns = &columns };
static int released;

static void
release(struct source_window *w)
{
	released++;
	w->n = 0;
}

static void
test_hours(void)
{
	static const struct {
		int64_t t_ms, hour_ms;
	} rows[] = {
		{ 0, 0 }, { 1, 0 }, { HOUR_MS - 1, 0 }, { HOUR_MS, HOUR_MS },
		{ -1, -HOUR_MS }, { -HOUR_MS, -HOUR_MS },
		{ -HOUR_MS - 1, -2 * HOUR_MS }, { BASE + 5, BASE },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_int(slice_hour(rows[i].t_ms), rows[i].hour_ms,
		    "the hour of %" PRId64, rows[i].t_ms);
}

static void
test_days(void)
{
	is_int(slice_day(0), 0, "a day begins");
	is_int(slice_day(DAY_MS - 1), 0, "and ends");
	is_int(slice_day(-1), -DAY_MS, "a day before 1970");
	is_int(slice_day(-DAY_MS), -DAY_MS, "begins");
	is_int(slice_day(BASE + 5 * HOUR_MS), BASE, "2018-11-30");
}

/* Days of a vehicle: the points of a slice, and the hour before it continues. */
static void
test_fragment(void)
{
	struct source_vehicle v = { .name = "v", .columns = &columns,
	    .from_ms = BASE, .to_ms = BASE + DAY_MS };
	struct slice_plan all = { .from_ms = BASE - 5 * DAY_MS,
	    .to_ms = BASE + 5 * DAY_MS };
	struct slice *s = slice_new(&all, &v);
	int64_t from_ms, to_ms;

	s->base_ms = BASE - HOUR_MS;
	slice_range(s, &from_ms, &to_ms);
	ok(from_ms == all.from_ms && to_ms == all.to_ms &&
	    !slice_is_before(s), "a vehicle as a whole: the plan's range");
	v.continues = true;
	slice_range(s, &from_ms, &to_ms);
	ok(from_ms == BASE && to_ms == all.to_ms, "one that continues");
	ok(slice_is_before(s), "the hour before it");
	s->base_ms = BASE;
	ok(!slice_is_before(s), "its first hour");
	v.goes_on = true;
	slice_range(s, &from_ms, &to_ms);
	ok(from_ms == BASE && to_ms == BASE + DAY_MS, "one that goes on");
	all.from_ms = BASE + 1, all.to_ms = BASE + 2;
	slice_range(s, &from_ms, &to_ms);
	ok(from_ms == BASE + 1 && to_ms == BASE + 2, "never beyond the plan");
	slice_free(s);
}

/* filled(bytes, base_ms): A slice of one document of so many bytes. */
static struct slice *
filled(size_t bytes, int64_t base_ms, struct window_hold *hold)
{
	const struct source_doc doc = { 0, NULL, bytes, base_ms };
	struct slice *s = slice_new(&plan, &vehicle);

	if (s == NULL || slice_add(s, &doc, hold) != 0)
		abort();
	s->begin_ms = s->base_ms = base_ms;
	s->end_ms = base_ms + HOUR_MS;
	return s;
}

static void
test_full(void)
{
	struct source_window w = { .release = release };
	struct window_hold *hold = window_hold(&w);
	struct slice *s = slice_new(&plan, &vehicle);

	ok(!slice_is_full(s, BASE), "an empty slice is not full");
	slice_free(s);
	s = filled(SLICE_MIN_BYTES - 1, BASE, hold);
	ok(!slice_is_full(s, BASE + HOUR_MS), "a byte less than enough");
	ok(!slice_is_full(s, BASE + 24 * HOUR_MS - 1), "up to the day's end");
	ok(slice_is_full(s, BASE + 24 * HOUR_MS), "a day ends it");
	slice_free(s);
	s = filled(SLICE_MIN_BYTES, BASE, hold);
	ok(slice_is_full(s, BASE + HOUR_MS), "enough");
	slice_free(s);
	s = filled(1, -HOUR_MS, hold);
	ok(slice_is_full(s, 0), "1970 begins a day");
	slice_free(s);
	s = filled(1, -24 * HOUR_MS, hold);
	ok(!slice_is_full(s, -1), "a day before 1970");
	slice_free(s);
	window_let_go(hold);
}

/* A window is released with the last of those that refer to it, once. */
static void
test_holds(void)
{
	struct source_window w[3] = { { .release = release },
	    { .release = release }, { .release = release } };
	struct window_hold *hold[3];
	struct slice *a = slice_new(&plan, &vehicle);
	struct slice *b = slice_new(&plan, &vehicle);
	const struct source_doc doc = { 0, NULL, 10, BASE };
	int i;

	released = 0;
	for (i = 0; i < 3; i++)
		hold[i] = window_hold(&w[i]);
	window_let_go(NULL);
	for (i = 0; i < 100; i++)
		slice_add(a, &doc, hold[i / 50]);
	for (i = 0; i < 30; i++)
		slice_add(b, &doc, hold[1]);
	slice_refer(b, hold[2]), slice_refer(b, hold[2]);
	is_int((int64_t)a->nholds, 2, "two windows");
	is_int((int64_t)a->bytes, 1000, "bytes of all documents");
	is_int(released, 0, "none released while the caller holds them");
	window_let_go(hold[0]), window_let_go(hold[1]);
	is_int(released, 0, "nor while slices do");
	slice_free(a);
	is_int(released, 1, "the first with its only slice");
	window_let_go(hold[2]);
	is_int(released, 1, "the others not");
	slice_free(b);
	is_int(released, 3, "each once");
	slice_free(NULL);
	a = slice_new(&plan, &vehicle);
	slice_free(a);
	is_int(released, 3, "an empty slice holds none");
}

/* What is wrong with the pieces of s; NULL: they tile [begin_ms, end_ms). */
static const char *
tiles(struct slice *s)
{
	int64_t at = s->begin_ms, next;
	size_t i;

	if ((s->pieces = slice_cut(s)) == 0)
		return "no piece";
	for (i = 0; i < s->pieces; i++, at = next) {
		next = slice_piece_ends(s, i);
		if (next < at)
			return "a piece ends before it begins";
		if (next > s->end_ms)
			return "a piece beyond the slice";
	}
	return at == s->end_ms ? NULL : "a gap at the end";
}

static void
test_pieces(void)
{
	struct source_window w = { .release = release };
	struct window_hold *hold = window_hold(&w);
	unsigned long bad = 0;
	const char *wrong;
	struct slice *s;
	size_t most = 0;
	int i;

	s = filled(1, BASE, hold);
	is_int((int64_t)slice_cut(s), 1, "a small slice is one piece");
	s->begin_ms = INT64_MIN, s->end_ms = INT64_MAX, s->pieces = 1;
	ok(slice_piece_ends(s, 0) == INT64_MAX, "which ends with all time");
	slice_free(s);
	s = filled(SLICE_PIECE_BYTES - 1, BASE, hold);
	columns.n = 1;
	is_int((int64_t)slice_cut(s), 1, "a byte less than two pieces");
	s->bytes++;
	is_int((int64_t)slice_cut(s), 2, "two pieces");
	columns.n = 5000;
	ok(slice_cut(s) > 5, "more of as many columns");
	slice_free(s);
	draw_from(3);
	for (i = 0; i < 20000; i++) {
		columns.n = 1 + draw(draw(3) ? 10 : 10000);
		s = filled(1 + draw(draw(2) ? MIB : 200 * MIB), BASE -
		    (int64_t)draw(2) * 3 * BASE / 2, hold);
		s->base_ms = s->begin_ms = slice_hour(s->base_ms);
		s->end_ms = s->base_ms + HOUR_MS * (1 + (int64_t)draw(24));
		if (draw(3) == 0)
			s->begin_ms = draw(2) ? INT64_MIN : s->base_ms -
			    (int64_t)draw(1000) * HOUR_MS;
		/* a part of an hour, after another of it */
		if (draw(3) == 0) {
			s->begin_ms = s->base_ms + (int64_t)draw(3000000);
			s->end_ms = s->begin_ms + (int64_t)draw(600000);
		}
		if ((wrong = tiles(s)) != NULL)
			bad_row(&bad, "%d: %zu pieces of %" PRId64 " to %"
			    PRId64 " ms: %s", i, s->pieces, s->begin_ms -
			    s->base_ms, s->end_ms - s->base_ms, wrong);
		if (s->pieces > most)
			most = s->pieces;
		slice_free(s);
	}
	is_int((int64_t)bad, 0, "pieces tile 20,000 slices");
	ok(most > 100, "up to %zu of them", most);
	columns.n = 3;
	window_let_go(hold);
}

/* Where a slice is cut does not depend on when the rows before it ended. */
static void
test_alone(void)
{
	struct source_window w = { .release = release };
	struct window_hold *hold = window_hold(&w);
	struct slice *a = filled(50 * MIB, BASE, hold);
	struct slice *b = filled(50 * MIB, BASE, hold);
	unsigned long bad = 0;
	size_t i;

	b->begin_ms = INT64_MIN;
	b->first = true;
	a->pieces = slice_cut(a), b->pieces = slice_cut(b);
	is_int((int64_t)a->pieces, (int64_t)b->pieces, "as many pieces");
	for (i = 0; i < a->pieces; i++) {
		if (slice_piece_ends(a, i) != slice_piece_ends(b, i))
			bad_row(&bad, "piece %zu", i);
		if (slice_piece_ends(a, i) <= BASE)
			bad_row(&bad, "piece %zu has no time", i);
	}
	is_int((int64_t)bad, 0, "of the same time");
	slice_free(a), slice_free(b);
	window_let_go(hold);
}

int
main(void)
{
	test_hours();
	test_days();
	test_fragment();
	test_full();
	test_holds();
	test_pieces();
	test_alone();
	return done_testing();
}
