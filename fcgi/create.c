/*
 * POST /export
 *   202 the job, and where it is    400 not JSON, or not such a request
 *   409 another request with this idempotency key is in progress (Retry-After)
 *   415 not plain application/json  422 a request that cannot be met
 *   429 the owner has, or has made, too many jobs, or its results too large (Retry-After)
 *   503 no database, or too many jobs in all (Retry-After)
 * POST /export?dryRun=true
 *   200 what it would read; else as above
 *
 * A POST in order: read it, find the job that is the answer already, estimate,
 * admit, store, ring the bell. What a request may say is spec.c's, where it is
 * stored jobs.c's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <fcgiapp.h>
#include <json-c/json.h>

#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "lib/base/timestamp.h"
#include "lib/base/zonefile.h"
#include "lib/jobs/catalogue.h"
#include "lib/jobs/expected.h"
#include "lib/jobs/job.h"
#include "lib/jobs/joblist.h"
#include "lib/jobs/jobs.h"
#include "lib/jobs/rates.h"
#include "lib/jobs/records.h"
#include "lib/jobs/usage.h"
#include "fcgi/audit.h"
#include "fcgi/doorbell.h"
#include "fcgi/jobjson.h"
#include "fcgi/query.h"
#include "fcgi/reply.h"
#include "fcgi/request.h"
#include "fcgi/resource.h"
#include "fcgi/spec.h"

#define RETRY_FULL "Retry-After: 30\r\n"
#define RETRY_USAGE "Retry-After: 60\r\n"
#define KEY_MAX 255

/* A step, and a day that was set back. */
#define ZONE_BEFORE_MS (3 * DAY_MS)

static void
answer_no_memory(struct FCGX_Request *fcgx)
{
	log_msg(LOG_ERROR, "request", "out of memory");
	reply_problem(fcgx, 503, RETRY_DATABASE, NULL, "out of memory");
}

/* application/json, with or without parameters. */
static bool
is_json(const char *type)
{
	const size_t n = strlen("application/json");

	if (strncasecmp(type, "application/json", n) != 0)
		return false;
	type += n;
	type += strspn(type, " \t");
	return *type == '\0' || *type == ';';
}

/* 1 to KEY_MAX visible ASCII characters. */
static bool
is_key(const char *key)
{
	size_t n = 0;

	while (key[n] > ' ' && key[n] <= '~')
		n++;
	return n >= 1 && n <= KEY_MAX && key[n] == '\0';
}

static void
accepted(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const struct job *job)
{
	const char *poll = job_ended(job->task.state) ? "" : RETRY_POLL;
	char headers[1024];

	if (api->conf->public_url != NULL)
		snprintf(headers, sizeof(headers),
		    "Location: %s/export/%s\r\n%s", api->conf->public_url,
		    job->task.id, poll);
	else
		snprintf(headers, sizeof(headers),
		    "Location: %s%s%s/export/%s\r\n%s",
		    r->host[0] ? r->scheme : "", r->host[0] ? "://" : "",
		    r->host, job->task.id, poll);
	reply_json(fcgx, 202, headers, jobjson_new(job));
}

/* Whether a job is what this request asks for, its name included. */
static bool
is_same(const struct job *a, const struct job *b)
{
	return strcmp(a->spec.hash, b->spec.hash) == 0 &&
	    strcmp(a->name ? a->name : "", b->name ? b->name : "") == 0;
}

/*
 * Answer with the job that has this idempotency key already. Returns false when
 * there is none, and nothing was answered.
 */
static bool
answer_by_key(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const struct job *job)
{
	enum jobs_result rc;
	struct job known;

	rc = jobs_find_key(api->jobs, job->task.owner, job->idempotency_key, &known);
	if (rc == JOBS_NONE)
		return false;
	if (rc != JOBS_OK) {
		reply_no_database(fcgx);
		return true;
	}
	if (is_same(job, &known))
		accepted(api, fcgx, r, &known);
	else
		reply_bad_parameter(fcgx, 422, "Idempotency-Key",
		    "this key was used for a different request");
	job_release(&known);
	return true;
}

