#ifndef WORKER_SPLIT_H
#define WORKER_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "worker/attempt.h"

struct names;
struct unit_cut;

/*
 * A job of split_documents or more, and of more than one vehicle, is cut into
 * units (lib/jobs/units.h) of a 16th of that, each a few consecutive vehicles. Idle
 * workers make their fragments (worker/unit.h), and so does the worker that has
 * claimed the job, while a thread of it writes the fragments into the archive, in
 * order, as they are FINISHED (worker/assemble.h). The archive has the same bytes
 * as if one worker had made it. If that worker is lost, the next one takes up the
 * units that are FINISHED. A vehicle is never cut: the SHA-256 of its CSV can only
 * be computed from front to back.
 */

/* The most vehicles of a unit: its facts have to fit one document. */
#define SPLIT_VEHICLES_MAX 32

/*
 * split_cut(documents, vehicles, each, cuts):
 * Cut units of `each` documents or more, in order; documents[i] is vehicle i's
 * count. cuts has room for one a vehicle. Returns the number of units. Pure.
 */
size_t split_cut(const uint64_t *documents, size_t vehicles, uint64_t each,
    struct unit_cut *cuts);

/* split_find(a): Read an earlier attempt's plan into a->plan, if there is one. */
enum outcome split_find(struct attempt *a);

/*
 * split_plan(a, vehicles, documents): If the job is large enough, store its units
 * and set a->plan; documents[i] is vehicle i's count.
 */
enum outcome split_plan(struct attempt *a, const struct names *vehicles,
    const uint64_t *documents);

/* split_export(a, archive): Have all units of a->plan made and assembled in it. */
enum outcome split_export(struct attempt *a, struct archive *archive);

#endif
