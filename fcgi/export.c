/*
 * GET /export?state=&limit=&after=
 *   200 a page of the caller's jobs, an operator's: of all    400 a parameter at fault
 * GET /export/:id
 *   200 the job, whatever became of it    404 none of the caller's
 * DELETE /export/:id
 *   202 the job: it is cancelled, or will be within seconds
 *   204 it has ended; if it was FINISHED it is EXPIRED now, without links
 *   404 none of the caller's
 * GET /export/:id/preview
 *   200 files, first rows and what the numbers are like, of a FINISHED job
 *   204 it is not FINISHED, without rows, or of a version before    404 none of the caller's
 * Each GET but the preview's: 304 unchanged. All: 503 no database (Retry-After)
 *
 * Another owner's job is a 404 here, as one that does not exist; but an operator's are
 * the jobs of all owners, each with its owner.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcgiapp.h>
#include <json-c/json.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/disposition.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/servers/credentials.h"
#include "lib/servers/s3.h"
#include "lib/jobs/job.h"
#include "lib/jobs/joblist.h"
#include "lib/jobs/jobs.h"
#include "fcgi/audit.h"
#include "fcgi/etag.h"
#include "fcgi/jobjson.h"
#include "fcgi/query.h"
#include "fcgi/reply.h"
#include "fcgi/request.h"
#include "fcgi/resource.h"

/* A session token may be in it, each byte of it escaped. */
#define URI_MAX 16384
/* Those that versions before this one have made are of another form. */
#define PREVIEW_BEGINS "{\"from\":"
#define LIMIT_DEFAULT 50
#define LIMIT_MAX 500
/* A page ends with this, too; it has one line at least. */
#define PAGE_BYTES (1024 * 1024)

/* The job as the caller sees it. */
static struct json_object *
job_json(const struct request *r, const struct job *job)
{
	struct json_object *o = jobjson_new(job);

	if (o != NULL && r->may.is_operator)
		jobjson_owner(job, o);
	return o;
}

/*
 * Signed on each read: a link is never stored, so never old. 0, -1: no memory, no
 * credentials at the moment, or the endpoint of the configuration is not a URL.
 */
static int
add_link(const struct api *api, const struct job *job, struct json_object *o)
{
	const int64_t now_ms = clock_real_ms();
	int64_t ttl_s = api->conf->link_ttl_s;
	char header[DISPOSITION_SIZE];
	struct buf uri;
	int rc = -1;

	/* No link outlives the result. */
	if (job->expires_ms != JOB_NO_TIME &&
	    job->expires_ms - now_ms < ttl_s * 1000)
		ttl_s = (job->expires_ms - now_ms) / 1000;
	if (ttl_s < 1)
		ttl_s = 1;
	buf_init(&uri, URI_MAX);
	disposition(job->name, job->spec.start_ms, job->spec.end_ms, header);
	if (s3_presign_get(api->conf, job->task.object.key, header,
	    now_ms, &ttl_s, &uri) == 0 && buf_cstr(&uri) != NULL) {
		/* Signatures have whole seconds. */
		jobjson_link((char *)uri.data, (now_ms / 1000 + ttl_s) * 1000, o);
		rc = 0;
	}
	buf_release(&uri);
	return rc;
}

/*
 * The link is not in the ETag, as it differs each time. But a 304 says that the
 * previous one is still good, so the tag changes with each half of a link's life; and
 * with the credentials, where these end before the link would.
 */
static int64_t
link_salt(const struct api *api, const struct job *job)
{
	const int64_t now_ms = clock_real_ms(), ttl_ms = api->conf->link_ttl_s * 1000;
	struct credential by;
	int64_t salt;

	if (job->task.state != JOB_FINISHED)
		return 0;
	salt = now_ms / (ttl_ms / 2);
	if (credentials_get(&by) == 0) {
		if (by.expires_ms - now_ms < ttl_ms)
			salt ^= by.expires_ms;
		credential_wipe(&by);
	}
	return salt;
}

