#ifndef WORKER_EXPORT_H
#define WORKER_EXPORT_H

#include <stdbool.h>

struct job;
struct worker;

/*
 * export_job(worker, job):
 * A claimed job from its claim to the end of the attempt: the archive on S3, the
 * job's document FINISHED, FAILED, CANCELLED, due again or another's. Returns
 * true when its message has done its duty (ack), false when it is to ring again
 * (nack). job->object_* are filled in.
 */
bool export_job(const struct worker *worker, struct job *job);

#endif
