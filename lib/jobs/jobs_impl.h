#ifndef LIB_JOBS_JOBS_IMPL_H
#define LIB_JOBS_JOBS_IMPL_H

#include <stdint.h>

struct _bson_t;
struct _mongoc_client_t;
struct _mongoc_collection_t;
struct _mongoc_cursor_t;
struct conf;

/* What jobs.c, joblist.c and units.c share, and nobody else. */
struct jobs {
	const struct conf *conf;
	struct _mongoc_client_t *client;
	struct _mongoc_collection_t *collection;
	int64_t confirmed_ms;	/* a majority confirmed a primary; 0: never */
	char confirmed[280];	/* which one: host and port */
	int64_t queued;		/* unfinished jobs in all, counted a moment ago */
	int64_t queued_ms;	/* when; 0: never */
};

/* jobs_open(client, conf, collection): What jobs_new() does with "jobs". */
struct jobs *jobs_open(struct _mongoc_client_t *client,
    const struct conf *conf, const char *collection);

/*
 * jobs_first(cursor, op, doc): The first document of a cursor, which is taken
 * over; on JOBS_OK, and only then, the caller destroys *doc.
 */
enum jobs_result jobs_first(struct _mongoc_cursor_t *cursor, const char *op,
    struct _bson_t **doc);

/* A read of jobs for clients takes no longer. */
#define JOBS_FIND_MAX_MS 2500
/* An option of such a read: all of the job but what may be long. */
#define JOBS_WITHOUT_PREVIEW "projection", "{", "preview", BCON_INT32(0), "}"

#endif
