#include "worker/pace.h"

#include "t/tap.h"

#define FLOOR_US 2000
/* Of a day of usual documents. */
#define DOCUMENTS 24
#define BYTES 1400000

static const struct pace_ceilings none;
static struct pace p;
static int64_t now;

/* A fetch of took_us that begins when the pace allows it; returns its wait. */
static int64_t
fetch(int64_t took_us, int64_t documents, int64_t bytes)
{
	const struct pace_load load = { documents, bytes };
	struct pace_waiter waiter = { 0 };
	int64_t wait_us, waited_us = 0;

	while ((wait_us = pace_begin(&p, &waiter, now, &load)) > 0) {
		now += wait_us;
		waited_us += wait_us;
	}
	now += took_us;
	pace_fetched(&p, now, took_us, &load, &load);
	return waited_us;
}

/* Asks once only. */
static int64_t
ask(const struct pace_load *load)
{
	struct pace_waiter waiter = { 0 };
	const int64_t wait_us = pace_begin(&p, &waiter, now, load);

	pace_leave(&p, &waiter);
	return wait_us;
}

static int64_t
usual(int64_t took_us)
{
	return fetch(took_us, DOCUMENTS, BYTES);
}

static void
begin(int64_t bytes_s, int64_t documents_s, int follow)
{
	pace_init(&p, &(struct pace_ceilings){ bytes_s, documents_s }, &none,
	    follow);
	now = INT64_C(1000000000);
}

static int64_t
floor_us(void)
{
	int i;

	for (i = 0; i < PACE_CLASSES && p.floors_us[i] == 0; i++)
		;
	return i < PACE_CLASSES ? p.floors_us[i] : 0;
}

/* As if each had been seen to take this on an idle server. */
static void
set_floor(int64_t us)
{
	int i;

	for (i = 0; i < PACE_CLASSES; i++)
		if (p.floors_us[i] > 0)
			p.floors_us[i] = us;
}

static void
test_free(void)
{
	int64_t waited = 0;
	int i;

	begin(0, 0, 0);
	for (i = 0; i < 1000; i++)
		waited += usual(i % 7 * 10000 + 1);
	is_int(waited, 0, "without ceilings nothing is waited for");
	ok(pace_limit(&p, BYTES) == INT64_MAX, "nor is a fetch limited");
	begin(0, 0, 1);
	waited = 0;
	for (i = 0; i < 1000; i++)
		waited += usual(FLOOR_US + i % 3 * FLOOR_US);
	is_int(waited, 0, "nor where fetches take up to three times the floor");
	is_int((int64_t)p.slow, 0, "none was slow");
	is_int((int64_t)p.fetches, 1000, "all were counted");
}

static void
test_follow(void)
{
	int64_t gap, last;
	int i;

	begin(0, 0, 1);
	for (i = 0; i < 100; i++)
		usual(FLOOR_US);
	is_int(floor_us(), FLOOR_US, "the floor is learned");
	usual(PACE_SLOW * FLOOR_US);
	is_int(p.gap_us, 0, "PACE_SLOW times the floor is not slow");
	usual(PACE_SLOW * 2 * FLOOR_US);
	is_int(usual(PACE_SLOW * 4 * FLOOR_US), PACE_GAP_FIRST_US,
	    "after a slow one there is a gap");
	for (i = 0; i < 3; i++) {
		last = p.gap_us;
		usual(PACE_SLOW * 4 * FLOOR_US);
		is_int(p.gap_us, 2 * last, "the next doubles it");
	}
	for (i = 0; i < 10; i++) {
		set_floor(FLOOR_US);
		usual(PACE_SLOW * 4 * FLOOR_US);
	}
	is_int(p.gap_us, PACE_GAP_TIMES * PACE_SLOW * 4 * FLOOR_US,
	    "up to twice what it took");
	for (i = 0; i < 40; i++) {
		set_floor(FLOOR_US);
		usual(60000000);
	}
	is_int(p.gap_us, PACE_GAP_MAX_US, "and to a bound");
	set_floor(FLOOR_US);
	gap = p.gap_us;
	usual(FLOOR_US);
	is_int(p.gap_us, gap - gap / PACE_GAP_LESS, "one in time shortens it");
	for (i = 0; i < 100 && p.gap_us > 0; i++)
		usual(FLOOR_US);
	ok(i < 40, "until it is gone, soon: after %d fetches", i);
}

