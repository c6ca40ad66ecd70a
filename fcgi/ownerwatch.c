/*
 * One owner's entry at a time, read by a watch's thread (fcgi/watch.h). What an entry
 * means is owners.c's.
 */
#include "fcgi/ownerwatch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/servers/mongo.h"
#include "fcgi/request.h"
#include "fcgi/watch.h"

struct owner_watch {
	struct watch *watch;
	struct _mongoc_client_pool_t *pool;
	const struct conf *conf;

	pthread_mutex_t lock;	/* of what follows */
	char wanted[REQUEST_OWNER_MAX + 1], found[REQUEST_OWNER_MAX + 1];
	enum jobs_result rc;	/* of found */
	struct owner owner;	/* of found, without its scope */
};

/* struct watch's thread: 0, -1 no database. */
static int
look(void *arg, char **text)
{
	struct owner_watch *w = arg;
	struct _mongoc_client_t *client = mongo_take(w->pool);
	char name[REQUEST_OWNER_MAX + 1];
	enum jobs_result rc;
	struct owner owner;

	(void)text;
	pthread_mutex_lock(&w->lock);
	memcpy(name, w->wanted, sizeof(name));
	pthread_mutex_unlock(&w->lock);
	rc = owners_find(client, w->conf, name, &owner);
	mongo_give(w->pool, client);
	pthread_mutex_lock(&w->lock);
	memcpy(w->found, name, sizeof(name));
	w->rc = rc;
	w->owner = (struct owner){ .is_operator = owner.is_operator,
		.limits = owner.limits };
	pthread_mutex_unlock(&w->lock);
	owner_release(&owner);
	return rc == JOBS_ERROR ? -1 : 0;
}

struct owner_watch *
owner_watch_new(struct _mongoc_client_pool_t *pool, const struct conf *conf)
{
	struct owner_watch *w = calloc(1, sizeof(*w));

	if (w == NULL || (w->watch = watch_new(look, w)) == NULL) {
		free(w);
		return NULL;
	}
	w->pool = pool;
	w->conf = conf;
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

void
owner_watch_free(struct owner_watch *w)
{
	if (w == NULL)
		return;
	watch_free(w->watch);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

enum jobs_result
owner_watch_find(struct owner_watch *w, const char *name, struct owner *o)
{
	enum jobs_result rc = JOBS_ERROR;
	bool up;

	memset(o, 0, sizeof(*o));
	pthread_mutex_lock(&w->lock);
	snprintf(w->wanted, sizeof(w->wanted), "%s", name);
	pthread_mutex_unlock(&w->lock);
	up = watch_ask(w->watch, NULL, NULL) == 0;
	pthread_mutex_lock(&w->lock);
	if (up && strcmp(w->found, name) == 0) {
		*o = w->owner;
		rc = w->rc;
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}
