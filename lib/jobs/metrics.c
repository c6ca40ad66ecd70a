/*
 * Counters: the table of all metrics, where their numbers are, and their text. Slots
 * are plain 64-bit numbers in one array, so that processes can share them in a file
 * and a worker can store its own as BSON.
 */
#include "lib/jobs/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bson/bson.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/servers/failure.h"

enum type { COUNTER, SECONDS, GAUGE, HISTOGRAM };

/* Upper bounds of a histogram's buckets in us, 0 after the last. */
#define BOUNDS_MAX 16
static const uint64_t quick[BOUNDS_MAX] = { 1000, 2500, 5000, 10000, 25000,
	50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000 };
static const uint64_t slow[BOUNDS_MAX] = { 100000, 500000, 1000000, 5000000,
	15000000, 60000000, 300000000, 900000000, 3600000000, 14400000000,
	86400000000 };

static const int statuses[] = { 200, 202, 204, 304, 400, 403, 404, 405, 409,
	413, 414, 415, 422, 429, 500, 503 };
#define NSTATUSES (sizeof(statuses) / sizeof(statuses[0]))

static const char *const ends[] = {
	[METRICS_FINISHED] = "finished",
	[METRICS_FAILED] = "failed",
	[METRICS_RETRIED] = "retried",
	[METRICS_CANCELLED] = "cancelled",
	[METRICS_HANDED_BACK] = "handed_back",
	[METRICS_LOST] = "lost",
};

static void
name_status(size_t i, char text[32])
{
	snprintf(text, 32, "%d", statuses[i]);
}

static void
name_end(size_t i, char text[32])
{
	snprintf(text, 32, "%s", ends[i]);
}

static void
name_failure(size_t i, char text[32])
{
	snprintf(text, 32, "%s", failure_code((enum failure)i));
}

static const struct metric_line {
	const char *name;
	enum type type;
	const char *help;
	const char *label;
	size_t n;		/* values of the label */
	void (*value)(size_t i, char text[32]);
	const uint64_t *bounds;
} table[METRICS] = {
	[METRIC_REQUESTS] = { "export_api_requests_total", COUNTER,
	    "Answers of export-api on this host, by status.", "code", NSTATUSES,
	    name_status, NULL },
	[METRIC_REQUEST_SECONDS] = { "export_api_request_seconds", HISTOGRAM,
	    "Time from the request to its answer, of export-api on this host.",
	    NULL, 0, NULL, quick },
	[METRIC_UNPUBLISHED] = { "export_api_unpublished_total", COUNTER,
	    "Jobs stored whose message the broker did not confirm: they wait "
	    "for an idle worker.", NULL, 0, NULL, NULL },
	[METRIC_BUSY] = { "export_worker_busy", GAUGE,
	    "1 while the worker has a job.", NULL, 0, NULL, NULL },
	[METRIC_CLAIMS] = { "export_worker_claims_total", COUNTER,
	    "Jobs claimed.", NULL, 0, NULL, NULL },
	[METRIC_ATTEMPTS] = { "export_worker_attempts_total", COUNTER,
	    "Attempts at jobs that ended, by how.", "outcome",
	    METRICS_LOST + 1, name_end, NULL },
	[METRIC_UNITS] = { "export_worker_units_total", COUNTER,
	    "Units of split jobs that the worker claimed, by how the attempt "
	    "ended.", "outcome", METRICS_LOST + 1, name_end, NULL },
	[METRIC_RETRIES] = { "export_worker_retries_total", COUNTER,
	    "Attempts that failed for now, by error code.", "code",
	    FAILURE_INTERNAL + 1, name_failure, NULL },
	[METRIC_DOCUMENTS] = { "export_worker_documents_total", COUNTER,
	    "Hour documents read.", NULL, 0, NULL, NULL },
	[METRIC_BYTES_READ] = { "export_worker_read_bytes_total", COUNTER,
	    "BSON read.", NULL, 0, NULL, NULL },
	[METRIC_ROWS] = { "export_worker_rows_total", COUNTER,
	    "Rows written.", NULL, 0, NULL, NULL },
	[METRIC_POINTS] = { "export_worker_points_total", COUNTER,
	    "Points written.", NULL, 0, NULL, NULL },
	[METRIC_BYTES_WRITTEN] = { "export_worker_written_bytes_total", COUNTER,
	    "Bytes of archives sent to S3.", NULL, 0, NULL, NULL },
	[METRIC_SLOW_FETCHES] = { "export_worker_slow_fetches_total", COUNTER,
	    "Fetches that the pace took for slow.", NULL, 0, NULL, NULL },
	[METRIC_PACE_WAIT_SECONDS] = { "export_worker_pace_wait_seconds_total",
	    SECONDS, "Time waited so that the database stays usable.", NULL, 0,
	    NULL, NULL },
	[METRIC_QUEUE_SECONDS] = { "export_worker_queue_seconds", HISTOGRAM,
	    "From a job's creation to its first claim.", NULL, 0, NULL, slow },
	[METRIC_EXPORT_SECONDS] = { "export_worker_export_seconds", HISTOGRAM,
	    "From a claim to FINISHED.", NULL, 0, NULL, slow },
	[METRIC_FETCH_SECONDS] = { "export_worker_fetch_seconds", HISTOGRAM,
	    "MongoDB's answer to a read of some documents.", NULL, 0, NULL,
	    quick },
	[METRIC_PART_SECONDS] = { "export_worker_part_seconds", HISTOGRAM,
	    "A part to S3, its repetitions included.", NULL, 0, NULL, quick },
};

