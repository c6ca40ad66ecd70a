#ifndef WORKER_UNIT_H
#define WORKER_UNIT_H

#include <stdbool.h>

struct attempt;
struct worker;
struct unit;

/*
 * unit_export(worker, unit, parent):
 * A claimed unit (lib/jobs/units.h) from its claim to the end of the attempt: its
 * fragment on S3 and its document FINISHED, or due again. parent: this worker's
 * attempt at the unit's job; NULL: another worker has that.
 */
void unit_export(const struct worker *worker, struct unit *unit,
    struct attempt *parent);

/*
 * unit_help(worker): Claim and make a unit of another worker's job, if there is one
 * that is still wanted. Returns whether.
 */
bool unit_help(const struct worker *worker);

#endif
