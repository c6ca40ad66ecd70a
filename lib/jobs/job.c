#include "lib/jobs/job.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <bson/bson.h>
#include <json-c/json.h>
#include <openssl/rand.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/timestamp.h"

#define HASH_TEXT_MAX ((size_t)1 << 24)

static const char *const state_names[] = {
	[JOB_NOT_STARTED] = "NOT_STARTED",
	[JOB_STARTED] = "STARTED",
	[JOB_FINISHED] = "FINISHED",
	[JOB_FAILED] = "FAILED",
	[JOB_CANCELLED] = "CANCELLED",
	[JOB_EXPIRED] = "EXPIRED",
	NULL
};
const char *const job_time_names[] = { "ms", "rfc3339", NULL };
const char *const job_csv_names[] = { "rfc4180", "excel", NULL };
const char *const job_compression_names[] = { "fast", "small", NULL };

/* Phases as they are written; what is read back is one of these again. */
static const char *const phase_names[] = { "queued", "counting", "exporting",
	"finishing", "done", NULL };

void
job_init(struct job *j)
{
	memset(j, 0, sizeof(*j));
	j->created_ms = j->started_ms = j->finished_ms = JOB_NO_TIME;
	j->expires_ms = j->due_ms = JOB_NO_TIME;
	j->claimed_ms = j->progress_ms = JOB_NO_TIME;
	j->progress.phase = phase_names[0];
}

void
job_release(struct job *j)
{
	free(j->owner);
	names_release(&j->vehicles);
	names_release(&j->parameters);
	free(j->name);
	free(j->idempotency_key);
	free(j->worker);
	free(j->object_key);
	free(j->object_sha256);
	free(j->object_etag);
	free(j->preview);
	free(j->error_code);
	free(j->error_message);
	free(j->facts);
	job_init(j);
}

const char *
job_state_name(enum job_state s)
{
	return state_names[s];
}

bool
job_ended(enum job_state s)
{
	return s != JOB_NOT_STARTED && s != JOB_STARTED;
}

int
job_new_id(struct job *j)
{
	const int64_t now_ms = clock_real_ms();
	const uint32_t seconds = htobe32((uint32_t)(now_ms / 1000));
	const uint16_t ms = htobe16((uint16_t)(now_ms % 1000));
	unsigned char id[12];

	memcpy(id, &seconds, 4);
	memcpy(id + 4, &ms, 2);
	if (RAND_bytes(id + 6, 6) != 1)
		return -1;
	hex_encode(id, sizeof(id), j->id);
	return 0;
}

static int
hash_strings(struct buf *b, const char *name, const struct names *list)
{
	size_t i;

	if (buf_addf(b, "%s%s\n", name, list->n > 0 ? "" : " all") != 0)
		return -1;
	for (i = 0; i < list->n; i++)
		if (buf_addf(b, "%zu:%s\n", strlen(list->v[i]),
		    list->v[i]) != 0)
			return -1;
	return 0;
}

int
job_hash(struct job *j)
{
	struct buf b;
	int rc = -1;

	buf_init(&b, HASH_TEXT_MAX);
	if (buf_addf(&b, "%lld %lld %s %s %s\n", (long long)j->start_ms,
	    (long long)j->end_ms, job_time_names[j->time],
	    job_csv_names[j->csv], job_compression_names[j->compression]) == 0 &&
	    hash_strings(&b, "vehicles", &j->vehicles) == 0 &&
	    hash_strings(&b, "parameters", &j->parameters) == 0)
		rc = digest_once(b.data, b.len, j->request_hash);
	buf_release(&b);
	return rc;
}

void
names_bson(const struct names *list, const char *name, bson_t *doc)
{
	char key[16];
	const char *k;
	bson_t array;
	size_t i;

	BSON_APPEND_ARRAY_BEGIN(doc, name, &array);
	for (i = 0; i < list->n; i++) {
		bson_uint32_to_string((uint32_t)i, &k, key, sizeof(key));
		BSON_APPEND_UTF8(&array, k, list->v[i]);
	}
	bson_append_array_end(doc, &array);
}