/* The shared file; layout differs between versions of the table. */
struct shared {
	uint64_t layout;
	_Atomic uint64_t slots[METRICS_SLOTS];
};

static struct shared own;
static struct shared *shared = &own;

static size_t
buckets(const struct metric_line *t)
{
	size_t n = 0;

	while (n < BOUNDS_MAX && t->bounds[n] != 0)
		n++;
	return n;
}

/* A histogram has a slot per bucket, one above all bounds, and the sum in us. */
static size_t
slots_of(const struct metric_line *t)
{
	return t->type == HISTOGRAM ? buckets(t) + 2 : t->n > 0 ? t->n : 1;
}

static size_t
first_of(enum metric m)
{
	size_t at = 0;
	int i;

	for (i = 0; i < (int)m; i++)
		at += slots_of(&table[i]);
	return at;
}

/* FNV-1a over everything that decides which slot a number is in. */
static uint64_t
layout_of_table(void)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	const char *c;
	int i;

	for (i = 0; i < METRICS; i++) {
		for (c = table[i].name; *c != '\0'; c++)
			hash = (hash ^ (uint8_t)*c) * UINT64_C(1099511628211);
		hash = (hash ^ slots_of(&table[i])) * UINT64_C(1099511628211);
	}
	return hash;
}

static int
prepare(int fd)
{
	const uint64_t layout = layout_of_table();
	uint64_t found = 0;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	if (st.st_size == sizeof(struct shared) &&
	    pread(fd, &found, sizeof(found), 0) == sizeof(found) &&
	    found == layout)
		return 0;
	/* Truncated first, so that all that follows is zeros. */
	if (ftruncate(fd, 0) != 0 || ftruncate(fd, sizeof(struct shared)) != 0)
		return -1;
	return pwrite(fd, &layout, sizeof(layout), 0) == sizeof(layout) ? 0 : -1;
}

int
metrics_share(const char *path)
{
	struct shared *map = MAP_FAILED;
	int fd;

	/* One process at a time prepares the file. */
	if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640)) >= 0 &&
	    flock(fd, LOCK_EX) == 0 && prepare(fd) == 0)
		map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		log_msg(LOG_WARN, "metrics", "%s: %s; each process counts for "
		    "itself", path, strerror(errno));
	else
		shared = map;
	if (fd >= 0) {
		/* close() is not enough: the mapping keeps the open file. */
		flock(fd, LOCK_UN);
		close(fd);
	}
	return map == MAP_FAILED ? -1 : 0;
}

static void
slot_add(size_t slot, uint64_t n)
{
	atomic_fetch_add_explicit(&shared->slots[slot], n,
	    memory_order_relaxed);
}

void
metrics_add(enum metric m, size_t which, uint64_t n)
{
	slot_add(first_of(m) + which, n);
}

void
metrics_set(enum metric m, uint64_t n)
{
	atomic_store(&shared->slots[first_of(m)], n);
}

void
metrics_observe(enum metric m, int64_t us)
{
	const uint64_t took = us > 0 ? (uint64_t)us : 0;
	const size_t first = first_of(m), n = buckets(&table[m]);
	size_t i = 0;

	while (i < n && took > table[m].bounds[i])
		i++;
	slot_add(first + i, 1);
	slot_add(first + n + 1, took);
}

void
metrics_request(int status)
{
	size_t i;

	for (i = 0; i < NSTATUSES && statuses[i] != status; i++)
		;
	if (i < NSTATUSES)
		metrics_add(METRIC_REQUESTS, i, 1);
}

void
metrics_read(uint64_t slots[METRICS_SLOTS])
{
	size_t i;

	for (i = 0; i < METRICS_SLOTS; i++)
		slots[i] = atomic_load_explicit(&shared->slots[i],
		    memory_order_relaxed);
}

