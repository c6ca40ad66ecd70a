/*
 * A ring of slices and the threads that work on them: it keeps order and
 * bounds. Knows neither what slice_work() does to a slice nor what the taker
 * makes of it.
 */
#include "worker/engine/pool.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "worker/engine/slice.h"

/* No further slice is filled while the ring holds more bytes of documents. */
#define IN_PROGRESS_BYTES ((size_t)4 * 1024 * 1024)
/* Everything else on this machine comes first, above all the database. */
#define SLICE_NICE 10

struct pool {
	enum deflate_level level;
	pthread_t *threads;
	int nthreads;
	struct slice *ring;
	bool *done;
	size_t slots;

	pthread_mutex_t lock;	/* for what follows, and done */
	/*
	 * Three parties wait, each on its own condition: a worker for a slice
	 * (submitted), the taker for the oldest to be done (worked), the filler
	 * for room (released). One filler, one taker: signal suffices for them.
	 */
	pthread_cond_t submitted, worked, released;
	/*
	 * Slice i is at ring[i % slots]. first <= next <= last: those before
	 * next are worked on or done, those from next on wait, and last is to
	 * be filled.
	 */
	uint64_t first, next, last;
	bool ended, closed, quit;	/* by filler, taker, pool_free() */
	/* A stack: the one used last is still in the cache. */
	struct scratch **scratches;
	int nscratches;
};

static struct slice *
slice_at(const struct pool *p, uint64_t i)
{
	return &p->ring[i % p->slots];
}

/*
 * A worker thread: take the next slice and a scratch, work without the lock,
 * mark it done. The taker is woken only for the slice it waits for.
 */
static void *
pool_work(void *arg)
{
	struct pool *p = arg;
	struct scratch *scratch;
	uint64_t i;

	/* On Linux each thread has its own; a refusal is harmless. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), SLICE_NICE);
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->next == p->last && !p->quit)
			pthread_cond_wait(&p->submitted, &p->lock);
		if (p->next == p->last)
			break;
		i = p->next++;
		scratch = p->scratches[--p->nscratches];
		pthread_mutex_unlock(&p->lock);
		slice_work(slice_at(p, i), scratch);
		pthread_mutex_lock(&p->lock);
		p->scratches[p->nscratches++] = scratch;
		p->done[i % p->slots] = true;
		if (i == p->first)
			pthread_cond_signal(&p->worked);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* All memory, before there are threads. pool_free() undoes any part of it. */
static int
pool_set_up(struct pool *p, int threads)
{
	size_t i;

	/* One in work and one waiting for each thread, one for the filler. */
	p->slots = 2 * (size_t)threads + 1;
	p->threads = calloc((size_t)threads, sizeof(*p->threads));
	p->ring = calloc(p->slots, sizeof(*p->ring));
	p->done = calloc(p->slots, sizeof(*p->done));
	p->scratches = calloc((size_t)threads, sizeof(struct scratch *));
	if (p->threads == NULL || p->ring == NULL || p->done == NULL ||
	    p->scratches == NULL)
		return -1;
	for (i = 0; i < p->slots; i++)
		slice_init(&p->ring[i]);
	for (; p->nscratches < threads; p->nscratches++) {
		p->scratches[p->nscratches] = scratch_new(p->level);
		if (p->scratches[p->nscratches] == NULL)
			return -1;
	}
	return 0;
}

struct pool *
pool_new(int threads, enum deflate_level level)
{
	struct pool *p;
	int rc;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		goto nomem;
	p->level = level;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->submitted, NULL);
	pthread_cond_init(&p->worked, NULL);
	pthread_cond_init(&p->released, NULL);
	if (pool_set_up(p, threads) != 0)
		goto nomem;
	/* nthreads counts those that run: pool_free() joins exactly these. */
	for (; p->nthreads < threads; p->nthreads++) {
		rc = pthread_create(&p->threads[p->nthreads], NULL, pool_work,
		    p);
		if (rc != 0) {
			log_msg(LOG_ERROR, "pool", "thread: %s", strerror(rc));
			pool_free(p);
			return NULL;
		}
	}
	return p;
nomem:
	log_msg(LOG_ERROR, "pool", "out of memory");
	pool_free(p);
	return NULL;
}

void
pool_free(struct pool *p)
{
	size_t i;
	int t;

	if (p == NULL)
		return;
	/* Threads first: until they are gone the memory is theirs. */
	pthread_mutex_lock(&p->lock);
	p->quit = true;
	pthread_cond_broadcast(&p->submitted);
	pthread_mutex_unlock(&p->lock);
	for (t = 0; t < p->nthreads; t++)
		pthread_join(p->threads[t], NULL);
	for (i = 0; p->ring != NULL && i < p->slots; i++)
		slice_release(&p->ring[i]);
	for (t = 0; t < p->nscratches; t++)
		scratch_free(p->scratches[t]);
	pthread_cond_destroy(&p->released);
	pthread_cond_destroy(&p->worked);
	pthread_cond_destroy(&p->submitted);
	pthread_mutex_destroy(&p->lock);
	free(p->scratches);
	free(p->done);
	free(p->ring);
	free(p->threads);
	free(p);
}

/*
 * Whether another slice may be filled; with the lock held. The bound on bytes
 * is checked before filling, so one slice may exceed it, however large.
 */
static bool
has_room(const struct pool *p)
{
	size_t bytes = 0;
	uint64_t i;

	for (i = p->first; i < p->last; i++)
		bytes += slice_at(p, i)->docs.len;
	return p->last - p->first < p->slots && bytes <= IN_PROGRESS_BYTES;
}

/* The slot stays out of reach of the workers until last moves past it. */
struct slice *
pool_slot(struct pool *p)
{
	struct slice *s;

	pthread_mutex_lock(&p->lock);
	while (!p->closed && !has_room(p))
		pthread_cond_wait(&p->released, &p->lock);
	s = p->closed ? NULL : slice_at(p, p->last);
	pthread_mutex_unlock(&p->lock);
	return s;
}

void
pool_submit(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->done[p->last % p->slots] = false;
	p->last++;
	pthread_cond_signal(&p->submitted);
	pthread_mutex_unlock(&p->lock);
}

void
pool_end(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->ended = true;
	pthread_cond_signal(&p->worked);
	pthread_mutex_unlock(&p->lock);
}

struct slice *
pool_oldest(struct pool *p)
{
	struct slice *s;

	pthread_mutex_lock(&p->lock);
	/*
	 * Empty: more may come until the filler ends. Else: until it is done.
	 */
	while (p->first == p->last ? !p->ended :
	    !p->done[p->first % p->slots])
		pthread_cond_wait(&p->worked, &p->lock);
	s = p->first == p->last ? NULL : slice_at(p, p->first);
	pthread_mutex_unlock(&p->lock);
	return s;
}

void
pool_release(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->first++;
	pthread_cond_signal(&p->released);
	pthread_mutex_unlock(&p->lock);
}

void
pool_close(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->closed = true;
	pthread_cond_signal(&p->released);
	pthread_mutex_unlock(&p->lock);
}

/*
 * Submitted slices cannot be taken back from the workers: wait for each, as the
 * taker does. There is no filler, so ended needs no signal.
 */
void
pool_reset(struct pool *p)
{
	p->ended = true;
	while (pool_oldest(p) != NULL)
		pool_release(p);
	p->ended = p->closed = false;
}
