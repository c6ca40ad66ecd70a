/* worker/split.h: where a large job is cut. */
#include "worker/split.h"

#include "lib/jobs/units.h"

#include "t/tap.h"

#define VEHICLES 100

static struct unit_cut cuts[VEHICLES];

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
	size_t n;

	n = split_cut(documents, VEHICLES, 1000, cuts);
	is_int((int64_t)n, 4, "100 vehicles without documents: 4 units");
	ok(is_whole(n, VEHICLES), "all of them, in order");
	is_int((int64_t)cuts[0].n, SPLIT_VEHICLES_MAX, "32 in the first");
	is_int((int64_t)cuts[2].n, SPLIT_VEHICLES_MAX, "32 in the third");
	is_int((int64_t)cuts[3].n, 4, "4 are left for the last");
	n = split_cut(documents, SPLIT_VEHICLES_MAX, 1000, cuts);
	is_int((int64_t)n, 1, "32 vehicles: 1 unit");
	n = split_cut(documents, SPLIT_VEHICLES_MAX + 1, 1000, cuts);
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
	size_t i, k, n;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = split_cut(rows[i].documents, rows[i].vehicles,
		    rows[i].each, cuts);
		is_int((int64_t)n, (int64_t)rows[i].n, "%s: units",
		    rows[i].name);
		ok(is_whole(n, rows[i].vehicles), "%s: all vehicles",
		    rows[i].name);
		for (k = 0; k < n && cuts[k].n == rows[i].sizes[k]; k++)
			continue;
		ok(k == n, "%s: sizes", rows[i].name);
	}
	n = split_cut(rows[5].documents, 4, 10, cuts);
	ok(n == 2 && cuts[0].documents == 10 && cuts[1].documents == 6,
	    "a unit has its vehicles' documents");
}

int
main(void)
{
	test_empty();
	test_documents();
	return done_testing();
}
