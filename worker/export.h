#ifndef WORKER_EXPORT_H
#define WORKER_EXPORT_H

#include <stdbool.h>

struct job;
struct worker;

/*
 * export_job(worker, job):
 * A claimed job from its claim to the end of the attempt: the archive on S3, and
 * the job's document FINISHED, FAILED, CANCELLED, due again, or lost to another
 * worker. Returns true when the job's message is settled (ack), false when it is
 * to ring again (nack).
 */
bool export_job(const struct worker *worker, struct job *job);

#endif
