/*
 * A ring of pieces and the threads that work on them: it keeps order and bounds,
 * and carries documents on from slice to slice. Knows neither what a piece is
 * made of nor what the taker makes of it.
 */
#include "worker/engine/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "worker/engine/carry.h"
#include "worker/engine/piece.h"
#include "worker/engine/slice.h"

/* No further piece is filled in while the ring holds more bytes of rows. */
#define ROWS_BYTES ((size_t)16 << 20)
/* Until they are made, rows are expected to shrink to this part of their text. */
#define SHRINK 16
/* Everything else on this machine comes first, above all the database. */
#define WORK_NICE 10

/*
 * In this order, but that most are FOUND once they are read. A piece whose rows are
 * steps is FOUND when its cells are; all others are MADE then.
 */
enum state { FILLED, READING, READ, EXACT, WORKING, FOUND, SETTLED, WRITING, MADE };

struct slot {
	struct piece piece;
	enum state state;
	size_t bytes;		/* of rows, expected until it is made */
};

struct pool {
	enum deflate_level level;
	pthread_t *threads;
	int nthreads;
	struct slot *ring;
	size_t slots;
	size_t carry_max;

	pthread_mutex_t lock;	/* for what follows, and the states */
	/*
	 * Three parties wait, each on its own condition: a worker for a piece
	 * (work), the taker for the oldest to be made (made), the filler for
	 * room (released). One filler, one taker: signal suffices for them.
	 */
	pthread_cond_t work, made, released;
	/*
	 * Piece i is at ring[i % slots]. first <= settled <= decided <= next <= last:
	 * those before settled have what they need of the ones before them; those
	 * before decided are found, or on the exact path; those before next are at
	 * least being read; last is to be filled in.
	 */
	uint64_t first, settled, decided, next, last;
	uint64_t exacts;	/* that wait for the exact path */
	uint64_t writes;	/* that are SETTLED */
	struct grid_carry *steps;	/* of the pieces before settled */
	size_t bytes;		/* of rows of all slots */
	struct carry carry;
	bool ended, closed, quit;	/* by filler, taker, pool_free() */
	/* A stack: the one used last is still in the cache. */
	struct scratch **scratches;
	int nscratches;
};

static struct slot *
slot_at(const struct pool *p, uint64_t i)
{
	return &p->ring[i % p->slots];
}

static void
pool_made(struct pool *p, uint64_t i)
{
	struct slot *s = slot_at(p, i);

	s->state = MADE;
	p->bytes -= s->bytes;
	s->bytes = s->piece.blocks.deflated.len;
	p->bytes += s->bytes;
	if (i == p->first)
		pthread_cond_signal(&p->made);
}

/* A piece that is found, all before it being settled. */
static void
settle(struct pool *p, uint64_t i)
{
	struct slot *slot = slot_at(p, i);

	if (slot->piece.result == PIECE_MADE && piece_has_steps(&slot->piece)) {
		p->steps = piece_settle(&slot->piece, p->steps);
		if (slot->piece.result == PIECE_MADE) {
			slot->state = SETTLED;
			p->writes++;
			pthread_cond_signal(&p->work);
			return;
		}
	}
	pool_made(p, i);
}

static void
pool_found(struct pool *p, uint64_t i)
{
	slot_at(p, i)->state = FOUND;
	while (p->settled < p->last &&
	    slot_at(p, p->settled)->state == FOUND)
		settle(p, p->settled++);
}

/*
 * A piece that was read, all before it being decided: does it need the exact
 * path? After a slice's last piece its documents that reach further are carried
 * on, and after a vehicle's last slice none are.
 */
