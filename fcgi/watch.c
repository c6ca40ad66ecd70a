/*
 * A thread that looks at something when asked, and remembers what it saw. Knows
 * nothing of what it looks at.
 */
#include "fcgi/watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"

#define WAIT_MS 50
#define FIRST_MS 2000		/* while nothing is known that is worth an answer */
#define OLD_MS 60000
#define LATE_MS 3000		/* a look that takes longer is a server that hangs */

struct watch {
	int (*look)(void *arg, char **text);
	void *arg;
	pthread_t thread;

	pthread_mutex_t lock;	/* of what follows */
	pthread_cond_t asked, seen;
	bool started, wanted, looking, stop;
	int64_t began_ms;	/* of the look under way */
	uint64_t looks;		/* that have ended */
	int64_t known_ms;	/* when the last one that ended began */
	int result;
	char *text;
};

static void *
watch_run(void *arg)
{
	struct watch *w = arg;
	char *text;
	int result;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->wanted && !w->stop)
			pthread_cond_wait(&w->asked, &w->lock);
		if (w->stop)
			break;
		w->wanted = false;
		w->looking = true;
		w->began_ms = clock_monotonic_ms();
		pthread_mutex_unlock(&w->lock);
		text = NULL;
		result = w->look(w->arg, &text);
		pthread_mutex_lock(&w->lock);
		free(w->text);
		w->text = text;
		w->result = result;
		w->known_ms = w->began_ms;
		w->looking = false;
		w->looks++;
		pthread_cond_broadcast(&w->seen);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct watch *
watch_new(int (*look)(void *arg, char **text), void *arg)
{
	pthread_condattr_t monotonic;
	struct watch *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	w->look = look;
	w->arg = arg;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->asked, NULL);
	pthread_cond_init(&w->seen, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return w;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->asked);
	pthread_mutex_unlock(&w->lock);
	if (w->started)
		pthread_join(w->thread, NULL);
	free(w->text);
	free(w);
}

/* Wait for the look-th look to end, by until_ms. */
static void
await_look(struct watch *w, uint64_t look, int64_t until_ms)
{
	const struct timespec until = { until_ms / 1000,
	    until_ms % 1000 * 1000000 };

	while (w->looks < look && pthread_cond_timedwait(&w->seen, &w->lock,
	    &until) != ETIMEDOUT)
		;
}

int
watch_ask(struct watch *w, char **text, int64_t *age_ms)
{
	int64_t now = clock_monotonic_ms(), begun;
	bool known;
	int result;

	pthread_mutex_lock(&w->lock);
	if (!w->started)
		w->started = pthread_create(&w->thread, NULL, watch_run, w) == 0;
	known = w->looks > 0 && now - w->known_ms < OLD_MS;
	/* One that hangs was waited for before. */
	begun = w->looking ? w->began_ms : now;
	w->wanted = true;
	pthread_cond_signal(&w->asked);
	/* A look under way began too early: the one after it is ours. */
	await_look(w, w->looks + 1 + (w->looking ? 1 : 0),
	    known || begun + FIRST_MS < now + WAIT_MS ? now + WAIT_MS :
	    begun + FIRST_MS);
	now = clock_monotonic_ms();
	known = w->looks > 0 && now - w->known_ms < OLD_MS &&
	    !(w->looking && now - w->began_ms > LATE_MS);
	result = known ? w->result : -1;
	if (age_ms != NULL)
		*age_ms = known ? now - w->known_ms : -1;
	if (text != NULL)
		*text = known && w->text != NULL ? strdup(w->text) : NULL;
	pthread_mutex_unlock(&w->lock);
	return result;
}