void
job_progress_bson(const struct job_progress *p, bson_t *doc)
{
	BSON_APPEND_UTF8(doc, "phase", p->phase);
	BSON_APPEND_INT64(doc, "documents", (int64_t)p->documents);
	BSON_APPEND_INT64(doc, "documentsTotal", (int64_t)p->documents_total);
	BSON_APPEND_INT64(doc, "rows", (int64_t)p->rows);
	BSON_APPEND_INT64(doc, "points", (int64_t)p->points);
	BSON_APPEND_INT64(doc, "bytesRead", (int64_t)p->bytes_read);
	BSON_APPEND_INT64(doc, "bytesWritten", (int64_t)p->bytes_written);
}

void
job_new_bson(const struct job *j, bson_t *doc)
{
	bson_t progress;
	bson_oid_t oid;

	bson_oid_init_from_string(&oid, j->id);
	BSON_APPEND_OID(doc, "_id", &oid);
	BSON_APPEND_UTF8(doc, "owner", j->owner);
	BSON_APPEND_UTF8(doc, "state", state_names[j->state]);
	BSON_APPEND_DATE_TIME(doc, "startDate", j->start_ms);
	BSON_APPEND_DATE_TIME(doc, "endDate", j->end_ms);
	if (j->vehicles.n > 0)
		names_bson(&j->vehicles, "vehicles", doc);
	if (j->parameters.n > 0)
		names_bson(&j->parameters, "parameters", doc);
	BSON_APPEND_UTF8(doc, "time", job_time_names[j->time]);
	BSON_APPEND_UTF8(doc, "csv", job_csv_names[j->csv]);
	BSON_APPEND_UTF8(doc, "compression",
	    job_compression_names[j->compression]);
	if (j->name != NULL)
		BSON_APPEND_UTF8(doc, "name", j->name);
	BSON_APPEND_UTF8(doc, "requestHash", j->request_hash);
	if (j->idempotency_key != NULL)
		BSON_APPEND_UTF8(doc, "idempotencyKey", j->idempotency_key);
	BSON_APPEND_DATE_TIME(doc, "createdAt", j->created_ms);
	BSON_APPEND_DATE_TIME(doc, "dueAt", j->created_ms);
	BSON_APPEND_INT32(doc, "attempts", (int32_t)j->attempts);
	BSON_APPEND_INT64(doc, "fence", j->fence);
	BSON_APPEND_BOOL(doc, "cancelRequested", j->cancel_requested);
	BSON_APPEND_INT64(doc, "rank", j->rank);
	BSON_APPEND_DOCUMENT_BEGIN(doc, "progress", &progress);
	job_progress_bson(&j->progress, &progress);
	bson_append_document_end(doc, &progress);
	if (j->parent[0] == '\0')
		return;
	bson_oid_init_from_string(&oid, j->parent);
	BSON_APPEND_OID(doc, "job", &oid);
	BSON_APPEND_INT64(doc, "plan", j->plan);
	BSON_APPEND_INT64(doc, "unit", j->unit);
	BSON_APPEND_INT64(doc, "documents", j->documents);
	BSON_APPEND_INT64(doc, "csvSplitBytes", j->csv_split_bytes);
}

static int
take_id(bson_iter_t *it, char id[JOB_ID_SIZE])
{
	if (!BSON_ITER_HOLDS_OID(it))
		return -1;
	bson_oid_to_string(bson_iter_oid(it), id);
	return 0;
}

static int
take_text(bson_iter_t *it, char **to)
{
	uint32_t len;
	const char *text;

	if (!BSON_ITER_HOLDS_UTF8(it))
		return -1;
	text = bson_iter_utf8(it, &len);
	free(*to);
	return (*to = strndup(text, len)) == NULL ? -1 : 0;
}

