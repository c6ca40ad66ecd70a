#ifndef LIB_JOBS_METRICS_H
#define LIB_JOBS_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct _bson_t;
struct buf;

/*
 * Counters of this process, or of all processes that share a file, and their text
 * in Prometheus' format (version 0.0.4). Each metric is a line of the table in
 * metrics.c: name, help, label. Threads and processes may count at the same time;
 * counting takes no lock.
 */
enum metric {
	/* export-api */
	METRIC_REQUESTS,		/* by enum metrics_status */
	METRIC_REQUEST_SECONDS,
	METRIC_UNPUBLISHED,
	/* export-worker */
	METRIC_BUSY,
	METRIC_CLAIMS,
	METRIC_ATTEMPTS,		/* by enum metrics_end */
	METRIC_UNITS,			/* the same */
	METRIC_RETRIES,			/* by enum failure */
	METRIC_DOCUMENTS,
	METRIC_BYTES_READ,
	METRIC_ROWS,
	METRIC_POINTS,
	METRIC_BYTES_WRITTEN,
	METRIC_SLOW_FETCHES,
	METRIC_PACE_WAIT_SECONDS,
	METRIC_QUEUE_SECONDS,
	METRIC_EXPORT_SECONDS,
	METRIC_FETCH_SECONDS,
	METRIC_PART_SECONDS,
	METRICS
};
#define METRICS_WORKER METRIC_BUSY	/* the first of export-worker's */

/* How an attempt at a job ended. */
enum metrics_end {
	METRICS_FINISHED,
	METRICS_FAILED,
	METRICS_RETRIED,
	METRICS_CANCELLED,
	METRICS_HANDED_BACK,
	METRICS_LOST
};

/* All numbers, one after the other. */
#define METRICS_SLOTS 256

/*
 * metrics_share(path):
 * From now on count in the file at path, together with all processes that do, and
 * continue from what it holds; a file of another version is created again. Returns
 * 0, -1 (logged): counting stays in this process.
 */
int metrics_share(const char *path);

/*
 * metrics_add(m, which, n): Add n to the counter (in us if it counts seconds); which:
 * the index of its label's value, 0 without a label.
 * metrics_set(m, n): Set a gauge.
 * metrics_observe(m, us): Count a duration in a histogram.
 * metrics_request(status): Count an answer of export-api.
 */
void metrics_add(enum metric m, size_t which, uint64_t n);
void metrics_set(enum metric m, uint64_t n);
void metrics_observe(enum metric m, int64_t us);
void metrics_request(int status);

/* metrics_read(slots): Copy all numbers as they are now. */
void metrics_read(uint64_t slots[METRICS_SLOTS]);

/*
 * metrics_bson(slots, doc): Append export-worker's, {name: [numbers]}.
 * metrics_from_bson(doc, slots): The reverse; what is missing, or of another version,
 * is 0.
 */
void metrics_bson(const uint64_t slots[METRICS_SLOTS], struct _bson_t *doc);
void metrics_from_bson(const struct _bson_t *doc,
    uint64_t slots[METRICS_SLOTS]);

/*
 * metrics_label(name, value, to, size): NAME="VALUE" into to, as the format wants it;
 * a value that does not fit is cut.
 */
void metrics_label(const char *name, const char *value, char *to,
    size_t size);

/*
 * metrics_write_type(b, name, type, help): Append "# HELP" and "# TYPE".
 * metrics_write_header(b, m): The same for one of ours.
 * metrics_text(b, m, labels, slots): Append its samples; labels: more labels,
 * "worker=\"a:1\"", or "". All return 0, -1: no memory.
 */
int metrics_write_type(struct buf *b, const char *name, const char *type,
    const char *help);
int metrics_write_header(struct buf *b, enum metric m);
int metrics_text(struct buf *b, enum metric m, const char *labels,
    const uint64_t slots[METRICS_SLOTS]);

#endif
