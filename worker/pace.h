#ifndef WORKER_PACE_H
#define WORKER_PACE_H

#include <stdint.h>

/*
 * How fast a worker may read, so that the database stays usable: two ceilings,
 * and the database's own answers. Each fetch (a reply of some documents) is held
 * against the floor, the time such a fetch takes when nothing else goes on, which
 * is learned. A slow one doubles the gap before the next fetch; one in time
 * shortens it by a step: the additive increase, multiplicative decrease of TCP
 * (RFC 5681, 3.1), in time instead of window. Time is the caller's, in us.
 */

/* Slower than so many times the floor is slow. */
#define PACE_SLOW 4
#define PACE_GAP_FIRST_US 1000
#define PACE_GAP_MAX_US 250000
#define PACE_GAP_STEP_US 100

/* What one cursor's fetches take at best; zeroed at first. */
struct pace_floor {
	int64_t us;
};

struct pace {
	int64_t bytes_s, documents_s;	/* ceilings, 0: none */
	int follow;			/* the database's answers are heeded */

	int64_t gap_us;
	int64_t due_us;			/* no fetch before */
	uint64_t fetches, slow;
};

void pace_init(struct pace *p, int64_t bytes_s, int64_t documents_s,
    int follow);

/*
 * pace_fetched(p, floor, now_us, took_us, documents, bytes):
 * A fetch has ended now and brought so much (by what the last ones brought: its
 * documents are not counted yet).
 */
void pace_fetched(struct pace *p, struct pace_floor *floor, int64_t now_us,
    int64_t took_us, int64_t documents, int64_t bytes);

/* pace_wait_us(p, now_us): How long to wait before the next fetch, 0: go on. */
int64_t pace_wait_us(const struct pace *p, int64_t now_us);

#endif
