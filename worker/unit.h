#ifndef WORKER_UNIT_H
#define WORKER_UNIT_H

#include <stdbool.h>

struct attempt;
struct worker;
struct unit;

/*
 * unit_export(worker, unit, parent):
 * A claimed unit (lib/jobs/units.h) from its claim to the end of the attempt: its piece
 * on S3, its document FINISHED with its facts (worker/fragment.h), or due again.
 * parent: the attempt of this worker at the unit's job, NULL: it is another's.
 */
void unit_export(const struct worker *worker, struct unit *unit,
    struct attempt *parent);

/*
 * unit_help(worker): Make a unit of another worker's job, if there is one
 * whose job goes on. Returns whether.
 */
bool unit_help(const struct worker *worker);

#endif
