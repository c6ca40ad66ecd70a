#ifndef WORKER_PACE_H
#define WORKER_PACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * How fast a worker may read, so that the database stays usable: two ceilings
 * of its own, its share of two ceilings of all workers, and the database's own
 * answers. One pace for all that a process reads, whatever thread, vehicle or
 * job: debts and what it has learned live on.
 *
 * A fetch is a query and its reply of some documents. It is charged when it
 * begins, with what it may bring, and put right when it has ended, so that a
 * ceiling holds from the first document, for several readers, too. It is compared with
 * the floor, the time that a fetch of its size takes on an idle server, which is
 * learned. A slow one doubles the gap between the starts of fetches, up to twice
 * its own duration; one in time removes a quarter of the gap. So a database that
 * is always slow, because of its disk, for example, is read by one reader a third of
 * the time, and one that was slow once is soon read at full speed again.
 *
 * Any thread may call any of these. Times are arguments, in us.
 */

/* A fetch that takes more than this multiple of the floor is slow. */
#define PACE_SLOW 4
#define PACE_GAP_FIRST_US 1000
#define PACE_GAP_MAX_US 5000000
#define PACE_GAP_TIMES 2	/* the gap's bound, as a multiple of the fetch's time */
#define PACE_GAP_LESS 4		/* a fetch in time removes one part in four */
#define PACE_GAP_LEAST_US 100	/* below it there is none */

/* Who waits asks again after this time at the latest, and is not late by less. */
#define PACE_AGAIN_US 5000

/* Floors by size: class n is for replies of 2^n KiB or more. */
#define PACE_CLASSES 16

/* The most that may be read in a second; 0: no limit. */
struct pace_ceilings {
	int64_t bytes_s, documents_s;
};

/* What a fetch brings. */
struct pace_load {
	int64_t documents, bytes;
};

/* Who waits to begin; zeroed, and the pace's until it has begun, or left. */
struct pace_waiter {
	struct pace_waiter *next;
	bool waits;
};

struct pace {
	pthread_mutex_t lock;
	struct pace_waiter *waiting;	/* who came first is the next */
	struct pace_ceilings own, total;
	int64_t sharers;		/* jobs that share the total */
	bool follow;			/* follow the database's answers */

	int64_t floors_us[PACE_CLASSES];	/* 0: not known */
	int64_t gap_us;
	int64_t gap_due_us, debt_due_us;	/* no fetch before */
	uint64_t fetches, slow;
};

/* pace_release(p): Nobody uses it any more. */
void pace_init(struct pace *p, const struct pace_ceilings *own,
    const struct pace_ceilings *total, bool follow);
void pace_release(struct pace *p);

/*
 * pace_share(p, n): n jobs share the total ceilings now.
 */
void pace_share(struct pace *p, int64_t n);

/*
 * pace_begin(p, w, now_us, expected):
 * A fetch wants to begin that may bring this much. Returns 0 when it begins now,
 * charged; else the time to wait before asking again. Fetches begin in the order in
 * which they asked first, so that the reader of the next window is not overtaken.
 * pace_leave(p, w): It will not begin.
 */
int64_t pace_begin(struct pace *p, struct pace_waiter *w, int64_t now_us,
    const struct pace_load *expected);
void pace_leave(struct pace *p, struct pace_waiter *w);

/*
 * pace_fetched(p, now_us, took_us, expected, brought):
 * It has ended just now; took_us 0: it was not needed. Returns whether it was slow.
 */
bool pace_fetched(struct pace *p, int64_t now_us, int64_t took_us,
    const struct pace_load *expected, const struct pace_load *brought);

/*
 * pace_limit(p, document_bytes):
 * The most documents of this size (0: not known) that a fetch should ask for, so
 * that the wait that follows it is short; at least 1. INT64_MAX: no ceiling.
 */
int64_t pace_limit(struct pace *p, int64_t document_bytes);

#endif
