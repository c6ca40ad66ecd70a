/*
 * What an export with steps is expected to have, against what one had: a day of a vehicle
 * of scripts/dev/generate, of different parameters, its steps made from that day's CSV
 * and written by the engine.
 */
#include "lib/jobs/expected.h"

#include <math.h>

#include "lib/base/timestamp.h"
#include "lib/jobs/catalogue.h"
#include "lib/jobs/rates.h"
#include "lib/jobs/spec.h"

#include "t/tap.h"

#define SECOND 1000
#define MINUTE 60000
#define START INT64_C(1543536000000)

/* The day without steps. */
struct day {
	int64_t documents, hours;	/* documents of all parameters, and of that with most */
	int64_t first, last;		/* hours of the day that have documents */
	double rows, points, bytes;
};

static const struct day
    all = { 52, 11, 7, 19, 167749, 172945, 1007873 },
    speed = { 8, 8, 7, 16, 45720, 45720, 212736 },
    two = { 19, 11, 7, 19, 49680, 49680, 232211 },	/* speed, and soc, which is slow */
    voltage = { 11, 11, 7, 19, 39600, 39600, 147049 };

static const struct {
	const struct day *day;
	int64_t every_ms;
	enum spec_take take;
	int64_t hold_ms;
	double rows, bytes;
} measured[] = {
	{ &all, SECOND, SPEC_TAKE_LAST, 0, 39600, 411311 },
	{ &all, SECOND, SPEC_TAKE_MEAN, 0, 39600, 423144 },
	{ &all, SECOND, SPEC_TAKE_LAST, 10 * SECOND, 39620, 417749 },
	{ &all, 10 * SECOND, SPEC_TAKE_LAST, 0, 3960, 48894 },
	{ &all, 10 * SECOND, SPEC_TAKE_MEAN, 0, 3960, 74335 },
	{ &all, 10 * SECOND, SPEC_TAKE_LAST, 10 * SECOND, 3962, 48885 },
	{ &all, 10 * SECOND, SPEC_TAKE_LAST, HOUR_MS, 4680, 50948 },
	{ &all, MINUTE, SPEC_TAKE_LAST, 0, 660, 10123 },
	{ &all, MINUTE, SPEC_TAKE_MEAN, 0, 660, 23535 },
	{ &all, MINUTE, SPEC_TAKE_LAST, 10 * SECOND, 662, 10138 },
	{ &all, MINUTE, SPEC_TAKE_LAST, HOUR_MS, 780, 10659 },
	{ &all, 10 * MINUTE, SPEC_TAKE_LAST, 0, 66, 1809 },
	{ &all, 10 * MINUTE, SPEC_TAKE_MEAN, 0, 66, 3352 },
	{ &all, HOUR_MS, SPEC_TAKE_LAST, 0, 11, 967 },
	{ &all, HOUR_MS, SPEC_TAKE_MEAN, 0, 11, 1199 },
	{ &all, 6 * HOUR_MS, SPEC_TAKE_LAST, 0, 3, 826 },
	{ &all, 6 * HOUR_MS, SPEC_TAKE_MEAN, 0, 3, 899 },
	{ &all, DAY_MS, SPEC_TAKE_LAST, 0, 1, 783 },
	{ &all, DAY_MS, SPEC_TAKE_MEAN, 0, 1, 816 },
	{ &speed, SECOND, SPEC_TAKE_LAST, 0, 28800, 120124 },
	{ &speed, SECOND, SPEC_TAKE_MEAN, 0, 28800, 125997 },
	{ &speed, SECOND, SPEC_TAKE_LAST, 10 * SECOND, 28820, 120291 },
	{ &speed, 10 * SECOND, SPEC_TAKE_LAST, 0, 2880, 13909 },
	{ &speed, 10 * SECOND, SPEC_TAKE_MEAN, 0, 2880, 23488 },
	{ &speed, 10 * SECOND, SPEC_TAKE_LAST, 10 * SECOND, 2882, 13913 },
	{ &speed, 10 * SECOND, SPEC_TAKE_LAST, HOUR_MS, 3600, 16419 },
	{ &speed, MINUTE, SPEC_TAKE_LAST, 0, 480, 3144 },
	{ &speed, MINUTE, SPEC_TAKE_MEAN, 0, 480, 6049 },
	{ &speed, MINUTE, SPEC_TAKE_LAST, 10 * SECOND, 482, 3147 },
	{ &speed, MINUTE, SPEC_TAKE_LAST, HOUR_MS, 600, 3503 },
	{ &speed, 10 * MINUTE, SPEC_TAKE_LAST, 0, 48, 962 },
	{ &speed, 10 * MINUTE, SPEC_TAKE_MEAN, 0, 48, 1281 },
	{ &speed, HOUR_MS, SPEC_TAKE_LAST, 0, 8, 764 },
	{ &speed, HOUR_MS, SPEC_TAKE_MEAN, 0, 8, 803 },
	{ &speed, 6 * HOUR_MS, SPEC_TAKE_LAST, 0, 2, 726 },
	{ &speed, 6 * HOUR_MS, SPEC_TAKE_MEAN, 0, 2, 732 },
	{ &speed, DAY_MS, SPEC_TAKE_LAST, 0, 1, 706 },
	{ &speed, DAY_MS, SPEC_TAKE_MEAN, 0, 1, 718 },
	{ &two, SECOND, SPEC_TAKE_LAST, 0, 29880, 136596 },
	{ &two, SECOND, SPEC_TAKE_MEAN, 0, 29880, 142460 },
	{ &two, SECOND, SPEC_TAKE_LAST, 10 * SECOND, 39614, 152119 },
	{ &two, 10 * SECOND, SPEC_TAKE_LAST, 0, 3960, 20345 },
	{ &two, 10 * SECOND, SPEC_TAKE_MEAN, 0, 3960, 30618 },
	{ &two, 10 * SECOND, SPEC_TAKE_LAST, 10 * SECOND, 3962, 20354 },
	{ &two, 10 * SECOND, SPEC_TAKE_LAST, HOUR_MS, 4680, 22979 },
	{ &two, MINUTE, SPEC_TAKE_LAST, 0, 660, 4993 },
	{ &two, MINUTE, SPEC_TAKE_MEAN, 0, 660, 11094 },
	{ &two, MINUTE, SPEC_TAKE_LAST, 10 * SECOND, 662, 5002 },
	{ &two, MINUTE, SPEC_TAKE_LAST, HOUR_MS, 780, 5486 },
	{ &two, 10 * MINUTE, SPEC_TAKE_LAST, 0, 66, 1216 },
	{ &two, 10 * MINUTE, SPEC_TAKE_MEAN, 0, 66, 1868 },
	{ &two, HOUR_MS, SPEC_TAKE_LAST, 0, 11, 832 },
	{ &two, HOUR_MS, SPEC_TAKE_MEAN, 0, 11, 937 },
	{ &two, 6 * HOUR_MS, SPEC_TAKE_LAST, 0, 3, 751 },
	{ &two, 6 * HOUR_MS, SPEC_TAKE_MEAN, 0, 3, 777 },
	{ &two, DAY_MS, SPEC_TAKE_LAST, 0, 1, 731 },
	{ &two, DAY_MS, SPEC_TAKE_MEAN, 0, 1, 742 },
	{ &voltage, SECOND, SPEC_TAKE_LAST, 0, 39600, 139947 },
	{ &voltage, SECOND, SPEC_TAKE_MEAN, 0, 39600, 139947 },
	{ &voltage, SECOND, SPEC_TAKE_LAST, 10 * SECOND, 39620, 139997 },
	{ &voltage, 10 * SECOND, SPEC_TAKE_LAST, 0, 3960, 15688 },
	{ &voltage, 10 * SECOND, SPEC_TAKE_MEAN, 0, 3960, 17738 },
	{ &voltage, 10 * SECOND, SPEC_TAKE_LAST, 10 * SECOND, 3962, 15694 },
	{ &voltage, 10 * SECOND, SPEC_TAKE_LAST, HOUR_MS, 4680, 17585 },
	{ &voltage, MINUTE, SPEC_TAKE_LAST, 0, 660, 3602 },
	{ &voltage, MINUTE, SPEC_TAKE_MEAN, 0, 660, 6404 },
	{ &voltage, MINUTE, SPEC_TAKE_LAST, 10 * SECOND, 662, 3607 },
	{ &voltage, MINUTE, SPEC_TAKE_LAST, HOUR_MS, 780, 3943 },
	{ &voltage, 10 * MINUTE, SPEC_TAKE_LAST, 0, 66, 1043 },
	{ &voltage, 10 * MINUTE, SPEC_TAKE_MEAN, 0, 66, 1352 },
	{ &voltage, HOUR_MS, SPEC_TAKE_LAST, 0, 11, 780 },
	{ &voltage, HOUR_MS, SPEC_TAKE_MEAN, 0, 11, 850 },
	{ &voltage, 6 * HOUR_MS, SPEC_TAKE_LAST, 0, 3, 735 },
	{ &voltage, 6 * HOUR_MS, SPEC_TAKE_MEAN, 0, 3, 752 },
	{ &voltage, DAY_MS, SPEC_TAKE_LAST, 0, 1, 709 },
	{ &voltage, DAY_MS, SPEC_TAKE_MEAN, 0, 1, 722 },
};

