#ifndef LIB_JOBS_USAGE_H
#define LIB_JOBS_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/jobs/tasks.h"

struct _mongoc_client_t;
struct conf;

/*
 * How much an owner's results take up on S3: FINISHED jobs.
 * Workers count exactly, by an index. For the API, which has to know it at each POST
 * however many there are, they keep exports.usage:
 *   { _id: "alice", results, bytes, pass }
 * and about the last pass over all results { _id: "", at, pass }.
 */
struct usage {
	int64_t results, bytes;
};

/*
 * usage_count(client, owner, u): Exactly, now; it costs as much as there are results.
 * usage_get(client, owner, u): As of the last pass. JOBS_NONE, and zeros: nothing then.
 */
enum jobs_result usage_count(struct _mongoc_client_t *client, const char *owner,
    struct usage *u);
enum jobs_result usage_get(struct _mongoc_client_t *client, const char *owner,
    struct usage *u);

/* usage_wanted(conf): Whether an owner may have a limit, so that it has to be kept. */
bool usage_wanted(const struct conf *conf);

/*
 * usage_keep(client, every_ms): Make a pass, if the last one is older; any worker may
 * call it at any time.
 */
enum jobs_result usage_keep(struct _mongoc_client_t *client, int64_t every_ms);

#endif
