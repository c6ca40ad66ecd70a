/* worker/windows: how large a window is, what is reserved, what is learned. */
#include "worker/windows.h"

#include "t/tap.h"

#define TARGET ((size_t)1536 * 1024)
#define MOST ((size_t)16 << 20)
#define USUAL 60000.0

static struct size v[1000];

static void
fill(size_t n, double hour_bytes)
{
	size_t i;

	for (i = 0; i < n; i++)
		v[i] = (struct size){ hour_bytes, hour_bytes };
}

static void
test_hours(void)
{
	fill(5, -1);
	is_int(window_hours(v, 5, TARGET, MOST), 24, "nothing is known: a day");
	fill(100, -1);
	is_int(window_hours(v, 100, TARGET, MOST), 1, "of 100 columns: an hour");
	fill(20, -1);
	is_int(window_hours(v, 20, TARGET, MOST), 6, "of 20: six");
	is_int(window_hours(v, 0, TARGET, MOST) >= 6000, 1, "of none: no end");
	fill(5, USUAL);
	is_int(window_hours(v, 5, TARGET, MOST), 24, "usual data: a day");
	fill(5, USUAL / 10);
	is_int(window_hours(v, 5, TARGET, MOST), 240, "light data: ten days");
	fill(5, 0);
	ok(window_hours(v, 5, TARGET, MOST) >= 24 * 200, "no data: many");
	fill(5, USUAL * 10);
	is_int(window_hours(v, 5, TARGET, MOST), 2, "heavy data: two hours");
	fill(5, 1e7);
	is_int(window_hours(v, 5, TARGET, MOST), 1, "never less than one");
	fill(100, USUAL);
	is_int(window_hours(v, 100, TARGET, MOST), 2, "100 columns: what fits");
	fill(5, USUAL / 10);
	v[2] = size_unknown();
	is_int(window_hours(v, 5, TARGET, MOST), 24,
	    "while one column is unknown not more than a day");
}

static void
test_end(void)
{
	const int64_t day = 24 * 17000;

	is_int(window_end(day, 24, day + 240), day + 24, "a day");
	is_int(window_end(day - 1, 24, day + 240), day + 24,
	    "the hour before it belongs to the first");
	is_int(window_end(day - 2, 24, day + 240), day + 24, "or two hours");
	is_int(window_end(day - 3, 24, day + 240), day, "not three");
	is_int(window_end(day + 5, 48, day + 240), day + 48, "to midnight");
	is_int(window_end(day + 23, 24, day + 240), day + 48, "not of an hour");
	is_int(window_end(day + 23, 3, day + 240), day + 26, "hours");
	is_int(window_end(day, 240, day + 12), day + 12, "to the end");
}

static void
test_fetch(void)
{
	struct size s = size_unknown();

	is_int((int64_t)fetch_bytes(&s, -1, 24), (int64_t)FETCH_UNKNOWN,
	    "nothing is known");
	is_int((int64_t)fetch_bytes(&s, 1000, 24), 30000,
	    "an hour has a document of average size");
	s = (struct size){ 2000, 1000 };
	is_int((int64_t)fetch_bytes(&s, 9, 24), 60000, "its own hours count");
	s.hour_bytes = 0;
	ok(fetch_bytes(&s, 9, 24) > 0, "none at all is not expected");
	is_int(fetch_batch(-1), 1000, "a reply of unknown documents");
	is_int(fetch_batch(USUAL), 69, "of usual ones 4 MiB");
	is_int(fetch_batch(3e6), 1, "of large ones: one by one");
	is_int(fetch_batch(16e6), 1, "of the largest, too");
	is_int(fetch_batch(1), 1000, "of tiny ones");
}

static void
test_sizes(void)
{
	static struct sizes s;
	struct size got, seen;
	int i;

	sizes_init(&s);
	ok(sizes_get(&s, "speed").hour_bytes < 0, "not known at first");
	seen = size_of(48, 48000, 24);
	ok(seen.hour_bytes > 1999 && seen.hour_bytes < 2001 &&
	    seen.document_bytes > 999 && seen.document_bytes < 1001,
	    "two documents an hour");
	sizes_learn(&s, "speed", &seen);
	got = sizes_get(&s, "speed");
	ok(got.hour_bytes > 1999 && got.document_bytes > 999, "learned");
	ok(sizes_get(&s, "soc").hour_bytes < 0, "of this name only");
	seen = size_of(0, 0, 24);
	sizes_learn(&s, "speed", &seen);
	got = sizes_get(&s, "speed");
	ok(got.hour_bytes > 1700 && got.hour_bytes < 1800, "it falls slowly");
	ok(got.document_bytes > 999, "no document says nothing of their size");
	for (i = 0; i < 100; i++)
		sizes_learn(&s, "speed", &seen);
	ok(sizes_get(&s, "speed").hour_bytes < 1, "to nothing");
	seen = size_of(24, 24000000, 24);
	sizes_learn(&s, "speed", &seen);
	ok(sizes_get(&s, "speed").hour_bytes > 999999, "and rises at once");
	sizes_release(&s);
}

int
main(void)
{
	test_hours();
	test_end();
	test_fetch();
	test_sizes();
	return done_testing();
}