/* As lib/jobs/catalogue_estimate.c counts them, of n such vehicles. */
static struct catalogue_estimate
read_of(const struct day *day, int64_t every_ms, int64_t n)
{
	struct catalogue_estimate e = { day->documents * n, n, 0, 0 };

	if (every_ms > 0) {
		e.hours = day->hours * n;
		e.steps = n * ((START + (day->last + 1) * HOUR_MS - 1) / every_ms -
		    (START + day->first * HOUR_MS) / every_ms + 1);
	}
	return e;
}

static struct rates
rates_of(const struct day *day)
{
	const double n = (double)day->documents;

	return (struct rates){ day->rows / n, day->points / n, day->bytes / n, 2 };
}

static bool
is_near(double got, double want)
{
	return got >= .7 * want && got <= 1.3 * want;
}

static void
test_measured(void)
{
	struct export_spec spec = { .start_ms = START, .end_ms = START + DAY_MS };
	struct catalogue_estimate e;
	struct rates rates;
	struct expected x;
	size_t i;

	for (i = 0; i < sizeof(measured) / sizeof(measured[0]); i++) {
		spec.every_ms = measured[i].every_ms;
		spec.take = measured[i].take;
		spec.hold_ms = measured[i].hold_ms;
		e = read_of(measured[i].day, spec.every_ms, 1);
		rates = rates_of(measured[i].day);
		expected_of(&spec, &e, &rates, &x);
		if (!ok(is_near(x.rows, measured[i].rows) && is_near(x.bytes, measured[i].bytes),
		    "%lld documents, every %lld ms, %s, hold %lld ms: within 30 %%",
		    (long long)e.documents, (long long)spec.every_ms,
		    spec_take_names[spec.take], (long long)spec.hold_ms))
			diag("%.0f rows of %.0f, %.0f bytes of %.0f", x.rows,
			    measured[i].rows, x.bytes, measured[i].bytes);
	}
}

