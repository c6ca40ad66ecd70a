/* worker/split.h: where a large job is cut. */
#include "worker/split.h"

#include "lib/jobs/units.h"

#include "t/tap.h"

#define VEHICLES 100

static struct unit_cut cuts[VEHICLES];

#define START INT64_C(1543536000000)
#define DAY INT64_C(86400000)

/* Of n days from a midnight on. */
static struct split_job
job_of(const uint64_t *documents, size_t vehicles, int64_t days)
{
	return (struct split_job){ documents, vehicles, START,
	    START + days * DAY, false };
}

/* Each vehicle is in one unit, in order, and no unit is empty. */
static int
is_whole(size_t n, size_t vehicles)
{
	size_t i, next = 0;

	for (i = 0; i < n; i++) {
		if (cuts[i].first != next || cuts[i].n == 0)
			return 0;
		next += cuts[i].n;
	}
	return next == vehicles;
}

/* A unit of many vehicles without data would have too many facts. */
static void
test_empty(void)
{
	static const uint64_t documents[VEHICLES];
	struct split_job job = job_of(documents, VEHICLES, 365);
	size_t n;

	n = split_cut(&job, 1000, cuts);
	is_int((int64_t)n, 4, "100 vehicles without documents: 4 units");
	ok(is_whole(n, VEHICLES), "all of them, in order");
	is_int((int64_t)cuts[0].n, SPLIT_VEHICLES_MAX, "32 in the first");
	is_int((int64_t)cuts[2].n, SPLIT_VEHICLES_MAX, "32 in the third");
	is_int((int64_t)cuts[3].n, 4, "4 are left for the last");
	job.vehicles = SPLIT_VEHICLES_MAX;
	n = split_cut(&job, 1000, cuts);
	is_int((int64_t)n, 1, "32 vehicles: 1 unit");
	job.vehicles = SPLIT_VEHICLES_MAX + 1;
	n = split_cut(&job, 1000, cuts);
	is_int((int64_t)n, 2, "33 vehicles: 2 units");
}

/* A unit ends with the vehicle that gives it enough. */
static void
test_documents(void)
{
	static const struct {
		const char *name;
		uint64_t documents[4], each;
		size_t vehicles, n, sizes[4];
	} rows[] = {
		{ "no vehicle", { 0 }, 10, 0, 0, { 0 } },
		{ "one vehicle", { 99 }, 10, 1, 1, { 1 } },
		{ "each has enough", { 10, 11, 10, 99 }, 10, 4, 4,
		    { 1, 1, 1, 1 } },
		{ "one short of it", { 9, 10, 9, 10 }, 10, 4, 2, { 2, 2 } },
		{ "just enough together", { 4, 6, 5, 5 }, 10, 4, 2, { 2, 2 } },
		{ "too few at the end", { 10, 1, 2, 3 }, 10, 4, 2, { 1, 3 } },
		{ "too few in all", { 1, 2, 3, 3 }, 10, 4, 1, { 4 } },
	};
	struct split_job job;
	size_t i, k, n;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		job = job_of(rows[i].documents, rows[i].vehicles, 1);
		n = split_cut(&job, rows[i].each, cuts);
		ok(n <= split_room(&job, rows[i].each), "%s: there is room",
		    rows[i].name);
		is_int((int64_t)n, (int64_t)rows[i].n, "%s: units",
		    rows[i].name);
		ok(is_whole(n, rows[i].vehicles), "%s: all vehicles",
		    rows[i].name);
		for (k = 0; k < n && cuts[k].n == rows[i].sizes[k]; k++)
			continue;
		ok(k == n, "%s: sizes", rows[i].name);
	}
	job = job_of(rows[5].documents, 4, 1);
	n = split_cut(&job, 10, cuts);
	ok(n == 2 && cuts[0].documents == 10 && cuts[1].documents == 6,
	    "a unit has its vehicles' documents");
}

/* The units of a vehicle follow one another, from midnight to midnight. */
static int
are_days(const struct unit_cut *c, size_t n, size_t vehicle,
    const struct split_job *job)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (c[i].first != vehicle || c[i].n != 1 ||
		    (c[i].from_ms == 0) != (i == 0) ||
		    (c[i].to_ms == 0) != (i == n - 1) ||
		    c[i].from_ms % DAY != 0 || c[i].to_ms % DAY != 0 ||
		    (i > 0 && c[i].from_ms != c[i - 1].to_ms) ||
		    (i > 0 && c[i].from_ms <= job->from_ms) ||
		    c[i].to_ms >= job->to_ms || (c[i].to_ms != 0 &&
		    c[i].to_ms <= c[i].from_ms))
			return 0;
	}
	return 1;
}

/* A large vehicle is cut by days; those around it are not in its units. */
static void
test_days(void)
{
	static const uint64_t documents[] = { 3, 100, 4, 5 };
	struct split_job job = job_of(documents, 4, 10);
	size_t n;

	n = split_cut(&job, 10, cuts);
	is_int((int64_t)n, 12, "ten days of the second vehicle");
	ok(n <= split_room(&job, 10), "there is room");
	is_int((int64_t)cuts[0].n, 1, "the first one alone");
	ok(are_days(&cuts[1], 10, 1, &job), "a day each");
	is_int((int64_t)cuts[1].documents, 10, "a tenth of its documents");
	ok(cuts[11].first == 2 && cuts[11].n == 2 && cuts[11].from_ms == 0 &&
	    cuts[11].to_ms == 0, "the last two together");
	n = split_cut(&job, 30, cuts);
	ok(n == 5 && are_days(&cuts[1], 3, 1, &job), "three units of days");
	n = split_cut(&job, 1, cuts);
	ok(are_days(&cuts[3], 10, 1, &job), "never less than a day");
	job.from_ms += 1;
	job.to_ms = job.from_ms + DAY;
	n = split_cut(&job, 10, cuts);
	ok(n == 4 && are_days(&cuts[1], 2, 1, &job),
	    "a range of 24 h may touch two days");
	job.to_ms = job.from_ms + 1000;
	is_int((int64_t)split_cut(&job, 10, cuts), 2, "a second is not cut");
	job = job_of(documents, 4, 10);
	job.whole = true;
	n = split_cut(&job, 10, cuts);
	ok(n == 2 && is_whole(n, 4), "whole vehicles only");
}

int
main(void)
{
	test_empty();
	test_documents();
	test_days();
	return done_testing();
}
