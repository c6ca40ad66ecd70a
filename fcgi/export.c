/*
 * POST /export
 *   202 the job, and where it is     400 not JSON, or not such a request
 *   415 not application/json         422 a request that cannot be met
 *   503 no database (Retry-After)
 * GET /export/:id
 *   200 the job, whatever became of it    404 none of the caller's
 *   503 no database (Retry-After)
 * DELETE /export/:id
 *   202 the job: it is cancelled, or will be within seconds
 *   204 it has ended; if it was FINISHED it is EXPIRED now, without links
 *   404 none of the caller's    503 no database (Retry-After)
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <bson/bson.h>
#include <fcgiapp.h>
#include <json-c/json.h>

#include "fcgi/reply.h"
#include "fcgi/request.h"
#include "fcgi/resource.h"
#include "fcgi/spec.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/crash.h"
#include "lib/job.h"
#include "lib/jobs.h"
#include "lib/log.h"
#include "lib/queue.h"
#include "lib/s3.h"

#define RETRY_DATABASE "Retry-After: 5\r\n"
#define RETRY_POLL "Retry-After: 1\r\n"
#define URI_MAX 8192

static void
no_database(struct FCGX_Request *fcgx)
{
	reply_problem(fcgx, 503, RETRY_DATABASE, NULL,
	    "the jobs cannot be reached at the moment");
}

static void
no_memory(struct FCGX_Request *fcgx)
{
	log_msg(LOG_ERROR, "request", "out of memory");
	reply_problem(fcgx, 503, RETRY_DATABASE, NULL, "out of memory");
}

/* application/json, with parameters or without. */
static int
is_json(const char *type)
{
	const size_t n = strlen("application/json");

	if (strncasecmp(type, "application/json", n) != 0)
		return 0;
	type += n;
	type += strspn(type, " \t");
	return *type == '\0' || *type == ';';
}

/* A new job of the caller's. 0, -1: out of memory. */
static int
complete(struct job *job, const struct request *r)
{
	bson_oid_t oid;

	bson_oid_init(&oid, NULL);
	bson_oid_to_string(&oid, job->id);
	job->owner = strdup(r->owner);
	return job->owner == NULL || job_hash(job) != 0 ? -1 : 0;
}

static void
accepted(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const struct job *job)
{
	char headers[1024];

	if (api->conf->public_url != NULL)
		snprintf(headers, sizeof(headers),
		    "Location: %s/export/%s\r\n" RETRY_POLL,
		    api->conf->public_url, job->id);
	else
		snprintf(headers, sizeof(headers),
		    "Location: %s%s%s/export/%s\r\n" RETRY_POLL,
		    r->host[0] ? r->scheme : "", r->host[0] ? "://" : "",
		    r->host, job->id);
	reply_json(fcgx, 202, headers, job_json(job, NULL));
}

/*
 * The same request of the same owner that is not done yet is the same job: a
 * client that asks again, or twice, makes no work. (Two that come at the very
 * same time may both find none: then there are two jobs, and no harm.)
 */
static void
create(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, struct job *job)
{
	struct job same;

	if (complete(job, r) != 0) {
		no_memory(fcgx);
		return;
	}
	switch (jobs_find_same(api->jobs, job->owner, job->request_hash,
	    &same)) {
	case JOBS_OK:
		accepted(api, fcgx, r, &same);
		job_release(&same);
		return;
	case JOBS_ERROR:
		no_database(fcgx);
		return;
	case JOBS_NONE:
		break;
	}
	crash_at(CRASH_API_BEFORE_INSERT);
	if (jobs_insert(api->jobs, job) != JOBS_OK) {
		no_database(fcgx);
		return;
	}
	crash_at(CRASH_API_AFTER_INSERT);
	log_job(job->id);
	log_fields(LOG_INFO, "created", "rank=%lld", (long long)job->rank);
	/* The job is durable: without a doorbell an idle worker finds it. */
	if (queue_publish(api->queue, job->id) != 0)
		log_msg(LOG_WARN, "publish", "not published; the job waits for "
		    "an idle worker");
	log_job(NULL);
	crash_at(CRASH_API_AFTER_PUBLISH);
	accepted(api, fcgx, r, job);
	crash_at(CRASH_API_AFTER_REPLY);
}

void
export_post(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	const struct spec_limits limits = { api->conf->range_max_days,
	    api->conf->vehicles_max, api->conf->parameters_max };
	struct spec_fault fault;
	struct job job;

	(void)id;
	if (!is_json(r->content_type)) {
		reply_problem(fcgx, 415, "Accept-Post: application/json\r\n",
		    NULL, "the body has to be application/json");
		return;
	}
	job_init(&job);
	switch (spec_parse((const char *)r->body.data, r->body.len, &limits,
	    &job, &fault)) {
	case 0:
		create(api, fcgx, r, &job);
		break;
	case -1:
		reply_problem(fcgx, fault.status, "", fault.pointer,
		    fault.detail);
		break;
	default:
		no_memory(fcgx);
	}
	job_release(&job);
}

static void
show(const struct api *api, struct FCGX_Request *fcgx, const struct job *job)
{
	char filename[64];
	struct buf uri;

	buf_init(&uri, URI_MAX);
	snprintf(filename, sizeof(filename), "export-%s.zip", job->id);
	/* Signed on each read: a link is never stored, and never old. */
	if (job->state == JOB_FINISHED &&
	    (s3_presign_get(api->conf, job->object_key, filename,
	    clock_real_ms(), &uri) != 0 || buf_cstr(&uri) == NULL))
		no_memory(fcgx);
	else
		reply_json(fcgx, 200, job_ended(job->state) ? "" : RETRY_POLL,
		    job_json(job, (char *)uri.data));
	buf_release(&uri);
}

void
export_get(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	enum jobs_result rc = JOBS_NONE;
	struct job job;

	if (bson_oid_is_valid(id, strlen(id)))
		rc = jobs_find(api->jobs, id, r->owner, &job);
	if (rc == JOBS_OK) {
		show(api, fcgx, &job);
		job_release(&job);
	} else if (rc == JOBS_NONE) {
		reply_problem(fcgx, 404, "", NULL, "there is no such export");
	} else {
		no_database(fcgx);
	}
}

void
export_delete(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	enum jobs_result rc = JOBS_NONE;
	struct job job;

	crash_at(CRASH_API_BEFORE_DELETE);
	if (bson_oid_is_valid(id, strlen(id)))
		rc = jobs_delete(api->jobs, id, r->owner, &job);
	crash_at(CRASH_API_AFTER_DELETE);
	if (rc == JOBS_NONE) {
		reply_problem(fcgx, 404, "", NULL, "there is no such export");
		return;
	}
	if (rc != JOBS_OK) {
		no_database(fcgx);
		return;
	}
	log_job(job.id);
	log_fields(LOG_INFO, "delete", "state=%s", job_state_name(job.state));
	log_job(NULL);
	if (job.state == JOB_STARTED || job.state == JOB_CANCELLED)
		reply_json(fcgx, 202, job_ended(job.state) ? "" : RETRY_POLL,
		    job_json(&job, NULL));
	else
		reply_empty(fcgx, 204, "");
	job_release(&job);
}
