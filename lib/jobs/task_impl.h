#ifndef LIB_JOBS_TASK_IMPL_H
#define LIB_JOBS_TASK_IMPL_H

#include <stddef.h>

#include "lib/jobs/fields.h"

struct _bson_t;

/*
 * For job.c and unit.c: the lines of their tables that they share, in two parts, for
 * a new document has what only a job has in between. owners.c has its own lines.
 */
extern const char *const task_state_names[];
extern const struct fields task_progress_fields, task_object_fields,
    task_error_fields;

#define FIELD(type, name, kind, use, member) \
	{ name, kind, use, offsetof(type, member), NULL, NULL }
#define FIELD_OF_WORDS(type, name, member, words) \
	{ name, FIELD_ENUM, FIELD_NEW, offsetof(type, member), words, NULL }
#define FIELD_OF_CHOICE(type, name, member, words) \
	{ name, FIELD_CHOICE, FIELD_NEW, offsetof(type, member), words, NULL }
#define FIELD_OF_FIELDS(type, name, use, member, inner) \
	{ name, FIELD_DOCUMENT, use, offsetof(type, member), NULL, inner }

#define TASK_FIELDS_HEAD(type) \
	FIELD(type, "_id", FIELD_ID, FIELD_NEW, task.id), \
	FIELD(type, "owner", FIELD_TEXT, FIELD_NEW, task.owner), \
	FIELD_OF_WORDS(type, "state", task.state, task_state_names), \
	FIELD(type, "startDate", FIELD_DATE, FIELD_NEW, spec.start_ms), \
	FIELD(type, "endDate", FIELD_DATE, FIELD_NEW, spec.end_ms), \
	FIELD(type, "vehicles", FIELD_NAMES, FIELD_NEW, spec.vehicles), \
	FIELD(type, "parameters", FIELD_NAMES, FIELD_NEW, spec.parameters), \
	FIELD_OF_CHOICE(type, "format", spec.format, spec_format_names), \
	FIELD_OF_WORDS(type, "time", spec.time, spec_time_names), \
	FIELD(type, "timeZone", FIELD_TEXT, FIELD_NEW, spec.time_zone), \
	FIELD(type, "zoneOffsets", FIELD_ZONE, FIELD_NEW, spec.zone), \
	FIELD_OF_CHOICE(type, "split", spec.split, spec_split_names), \
	FIELD(type, "everyMs", FIELD_MS, FIELD_NEW, spec.every_ms), \
	FIELD_OF_CHOICE(type, "take", spec.take, spec_take_names), \
	FIELD(type, "holdMs", FIELD_MS, FIELD_NEW, spec.hold_ms), \
	FIELD_OF_WORDS(type, "csv", spec.csv, spec_csv_names), \
	FIELD_OF_CHOICE(type, "header", spec.header, spec_header_names), \
	FIELD_OF_WORDS(type, "compression", spec.compression, spec_compression_names), \
	FIELD_OF_WORDS(type, "unknownVehicles", spec.unknown, spec_unknown_names)

#define TASK_FIELDS_TAIL(type) \
	FIELD(type, "createdAt", FIELD_DATE, FIELD_NEW, task.created_ms), \
	FIELD(type, "dueAt", FIELD_DATE, FIELD_NEW, task.due_ms), \
	FIELD(type, "attempts", FIELD_INT32, FIELD_NEW, task.attempts), \
	FIELD(type, "fence", FIELD_INT64, FIELD_NEW, task.fence), \
	FIELD(type, "cancelRequested", FIELD_BOOL, FIELD_NEW, task.cancel_requested), \
	/* What versions before turn sort by; they lead each other well. */ \
	FIELD(type, "rank", FIELD_INT64, FIELD_NEW, task.turn), \
	FIELD(type, "turn", FIELD_INT64, FIELD_NEW, task.turn), \
	FIELD(type, "traceparent", FIELD_TEXT, FIELD_NEW, task.traceparent), \
	FIELD_OF_FIELDS(type, "progress", FIELD_NEW, task.progress, &task_progress_fields), \
	FIELD(type, "claimedAt", FIELD_DATE, FIELD_LATER, task.claimed_ms), \
	FIELD(type, "progressAt", FIELD_DATE, FIELD_LATER, task.progress_ms), \
	FIELD(type, "worker", FIELD_TEXT, FIELD_LATER, task.worker), \
	FIELD_OF_FIELDS(type, "object", FIELD_LATER, task.object, &task_object_fields), \
	FIELD_OF_FIELDS(type, "error", FIELD_LATER, task.error, &task_error_fields)

/*
 * task_from_bson(fields, doc, to):
 * Read doc by the table into to, whose first member is a struct task. Returns 0, -1
 * when a field is of another type, or the id or the owner is missing (logged).
 */
int task_from_bson(const struct fields *fields, const struct _bson_t *doc,
    void *to);

#endif