/* The tag is made before the link goes in: see link_salt(). */
static void
show(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const struct job *job)
{
	struct json_object *o = job_json(r, job);
	char etag[ETAG_SIZE];
	int64_t ahead = -1;

	if (o != NULL && !job_ended(job->task.state)) {
		if (job->task.state == JOB_NOT_STARTED &&
		    jobs_ahead(api->jobs, job, &ahead) != JOBS_OK)
			ahead = -1;
		jobjson_waiting(job, ahead, o);
	}
	etag_of(o, link_salt(api, job), etag);
	if (o != NULL && job->task.state == JOB_FINISHED &&
	    add_link(api, job, o) != 0) {
		log_msg(LOG_ERROR, "link", "no link for %s",
		    job->task.object.key);
		json_object_put(o);
		reply_problem(fcgx, 503, RETRY_DATABASE, NULL,
		    "the link cannot be made at the moment");
		return;
	}
	if (job->task.state == JOB_FINISHED && !etag_matches(r->if_none_match, etag))
		audit_job(r, "link", job);
	reply_tagged(fcgx, r, job_ended(job->task.state) ? "" : RETRY_POLL, etag,
	    o);
}

/* In the log, too: none at all, or another owner's; the answer does not tell which. */
static void
answer_none(struct FCGX_Request *fcgx, const struct request *r, const char *id)
{
	audit_denied(r, id, 404);
	reply_problem(fcgx, 404, "", NULL, "there is no such export");
}

void
export_get(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	enum jobs_result rc = JOBS_NONE;
	struct job job;

	if (job_id_valid(id))
		rc = jobs_find(api->jobs, id, request_whose(r), &job);
	if (rc == JOBS_OK) {
		show(api, fcgx, r, &job);
		job_release(&job);
	} else if (rc == JOBS_NONE) {
		answer_none(fcgx, r, id);
	} else {
		reply_no_database(fcgx);
	}
}

void
export_preview(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	enum jobs_result rc = JOBS_NONE;
	char *text;

	if (job_id_valid(id))
		rc = jobs_preview(api->jobs, id, request_whose(r), &text);
	if (rc == JOBS_OK && text != NULL && strncmp(text, PREVIEW_BEGINS,
	    strlen(PREVIEW_BEGINS)) != 0) {
		free(text);
		text = NULL;
	}
	if (rc == JOBS_OK && text != NULL) {
		reply_text(fcgx, text);
		free(text);
	} else if (rc == JOBS_OK) {
		reply_empty(fcgx, 204, "");
	} else if (rc == JOBS_NONE) {
		answer_none(fcgx, r, id);
	} else {
		reply_no_database(fcgx);
	}
}

/* "FAILED,CANCELLED" as bits; 0: not such a list, or longer than all states. */
static unsigned
states_of(const char *text)
{
	unsigned states = 0;
	size_t len;
	int s, n;

	for (n = 0; n <= JOB_EXPIRED; n++, text += len + 1) {
		len = strcspn(text, ",");
		for (s = JOB_NOT_STARTED; s <= JOB_EXPIRED; s++)
			if (strlen(job_state_name(s)) == len &&
			    strncmp(job_state_name(s), text, len) == 0)
				break;
		if (s > JOB_EXPIRED)
			return 0;
		states |= 1u << s;
		if (text[len] == '\0')
			return states;
	}
	return 0;
}

/* What a line may have. */
static const char *const line_fields[] = {
	"_id", "startDate", "endDate", "state", "vehicles", "vehiclesCount",
	"parameters", "parametersCount", "format", "time", "split", "timeZone", "every",
	"take", "hold", "csv", "header", "compression", "unknownVehicles", "name",
	"createdAt", "startedAt", "finishedAt", "expiresAt", "progress", "size", "sha256",
	"error", "owner", NULL
};

/* Fill the page from the parameters; -1: one is at fault, which was answered. */
static int
read_page(struct FCGX_Request *fcgx, const struct request *r,
    struct jobs_page *page)
{
	const char *limit = query_value(&r->args, "limit");
	const char *state = query_value(&r->args, "state");
	const char *fields = query_value(&r->args, "fields");

