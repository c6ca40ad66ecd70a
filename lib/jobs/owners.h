#ifndef LIB_JOBS_OWNERS_H
#define LIB_JOBS_OWNERS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/jobs/joblist.h"
#include "lib/jobs/scope.h"
#include "lib/jobs/tasks.h"

struct _mongoc_client_t;
struct conf;

/*
 * exports.owners, which scripts/owners keeps: who may have what, where the setting
 * owners is "listed":
 *   { _id: "alice", vehicles?: ["bus_*", "tram_7"], role: "user" or "operator",
 *     jobsMax?, jobsPerHour?, bytesKept? }
 * API and workers read it, and write nothing.
 */

/* owners_listed(conf): The setting is "listed", not "open". */
bool owners_listed(const struct conf *conf);

/* What an owner may do. Zeroed: nothing. */
struct owner {
	struct scope scope;
	bool is_operator;		/* sees and cancels the jobs of all owners */
	struct jobs_limits limits;
};

/*
 * owners_find(client, conf, name, o):
 * What the owner of this name may do: with owners = open every owner has every vehicle,
 * and nothing is read. JOBS_NONE: the owner has no entry, or one that cannot be
 * understood (logged); o is zeroed, but for the limits. JOBS_ERROR: logged, o is the
 * same. owner_release() in any case.
 */
enum jobs_result owners_find(struct _mongoc_client_t *client,
    const struct conf *conf, const char *name, struct owner *o);
void owner_release(struct owner *o);

#endif