static int
take_int(bson_iter_t *it, int64_t *to)
{
	if (!BSON_ITER_HOLDS_INT(it))
		return -1;
	*to = bson_iter_as_int64(it);
	return 0;
}

static int
take_date(bson_iter_t *it, int64_t *to)
{
	if (!BSON_ITER_HOLDS_DATE_TIME(it))
		return -1;
	*to = bson_iter_date_time(it);
	return 0;
}

/* The place of a word in a table that a NULL ends. */
static int
take_word(bson_iter_t *it, const char *const *words)
{
	int i;

	if (!BSON_ITER_HOLDS_UTF8(it))
		return -1;
	for (i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], bson_iter_utf8(it, NULL)) == 0)
			return i;
	return -1;
}

static int
take_strings(bson_iter_t *it, struct names *list)
{
	bson_iter_t in;
	uint32_t len;
	const char *text;

	if (!BSON_ITER_HOLDS_ARRAY(it) || !bson_iter_recurse(it, &in))
		return -1;
	while (bson_iter_next(&in)) {
		if (!BSON_ITER_HOLDS_UTF8(&in))
			return -1;
		text = bson_iter_utf8(&in, &len);
		if (names_add(list, text, len) != 0)
			return -1;
	}
	/* A list that was left out is not stored; an empty one is no job's. */
	return list->n > 0 ? 0 : -1;
}

static int
take_progress(bson_iter_t *it, struct job_progress *p)
{
	bson_iter_t in;
	int64_t n;
	int word;

	if (!BSON_ITER_HOLDS_DOCUMENT(it) || !bson_iter_recurse(it, &in))
		return -1;
	while (bson_iter_next(&in)) {
		const char *key = bson_iter_key(&in);

		if (strcmp(key, "phase") == 0) {
			if ((word = take_word(&in, phase_names)) < 0)
				return -1;
			p->phase = phase_names[word];
			continue;
		}
		if (take_int(&in, &n) != 0)
			return -1;
		if (strcmp(key, "documents") == 0)
			p->documents = (uint64_t)n;
		else if (strcmp(key, "documentsTotal") == 0)
			p->documents_total = (uint64_t)n;
		else if (strcmp(key, "rows") == 0)
			p->rows = (uint64_t)n;
		else if (strcmp(key, "points") == 0)
			p->points = (uint64_t)n;
		else if (strcmp(key, "bytesRead") == 0)
			p->bytes_read = (uint64_t)n;
		else if (strcmp(key, "bytesWritten") == 0)
			p->bytes_written = (uint64_t)n;
	}
	return 0;
}

static int
take_object(bson_iter_t *it, struct job *j)
{
	bson_iter_t in;
	int rc = 0;

	if (!BSON_ITER_HOLDS_DOCUMENT(it) || !bson_iter_recurse(it, &in))
		return -1;
	while (rc == 0 && bson_iter_next(&in)) {
		const char *key = bson_iter_key(&in);

		if (strcmp(key, "key") == 0)
			rc = take_text(&in, &j->object_key);
		else if (strcmp(key, "size") == 0)
			rc = take_int(&in, &j->object_size);
		else if (strcmp(key, "sha256") == 0)
			rc = take_text(&in, &j->object_sha256);
		else if (strcmp(key, "etag") == 0)
			rc = take_text(&in, &j->object_etag);
	}
	return rc;
}

static int
take_error(bson_iter_t *it, struct job *j)
{
	bson_iter_t in;
	int rc = 0;

	if (!BSON_ITER_HOLDS_DOCUMENT(it) || !bson_iter_recurse(it, &in))
		return -1;
	while (rc == 0 && bson_iter_next(&in)) {
		if (strcmp(bson_iter_key(&in), "code") == 0)
			rc = take_text(&in, &j->error_code);
		else if (strcmp(bson_iter_key(&in), "message") == 0)
			rc = take_text(&in, &j->error_message);
	}
	return rc;
}

