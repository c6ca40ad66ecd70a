#ifndef WORKER_REMOVAL_H
#define WORKER_REMOVAL_H

#include <stdbool.h>

struct conf;
struct removal;
struct tasks;

/*
 * Removes from S3 what deleted and expired jobs, and units, have left there
 * (lib/jobs/leftovers.h): with s3_delete = yes only.
 *
 * removal_new(conf, jobs, units, stop): All outlive it; stop(arg): whether to end at
 * once, asked during each request, too. NULL when memory ends. For one thread.
 */
struct removal *removal_new(const struct conf *conf, struct tasks *jobs,
    struct tasks *units, bool (*stop)(void *), void *arg);
void removal_free(struct removal *r);

/*
 * removal_step(r): Remove what there is, for some seconds. Returns whether it ended
 * for lack of time, so that there may be more; after an error (logged) the next step
 * goes on after the object concerned.
 */
bool removal_step(struct removal *r);

/* removal_once(conf, key): This one, within some seconds; an error is logged. */
void removal_once(const struct conf *conf, const char *key);

#endif
