#ifndef WORKER_PACE_H
#define WORKER_PACE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How fast a worker may read, so that the database stays usable: two ceilings of
 * its own, its share of two ceilings of all workers, and the database's own
 * answers. Each fetch (a reply of some documents) is held
 * against the floor, the time such a fetch takes when nothing else goes on, which
 * is learned. A slow one doubles the gap before the next fetch, up to twice the
 * time it took itself; one in time takes a quarter of the gap away. So a database
 * that is slow throughout, from its disk, say, is read a third of the time, and
 * one that was slow once is read at full speed soon after. Time is the caller's,
 * in us.
 */

/* Slower than so many times the floor is slow. */
#define PACE_SLOW 4
#define PACE_GAP_FIRST_US 1000
#define PACE_GAP_MAX_US 5000000
#define PACE_GAP_TIMES 2	/* the gap's bound, in times of what a fetch took */
#define PACE_GAP_LESS 4		/* the part of it that a fetch in time takes away */
#define PACE_GAP_LEAST_US 100	/* below it there is none */

/* What one cursor's fetches take at best; zeroed at first. */
struct pace_floor {
	int64_t us;
};

/* What may be read in a second, 0: as much as there is. */
struct pace_ceilings {
	int64_t bytes_s, documents_s;
};

struct pace {
	struct pace_ceilings own, total;
	_Atomic int64_t sharers;	/* how many share the total */
	bool follow;			/* the database's answers are heeded */

	int64_t gap_us;
	int64_t due_us;			/* no fetch before */
	uint64_t fetches, slow;
};

void pace_init(struct pace *p, const struct pace_ceilings *own,
    const struct pace_ceilings *total, bool follow);

/* pace_share(p, n): So many share the total ceilings now. Any thread may say so. */
void pace_share(struct pace *p, int64_t n);

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
