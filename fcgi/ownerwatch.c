/*
 * Owners' entries, read by a watch's thread (fcgi/watch.h), one at a time, and the latest
 * kept. What an entry means is owners.c's.
 */
#include "fcgi/ownerwatch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/servers/mongo.h"
#include "fcgi/request.h"
#include "fcgi/watch.h"

/* Owners that are kept: more take each other's place. */
#define KEPT 64
#define OLD_MS 60000

struct kept {
	char name[REQUEST_OWNER_MAX + 1];
	int64_t read_ms;	/* 0: nothing yet */
	enum jobs_result rc;
	struct owner owner;	/* without its scope */
};

struct owner_watch {
	struct watch *watch;
	struct _mongoc_client_pool_t *pool;
	const struct conf *conf;

	pthread_mutex_t lock;	/* of what follows */
	char wanted[REQUEST_OWNER_MAX + 1];
	struct kept kept[KEPT];
};

/* This owner's place, or the one that was read the longest time ago. */
static struct kept *
place_of(struct owner_watch *w, const char *name)
{
	struct kept *oldest = &w->kept[0];
	size_t i;

	for (i = 0; i < KEPT; i++) {
		if (strcmp(w->kept[i].name, name) == 0)
			return &w->kept[i];
		if (w->kept[i].read_ms < oldest->read_ms)
			oldest = &w->kept[i];
	}
	return oldest;
}

/* struct watch's thread: 0, -1 no database. */
static int
look(void *arg, char **text)
{
	struct owner_watch *w = arg;
	struct _mongoc_client_t *client = mongo_take(w->pool);
	struct kept now = { .read_ms = clock_monotonic_ms() };
	struct owner owner;

	(void)text;
	pthread_mutex_lock(&w->lock);
	memcpy(now.name, w->wanted, sizeof(now.name));
	pthread_mutex_unlock(&w->lock);
	now.rc = owners_find(client, w->conf, now.name, &owner);
	mongo_give(w->pool, client);
	now.owner = (struct owner){ .is_operator = owner.is_operator,
		.limits = owner.limits };
	owner_release(&owner);
	if (now.rc == JOBS_ERROR)
		return -1;
	pthread_mutex_lock(&w->lock);
	*place_of(w, now.name) = now;
	pthread_mutex_unlock(&w->lock);
	return 0;
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
	const struct kept *known;
	bool up;

	memset(o, 0, sizeof(*o));
	pthread_mutex_lock(&w->lock);
	snprintf(w->wanted, sizeof(w->wanted), "%s", name);
	pthread_mutex_unlock(&w->lock);
	up = watch_ask(w->watch, NULL, NULL) == 0;
	pthread_mutex_lock(&w->lock);
	known = place_of(w, name);
	if (up && strcmp(known->name, name) == 0 &&
	    clock_monotonic_ms() - known->read_ms < OLD_MS) {
		*o = known->owner;
		rc = known->rc;
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}
