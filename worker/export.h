#ifndef WORKER_EXPORT_H
#define WORKER_EXPORT_H

#include <stdbool.h>

struct _mongoc_client_t;
struct _mongoc_client_pool_t;
struct conf;
struct job;
struct jobs;
struct queue;

/* What a worker's process has for every job; all outlives the export. */
struct export_env {
	const struct conf *conf;
	struct _mongoc_client_pool_t *pool;
	struct _mongoc_client_t *client;
	struct jobs *jobs, *units;
	struct queue *queue;
	bool (*stopping)(void);		/* SIGTERM came */
	void (*hung)(void);		/* ends the process, see keeper_start() */
};

/*
 * export_job(env, job):
 * A claimed job from its claim to the end of the attempt: the archive on S3, the
 * job's document FINISHED, FAILED, CANCELLED, due again or another's. Returns
 * true when its message has done its duty (ack), false when it is to ring again
 * (nack). job->object_* are filled in.
 */
bool export_job(const struct export_env *env, struct job *job);

#endif
