#ifndef LIB_JOBS_RATES_H
#define LIB_JOBS_RATES_H

#include "lib/jobs/jobs.h"

/*
 * Of the bytes of a ZIP of CSVs, those of one of Parquet files. Not measured yet: with
 * and without steps, for a file of few rows is hardly more than its footer.
 */
#define RATES_PARQUET 0.65

/*
 * What the latest exports without steps made of a document that they read; all 0: there
 * were none.
 */
struct rates {
	double rows;
	double points;
	double bytes;		/* of the ZIP, if it were of CSVs */
	double seconds;		/* from claim to FINISHED */
};

/*
 * rates_get(jobs, rates): Of the latest FINISHED jobs, whoever's; large ones count more.
 * JOBS_ERROR is logged.
 */
enum jobs_result rates_get(struct jobs *jobs, struct rates *rates);

#endif