/*
 * Answer with the job that exists already: the one of this idempotency key, or
 * else the owner's unfinished job of the same request, since a client that sends
 * a request again shall make no work. (Two that arrive without a key at the same
 * moment may both find none: then there are two jobs, and no harm.) Returns false
 * when there is none, and nothing was answered.
 */
static bool
answer_known(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, struct job *job, struct jobs_found *found)
{
	enum jobs_result rc = JOBS_NONE;
	struct job known;

	if (job->idempotency_key != NULL && answer_by_key(api, fcgx, r, job))
		return true;
	if (jobs_precheck(api->jobs, job, &r->may.limits, found) != JOBS_OK)
		rc = JOBS_ERROR;
	else if (job->idempotency_key == NULL && found->same[0] != '\0')
		rc = jobs_find(api->jobs, found->same, job->task.owner, &known);
	if (rc == JOBS_NONE)
		return false;
	if (rc == JOBS_OK) {
		accepted(api, fcgx, r, &known);
		job_release(&known);
	} else {
		reply_no_database(fcgx);
	}
	return true;
}

static void
too_many_documents(const struct api *api, struct FCGX_Request *fcgx,
    int64_t documents)
{
	struct json_object *o = json_object_new_object();
	char detail[192];

	snprintf(detail, sizeof(detail), "about %lld documents would be read; "
	    "at most %lld are allowed: choose a shorter range, or fewer "
	    "vehicles or parameters", (long long)documents,
	    (long long)api->conf->documents_max);
	if (o != NULL) {
		json_object_object_add(o, "estimatedDocuments",
		    json_object_new_int64(documents));
		json_object_object_add(o, "documentsMax",
		    json_object_new_int64(api->conf->documents_max));
	}
	reply_problem_with(fcgx, 422, "", detail, o);
}

/* Whether it cannot reach documents_max, whatever there is: no need to estimate. */
static bool
surely_fits(const struct conf *conf, const struct job *job)
{
	const struct export_spec *s = &job->spec;
	const int64_t hours = (s->end_ms - s->start_ms + s->hold_ms) / HOUR_MS + 2;

	return s->vehicles.n > 0 && s->parameters.n > 0 &&
	    (double)hours * (double)s->vehicles.n *
	    (double)s->parameters.n <= (double)conf->documents_max;
}

/* Estimate; false when that failed, or is too much: then it was answered. */
static bool
estimate(const struct api *api, struct FCGX_Request *fcgx,
    const struct job *job, struct catalogue_estimate *e)
{
	if (catalogue_estimate(api->catalogue, job, e) != CATALOGUE_OK) {
		reply_no_database(fcgx);
		return false;
	}
	if (e->documents <= api->conf->documents_max)
		return true;
	too_many_documents(api, fcgx, e->documents);
	return false;
}

/* Whether the owner may have more results; if not, it was answered. */
static bool
has_room(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r)
{
	const int64_t most = r->may.limits.bytes_kept;
	struct usage usage;
	char detail[192];

	if (most == 0)
		return true;
	if (usage_get(api->client, r->owner, &usage) == JOBS_ERROR) {
		reply_no_database(fcgx);
		return false;
	}
	if (usage.bytes < most)
		return true;
	snprintf(detail, sizeof(detail), "your results take up %lld bytes of the "
	    "%lld that they may: delete some (counted within a minute), or wait until "
	    "they expire", (long long)usage.bytes, (long long)most);
	reply_problem(fcgx, 429, RETRY_USAGE, NULL, detail);
	return false;
}

/* Whether the owner may have one more job; if not, it was answered. */
static bool
admitted(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const struct job *job, struct jobs_found *found)
{
	char retry[40];

	if (!has_room(api, fcgx, r))
		return false;
	switch (jobs_admit(api->jobs, job, &r->may.limits, found)) {
	case JOBS_OK:
		return true;
	case JOBS_OWNER_FULL:
		reply_problem(fcgx, 429, RETRY_FULL, NULL, "you have too many "
		    "unfinished jobs: wait for one to end, or cancel one");
		return false;
	case JOBS_OWNER_OFTEN:
		snprintf(retry, sizeof(retry), "Retry-After: %lld\r\n",
		    (long long)found->retry_s);
		reply_problem(fcgx, 429, retry, NULL, "you have made too many jobs "
		    "in the last hour: wait, or ask for more in one job");
		return false;
	case JOBS_QUEUE_FULL:
		reply_problem(fcgx, 503, RETRY_FULL, NULL, "the queue is full: "
		    "try again later");
		return false;
	default:
		reply_no_database(fcgx);
		return false;
	}
}

