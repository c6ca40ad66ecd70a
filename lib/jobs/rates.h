#ifndef LIB_JOBS_RATES_H
#define LIB_JOBS_RATES_H

#include "lib/jobs/jobs.h"

/*
 * What the latest exports without steps made of a document that they read; all 0: there
 * were none.
 */
struct rates {
	double rows;		/* of CSV */
	double points;
	double bytes;		/* of the ZIP */
	double seconds;		/* from claim to FINISHED */
};

/*
 * rates_get(jobs, rates): Of the latest FINISHED jobs, whoever's; large ones count more.
 * JOBS_ERROR is logged.
 */
enum jobs_result rates_get(struct jobs *jobs, struct rates *rates);

#endif
