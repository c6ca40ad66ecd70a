#ifndef WORKER_AHEAD_IMPL_H
#define WORKER_AHEAD_IMPL_H

#include "worker/ahead.h"

/* What ahead.c and ahead_window.c share, and nobody else. */

/* A window that takes more than this part of memory is read again in smaller ones. */
#define OVER_PART 2

struct ahead {
	struct ahead_spec spec;
	struct ahead_vehicle *first, **end;	/* not handed out, in order */
	size_t n;			/* of them */
	size_t next;			/* vehicle that is not among them yet */
	size_t windows;			/* not handed out */
	size_t held;			/* bytes of memory_max */
	size_t buffer;			/* of that, what a connection keeps */
	size_t running;			/* columns that are being read */
	struct store store;
	uint64_t total;			/* documents, see ahead_total() */
};

/*
 * ahead_window_new(a, v, from, to): Of these hours; not in the vehicle's list yet. NULL:
 * no memory. ahead_window_free(a, w), ahead_vehicle_free(v): With all they have.
 * ahead_window_hold(a, w): Count what it has of memory.
 */
struct ahead_window *ahead_window_new(struct ahead *a,
    struct ahead_vehicle *v, int64_t from, int64_t to);
void ahead_window_free(struct ahead *a, struct ahead_window *w);
void ahead_vehicle_free(struct ahead_vehicle *v);
void ahead_window_hold(struct ahead *a, struct ahead_window *w);

/* ahead_window_clear(w): Forget the documents of its columns. */
void ahead_window_clear(struct ahead_window *w);

/*
 * ahead_window_jobs(w): Its columns, and in the first window what has no time.
 * ahead_window_skip(w): Those from w->started on that are no collections have been
 * read.
 */
size_t ahead_window_jobs(const struct ahead_window *w);
void ahead_window_skip(struct ahead_window *w);

/*
 * ahead_window_again(a, w): It has become too large, and nothing reads it any more:
 * begin it again, smaller; the rest of it is a window after it.
 * ahead_window_rest(a, w): Before it begins: the rest of an hour is cut to what the
 * part before it had. Both return 0, 1: a millisecond is too large, -1: no memory.
 */
int ahead_window_again(struct ahead *a, struct ahead_window *w);
int ahead_window_rest(struct ahead *a, struct ahead_window *w);

#endif
