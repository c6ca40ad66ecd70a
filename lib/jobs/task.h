#ifndef LIB_JOBS_TASK_H
#define LIB_JOBS_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/names.h"
#include "lib/jobs/read_time.h"

struct _bson_t;

#define JOB_ID_SIZE 25
/* A time that is not set. */
#define JOB_NO_TIME INT64_MIN

/* Of jobs, which units pass through as well. */
enum job_state {
	JOB_NOT_STARTED,
	JOB_STARTED,
	JOB_FINISHED,
	JOB_FAILED,
	JOB_CANCELLED,
	JOB_EXPIRED
};
/* Those that a worker may still change, as bits 1 << enum job_state. */
#define JOB_UNFINISHED (1u << JOB_NOT_STARTED | 1u << JOB_STARTED)

enum task_kind {
	TASK_JOB,		/* a document of exports.jobs: lib/jobs/job.h */
	TASK_UNIT		/* of exports.units: lib/jobs/unit.h */
};

struct task_progress {
	const char *phase;	/* a literal: "queued", "counting", ... */
	uint64_t documents, documents_total;
	uint64_t rows, points;
	uint64_t bytes_read, bytes_written;
};

/* What a FINISHED task left on S3. A unit's has no SHA-256 of its own. */
struct task_object {
	char *key, *sha256, *etag;
	int64_t size;
};

struct task_error {
	char *code, *message;
	char *detail;		/* what message has after its sentence, or NULL */
};

/*
 * What a job and a unit share: the life that lib/jobs/transition.h gives them, and
 * so all that an attempt at one needs to know of it (lib/jobs/tasks.h). It is the
 * first member of both. Times are Unix ms by the database's clock, JOB_NO_TIME when
 * not set. Strings belong to the struct, NULL when not set.
 */
struct task {
	enum task_kind kind;
	char id[JOB_ID_SIZE];
	char *owner;
	enum job_state state;
	int64_t created_ms, due_ms;
	int64_t claimed_ms;	/* when this attempt began */
	int64_t progress_ms;	/* when progress was written */
	int64_t attempts, fence;
	int64_t turn;		/* the order of first claims: see jobs_precheck() */
	char *traceparent;	/* of the POST, for log lines; NULL: none */
	bool cancel_requested;
	struct read_time read_time;	/* of the claim; no field of the document */
	char *worker;		/* the one that holds it; NULL: none */
	struct task_progress progress;
	struct task_object object;
	struct task_error error;
	char *preview;		/* of the result, JSON; set to be stored, never read */
	struct names skipped;	/* vehicles that the result is without: unknownVehicles */
};

/* job_state_name(s): "FINISHED". job_ended(s): No worker may change it any more. */
const char *job_state_name(enum job_state s);
bool job_ended(enum job_state s);

/* job_id_valid(id): Whether it has the form of a job's or a unit's id. */
bool job_id_valid(const char *id);

/* task_init(t, kind): All unset. task_release(t): Free what t owns; all unset. */
void task_init(struct task *t, enum task_kind kind);
void task_release(struct task *t);

/*
 * task_new_id(t):
 * Give t an id of its own: an ObjectId of now, to the ms, and of 48 random bits,
 * so that ids made by several handlers sort by time. Returns 0, -1: no randomness.
 */
int task_new_id(struct task *t);

/* task_progress_bson(p, doc): Append the members of a progress document. */
void task_progress_bson(const struct task_progress *p, struct _bson_t *doc);

#endif
