#ifndef LIB_JOBS_TASKS_IMPL_H
#define LIB_JOBS_TASKS_IMPL_H

#include <stdint.h>

#include "lib/jobs/tasks.h"
#include "lib/jobs/transition.h"

struct _bson_t;
struct _mongoc_collection_t;
struct _mongoc_cursor_t;

/*
 * For tasks.c, jobs.c, joblist.c, leftovers.c, owners.c, rates.c, records.c and
 * units.c only.
 */

struct tasks {
	enum task_kind kind;
	const struct conf *conf;
	struct _mongoc_client_t *client;
	struct _mongoc_collection_t *collection;
};

struct jobs {
	struct tasks tasks;
	int64_t confirmed_ms;	/* a majority confirmed a primary; 0: never */
	char confirmed[280];	/* which one: host and port */
	int64_t queued;		/* unfinished jobs in all, counted a moment ago */
	int64_t queued_ms;	/* when; 0: never */
};

struct units {
	struct tasks tasks;
};

/* tasks_open(tasks, client, conf, kind), tasks_close(tasks): In place. */
void tasks_open(struct tasks *tasks, struct _mongoc_client_t *client,
    const struct conf *conf, enum task_kind kind);
void tasks_close(struct tasks *tasks);

/*
 * tasks_update(collection, op, filter, update): Of one document.
 * tasks_transit(tasks, t, args): Make a transition of one.
 * JOBS_NONE: nothing matched.
 */
enum jobs_result tasks_update(struct _mongoc_collection_t *collection,
    const char *op, const struct _bson_t *filter, const struct _bson_t *update);
enum jobs_result tasks_transit(struct tasks *tasks, enum transition_id t,
    const struct transition_args *args);

/* tasks_lapse(tasks): What has expired becomes EXPIRED. */
enum jobs_result tasks_lapse(struct tasks *tasks);

/*
 * tasks_claim(tasks, parent, worker, doc, at):
 * Claim the first that is due, those that were begun before the others; of the job
 * parent, NULL: of any. It costs the same however many there are. *doc as by tasks_first(),
 * *at the time of the claim.
 * tasks_reject(tasks, task): A claimed one that cannot be understood: FAILED.
 */
enum jobs_result tasks_claim(struct tasks *tasks, const char *parent,
    const char *worker, struct _bson_t **doc, struct read_time *at);
void tasks_reject(struct tasks *tasks, const struct task *task);

/*
 * tasks_first(cursor, op, doc): The first document of a cursor, which is taken
 * over; on JOBS_OK, and only then, the caller destroys *doc.
 */
enum jobs_result tasks_first(struct _mongoc_cursor_t *cursor, const char *op,
    struct _bson_t **doc);

/* tasks_number(doc, name): The number of that name in a document; 0: there is none. */
int64_t tasks_number(const struct _bson_t *doc, const char *name);

/* An option of a read: all of the job but what may be long. */
#define JOBS_WITHOUT_PREVIEW "projection", "{", "preview", BCON_INT32(0), "}"

#endif