static void
decide(struct pool *p, uint64_t i)
{
	struct piece *piece = &slot_at(p, i)->piece;
	const struct slice *s = piece->slice;
	const bool last = piece->index + 1 == s->pieces;
	int rc = 0;

	if (piece->result == PIECE_MADE)
		rc = carry_select(&p->carry, piece->from_ms, piece->to_ms,
		    &piece->carried, &piece->ncarried);
	if (last && rc == 0) {
		rc = carry_add(&p->carry, s->carry, s->ncarry);
		((struct slice *)s)->ncarry = 0;
		carry_pass(&p->carry, s->last ? INT64_MAX : s->end_ms);
	}
	if (rc != 0)
		piece->result = PIECE_NO_MEMORY;
	else if (p->carry.bytes > p->carry_max)
		piece->result = PIECE_TOO_LARGE;
	if (piece->result == PIECE_MADE &&
	    (piece->unusual || piece->ncarried > 0)) {
		piece->unusual = true;
		slot_at(p, i)->state = EXACT;
		p->exacts++;
		pthread_cond_signal(&p->work);
	} else {
		pool_found(p, i);
	}
}

/* The oldest piece in this state, which there is; it is in the next one now. */
static struct slot *
take_oldest(struct pool *p, enum state state, uint64_t *i)
{
	for (*i = p->first; slot_at(p, *i)->state != state; (*i)++)
		;
	slot_at(p, *i)->state = state + 1;
	return slot_at(p, *i);
}

/*
 * What to work on next: the oldest whose rows can be made, else the oldest for the
 * exact path, else the next to read.
 */
static struct slot *
pool_work(struct pool *p, uint64_t *i)
{
	if (p->writes > 0) {
		p->writes--;
		return take_oldest(p, SETTLED, i);
	}
	if (p->exacts > 0) {
		p->exacts--;
		return take_oldest(p, EXACT, i);
	}
	if (p->next == p->last)
		return NULL;
	*i = p->next++;
	slot_at(p, *i)->state = READING;
	return slot_at(p, *i);
}

static void
work_on(struct pool *p, struct slot *slot, uint64_t i)
{
	struct scratch *scratch = p->scratches[--p->nscratches];
	const enum state state = slot->state;

	pthread_mutex_unlock(&p->lock);
	if (state == WRITING)
		piece_write(&slot->piece, scratch);
	else if (state == WORKING)
		piece_exact(&slot->piece, scratch);
	else
		piece_read(&slot->piece, scratch);
	pthread_mutex_lock(&p->lock);
	p->scratches[p->nscratches++] = scratch;
	if (state == WRITING) {
		pool_made(p, i);
		return;
	}
	if (state == WORKING) {
		pool_found(p, i);
		return;
	}
	slot->state = READ;
	while (p->decided < p->next && slot_at(p, p->decided)->state == READ)
		decide(p, p->decided++);
}

