#ifndef WORKER_SPLIT_H
#define WORKER_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "worker/attempt.h"

struct names;
struct unit_cut;

/*
 * A job of split_documents or more, and of more than one vehicle, is cut into
 * units (lib/jobs/units.h) of a 16th of that: each a few vehicles that follow each
 * other. Whichever workers are idle make their pieces (worker/unit.h); the worker
 * that has claimed the job makes them, too, while a thread of it puts the pieces
 * into the archive, in order, as they are done (worker/assemble.h). The archive is the same, to the
 * byte, as if one had made it; when its worker is lost the next one takes up the
 * units that are done. A vehicle is never cut: the SHA-256 of its CSV can only be
 * made from front to back, and a year of one vehicle takes a worker seconds.
 */

/* A unit of so few vehicles, at most: its facts lie in one document. */
#define SPLIT_VEHICLES_MAX 32

/*
 * split_cut(documents, vehicles, each, cuts): Cut off units of `each` documents or
 * more, in order; documents: how many of each vehicle. How many units; cuts has
 * room for one a vehicle.
 */
size_t split_cut(const uint64_t *documents, size_t vehicles, uint64_t each,
    struct unit_cut *cuts);

/* split_find(a): An earlier attempt's plan into a->plan, where there is one. */
enum outcome split_find(struct attempt *a);

/*
 * split_plan(a, vehicles, documents): Cut it, if it is large enough, into a->plan;
 * documents: how many of each vehicle.
 */
enum outcome split_plan(struct attempt *a, const struct names *vehicles,
    const uint64_t *documents);

/* split_export(a, archive): Have all units of a->plan made and put into it. */
enum outcome split_export(struct attempt *a, struct archive *archive);

#endif