/*
 * Store the job. Another request may have stored its key in the meantime: then that
 * job is the answer. Or a job has it that is too old to keep it. Returns false when
 * it was answered.
 */
static bool
stored(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, struct job *job)
{
	enum jobs_result rc;

	rc = jobs_insert(api->jobs, job);
	if (rc == JOBS_TAKEN) {
		if (answer_by_key(api, fcgx, r, job))
			return false;
		if (jobs_expire_key(api->jobs, job->task.owner,
		    job->idempotency_key) == JOBS_OK)
			rc = jobs_insert(api->jobs, job);
	}
	if (rc == JOBS_OK)
		return true;
	if (rc == JOBS_TAKEN)
		reply_problem(fcgx, 409, RETRY_POLL, NULL, "another request "
		    "with this Idempotency-Key is in progress");
	else
		reply_no_database(fcgx);
	return false;
}

/* Each step answers when it is the last one; the message is only a doorbell. */
static void
create(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, struct job *job)
{
	struct catalogue_estimate e;
	struct jobs_found found;

	if (answer_known(api, fcgx, r, job, &found) ||
	    (!surely_fits(api->conf, job) && !estimate(api, fcgx, job, &e)) ||
	    !admitted(api, fcgx, r, job, &found))
		return;
	crash_at(CRASH_API_BEFORE_INSERT);
	if (!stored(api, fcgx, r, job))
		return;
	crash_at(CRASH_API_AFTER_INSERT);
	audit_job(r, "created", job);
	/* Whether the broker takes it does not change the answer. */
	doorbell_ring(api->doorbell, job->task.id);
	crash_at(CRASH_API_AFTER_PUBLISH);
	accepted(api, fcgx, r, job);
	crash_at(CRASH_API_AFTER_REPLY);
	/* What it cannot do now, another POST does. */
	records_trim(api->jobs, job, r->may.limits.per_hour);
}

/* null: not known. */
static void
add_number(struct json_object *o, const char *name, bool known, double value)
{
	json_object_object_add(o, name, known ?
	    json_object_new_int64((int64_t)(value + .5)) : NULL);
}

/* What people ask for: rows, bytes and seconds, by what the latest exports had. */
static void
add_expected(const struct api *api, const struct job *job,
    const struct catalogue_estimate *e, struct json_object *o)
{
	const bool known = e->documents >= 0;
	struct expected x = { 0 };
	struct rates rates = { 0 };
	bool learned;

	/* If this fails, only documents are estimated. */
	learned = known && rates_get(api->jobs, &rates) == JOBS_OK &&
	    rates.bytes > 0;
	if (learned)
		expected_of(&job->spec, e, &rates, &x);
	add_number(o, "documents", known, (double)e->documents);
	add_number(o, "rows", learned, x.rows);
	add_number(o, "bytes", learned, x.bytes);
	add_number(o, "seconds", learned, x.seconds);
}

/* What it would read, and which of its vehicles the catalogue does not know. */
static void
dry_run(const struct api *api, struct FCGX_Request *fcgx,
    const struct job *job)
{
	struct json_object *o, *list;
	struct names unknown = { 0 };
	struct catalogue_estimate e;
	size_t i;

	if (!estimate(api, fcgx, job, &e))
		return;
	if (catalogue_unknown(api->catalogue, job, &unknown) != CATALOGUE_OK) {
		reply_no_database(fcgx);
		names_release(&unknown);
		return;
	}
	o = json_object_new_object();
	list = json_object_new_array();
	if (o == NULL || list == NULL) {
		json_object_put(o);
		json_object_put(list);
		names_release(&unknown);
		answer_no_memory(fcgx);
		return;
	}
	for (i = 0; i < unknown.n; i++)
		json_object_array_add(list,
		    json_object_new_string(unknown.v[i]));
	add_expected(api, job, &e, o);
	json_object_object_add(o, "documentsMax",
	    json_object_new_int64(api->conf->documents_max));
	json_object_object_add(o, "vehicles",
	    json_object_new_int64(e.vehicles));
	json_object_object_add(o, "unknownVehicles", list);
	names_release(&unknown);
	reply_json(fcgx, 200, "", o);
}