void
metrics_bson(const uint64_t slots[METRICS_SLOTS], bson_t *doc)
{
	size_t at = first_of(METRICS_WORKER), n;
	bson_t array;
	char key[12];
	const char *k;
	uint32_t i;
	int m;

	for (m = METRICS_WORKER; m < METRICS; m++) {
		n = slots_of(&table[m]);
		BSON_APPEND_ARRAY_BEGIN(doc, table[m].name, &array);
		for (i = 0; i < n; i++) {
			bson_uint32_to_string(i, &k, key, sizeof(key));
			BSON_APPEND_INT64(&array, k, (int64_t)slots[at++]);
		}
		bson_append_array_end(doc, &array);
	}
}

void
metrics_from_bson(const bson_t *doc, uint64_t slots[METRICS_SLOTS])
{
	bson_iter_t it, in;
	size_t at, n, i;
	int m;

	memset(slots, 0, METRICS_SLOTS * sizeof(slots[0]));
	for (m = METRICS_WORKER; m < METRICS; m++) {
		at = first_of((enum metric)m);
		n = slots_of(&table[m]);
		if (!bson_iter_init_find(&it, doc, table[m].name) ||
		    !BSON_ITER_HOLDS_ARRAY(&it) || !bson_iter_recurse(&it, &in))
			continue;
		for (i = 0; i < n && bson_iter_next(&in); i++)
			slots[at + i] = (uint64_t)bson_iter_as_int64(&in);
	}
}

void
metrics_label(const char *name, const char *value, char *to, size_t size)
{
	size_t n = (size_t)snprintf(to, size, "%s=\"", name);
	bool escaped;

	/* A newline, which nobody means, is a space. */
	for (; *value != '\0'; value++) {
		escaped = *value == '"' || *value == '\\';
		if (n + escaped + 3 > size)
			break;
		if (escaped)
			to[n++] = '\\';
		to[n++] = *value == '\n' ? ' ' : *value;
	}
	if (n + 2 <= size)
		memcpy(to + n, "\"", 2);
}

int
metrics_write_type(struct buf *b, const char *name, const char *type,
    const char *help)
{
	return buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
	    type);
}

int
metrics_write_header(struct buf *b, enum metric m)
{
	static const char *const types[] = { [COUNTER] = "counter",
		[SECONDS] = "counter", [GAUGE] = "gauge",
		[HISTOGRAM] = "histogram" };

	return metrics_write_type(b, table[m].name, types[table[m].type],
	    table[m].help);
}

/* Buckets add up: each has all that the ones before it have. */
static int
histogram_text(struct buf *b, const struct metric_line *t, const char *labels,
    const uint64_t *slots)
{
	const char *comma = labels[0] != '\0' ? "," : "";
	const char *open = labels[0] != '\0' ? "{" : "";
	const char *shut = labels[0] != '\0' ? "}" : "";
	const size_t n = buckets(t);
	uint64_t sum = 0;
	size_t i;
	int rc = 0;

	for (i = 0; i < n; i++) {
		sum += slots[i];
		rc |= buf_addf(b, "%s_bucket{%s%sle=\"%g\"} %llu\n", t->name,
		    labels, comma, (double)t->bounds[i] / 1e6,
		    (unsigned long long)sum);
	}
	sum += slots[n];
	rc |= buf_addf(b, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", t->name, labels,
	    comma, (unsigned long long)sum);
	rc |= buf_addf(b, "%s_sum%s%s%s %.6f\n", t->name, open, labels, shut,
	    (double)slots[n + 1] / 1e6);
	return rc | buf_addf(b, "%s_count%s%s%s %llu\n", t->name, open, labels,
	    shut, (unsigned long long)sum);
}

int
metrics_text(struct buf *b, enum metric m, const char *labels,
    const uint64_t slots[METRICS_SLOTS])
{
	const struct metric_line *t = &table[m];
	char value[32] = "", own_label[64] = "";
	size_t i;
	int rc = 0;

	slots += first_of(m);
	if (t->type == HISTOGRAM)
		return histogram_text(b, t, labels, slots);
	for (i = 0; i < slots_of(t); i++) {
		if (t->label != NULL) {
			t->value(i, value);
			snprintf(own_label, sizeof(own_label), "%s=\"%s\"",
			    t->label, value);
		}
		rc |= buf_addf(b, "%s%s%s%s%s%s ", t->name,
		    own_label[0] || labels[0] ? "{" : "", labels,
		    own_label[0] && labels[0] ? "," : "", own_label,
		    own_label[0] || labels[0] ? "}" : "");
		rc |= t->type == SECONDS ? buf_addf(b, "%.6f\n",
		    (double)slots[i] / 1e6) : buf_addf(b, "%llu\n",
		    (unsigned long long)slots[i]);
	}
	return rc;
}