/* As many rows in less. */
static void
test_parquet(void)
{
	static const int64_t every[] = { 0, SECOND, HOUR_MS };
	struct export_spec spec = { .start_ms = START, .end_ms = START + DAY_MS };
	struct rates rates = rates_of(&all);
	struct catalogue_estimate e;
	struct expected csv, x;
	size_t i;

	for (i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
		spec.every_ms = every[i];
		spec.format = SPEC_FORMAT_CSV;
		e = read_of(&all, every[i], 2);
		expected_of(&spec, &e, &rates, &csv);
		spec.format = SPEC_FORMAT_PARQUET;
		expected_of(&spec, &e, &rates, &x);
		ok(x.rows == csv.rows && x.seconds == csv.seconds &&
		    fabs(x.bytes - RATES_PARQUET * csv.bytes) < 1 && x.bytes < csv.bytes,
		    "Parquet, every %lld ms: fewer bytes", (long long)every[i]);
	}
}

/* Whatever the counts are, there are no more rows than steps, nor than without steps. */
static void
test_bounds(void)
{
	static const int64_t every[] = { 100, SECOND, MINUTE, HOUR_MS, 8 * HOUR_MS, DAY_MS };
	struct export_spec spec = { .start_ms = START, .end_ms = START + DAY_MS };
	struct rates rates = rates_of(&all);
	struct catalogue_estimate e;
	struct expected x;
	unsigned long bad = 0;
	int64_t n;
	size_t i;

	for (i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
		for (n = 0; n < 1000; n++) {
			spec.every_ms = every[i];
			e = (struct catalogue_estimate){ n, n % 7, n / (1 + n % 5), n % 100 * n };
			expected_of(&spec, &e, &rates, &x);
			bad += !(x.rows >= 0 && x.rows <= (double)e.steps &&
			    x.rows <= (double)n * rates.rows && isfinite(x.bytes) && x.bytes >= 0);
		}
	}
	is_int((int64_t)bad, 0, "no more rows than steps or moments with data");
}

int
main(void)
{
	struct export_spec spec = { .start_ms = START, .end_ms = START + DAY_MS };
	struct catalogue_estimate e = read_of(&all, 0, 3);
	struct rates rates = rates_of(&all), none = { 0 };
	struct expected x;

	expected_of(&spec, &e, &rates, &x);
	ok(fabs(x.rows - 3 * all.rows) < 1 && fabs(x.bytes - 3 * all.bytes) < 1 &&
	    fabs(x.seconds - 312) < 1, "without steps: as the latest were");
	spec.every_ms = SECOND;
	e = read_of(&all, SECOND, 3);
	expected_of(&spec, &e, &rates, &x);
	ok(is_near(x.rows, 3 * 39600.) && is_near(x.bytes, 3 * 411311.), "of three vehicles");
	ok(fabs(x.seconds - 312) < 1, "the time to read is the same");
	e = (struct catalogue_estimate){ 0, 3, 0, 0 };
	expected_of(&spec, &e, &rates, &x);
	ok(x.rows == 0 && x.bytes > 0 && x.bytes < 3000, "of vehicles without data: no rows");
	e = read_of(&all, SECOND, 3);
	expected_of(&spec, &e, &none, &x);
	ok(x.rows == 0 && x.bytes == 0, "nothing was learned: nothing");
	test_parquet();
	test_measured();
	test_bounds();
	return done_testing();
}
