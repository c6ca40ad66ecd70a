#ifndef WORKER_PACE_H
#define WORKER_PACE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How fast a worker may read, so that the database stays usable: two ceilings
 * of its own, its share of two ceilings of all workers, and the database's own
 * answers. Each fetch (a reply of some documents) is compared with the floor,
 * the time such a fetch takes on an idle server, which is learned. A slow one
 * doubles the gap before the next fetch, up to twice its own duration; one in
 * time removes a quarter of the gap. So a database that is always slow, because
 * of its disk, for example, is read a third of the time, and one that was slow
 * once is soon read at full speed again. Times are arguments, in us.
 */

/* A fetch that takes more than this multiple of the floor is slow. */
#define PACE_SLOW 4
#define PACE_GAP_FIRST_US 1000
#define PACE_GAP_MAX_US 5000000
#define PACE_GAP_TIMES 2	/* the gap's bound, as a multiple of the fetch's time */
#define PACE_GAP_LESS 4		/* a fetch in time removes one part in four */
#define PACE_GAP_LEAST_US 100	/* below it there is none */

/* The best time of one cursor's fetches; zeroed at first. */
struct pace_floor {
	int64_t us;
};

/* The most that may be read in a second; 0: no limit. */
struct pace_ceilings {
	int64_t bytes_s, documents_s;
};

struct pace {
	struct pace_ceilings own, total;
	_Atomic int64_t sharers;	/* jobs that share the total */
	bool follow;			/* follow the database's answers */

	int64_t gap_us;
	int64_t due_us;			/* no fetch before */
	uint64_t fetches, slow;
};

void pace_init(struct pace *p, const struct pace_ceilings *own,
    const struct pace_ceilings *total, bool follow);

/*
 * pace_share(p, n): n jobs share the total ceilings now. Any thread may call
 * it.
 */
void pace_share(struct pace *p, int64_t n);

/*
 * pace_fetched(p, floor, now_us, took_us, documents, bytes):
 * A fetch has just ended. documents and bytes: those that the one before
 * brought, since its own are not counted yet.
 */
void pace_fetched(struct pace *p, struct pace_floor *floor, int64_t now_us,
    int64_t took_us, int64_t documents, int64_t bytes);

/* pace_wait_us(p, now_us): Time to wait before the next fetch; 0: go on. */
int64_t pace_wait_us(const struct pace *p, int64_t now_us);

#endif