static int
take_hash(bson_iter_t *it, struct job *j)
{
	uint32_t len;
	const char *text;

	if (!BSON_ITER_HOLDS_UTF8(it))
		return -1;
	text = bson_iter_utf8(it, &len);
	if (len >= sizeof(j->request_hash))
		return -1;
	memcpy(j->request_hash, text, len + 1);
	return 0;
}

#define TAKE_WORD(member, words) do { \
	if ((word = take_word(it, words)) < 0) \
		return -1; \
	j->member = word; \
	return 0; \
} while (0)

/* One field; those we do not know are left to whoever wrote them. */
static int
take_field(bson_iter_t *it, struct job *j)
{
	const char *key = bson_iter_key(it);
	int word;

	if (strcmp(key, "_id") == 0)
		return take_id(it, j->id);
	if (strcmp(key, "owner") == 0)
		return take_text(it, &j->owner);
	if (strcmp(key, "state") == 0)
		TAKE_WORD(state, state_names);
	if (strcmp(key, "startDate") == 0)
		return take_date(it, &j->start_ms);
	if (strcmp(key, "endDate") == 0)
		return take_date(it, &j->end_ms);
	if (strcmp(key, "vehicles") == 0)
		return take_strings(it, &j->vehicles);
	if (strcmp(key, "parameters") == 0)
		return take_strings(it, &j->parameters);
	if (strcmp(key, "time") == 0)
		TAKE_WORD(time, job_time_names);
	if (strcmp(key, "csv") == 0)
		TAKE_WORD(csv, job_csv_names);
	if (strcmp(key, "compression") == 0)
		TAKE_WORD(compression, job_compression_names);
	if (strcmp(key, "name") == 0)
		return take_text(it, &j->name);
	if (strcmp(key, "requestHash") == 0)
		return take_hash(it, j);
	if (strcmp(key, "createdAt") == 0)
		return take_date(it, &j->created_ms);
	if (strcmp(key, "startedAt") == 0)
		return take_date(it, &j->started_ms);
	if (strcmp(key, "finishedAt") == 0)
		return take_date(it, &j->finished_ms);
	if (strcmp(key, "expiresAt") == 0)
		return take_date(it, &j->expires_ms);
	if (strcmp(key, "claimedAt") == 0)
		return take_date(it, &j->claimed_ms);
	if (strcmp(key, "progressAt") == 0)
		return take_date(it, &j->progress_ms);
	if (strcmp(key, "idempotencyKey") == 0)
		return take_text(it, &j->idempotency_key);
	if (strcmp(key, "dueAt") == 0)
		return take_date(it, &j->due_ms);
	if (strcmp(key, "attempts") == 0)
		return take_int(it, &j->attempts);
	if (strcmp(key, "fence") == 0)
		return take_int(it, &j->fence);
	if (strcmp(key, "rank") == 0)
		return take_int(it, &j->rank);
	if (strcmp(key, "cancelRequested") == 0) {
		j->cancel_requested = bson_iter_as_bool(it);
		return 0;
	}
	if (strcmp(key, "worker") == 0)
		return take_text(it, &j->worker);
	if (strcmp(key, "progress") == 0)
		return take_progress(it, &j->progress);
	if (strcmp(key, "object") == 0)
		return take_object(it, j);
	if (strcmp(key, "error") == 0)
		return take_error(it, j);
	if (strcmp(key, "job") == 0)
		return take_id(it, j->parent);
	if (strcmp(key, "plan") == 0)
		return take_int(it, &j->plan);
	if (strcmp(key, "unit") == 0)
		return take_int(it, &j->unit);
	if (strcmp(key, "documents") == 0)
		return take_int(it, &j->documents);
	if (strcmp(key, "csvSplitBytes") == 0)
		return take_int(it, &j->csv_split_bytes);
	return 0;
}