static void *
pool_run(void *arg)
{
	struct pool *p = arg;
	struct slot *slot;
	uint64_t i;

	/* On Linux each thread has its own; a refusal is harmless. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), WORK_NICE);
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while ((slot = pool_work(p, &i)) == NULL && !p->quit)
			pthread_cond_wait(&p->work, &p->lock);
		if (slot == NULL)
			break;
		work_on(p, slot, i);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* All memory, before there are threads. pool_free() undoes any part of it. */
static int
pool_set_up(struct pool *p, int threads)
{
	size_t i;

	/* Some in work, and as many read ahead of one that takes long. */
	p->slots = 3 * (size_t)threads + 2;
	p->threads = calloc((size_t)threads, sizeof(*p->threads));
	p->ring = calloc(p->slots, sizeof(*p->ring));
	p->scratches = calloc((size_t)threads, sizeof(struct scratch *));
	if (p->threads == NULL || p->ring == NULL || p->scratches == NULL)
		return -1;
	for (i = 0; i < p->slots; i++)
		piece_init(&p->ring[i].piece);
	for (; p->nscratches < threads; p->nscratches++) {
		p->scratches[p->nscratches] = scratch_new(p->level);
		if (p->scratches[p->nscratches] == NULL)
			return -1;
	}
	return 0;
}

struct pool *
pool_new(int threads, enum deflate_level level, size_t carry_max)
{
	struct pool *p;
	int rc;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		goto nomem;
	p->level = level;
	p->carry_max = carry_max;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->made, NULL);
	pthread_cond_init(&p->released, NULL);
	if (pool_set_up(p, threads) != 0)
		goto nomem;
	/* nthreads counts those that run: pool_free() joins exactly these. */
	for (; p->nthreads < threads; p->nthreads++) {
		rc = pthread_create(&p->threads[p->nthreads], NULL, pool_run,
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
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (t = 0; t < p->nthreads; t++)
		pthread_join(p->threads[t], NULL);
	for (i = 0; p->ring != NULL && i < p->slots; i++)
		piece_release(&p->ring[i].piece);
	for (t = 0; t < p->nscratches; t++)
		scratch_free(p->scratches[t]);
	pthread_cond_destroy(&p->released);
	pthread_cond_destroy(&p->made);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	free(p->scratches);
	free(p->ring);
	free(p->threads);
	free(p);
}

/* With the lock held. The bound on bytes never stops the oldest. */
static bool
has_room(const struct pool *p)
{
	return p->first == p->last || (p->last - p->first < p->slots &&
	    p->bytes <= ROWS_BYTES);
}

/* Wait for room and fill in a piece. Returns 0, -1: closed. */
static int
put_piece(struct pool *p, struct slice *s, size_t index, int64_t from_ms)
{
	while (!p->closed && !has_room(p))
		pthread_cond_wait(&p->released, &p->lock);
	if (p->closed)
		return -1;
	piece_begin(&slot_at(p, p->last)->piece, s, index, from_ms);
	slot_at(p, p->last)->state = FILLED;
	slot_at(p, p->last)->bytes = slice_text(s) / s->pieces / SHRINK;
	p->bytes += slot_at(p, p->last)->bytes;
	p->last++;
	pthread_cond_signal(&p->work);
	return 0;
}

int
pool_put(struct pool *p, struct slice *s)
{
	const size_t pieces = slice_cut(s);
	int64_t from_ms = s->begin_ms;
	bool released;
	size_t i;

	pthread_mutex_lock(&p->lock);
	s->pieces = pieces;
	for (i = 0; i < pieces; i++) {
		if (put_piece(p, s, i, from_ms) != 0)
			break;
		from_ms = slice_piece_ends(s, i);
	}
	/*
	 * Closed: the slice goes with the last of those that were put, or here
	 * when the taker has released them. Else the taker may be reading it.
	 */
	if (i < pieces)
		s->pieces = i;
	released = i == 0 || (i < pieces && p->first == p->last);
	pthread_mutex_unlock(&p->lock);
	if (released)
		slice_free(s);
	return i < pieces ? -1 : 0;
}

void
pool_end(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->ended = true;
	pthread_cond_signal(&p->made);
	pthread_mutex_unlock(&p->lock);
}

struct piece *
pool_oldest(struct pool *p)
{
	struct piece *piece;

	pthread_mutex_lock(&p->lock);
	/* Empty: more may come until the filler ends. Else: until it is made. */
	while (p->first == p->last ? !p->ended :
	    slot_at(p, p->first)->state != MADE)
		pthread_cond_wait(&p->made, &p->lock);
	piece = p->first == p->last ? NULL : &slot_at(p, p->first)->piece;
	pthread_mutex_unlock(&p->lock);
	return piece;
}

void
pool_release(struct pool *p)
{
	struct slot *slot = slot_at(p, p->first);
	struct slice *s = slot->piece.slice;
	const bool last = slot->piece.index + 1 == s->pieces;

	piece_end(&slot->piece);
	if (last)
		slice_free(s);
	pthread_mutex_lock(&p->lock);
	p->bytes -= slot->bytes;
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
 * Pieces cannot be taken back from the workers: wait for each, as the taker
 * does. There is no filler, so ended needs no signal.
 */
void
pool_reset(struct pool *p)
{
	p->ended = true;
	while (pool_oldest(p) != NULL)
		pool_release(p);
	carry_pass(&p->carry, INT64_MAX);
	grid_carry_free(p->steps);
	p->steps = NULL;
	p->ended = p->closed = false;
}
