#ifndef WORKER_ENGINE_FEEDER_H
#define WORKER_ENGINE_FEEDER_H

#include "worker/engine/archive_types.h"

struct pool;
struct slice_plan;
struct source;

/*
 * feeder_run(source, plan, pool):
 * Take all windows, and put slices into the pool: for each vehicle those of its
 * hours that have documents, then one that is its end. Ends the pool. Where the
 * pool was closed the result is ARCHIVE_STOPPED.
 */
enum archive_result feeder_run(struct source *source, struct slice_plan *plan,
    struct pool *pool);

#endif