int
job_from_bson(const bson_t *doc, struct job *j)
{
	bson_iter_t it;
	int rc = 0;

	job_init(j);
	if (!bson_iter_init(&it, doc))
		return -1;
	/* To the end in any case: who buries a bad job needs its fence. */
	while (bson_iter_next(&it)) {
		if (take_field(&it, j) != 0) {
			log_msg(LOG_ERROR, "job", "exports.jobs %s: cannot read "
			    "field %s", j->id, bson_iter_key(&it));
			rc = -1;
		}
	}
	if (j->id[0] == '\0' || j->owner == NULL) {
		log_msg(LOG_ERROR, "job", "exports.jobs %s: no _id or no owner",
		    j->id);
		rc = -1;
	}
	return rc;
}

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
json_strings(struct json_object *o, const char *name,
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
json_progress(struct json_object *o, const struct job_progress *p)
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

struct json_object *
job_json(const struct job *j)
{
	struct json_object *o, *error;

	if ((o = json_object_new_object()) == NULL)
		return NULL;
	json_text(o, "_id", j->id);
	json_time(o, "startDate", j->start_ms);
	json_time(o, "endDate", j->end_ms);
	json_text(o, "state", state_names[j->state]);
	json_strings(o, "vehicles", &j->vehicles);
	json_strings(o, "parameters", &j->parameters);
	json_text(o, "time", job_time_names[j->time]);
	json_text(o, "csv", job_csv_names[j->csv]);
	json_text(o, "compression", job_compression_names[j->compression]);
	json_text(o, "name", j->name);
	json_time(o, "createdAt", j->created_ms);
	json_time(o, "startedAt", j->started_ms);
	json_time(o, "finishedAt", j->finished_ms);
	json_time(o, "expiresAt", j->expires_ms);
	json_progress(o, &j->progress);
	if (j->state == JOB_FINISHED) {
		json_int(o, "size", j->object_size);
		json_text(o, "sha256", j->object_sha256);
	}
	/* The error of an attempt that will be repeated is not the job's. */
	if (j->state == JOB_FAILED && j->error_code != NULL &&
	    (error = json_object_new_object()) != NULL) {
		json_text(error, "code", j->error_code);
		json_text(error, "message", j->error_message);
		json_object_object_add(o, "error", error);
	}
	return o;
}

int64_t
job_eta_ms(const struct job *j)
{
	const struct job_progress *p = &j->progress;
	double left_ms;

	/* JOB_NO_TIME is before 1970, too. */
	if (j->state != JOB_STARTED || j->worker == NULL ||
	    j->claimed_ms < 0 || j->progress_ms <= j->claimed_ms ||
	    j->progress_ms > TIMESTAMP_MAX_MS || p->documents == 0 ||
	    p->documents > p->documents_total)
		return JOB_NO_TIME;
	left_ms = (double)(j->progress_ms - j->claimed_ms) *
	    (double)(p->documents_total - p->documents) /
	    (double)p->documents;
	return left_ms > (double)(TIMESTAMP_MAX_MS - j->progress_ms) ?
	    JOB_NO_TIME : j->progress_ms + (int64_t)left_ms;
}

void
job_json_waiting(const struct job *j, int64_t ahead, struct json_object *o)
{
	const int64_t eta_ms = job_eta_ms(j);
	struct json_object *queue;

	if (j->state == JOB_NOT_STARTED &&
	    (queue = json_object_new_object()) != NULL) {
		json_object_object_add(queue, "position", ahead < 0 ? NULL :
		    json_object_new_int64(ahead + 1));
		json_object_object_add(o, "queue", queue);
	}
	json_object_object_add(o, "eta", NULL);
	json_time(o, "eta", eta_ms);
}

void
job_json_link(const char *uri, struct json_object *o)
{
	json_text(o, "exportUri", uri);
}
