#ifndef LIB_JOBS_JOB_H
#define LIB_JOBS_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/digest.h"
#include "lib/base/names.h"

struct _bson_t;
struct json_object;

#define JOB_ID_SIZE 25
/* A time that is not set. */
#define JOB_NO_TIME INT64_MIN

enum job_state {
	JOB_NOT_STARTED,
	JOB_STARTED,
	JOB_FINISHED,
	JOB_FAILED,
	JOB_CANCELLED,
	JOB_EXPIRED
};
/* Those that a worker may still touch, as bits 1 << enum job_state. */
#define JOB_UNFINISHED (1u << JOB_NOT_STARTED | 1u << JOB_STARTED)

enum job_time { JOB_TIME_MS, JOB_TIME_RFC3339 };
enum job_csv { JOB_CSV_RFC4180, JOB_CSV_EXCEL };
enum job_compression { JOB_FAST, JOB_SMALL };

struct job_progress {
	const char *phase;	/* a literal: "queued", "counting", ... */
	uint64_t documents, documents_total;
	uint64_t rows, points;
	uint64_t bytes_read, bytes_written;
};

/*
 * A document of exports.jobs. job.c is the only place that spells its fields,
 * in BSON and in JSON. Times are Unix ms, the database's clock; JOB_NO_TIME when
 * not set. Strings belong to the struct, NULL when not set.
 */
struct job {
	char id[JOB_ID_SIZE];
	char *owner;
	enum job_state state;
	int64_t start_ms, end_ms;
	struct names vehicles, parameters;	/* as requested; empty: all */
	enum job_time time;
	enum job_csv csv;
	enum job_compression compression;
	char *name;
	char request_hash[DIGEST_HEX_SIZE];
	char *idempotency_key;

	int64_t created_ms, started_ms, finished_ms, expires_ms, due_ms;
	int64_t claimed_ms;	/* when this attempt began */
	int64_t progress_ms;	/* when progress was written */
	int64_t attempts, fence, rank;
	bool cancel_requested;
	char *worker;		/* who holds it; NULL: nobody */
	struct job_progress progress;

	char *object_key, *object_sha256, *object_etag;
	int64_t object_size;
	char *preview;		/* JSON (worker/engine/archive/preview.h); set to be stored, never read */
	char *error_code, *error_message;

	/* Of a unit alone (lib/jobs/units.h). */
	char parent[JOB_ID_SIZE];	/* the job that it is of; "" in a job */
	int64_t plan;		/* the fence of the claim that planned it */
	int64_t unit;		/* its place in the archive, from 0 */
	int64_t documents;	/* to be read for it; a claim's progress begins with none */
	int64_t csv_split_bytes;	/* of the worker that planned it; 0: not told */
	char *facts;		/* JSON (worker/fragment.h); set to be stored, never read */
};

/* names_bson(list, name, doc): Append the list to doc, an array named so. */
void names_bson(const struct names *list, const char *name,
    struct _bson_t *doc);

/* job_init(j): All unset. job_release(j): Free what j owns. */
void job_init(struct job *j);
void job_release(struct job *j);

/* job_state_name(s), job_ended(s): "FINISHED"; whether no worker may touch it. */
const char *job_state_name(enum job_state s);
bool job_ended(enum job_state s);

/* The words of the request's options; NULL behind the last. */
extern const char *const job_time_names[];
extern const char *const job_csv_names[];
extern const char *const job_compression_names[];

/*
 * job_new_id(j):
 * Give j an id of its own: an ObjectId of now, to the ms, and of 48 random bits,
 * so that ids of several handlers sort by time. Returns 0, -1: no randomness.
 */
int job_new_id(struct job *j);

/*
 * job_hash(j):
 * Fill j->request_hash: SHA-256 over what decides the result: range, vehicles,
 * parameters, time, csv, compression. Returns 0, -1 when memory ends.
 */
int job_hash(struct job *j);

/*
 * job_new_bson(j, doc):
 * Append what a new job's document holds; it is due when it was created.
 * job_from_bson(doc, j): Read a stored one; j is initialised by it and
 * released by the caller in any case. Returns 0, -1 when a field is missing or
 * of another type (logged).
 */
void job_new_bson(const struct job *j, struct _bson_t *doc);
int job_from_bson(const struct _bson_t *doc, struct job *j);

/* job_progress_bson(p, doc): Append the members of a progress document. */
void job_progress_bson(const struct job_progress *p, struct _bson_t *doc);

/*
 * job_json(j):
 * The job as clients see it in a list. The caller puts it. Returns NULL when
 * memory ends.
 * job_json_waiting(j, ahead, o): Add to that what an unfinished job has besides:
 * its place in the queue when so many wait ahead (-1: not known), and its ETA.
 * job_json_link(uri, o): Add the link of a FINISHED one.
 */
struct json_object *job_json(const struct job *j);
void job_json_waiting(const struct job *j, int64_t ahead,
    struct json_object *o);
void job_json_link(const char *uri, struct json_object *o);

/*
 * job_eta_ms(j): When a job that runs will have read all its documents, by its
 * own speed so far, on the database's clock; JOB_NO_TIME when that is not known.
 */
int64_t job_eta_ms(const struct job *j);

#endif
