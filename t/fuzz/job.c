/*
 * A document of exports.jobs or exports.units, any bytes: there is a fault, or a
 * job or unit that is the same when it is stored and read again; a job can be shown.
 */
#include "lib/jobs/job.h"

#include <stdbool.h>
#include <string.h>

#include <bson/bson.h>
#include <json-c/json.h>

#include "lib/base/log.h"
#include "lib/base/timestamp.h"
#include "lib/jobs/unit.h"
#include "fcgi/jobjson.h"

#include "t/fuzz/fuzz.h"

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_list(const struct names *a, const struct names *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

static void
check_spec(const struct export_spec *a, const struct export_spec *b)
{
	CHECK(a->start_ms == b->start_ms && a->end_ms == b->end_ms);
	CHECK(same_list(&a->vehicles, &b->vehicles));
	CHECK(same_list(&a->parameters, &b->parameters));
	CHECK(a->time == b->time && a->csv == b->csv);
	CHECK(a->format == b->format);
	CHECK(a->split == b->split && a->header == b->header);
	CHECK(a->every_ms == b->every_ms && a->take == b->take && a->hold_ms == b->hold_ms);
	CHECK(a->every_ms >= 0 && a->every_ms <= DAY_MS);
	CHECK(a->hold_ms >= 0 && a->hold_ms <= DAY_MS);
	CHECK(same_text(a->time_zone, b->time_zone));
	CHECK(a->zone.first_s == b->zone.first_s && a->zone.n == b->zone.n);
	CHECK(a->compression == b->compression && a->unknown == b->unknown);
	CHECK(strcmp(a->hash, b->hash) == 0);
}

/* What a new document has. */
static void
check_task(const struct task *a, const struct task *b)
{
	const struct task_progress *p = &a->progress, *q = &b->progress;

	CHECK(a->kind == b->kind);
	CHECK(strcmp(a->id, b->id) == 0 && same_text(a->owner, b->owner));
	CHECK(a->state == b->state && a->fence == b->fence);
	CHECK((int32_t)a->attempts == b->attempts && a->turn == b->turn);
	CHECK(a->created_ms == b->created_ms && a->due_ms == b->due_ms);
	CHECK(a->cancel_requested == b->cancel_requested);
	CHECK(strcmp(p->phase, q->phase) == 0);
	CHECK(p->documents == q->documents);
	CHECK(p->documents_total == q->documents_total);
	CHECK(p->rows == q->rows && p->points == q->points);
	CHECK(p->bytes_read == q->bytes_read);
	CHECK(p->bytes_written == q->bytes_written);
}

static void
store_job(const struct job *job)
{
	bson_t doc = BSON_INITIALIZER;
	struct job again;

	job_new_bson(job, &doc);
	CHECK(job_from_bson(&doc, &again) == 0);
	check_task(&job->task, &again.task);
	check_spec(&job->spec, &again.spec);
	CHECK(same_text(job->name, again.name));
	CHECK(same_text(job->idempotency_key, again.idempotency_key));
	job_release(&again);
	bson_destroy(&doc);
}

static void
store_unit(const struct unit *unit)
{
	bson_t doc = BSON_INITIALIZER;
	struct unit again;

	unit_new_bson(unit, &doc);
	CHECK(unit_from_bson(&doc, &again) == 0);
	check_task(&unit->task, &again.task);
	check_spec(&unit->spec, &again.spec);
	CHECK(strcmp(unit->parent, again.parent) == 0);
	CHECK(unit->plan == again.plan && unit->place == again.place);
	CHECK(unit->documents == again.documents);
	CHECK(unit->csv_split_bytes == again.csv_split_bytes);
	unit_release(&again);
	bson_destroy(&doc);
}

static void
show(const struct job *job)
{
	struct json_object *o = jobjson_new(job);

	CHECK(o != NULL);
	jobjson_waiting(job, job->task.turn > 0 ? 0 : -1, o);
	CHECK(job_eta_ms(job) == JOB_NO_TIME ||
	    job_eta_ms(job) >= job->task.progress_ms);
	CHECK(json_object_to_json_string(o) != NULL);
	json_object_put(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static bool silent;
	struct unit unit;
	struct job job;
	bson_t doc;

	if (!silent)
		CHECK(log_open("/dev/null") == 0);
	silent = true;
	if (!bson_init_static(&doc, data, len))
		return 0;
	if (job_from_bson(&doc, &job) == 0) {
		show(&job);
		store_job(&job);
	}
	job_release(&job);
	if (unit_from_bson(&doc, &unit) == 0)
		store_unit(&unit);
	unit_release(&unit);
	return 0;
}