	page->owner = request_whose(r);
	page->whole = fields != NULL && (query_list_has(fields, "vehicles") ||
	    query_list_has(fields, "parameters"));
	page->after = query_value(&r->args, "after");
	page->limit = LIMIT_DEFAULT;
	if (limit != NULL && num_parse(limit, 1, LIMIT_MAX, &page->limit) != 0)
		reply_bad_parameter(fcgx, 400, "limit", "must be a number from "
		    "1 to 500");
	else if (state != NULL && (page->states = states_of(state)) == 0)
		reply_bad_parameter(fcgx, 400, "state", "must be one to six "
		    "states, separated by commas");
	else if (fields != NULL && !query_list_within(fields, line_fields))
		reply_bad_parameter(fcgx, 400, "fields", "must be members of an "
		    "export, separated by commas");
	else if (page->after != NULL &&
	    !job_id_valid(page->after))
		reply_bad_parameter(fcgx, 400, "after", "must be the id of an "
		    "export");
	else
		return 0;
	return -1;
}

/* A page under construction; one job more than it takes means there is a next. */
struct listing {
	const struct request *r;
	struct json_object *list;
	const char *fields;		/* of a line; NULL: all */
	int64_t left;
	size_t bytes;
	char last[JOB_ID_SIZE];
	bool more;
};

/* A line with only these members, and _id. Puts o; NULL: no memory. */
static struct json_object *
select_fields(struct json_object *o, const char *fields)
{
	struct json_object *some = json_object_new_object();

	if (some != NULL && o != NULL) {
		json_object_object_foreach(o, name, value)
			if (strcmp(name, "_id") == 0 ||
			    query_list_has(fields, name))
				json_object_object_add(some, name,
				    json_object_get(value));
	}
	json_object_put(o);
	return some;
}

static int
add_line(const struct job *job, void *arg)
{
	struct listing *l = arg;
	struct json_object *line = job_json(l->r, job);

	if (l->fields != NULL)
		line = select_fields(line, l->fields);
	if (line == NULL)
		return -1;
	l->bytes += strlen(json_object_to_json_string_ext(line,
	    JSON_C_TO_STRING_PLAIN));
	if (l->left-- == 0 || (l->bytes > PAGE_BYTES && l->last[0] != '\0')) {
		l->more = true;
		json_object_put(line);
		return 1;
	}
	memcpy(l->last, job->task.id, sizeof(l->last));
	return json_object_array_add(l->list, line);
}

void
export_list(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	struct jobs_page page = { 0 };
	struct listing l = { .r = r };
	struct json_object *o;
	char etag[ETAG_SIZE];

	(void)id;
	if (read_page(fcgx, r, &page) != 0)
		return;
	o = json_object_new_object();
	l.list = json_object_new_array();
	l.fields = query_value(&r->args, "fields");
	/* One more than the page takes: whether there is a next. */
	l.left = page.limit++;
	if (o == NULL || l.list == NULL ||
	    json_object_object_add(o, "exports", l.list) != 0 ||
	    jobs_list(api->jobs, &page, add_line, &l) != JOBS_OK) {
		json_object_put(o);
		reply_no_database(fcgx);
		return;
	}
	if (l.more)
		json_object_object_add(o, "next",
		    json_object_new_string(l.last));
	etag_of(o, 0, etag);
	reply_tagged(fcgx, r, "", etag, o);
}

void
export_delete(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	enum jobs_result rc = JOBS_NONE;
	struct job job;

	/* One conditional update; job is then what it made of the job. */
	crash_at(CRASH_API_BEFORE_DELETE);
	if (job_id_valid(id))
		rc = jobs_delete(api->jobs, id, request_whose(r), &job);
	crash_at(CRASH_API_AFTER_DELETE);
	if (rc == JOBS_NONE) {
		answer_none(fcgx, r, id);
		return;
	}
	if (rc != JOBS_OK) {
		reply_no_database(fcgx);
		return;
	}
	audit_job(r, "delete", &job);
	if (job.task.state == JOB_STARTED || job.task.state == JOB_CANCELLED)
		reply_json(fcgx, 202, job_ended(job.task.state) ? "" : RETRY_POLL,
		    job_json(r, &job));
	else
		reply_empty(fcgx, 204, "");
	job_release(&job);
}
