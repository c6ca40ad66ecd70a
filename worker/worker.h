#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdbool.h>

struct _mongoc_client_t;
struct _mongoc_client_pool_t;
struct conf;
struct jobs;
struct pace;
struct queue;
struct sizes;
struct units;

/* What a worker's process has for every job; all of it outlives each attempt. */
struct worker {
	const struct conf *conf;
	const char *name;		/* "host:pid", as exports.workers has it */
	struct _mongoc_client_pool_t *pool;
	struct _mongoc_client_t *client;
	struct jobs *jobs;
	struct units *units;
	struct queue *queue;
	struct pace *pace;		/* of all that it reads */
	struct sizes *sizes;		/* what it has learned of documents */
	bool (*stopping)(void);		/* SIGTERM was received */
	void (*hung)(void);		/* ends the process, see lease_start() */
};

#endif