/* The database becomes slow for good: whoever comes next must see it. */
static void
test_readers(void)
{
	const struct pace_load load = { DOCUMENTS, BYTES };
	int i, begun = 0;

	begin(0, 0, 1);
	for (i = 0; i < 20; i++)
		usual(FLOOR_US);
	for (i = 0; i < 8; i++)
		begun += ask(&load) == 0;
	is_int(begun, 8, "a quick database is read by eight at a time");
	now += 250000;
	for (i = 0; i < 8; i++)
		ok(pace_fetched(&p, now, 250000, &load, &load), "slow");
	for (i = 0, begun = 0; i < 8; i++)
		begun += ask(&load) == 0;
	is_int(begun, 0, "one that has become slow, after a pause");
	now += p.gap_us;
	for (i = 0, begun = 0; i < 8; i++)
		begun += ask(&load) == 0;
	is_int(begun, 1, "and by one at a time");
}

static void
test_floor(void)
{
	int i;

	begin(0, 0, 1);
	usual(50000);
	is_int(floor_us(), 50000, "the first fetch is the floor");
	usual(100);
	is_int(floor_us(), 100, "a quicker one lowers it at once");
	for (i = 0; i < 1000 && floor_us() < 5000; i++)
		usual(5000);
	ok(i > 50 && i < 400, "a database that stays slower raises it slowly: "
	    "%d fetches", i);
	p.gap_us = 0;
	usual(5000);
	is_int(p.gap_us, 0, "and is then no longer slow");
}

/* Of another size than all before: the floor is not unknown. */
static void
test_sizes(void)
{
	begin(0, 0, 1);
	fetch(1000, 1, 60000);
	fetch(PACE_SLOW * 1000 * 32 + 1, 24, 60000 * 33);
	is_int((int64_t)p.slow, 1, "a larger fetch may take longer, to a limit");
	begin(0, 0, 1);
	fetch(1000, 1, 60000);
	fetch(PACE_SLOW * 1000 * 16, 24, 60000 * 17);
	is_int((int64_t)p.slow, 0, "by its size");
	begin(0, 0, 1);
	fetch(1000, 24, 1400000);
	fetch(PACE_SLOW * 1000 + 1, 1, 2000);
	is_int((int64_t)p.slow, 1, "a smaller one may not take longer");
	is_int(p.floors_us[1], 0, "what has not been seen is not known");
	ok(p.floors_us[0] > 0, "what has been, is");
}

static void
test_ceilings(void)
{
	int64_t began;
	int i;

	begin(14000000, 0, 0);
	began = now;
	for (i = 0; i < 100; i++)
		usual(1000);
	is_int((now - began) / 100000, 99, "bytes_s: ten fetches a second");
	begin(0, 240, 0);
	began = now;
	for (i = 0; i < 100; i++)
		usual(1000);
	is_int((now - began) / 100000, 99, "documents_s: the same");
	begin(14000000, 0, 0);
	usual(1000);
	now += 10000000;
	is_int(usual(1000), 0, "a pause is no wait");
	ok(usual(1000) > 90000, "nor is it made up for");
	begin(INT64_C(1) << 40, INT64_C(1) << 40, 1);
	is_int(fetch(1, INT32_MAX, INT32_MAX) + fetch(1, 0, 0), 1952,
	    "the largest numbers do not overflow");
}

