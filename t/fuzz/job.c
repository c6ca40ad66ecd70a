/*
 * A document of exports.jobs or exports.units, any bytes: there is a fault, or a
 * job that can be shown, and stored as a new one that asks for the same.
 */
#include "lib/jobs/job.h"

#include <stdbool.h>
#include <string.h>

#include <bson/bson.h>
#include <json-c/json.h>

#include "lib/base/log.h"

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
check_same(const struct job *a, const struct job *b)
{
	CHECK(strcmp(a->id, b->id) == 0 && same_text(a->owner, b->owner));
	CHECK(a->start_ms == b->start_ms && a->end_ms == b->end_ms);
	CHECK(same_list(&a->vehicles, &b->vehicles));
	CHECK(same_list(&a->parameters, &b->parameters));
	CHECK(a->time == b->time && a->csv == b->csv);
	CHECK(a->compression == b->compression);
	CHECK(same_text(a->name, b->name));
	CHECK(strcmp(a->request_hash, b->request_hash) == 0);
	CHECK(same_text(a->idempotency_key, b->idempotency_key));
	CHECK(a->created_ms == b->created_ms && a->rank == b->rank);
	CHECK(strcmp(a->parent, b->parent) == 0);
	if (a->parent[0] == '\0')
		return;
	CHECK(a->plan == b->plan && a->unit == b->unit);
	CHECK(a->documents == b->documents);
	CHECK(a->csv_split_bytes == b->csv_split_bytes);
}

static void
store(const struct job *job)
{
	bson_t doc = BSON_INITIALIZER;
	struct job again;

	job_new_bson(job, &doc);
	CHECK(job_from_bson(&doc, &again) == 0);
	check_same(job, &again);
	CHECK(again.state == job->state);
	CHECK(again.due_ms == again.created_ms);
	job_release(&again);
	bson_destroy(&doc);
}

static void
show(const struct job *job)
{
	struct json_object *o = job_json(job);

	CHECK(o != NULL);
	job_json_waiting(job, job->rank > 0 ? 0 : -1, o);
	CHECK(job_eta_ms(job) == JOB_NO_TIME ||
	    job_eta_ms(job) >= job->progress_ms);
	CHECK(json_object_to_json_string(o) != NULL);
	json_object_put(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static bool silent;
	struct job job;
	bson_t doc;

	if (!silent)
		CHECK(log_open("/dev/null") == 0);
	silent = true;
	if (!bson_init_static(&doc, data, len))
		return 0;
	if (job_from_bson(&doc, &job) == 0) {
		show(&job);
		store(&job);
	}
	job_release(&job);
	return 0;
}