/* What a job has of its request in addition to the body. 0, -1: out of memory. */
static int
complete(struct job *job, const struct request *r)
{
	job->task.owner = strdup(r->owner);
	if (r->idempotency_key != NULL)
		job->idempotency_key = strdup(r->idempotency_key);
	if (r->traceparent[0] != '\0')
		job->task.traceparent = strdup(r->traceparent);
	return job->task.owner == NULL ||
	    (r->traceparent[0] != '\0' && job->task.traceparent == NULL) ||
	    (r->idempotency_key != NULL && job->idempotency_key == NULL) ||
	    task_new_id(&job->task) != 0 || spec_hash(&job->spec) != 0 ? -1 : 0;
}

/*
 * The offsets of the job's zone over its range, and before it: worker/engine/FORMAT.md
 * has days that began before, and steps. False: there are none, answered.
 */
static bool
has_zone(struct FCGX_Request *fcgx, struct export_spec *spec)
{
	if (spec->time_zone == NULL)
		return true;
	switch (zonefile_read(spec->time_zone, spec->start_ms - ZONE_BEFORE_MS,
	    spec->end_ms, &spec->zone)) {
	case ZONEFILE_OK:
		return true;
	case ZONEFILE_UNKNOWN:
		reply_problem(fcgx, 422, "", "/timeZone", SPEC_ZONE_UNKNOWN);
		return false;
	default:
		reply_problem(fcgx, 503, RETRY_DATABASE, NULL,
		    "the time zone database cannot be read");
		return false;
	}
}

static void
answer_valid(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, bool dry, struct job *job)
{
	if (!has_zone(fcgx, &job->spec))
		return;
	if (complete(job, r) != 0)
		answer_no_memory(fcgx);
	else if (dry)
		dry_run(api, fcgx, job);
	else
		create(api, fcgx, r, job);
}

void
export_post(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	const struct spec_limits limits = { api->conf->range_max_days,
	    api->conf->vehicles_max, api->conf->parameters_max };
	const char *dry = query_value(&r->args, "dryRun");
	const bool is_dry = dry != NULL && strcmp(dry, "true") == 0;
	struct spec_fault fault;
	struct job job;

	(void)id;
	if (!is_dry && dry != NULL && strcmp(dry, "false") != 0) {
		reply_bad_parameter(fcgx, 400, "dryRun", "must be true or "
		    "false");
		return;
	}
	if (!is_dry && r->idempotency_key != NULL &&
	    !is_key(r->idempotency_key)) {
		reply_bad_parameter(fcgx, 400, "Idempotency-Key", "must be 1 to "
		    "255 visible ASCII characters");
		return;
	}
	if (!is_json(r->content_type)) {
		reply_problem(fcgx, 415, "Accept-Post: application/json\r\n",
		    NULL, "the body must be application/json");
		return;
	}
	if (r->content_encoding[0] != '\0' &&
	    strcasecmp(r->content_encoding, "identity") != 0) {
		reply_problem(fcgx, 415, "Accept-Encoding: identity\r\n", NULL,
		    "the body must not be compressed");
		return;
	}
	/* What the headers say is right: now the body. */
	job_init(&job);
	switch (spec_parse((const char *)r->body.data, r->body.len, &limits,
	    &job, &fault)) {
	case 0:
		answer_valid(api, fcgx, r, is_dry, &job);
		break;
	case -1:
		reply_problem(fcgx, fault.status, "", fault.pointer,
		    fault.detail);
		break;
	default:
		answer_no_memory(fcgx);
	}
	job_release(&job);
}
