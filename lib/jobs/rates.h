#ifndef LIB_JOBS_RATES_H
#define LIB_JOBS_RATES_H

#include "lib/jobs/jobs.h"

/*
 * Bytes of Parquet for one of a CSV archive, of the data that scripts/dev/generate makes: 0.37
 * of all points, 0.43 with every=1s; 0.84 with every=1m, where files are small.
 */
#define RATES_PARQUET 0.4

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
