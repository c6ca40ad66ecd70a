/*
 * What a job and a unit share: states, ids, progress, and the fields of their
 * documents. It knows neither what a job has more nor how a state is reached.
 */
#include "lib/jobs/task.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <bson/bson.h>
#include <openssl/rand.h>

#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/jobs/task_impl.h"

_Static_assert(JOB_ID_SIZE == FIELD_ID_SIZE, "an id is an ObjectId");

const char *const task_state_names[] = {
	[JOB_NOT_STARTED] = "NOT_STARTED",
	[JOB_STARTED] = "STARTED",
	[JOB_FINISHED] = "FINISHED",
	[JOB_FAILED] = "FAILED",
	[JOB_CANCELLED] = "CANCELLED",
	[JOB_EXPIRED] = "EXPIRED",
	NULL
};

/* Phases as they are written; what is read back is one of these again. */
static const char *const phase_names[] = { "queued", "counting", "exporting",
	"finishing", "done", NULL };

#define P(name, member) \
	{ name, FIELD_INT64, FIELD_NEW, offsetof(struct task_progress, member), NULL, NULL }
static const struct field progress_fields[] = {
	{ "phase", FIELD_WORD, FIELD_NEW, offsetof(struct task_progress, phase),
	    phase_names, NULL },
	P("documents", documents),
	P("documentsTotal", documents_total),
	P("rows", rows),
	P("points", points),
	P("bytesRead", bytes_read),
	P("bytesWritten", bytes_written),
};

static const struct field object_fields[] = {
	FIELD(struct task_object, "key", FIELD_TEXT, FIELD_LATER, key),
	FIELD(struct task_object, "size", FIELD_INT64, FIELD_LATER, size),
	FIELD(struct task_object, "sha256", FIELD_TEXT, FIELD_LATER, sha256),
	FIELD(struct task_object, "etag", FIELD_TEXT, FIELD_LATER, etag),
};

static const struct field error_fields[] = {
	FIELD(struct task_error, "code", FIELD_TEXT, FIELD_LATER, code),
	FIELD(struct task_error, "message", FIELD_TEXT, FIELD_LATER, message),
	FIELD(struct task_error, "detail", FIELD_TEXT, FIELD_LATER, detail),
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
const struct fields task_progress_fields = { NULL, progress_fields,
	COUNT_OF(progress_fields) };
const struct fields task_object_fields = { NULL, object_fields,
	COUNT_OF(object_fields) };
const struct fields task_error_fields = { NULL, error_fields,
	COUNT_OF(error_fields) };

const char *
job_state_name(enum job_state s)
{
	return task_state_names[s];
}

bool
job_ended(enum job_state s)
{
	return s != JOB_NOT_STARTED && s != JOB_STARTED;
}

bool
job_id_valid(const char *id)
{
	return bson_oid_is_valid(id, strlen(id));
}

void
task_init(struct task *t, enum task_kind kind)
{
	memset(t, 0, sizeof(*t));
	t->kind = kind;
	t->created_ms = t->due_ms = JOB_NO_TIME;
	t->claimed_ms = t->progress_ms = JOB_NO_TIME;
	t->progress.phase = phase_names[0];
}

void
task_release(struct task *t)
{
	free(t->owner);
	free(t->traceparent);
	free(t->worker);
	free(t->object.key);
	free(t->object.sha256);
	free(t->object.etag);
	free(t->error.code);
	free(t->error.message);
	free(t->error.detail);
	free(t->preview);
	names_release(&t->skipped);
	task_init(t, t->kind);
}

int
task_new_id(struct task *t)
{
	const int64_t now_ms = clock_real_ms();
	const uint32_t seconds = htobe32((uint32_t)(now_ms / 1000));
	const uint16_t ms = htobe16((uint16_t)(now_ms % 1000));
	unsigned char id[12];

	memcpy(id, &seconds, 4);
	memcpy(id + 4, &ms, 2);
	if (RAND_bytes(id + 6, 6) != 1)
		return -1;
	hex_encode(id, sizeof(id), t->id);
	return 0;
}

void
task_progress_bson(const struct task_progress *p, bson_t *doc)
{
	fields_write(&task_progress_fields, p, doc);
}

int
task_from_bson(const struct fields *fields, const bson_t *doc, void *to)
{
	const struct task *t = to;
	int rc = fields_read(fields, doc, to);

	if (t->id[0] == '\0' || t->owner == NULL) {
		log_msg(LOG_ERROR, "job", "exports.%s %s: no _id or no owner",
		    fields->collection, t->id);
		rc = -1;
	}
	return rc;
}
