/*
 * A job as JSON, the members in the order that answers have had since the first
 * version. It asks no server: what an answer needs besides the job is an argument.
 */
#include "fcgi/jobjson.h"

#include <stddef.h>

#include <json-c/json.h>

#include "lib/base/duration.h"
#include "lib/base/timestamp.h"
#include "lib/jobs/job.h"

static void
json_text(struct json_object *o, const char *name, const char *text)
{
	if (text != NULL)
		json_object_object_add(o, name, json_object_new_string(text));
}

static void
json_time(struct json_object *o, const char *name, int64_t t_ms)
{
	char text[TIMESTAMP_SIZE];

	if (t_ms == JOB_NO_TIME)
		return;
	timestamp_format(t_ms, text);
	json_text(o, name, text);
}

static void
json_int(struct json_object *o, const char *name, int64_t n)
{
	json_object_object_add(o, name, json_object_new_int64(n));
}

static void
json_names(struct json_object *o, const char *name,
    const struct names *list)
{
	struct json_object *array;
	size_t i;

	if (list->n == 0 || (array = json_object_new_array()) == NULL)
		return;
	for (i = 0; i < list->n; i++)
		json_object_array_add(array, json_object_new_string(list->v[i]));
	json_object_object_add(o, name, array);
}

static void
json_progress(struct json_object *o, const struct task_progress *p)
{
	struct json_object *in;

	if ((in = json_object_new_object()) == NULL)
		return;
	json_text(in, "phase", p->phase);
	json_int(in, "documents", (int64_t)p->documents);
	json_int(in, "documentsTotal", (int64_t)p->documents_total);
	json_int(in, "rows", (int64_t)p->rows);
	json_int(in, "points", (int64_t)p->points);
	json_int(in, "bytesRead", (int64_t)p->bytes_read);
	json_int(in, "bytesWritten", (int64_t)p->bytes_written);
	json_object_object_add(o, "progress", in);
}

/* The error of an attempt that will be repeated is not the job's. */
static void
json_error(struct json_object *o, const struct task *t)
{
	struct json_object *error;

	if (t->state != JOB_FAILED || t->error.code == NULL ||
	    (error = json_object_new_object()) == NULL)
		return;
	json_text(error, "code", t->error.code);
	json_text(error, "message", t->error.message);
	json_object_object_add(o, "error", error);
}

static void
json_duration(struct json_object *o, const char *name, int64_t ms)
{
	char text[DURATION_SIZE];

	duration_text(ms, text);
	json_text(o, name, text);
}

static void
json_spec(struct json_object *o, const struct job *j)
{
	const struct export_spec *spec = &j->spec;

	json_names(o, "vehicles", &spec->vehicles);
	if (j->vehicles_count > 0)
		json_int(o, "vehiclesCount", j->vehicles_count);
	json_names(o, "parameters", &spec->parameters);
	if (j->parameters_count > 0)
		json_int(o, "parametersCount", j->parameters_count);
	if (spec->format != SPEC_FORMAT_CSV)
		json_text(o, "format", spec_format_names[spec->format]);
	json_text(o, "time", spec_time_names[spec->time]);
	if (spec->split != SPEC_SPLIT_NONE)
		json_text(o, "split", spec_split_names[spec->split]);
	json_text(o, "timeZone", spec->time_zone);
	if (spec->every_ms > 0) {
		json_duration(o, "every", spec->every_ms);
		json_text(o, "take", spec_take_names[spec->take]);
		json_duration(o, "hold", spec->hold_ms);
	}
	json_text(o, "csv", spec_csv_names[spec->csv]);
	if (spec->header != SPEC_HEADER_NAME)
		json_text(o, "header", spec_header_names[spec->header]);
	json_text(o, "compression", spec_compression_names[spec->compression]);
	json_text(o, "unknownVehicles", spec_unknown_names[spec->unknown]);
}

struct json_object *
jobjson_new(const struct job *j)
{
	const struct task *t = &j->task;
	struct json_object *o;

	if ((o = json_object_new_object()) == NULL)
		return NULL;
	json_text(o, "_id", t->id);
	json_time(o, "startDate", j->spec.start_ms);
	json_time(o, "endDate", j->spec.end_ms);
	json_text(o, "state", job_state_name(t->state));
	json_spec(o, j);
	json_text(o, "name", j->name);
	json_time(o, "createdAt", t->created_ms);
	json_time(o, "startedAt", j->started_ms);
	json_time(o, "finishedAt", j->finished_ms);
	json_time(o, "expiresAt", j->expires_ms);
	json_progress(o, &t->progress);
	if (t->state == JOB_FINISHED) {
		json_int(o, "size", t->object.size);
		json_text(o, "sha256", t->object.sha256);
		json_names(o, "skippedVehicles", &t->skipped);
	}
	json_error(o, t);
	return o;
}

void
jobjson_owner(const struct job *j, struct json_object *o)
{
	json_text(o, "owner", j->task.owner);
}

void
jobjson_waiting(const struct job *j, int64_t ahead, struct json_object *o)
{
	const int64_t eta_ms = job_eta_ms(j);
	struct json_object *queue;

	if (j->task.state == JOB_NOT_STARTED &&
	    (queue = json_object_new_object()) != NULL) {
		json_object_object_add(queue, "position", ahead < 0 ? NULL :
		    json_object_new_int64(ahead + 1));
		json_object_object_add(o, "queue", queue);
	}
	json_object_object_add(o, "eta", NULL);
	json_time(o, "eta", eta_ms);
}

void
jobjson_link(const char *uri, int64_t ends_ms, struct json_object *o)
{
	json_text(o, "exportUri", uri);
	json_time(o, "exportUriExpiresAt", ends_ms);
}
