/* lib/jobs/totals: what a fleet has by day. */
#include "lib/jobs/totals.h"

#include <bson/bson.h>

#include "t/tap.h"

#define DAY INT64_C(17865)
#define MS(day, hour) BCON_DATE_TIME(((day) * 24 + (hour)) * INT64_C(3600000))

/* The sum over days, half-open. */
static int64_t
sum(const struct totals *t, const char *p, int64_t from, int64_t to)
{
	double n = 0;

	for (; from < to; from++)
		n += totals_of(t, p, from);
	return (int64_t)(n + .5);
}

static void
add(struct totals *t, bson_t *vehicle)
{
	is_int(totals_add(t, vehicle), 0, "a vehicle");
	bson_destroy(vehicle);
}

int
main(void)
{
	struct totals *t = totals_new(NULL);
	char name[32];
	int64_t i;
	int rc = 0;

	/* 40 days of speed, an hour each; from noon to noon, twice an hour, of soc. */
	add(t, BCON_NEW("_id", "a", "parameters", "[",
	    "{", "name", "speed", "documents", BCON_INT64(960),
	    "first", MS(DAY, 0), "last", MS(DAY + 39, 23), "}",
	    "{", "name", "soc", "documents", BCON_INT64(48),
	    "first", MS(DAY, 12), "last", MS(DAY + 1, 11), "}",
	    "{", "name", "empty", "documents", BCON_INT64(0), "}", "]"));
	is_int(sum(t, "speed", DAY, DAY + 1), 24, "a day");
	is_int(sum(t, "speed", DAY - 5, DAY + 60), 960, "all days");
	is_int(sum(t, "soc", DAY, DAY + 1), 24, "half a day");
	is_int(sum(t, "", DAY, DAY + 2), 96, "of all parameters");
	is_int(sum(t, "none", DAY, DAY + 2), 0, "of one that there is not");

	/* One of 1970 is counted there, and nowhere else. */
	add(t, BCON_NEW("_id", "b", "parameters", "[",
	    "{", "name", "speed", "documents", BCON_INT64(25),
	    "first", MS(INT64_C(1), 0), "last", MS(DAY, 23), "spans", "[",
	    "{", "documents", BCON_INT64(1),
	    "first", MS(INT64_C(1), 0), "last", MS(INT64_C(1), 3), "}",
	    "{", "documents", BCON_INT64(24),
	    "first", MS(DAY, 0), "last", MS(DAY, 23), "}", "]", "}", "]"));
	is_int(sum(t, "speed", DAY, DAY + 1), 48, "spans: a day of two");
	is_int(sum(t, "speed", 1, 2), 1, "the day of the first");
	is_int(sum(t, "speed", 2, DAY), 0, "and nothing between");

	/* What is no catalogue. */
	add(t, bson_new());
	add(t, BCON_NEW("_id", "c", "parameters", BCON_INT64(1)));
	add(t, BCON_NEW("_id", "d", "parameters", "[", BCON_INT64(1),
	    "{", "name", BCON_INT64(7), "}", "{", "documents", "x", "}",
	    "{", "name", "x", "documents", BCON_INT64(7), "first", MS(DAY, 1),
	    "last", MS(DAY, 0), "}",
	    "{", "name", "x", "spans", "[", BCON_INT64(1), "{", "}", "]", "}", "]"));
	is_int(sum(t, "x", 0, DAY * 2), 0, "nothing of what is no catalogue");

	/* More parameters than there is room for. */
	for (i = 0; i < 20000 && rc == 0; i++) {
		bson_t *doc;

		snprintf(name, sizeof(name), "p%d", (int)i);
		doc = BCON_NEW("_id", "e", "parameters", "[", "{", "name",
		    BCON_UTF8(name), "documents", BCON_INT64(24),
		    "first", MS(DAY + 100, 0), "last", MS(DAY + 100, 23), "}", "]");
		rc = totals_add(t, doc);
		bson_destroy(doc);
	}
	is_int(rc, 0, "20,000 parameters");
	is_int(sum(t, "", DAY + 100, DAY + 101), 480000, "all of them count together");
	is_int(sum(t, "p19999", DAY + 100, DAY + 101), 0, "the last ones not by name");
	totals_free(t);
	return done_testing();
}
