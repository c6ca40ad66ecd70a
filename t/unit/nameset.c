/* Names that are taken, whatever their case, and the next free one. */
#include "lib/base/nameset.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "t/tap.h"
#include "t/unit/draw.h"

/* Each name is taken once it was found. */
static void
test_next(void)
{
	static const struct {
		const char *stem, *ext, *expected;
	} rows[] = {
		{ "a", ".csv", "a.csv" },
		{ "a", ".csv", "a-2.csv" },
		{ "A", ".csv", "A-3.csv" },
		{ "a-5", ".csv", "a-5.csv" },
		{ "a", ".csv", "a-4.csv" },
		{ "a", ".csv", "a-6.csv" },
		{ "a-2", ".csv", "a-2-2.csv" },
		/* the same name, cut elsewhere */
		{ "a.csv", "", "a.csv-2" },
		{ "a", ".csv", "a-7.csv" },
		{ "a.csv", "", "a.csv-3" },
		{ "", "", "" },
		{ "", "", "-2" },
		/* only A to Z have another case */
		{ "\xc3\xa4[", "", "\xc3\xa4[" },
		{ "\xc3\x84{", "", "\xc3\x84{" },
		{ "Z", "", "Z" },
		{ "z", "", "z-2" },
		{ "@", "", "@" },
		{ "`", "", "`" },
	};
	struct nameset s;
	char name[64];
	uint32_t at[sizeof(rows) / sizeof(rows[0])];
	size_t i;

	nameset_init(&s);
	ok(!nameset_has(&s, "") && !nameset_has(&s, "a"), "none");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		nameset_next(&s, rows[i].stem, "-", rows[i].ext, name,
		    sizeof(name));
		is_str(name, rows[i].expected, "row %zu", i);
		ok(!nameset_has(&s, name), "row %zu: only found", i);
		is_int(nameset_add(&s, name, &at[i]), 0, "row %zu: added", i);
		ok(nameset_has(&s, name), "row %zu: taken", i);
	}
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(nameset_get(&s, at[i]), rows[i].expected,
		    "row %zu: kept as it is", i);
	nameset_release(&s);
	ok(!nameset_has(&s, "a"), "none after the release");
	nameset_release(&s);
}

static void
test_long(void)
{
	char *name = malloc(NAMESET_NAME_MAX + 2);
	struct nameset s;

	if (name == NULL)
		abort();
	memset(name, 'x', NAMESET_NAME_MAX + 1);
	name[NAMESET_NAME_MAX + 1] = '\0';
	nameset_init(&s);
	is_int(nameset_add(&s, name, NULL), -1, "too long");
	is_int(nameset_add(&s, name + 1, NULL), 0, "the longest");
	ok(nameset_has(&s, name + 1) && !nameset_has(&s, name + 2), "is there");
	nameset_release(&s);
	free(name);
}

/* Few letters, so that names meet: the same as by looking at each. */
static void
test_model(void)
{
	enum { N = 3000 };
	char (*all)[32] = calloc(N, sizeof(*all)), stem[8], expected[32];
	unsigned long bad = 0;
	struct nameset s;
	size_t i, k, len;
	unsigned n;

	if (all == NULL)
		abort();
	draw_from(11);
	nameset_init(&s);
	for (i = 0; i < N; i++) {
		len = draw_bits() % 4;
		for (k = 0; k < len; k++)
			stem[k] = "aAbB-23"[draw_bits() % 7];
		stem[len] = '\0';
		nameset_next(&s, stem, "-", "", all[i], sizeof(all[i]));
		snprintf(expected, sizeof(expected), "%s", stem);
		for (n = 2, k = 0; k < i; k++)
			if (strcasecmp(all[k], expected) == 0) {
				snprintf(expected, sizeof(expected), "%s-%u",
				    stem, n++);
				k = (size_t)-1;
			}
		if (strcmp(all[i], expected) != 0)
			bad_row(&bad, "%s: %s, not %s", stem, all[i], expected);
		if (nameset_add(&s, all[i], NULL) != 0)
			abort();
	}
	ok(bad == 0, "%d random names", N);
	nameset_release(&s);
	free(all);
}

static double
cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* n names of one stem, or of n stems: cpu seconds. */
static double
many(unsigned n, bool one)
{
	const double begin = cpu_s();
	char stem[32] = "vehicle", name[48];
	struct nameset s;
	unsigned i;

	nameset_init(&s);
	for (i = 0; i < n; i++) {
		if (!one)
			snprintf(stem, sizeof(stem), "vehicle_%06u", i);
		nameset_next(&s, stem, "-", ".csv", name, sizeof(name));
		if (nameset_add(&s, name, NULL) != 0)
			abort();
	}
	if (one && n > 1) {
		snprintf(stem, sizeof(stem), "vehicle-%u.csv", n);
		is_str(name, stem, "the last of %u of one stem", n);
	}
	nameset_release(&s);
	return cpu_s() - begin;
}

/* 16 times the names in 16 times the time, not 256. */
static void
test_many(void)
{
	double few, all;
	int one;

	for (one = 0; one < 2; one++) {
		few = many(20000, one);
		all = many(320000, one);
		ok(all < 64 * few, "%s: 20,000 in %.3f s, 320,000 in %.3f s",
		    one ? "one stem" : "stems", few, all);
	}
}

int
main(void)
{
	test_next();
	test_long();
	test_model();
	test_many();
	return done_testing();
}
