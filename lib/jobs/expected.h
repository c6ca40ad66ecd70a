#ifndef LIB_JOBS_EXPECTED_H
#define LIB_JOBS_EXPECTED_H

struct catalogue_estimate;
struct export_spec;
struct rates;

/* What an export is expected to have. */
struct expected {
	double rows;
	double bytes;		/* of the ZIP */
	double seconds;		/* from claim to FINISHED */
};

/*
 * expected_of(spec, read, rates, x):
 * By what it would read, of which the documents have to be known, and by what the latest
 * exports had. Of usual telemetry, rows and bytes (of CSVs) are within 30 % with steps of
 * a second and longer. Pure.
 */
void expected_of(const struct export_spec *spec, const struct catalogue_estimate *read,
    const struct rates *rates, struct expected *x);

#endif