/* Charged before it begins, whoever reads; put right after it. */
static void
test_debt(void)
{
	const struct pace_load one = { 1, 1000 }, many = { 24, 24000 },
	    nothing = { 0, 0 };
	int i, begun = 0;

	begin(0, 1, 0);
	for (i = 0; i < 8; i++)
		begun += ask(&one) == 0;
	is_int(begun, 1, "documents_s = 1: of eight readers one begins");
	is_int(ask(&one), 1000000, "the next after a second");
	is_int(pace_limit(&p, 0), 1, "and asks for one document");
	pace_fetched(&p, now, 1000, &one, &many);
	is_int(ask(&one), 24000000,
	    "it brought 24: 24 seconds");
	now += 24000000;
	is_int(ask(&many), 0, "they are over");
	pace_fetched(&p, now, 1000, &many, &nothing);
	is_int(ask(&one), 0, "it brought nothing: none");
	begin(0, 1000, 0);
	is_int(pace_limit(&p, 0), 250, "a fetch brings a quarter of a second's");
	begin(1000000, 0, 0);
	is_int(pace_limit(&p, 10000), 25, "of bytes, too");
	is_int(pace_limit(&p, 0), 1, "and one document of unknown size");
	begin(0, 0, 1);
	pace_fetched(&p, now, 0, &nothing, &nothing);
	is_int((int64_t)p.fetches, 0, "without a round trip nothing is learned");
}

/* Eight readers whose fetches bring less than they might: the ceiling is used. */
static void
test_used(void)
{
	const struct pace_load expected = { 24, 24000 }, brought = { 10, 10000 };
	struct { struct pace_waiter waiter; int64_t at, ends; } r[8] = { 0 };
	int64_t began, wait_us;
	int i, n = 0;

	begin(1000000, 0, 0);
	for (began = now; n < 400; now += 500)
		for (i = 0; i < 8; i++) {
			if (r[i].ends > 0 && r[i].ends <= now) {
				pace_fetched(&p, now, 2000, &expected, &brought);
				r[i].ends = 0;
				n++;
			}
			if (r[i].ends > 0 || r[i].at > now)
				continue;
			wait_us = pace_begin(&p, &r[i].waiter, now, &expected);
			if (wait_us == 0)
				r[i].ends = now + 2000;
			r[i].at = now + (wait_us < PACE_AGAIN_US ? wait_us :
			    PACE_AGAIN_US);
		}
	ok(now - began >= 3900000 && now - began <= 4200000,
	    "4 MB at 1 MB a second: %.2f s", (double)(now - began) / 1e6);
}

/* Three wait: they begin in the order in which they came. */
static void
test_order(void)
{
	const struct pace_load one = { 1, 1000 };
	struct pace_waiter w[3] = { { 0 }, { 0 }, { 0 } };
	int i;

	begin(0, 1, 0);
	is_int(ask(&one), 0, "one begins");
	for (i = 0; i < 3; i++)
		ok(pace_begin(&p, &w[i], now, &one) > 0, "another waits");
	now += 1000000;
	ok(pace_begin(&p, &w[1], now, &one) > 0, "the second waits for the first");
	is_int(pace_begin(&p, &w[0], now, &one), 0, "the first begins");
	now += 1000000;
	pace_leave(&p, &w[1]);
	is_int(pace_begin(&p, &w[2], now, &one), 0,
	    "the second leaves: the third begins");
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
		usual(1000);
	is_int((now - began) / 100000, 99, "one worker: all of the total");
	pace_share(&p, 4);
	began = now;
	for (i = 0; i < 100; i++)
		usual(1000);
	ok((now - began) / 100000 >= 390 && (now - began) / 100000 <= 400,
	    "one of four: a quarter of it");
	is_int(pace_limit(&p, 0), 15, "in small fetches");
	pace_share(&p, 0);
	pace_init(&p, &(struct pace_ceilings){ 14000000, 0 },
	    &(struct pace_ceilings){ 0, 24000 }, 0);
	pace_share(&p, 10);
	began = now;
	for (i = 0; i < 100; i++)
		usual(1000);
	is_int((now - began) / 100000, 99, "the lower of both counts");
}

int
main(void)
{
	test_free();
	test_follow();
	test_readers();
	test_floor();
	test_sizes();
	test_ceilings();
	test_debt();
	test_used();
	test_order();
	test_total();
	return done_testing();
}
