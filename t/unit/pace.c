#include "worker/pace.h"

#include "t/tap.h"

#define FLOOR_US 2000

static const struct pace_ceilings none;
static struct pace p;
static struct pace_floor f;
static int64_t now;

/* A fetch of took_us that begins when the pace allows it; returns its wait. */
static int64_t
fetch(int64_t took_us, int64_t documents, int64_t bytes)
{
	const int64_t wait_us = pace_wait_us(&p, now);

	now += wait_us + took_us;
	pace_fetched(&p, &f, now, took_us, documents, bytes);
	return wait_us;
}

static void
begin(int64_t bytes_s, int64_t documents_s, int follow)
{
	pace_init(&p, &(struct pace_ceilings){ bytes_s, documents_s }, &none,
	    follow);
	f = (struct pace_floor){ 0 };
	now = INT64_C(1000000000);
}

static void
test_free(void)
{
	int64_t waited = 0;
	int i;

	begin(0, 0, 0);
	for (i = 0; i < 1000; i++)
		waited += fetch(i % 7 * 10000, 24, 1400000);
	is_int(waited, 0, "without ceilings nothing is waited for");
	begin(0, 0, 1);
	waited = 0;
	for (i = 0; i < 1000; i++)
		waited += fetch(FLOOR_US + i % 3 * 2 * FLOOR_US / 2, 24,
		    1400000);
	is_int(waited, 0, "nor where fetches take up to three times the floor");
	is_int((int64_t)p.slow, 0, "none was slow");
	is_int((int64_t)p.fetches, 1000, "all were counted");
}

static void
test_follow(void)
{
	int64_t gap, last = 0;
	int i;

	begin(0, 0, 1);
	for (i = 0; i < 100; i++)
		fetch(FLOOR_US, 24, 1400000);
	is_int(f.us, FLOOR_US, "the floor is learned");
	fetch(PACE_SLOW * FLOOR_US, 24, 1400000);
	is_int(pace_wait_us(&p, now), 0, "PACE_SLOW times the floor is not slow");
	fetch(PACE_SLOW * 2 * FLOOR_US, 24, 1400000);
	is_int(pace_wait_us(&p, now), PACE_GAP_FIRST_US,
	    "a slow one makes a gap");
	for (i = 0; i < 3; i++) {
		last = pace_wait_us(&p, now);
		fetch(PACE_SLOW * 4 * FLOOR_US, 24, 1400000);
		is_int(pace_wait_us(&p, now), 2 * last, "the next doubles it");
	}
	for (i = 0; i < 10; i++) {
		f.us = FLOOR_US;
		fetch(PACE_SLOW * 4 * FLOOR_US, 24, 1400000);
	}
	is_int(pace_wait_us(&p, now), PACE_GAP_TIMES * PACE_SLOW * 4 * FLOOR_US,
	    "up to twice what it took");
	for (i = 0; i < 40; i++) {
		f.us = FLOOR_US;
		fetch(60000000, 24, 1400000);
	}
	is_int(pace_wait_us(&p, now), PACE_GAP_MAX_US, "and to a bound");
	f.us = FLOOR_US;
	gap = p.gap_us;
	fetch(FLOOR_US, 24, 1400000);
	is_int(p.gap_us, gap - gap / PACE_GAP_LESS, "one in time shortens it");
	for (i = 0; i < 100 && p.gap_us > 0; i++)
		fetch(FLOOR_US, 24, 1400000);
	ok(i < 40, "until it is gone, soon: after %d fetches", i);
}

static void
test_floor(void)
{
	int i;

	begin(0, 0, 1);
	fetch(50000, 24, 1400000);
	is_int(f.us, 50000, "the first fetch is the floor");
	fetch(100, 24, 1400000);
	is_int(f.us, 100, "a quicker one lowers it at once");
	for (i = 0; i < 1000 && f.us < 5000; i++)
		fetch(5000, 24, 1400000);
	ok(i > 50 && i < 400, "a database that stays slower raises it slowly: "
	    "%d fetches", i);
	p.gap_us = 0;
	fetch(5000, 24, 1400000);
	is_int(p.gap_us, 0, "and is then no longer slow");
}

static void
test_ceilings(void)
{
	int64_t began;
	int i;

	begin(14000000, 0, 0);
	began = now;
	for (i = 0; i < 100; i++)
		fetch(1000, 24, 1400000);
	is_int((now - began) / 100000, 99, "bytes_s: ten fetches a second");
	begin(0, 240, 0);
	began = now;
	for (i = 0; i < 100; i++)
		fetch(1000, 24, 1400000);
	is_int((now - began) / 100000, 99, "documents_s: the same");
	begin(14000000, 0, 0);
	fetch(1000, 24, 1400000);
	now += 10000000;
	is_int(fetch(1000, 24, 1400000), 0, "a pause is no wait");
	ok(fetch(1000, 24, 1400000) > 90000, "nor is it made up for");
	begin(INT64_C(1) << 40, INT64_C(1) << 40, 1);
	is_int(fetch(1, INT32_MAX, INT32_MAX) + fetch(1, 0, 0), 1952,
	    "the largest numbers do not overflow");
}

static void
test_total(void)
{
	int64_t began;
	int i;

	begin(0, 0, 0);
	pace_init(&p, &none, &(struct pace_ceilings){ 0, 240 }, 0);
	began = now;
	for (i = 0; i < 100; i++)
		fetch(1000, 24, 1400000);
	is_int((now - began) / 100000, 99, "one worker: all of the total");
	pace_share(&p, 4);
	began = now;
	for (i = 0; i < 100; i++)
		fetch(1000, 24, 1400000);
	ok((now - began) / 100000 >= 390 && (now - began) / 100000 <= 400,
	    "one of four: a quarter of it");
	pace_share(&p, 0);
	pace_init(&p, &(struct pace_ceilings){ 14000000, 0 },
	    &(struct pace_ceilings){ 0, 24000 }, 0);
	pace_share(&p, 10);
	began = now;
	for (i = 0; i < 100; i++)
		fetch(1000, 24, 1400000);
	is_int((now - began) / 100000, 99, "the lower of both counts");
}

int
main(void)
{
	test_free();
	test_follow();
	test_floor();
	test_ceilings();
	test_total();
	return done_testing();
}
