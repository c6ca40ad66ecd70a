#ifndef LIB_JOBS_RECORDS_H
#define LIB_JOBS_RECORDS_H

#include <stdint.h>

#include "lib/jobs/tasks.h"

struct job;
struct jobs;

/*
 * records_trim(jobs, job, least):
 * After a new job was stored: give up the owner's oldest records of jobs that ended
 * without a result, or whose result has expired, beyond owner_records_max, or least
 * (those that check the owner's limit of jobs an hour), if that is more. They are
 * nobody's from here on, without their lists of names, and MongoDB removes them within
 * about a minute. One whose objects are still to be removed (lib/jobs/leftovers.h)
 * stays. It is done at about one new job in RECORDS_EVERY, drawn with the job's id: so
 * an owner has that many more for a while. JOBS_ERROR: logged; a later one does it.
 */
#define RECORDS_EVERY 64
enum jobs_result records_trim(struct jobs *jobs, const struct job *job,
    int64_t least);

#endif
