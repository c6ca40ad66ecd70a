/*
 * Rows, bytes and seconds of an export to come. Rates are of exports without steps;
 * what steps make of them is arithmetic on counts: no catalogue, no request, no clock.
 * t/unit/expected.c has what it was measured against.
 */
#include "lib/jobs/expected.h"

#include <math.h>

#include "lib/base/timestamp.h"
#include "lib/jobs/catalogue.h"
#include "lib/jobs/rates.h"
#include "lib/jobs/spec.h"

/* Hours of a vehicle that have documents come in runs: a drive, a shift. */
#define RUN_HOURS 4.0
/* Bytes of the ZIP: a row's time takes as much as so many cells. */
#define TIME_CELLS 2
/* A mean has up to so many bytes more than a point; half of it with a mean of so many. */
#define MEAN_BYTES 5
#define MEAN_POINTS 20
/* What a ZIP has in addition to rows: all of it, and each vehicle's file. */
#define ARCHIVE_BYTES 500
#define FILE_BYTES 250

/*
 * How many of so many places have one of n things: half way between things that come
 * evenly and things that come by chance, so 20 % off or 30 % at most.
 */
static double
occupied(double n, double places)
{
	if (n <= 0 || places <= 0)
		return 0;
	return (fmin(n, places) + places * (1 - exp(-n / places))) / 2;
}

/* The steps of all vehicles in which there may be points, or that hold may fill. */
static double
open_steps(const struct export_spec *spec, const struct catalogue_estimate *read)
{
	const double length = (double)spec->every_ms / HOUR_MS;
	const double held = (double)spec->hold_ms / HOUR_MS;
	const double hours = (double)read->hours, steps = (double)read->steps;

	if (length <= 1)
		return fmin(steps, hours / length * (1 + held / RUN_HOURS));
	/* A run touches one more than it has the length of. */
	return occupied(hours / RUN_HOURS * ((RUN_HOURS - 1 + held) / length + 1), steps);
}

/* Of the cells that are not held: those cost hardly a byte. */
static double
cells_of(const struct catalogue_estimate *read, const struct rates *rates, double open)
{
	return read->hours == 0 ? 0 : (double)read->documents *
	    occupied(rates->points, open / (double)read->hours);
}

static void
expect_steps(const struct export_spec *spec, const struct catalogue_estimate *read,
    const struct rates *rates, struct expected *x)
{
	const double n = (double)read->documents, open = open_steps(spec, read);
	const double cells = cells_of(read, rates, open);
	const double cell_bytes = rates->bytes / (TIME_CELLS * rates->rows + rates->points);
	double averaged;

	/* A row without steps fills the step that it is in, and those that hold it. */
	x->rows = occupied(x->rows * (1 + (double)spec->hold_ms / (double)spec->every_ms),
	    open);
	x->bytes = cell_bytes * (TIME_CELLS * x->rows + cells) + ARCHIVE_BYTES +
	    FILE_BYTES * (double)read->vehicles;
	if (spec->take != SPEC_TAKE_MEAN || cells <= 0)
		return;
	averaged = n * rates->points / cells;
	x->bytes += cells * MEAN_BYTES * averaged / (averaged + MEAN_POINTS);
}

void
expected_of(const struct export_spec *spec, const struct catalogue_estimate *read,
    const struct rates *rates, struct expected *x)
{
	const double n = (double)read->documents;

	x->rows = n * rates->rows;
	x->bytes = n * rates->bytes;
	x->seconds = n * rates->seconds;
	if (spec->every_ms > 0 && rates->rows + rates->points > 0)
		expect_steps(spec, read, rates, x);
	if (spec->format == SPEC_FORMAT_PARQUET)
		x->bytes *= RATES_PARQUET;
}
