#ifndef WORKER_SPLIT_H
#define WORKER_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/attempt.h"

struct names;
struct scope;
struct unit_cut;

/*
 * A job of split_documents or more is cut into units (lib/jobs/units.h) of a 16th
 * of that, each a few consecutive vehicles or some days of a large one. Idle
 * workers make their fragments (worker/unit.h), and so does the worker that has
 * claimed the job, while a thread of it writes the fragments into the archive, in
 * order, as they are FINISHED (worker/assemble.h). The archive has the same bytes
 * as if one worker had made it. If that worker is lost, the next one takes up the
 * units that are FINISHED. Where a vehicle has documents that reach further beyond
 * a day's end than the hour that the next unit reads before it, the job is cut again,
 * with whole vehicles only.
 */

/* The most vehicles of a unit: its facts have to fit one document. */
#define SPLIT_VEHICLES_MAX 32

/* What is to be cut. */
struct split_job {
	const uint64_t *documents;	/* expected of each vehicle */
	size_t vehicles;
	int64_t from_ms, to_ms;		/* the job's range */
	bool whole;			/* no vehicle may be cut */
};

/*
 * split_room(job, each): How many units split_cut() makes at most.
 * split_cut(job, each, cuts): Cut units of about `each` documents, in order: some
 * vehicles, or where one has twice as many, some days of it. Returns the number of
 * units. Pure.
 */
size_t split_room(const struct split_job *job, uint64_t each);
size_t split_cut(const struct split_job *job, uint64_t each,
    struct unit_cut *cuts);

/*
 * split_find(a, scope): Read an earlier attempt's plan into a->plan, if there is one. One
 * that has a vehicle out of the scope is dropped: it is to be made again.
 */
enum outcome split_find(struct attempt *a, const struct scope *scope);

/* split_forget(a): Drop a->plan, whose units cannot be made. */
enum outcome split_forget(struct attempt *a);

/*
 * split_plan(a, vehicles, documents): If the job is large enough, store its units
 * and set a->plan; documents[i] is vehicle i's count.
 */
enum outcome split_plan(struct attempt *a, const struct names *vehicles,
    const uint64_t *documents);

/* split_export(a, archive): Have all units of a->plan made and assembled in it. */
enum outcome split_export(struct attempt *a, struct archive *archive);

#endif
