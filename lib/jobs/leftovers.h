#ifndef LIB_JOBS_LEFTOVERS_H
#define LIB_JOBS_LEFTOVERS_H

#include <stdint.h>

#include "lib/jobs/task.h"
#include "lib/jobs/tasks.h"

struct _bson_t;

/*
 * What EXPIRED jobs and dropped units have left on S3, where workers remove it
 * (s3_delete = yes). The record remembers: it is found until leftovers_removed(), so
 * a worker that dies in between, or a storage that is away, only delays it.
 */
struct leftover {
	char id[JOB_ID_SIZE];
	int64_t fence;
	char key[192];		/* of the object; "": there is none */
};

/*
 * leftovers_next(tasks, after, l):
 * The first by id, above the id after ("": any), whose objects are still to be
 * removed. EXPIRED as a majority knows it: no election can make it FINISHED again.
 * JOBS_NONE: there is none.
 */
enum jobs_result leftovers_next(struct tasks *tasks, const char *after,
    struct leftover *l);

/*
 * leftovers_removed(tasks, l):
 * Nothing is left of it: a job's record says when (removedAt), a unit's goes.
 */
enum jobs_result leftovers_removed(struct tasks *tasks, const struct leftover *l);

/*
 * leftovers_keep(tasks, units):
 * Make the units that this filter finds leftovers, those that a worker holds, too: none
 * is its job's any more, or can be claimed, renewed or finished.
 */
enum jobs_result leftovers_keep(struct tasks *tasks, const struct _bson_t *units);

#endif
