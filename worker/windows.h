#ifndef WORKER_WINDOWS_H
#define WORKER_WINDOWS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How large a window is, what a fetch of it will bring, and how many documents a
 * reply has: arithmetic on what earlier fetches brought.
 */

/* Of a column; less than 0: not known. */
struct size {
	double hour_bytes;	/* of its documents of an hour */
	double document_bytes;
};

/* What is remembered by columns' names, for as long as the process lives. */
#define SIZES 4096
struct sizes {
	pthread_mutex_t lock;
	struct {
		uint64_t hash;		/* of the name; 0: none */
		struct size size;
	} v[SIZES];
};

void sizes_init(struct sizes *s);
void sizes_release(struct sizes *s);

/*
 * sizes_get(s, name): Any thread, as the next.
 * sizes_learn(s, name, size): Of some hours of one vehicle. What is known rises at
 * once and falls slowly: too small a window costs a round trip, too large a one
 * memory.
 */
struct size sizes_get(struct sizes *s, const char *name);
void sizes_learn(struct sizes *s, const char *name, const struct size *size);

/* size_unknown(): Nothing is known. */
struct size size_unknown(void);

/* size_of(documents, bytes, hours): What a fetch brought. */
struct size size_of(uint64_t documents, uint64_t bytes, int64_t hours);

/*
 * window_hours(v, n, target, most):
 * The hours of a window, at least 1: `target` bytes of its largest column, `most` of
 * all n; whole days where it has more than one.
 */
int64_t window_hours(const struct size *v, size_t n, size_t target,
    size_t most);

/* window_end(from, hours, end): The hour before which it ends: at midnight where it
 * has days. */
int64_t window_end(int64_t from, int64_t hours, int64_t end);

/*
 * fetch_bytes(size, average, hours): What to reserve for a column's hours. average:
 * of the vehicle's documents, where its own are unknown; less than 0: not known.
 * fetch_batch(document_bytes): Documents in a reply; less than 0: not known.
 */
#define FETCH_UNKNOWN ((size_t)16 * 1024 * 1024)
/* What a reply has at most, unless one document has more. */
#define REPLY_BYTES (4.0 * 1024 * 1024)
size_t fetch_bytes(const struct size *size, double average, int64_t hours);
int64_t fetch_batch(double document_bytes);

#endif
