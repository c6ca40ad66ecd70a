#ifndef FCGI_OWNERWATCH_H
#define FCGI_OWNERWATCH_H

#include "lib/jobs/owners.h"

struct _mongoc_client_pool_t;
struct conf;
struct owner_watch;

/*
 * What a listed owner may do, for GET /limits: a process that answers /health, too, cannot
 * wait for a database that hangs.
 *
 * owner_watch_new(pool, conf): Both are kept. NULL: memory.
 * owner_watch_free(w): NULL is fine.
 */
struct owner_watch *owner_watch_new(struct _mongoc_client_pool_t *pool,
    const struct conf *conf);
void owner_watch_free(struct owner_watch *w);

/*
 * owner_watch_find(w, name, o):
 * As owners_find(), but without the scope, and by the times of watch_ask(): where the
 * database takes longer it is what was found for this owner the time before, at most a
 * minute ago, else JOBS_ERROR.
 */
enum jobs_result owner_watch_find(struct owner_watch *w, const char *name,
    struct owner *o);

#endif
