/*
 * The table of lib/jobs/transition.c as MongoDB carries it out, against the model that
 * t/unit/life.c trusts: each transition on random documents must match or not,
 * and change the same. MONGODB_ADMIN_URI names the server; LIFE_SEED another draw.
 */
#include <err.h>
#include <stdlib.h>

#include <mongoc/mongoc.h>

#include "lib/base/timestamp.h"
#include "lib/jobs/job.h"

#include "t/tools/model.h"
#include "t/tap.h"

#define ROUNDS 150
#define MAX_ATTEMPTS 4

static uint64_t seed = 88172645463325252;

static unsigned
draw(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

/* Times of the model count from the server's now; due is whole hours away. */
static struct model
random_model(void)
{
	return (struct model){
		.state = (enum job_state)draw(JOB_EXPIRED + 1),
		.due_ms = draw(2) ? 5 * HOUR_MS : -5 * HOUR_MS,
		.expires_ms = draw(2) ? 5 * HOUR_MS : -5 * HOUR_MS,
		.attempts = draw(MAX_ATTEMPTS + 2),
		.fence = draw(4),
		.held = draw(2),
		.cancel = draw(2),
		.started = draw(2),
		.finished = draw(2),
		.error = draw(2),
		.preview = draw(2),
		.documents = draw(3),
		.object = draw(2) ? 77 : 0,
	};
}

static void
store(mongoc_collection_t *c, const bson_oid_t *id, const struct model *m)
{
	bson_t *filter = BCON_NEW("_id", BCON_OID(id)), *update, *opts;
	bson_t doc = BSON_INITIALIZER;
	bson_error_t error;

	BCON_APPEND(&doc, "_id", BCON_OID(id), "owner", "$who",
	    "state", BCON_UTF8(job_state_name(m->state)),
	    "attempts", BCON_INT32((int32_t)m->attempts),
	    "fence", BCON_INT64(m->fence),
	    "cancelRequested", BCON_BOOL(m->cancel));
	if (m->held)
		BSON_APPEND_UTF8(&doc, "worker", "somebody");
	if (m->started)
		BSON_APPEND_DATE_TIME(&doc, "startedAt", 1);
	if (m->finished)
		BSON_APPEND_DATE_TIME(&doc, "finishedAt", 1);
	if (m->error)
		BCON_APPEND(&doc, "error", "{", "code", "x", "message", "y",
		    "}");
	BCON_APPEND(&doc, "progress", "{", "documents",
	    BCON_INT64((int64_t)m->documents), "}");
	if (m->preview)
		BSON_APPEND_UTF8(&doc, "preview", "{}");
	if (m->object != 0)
		BCON_APPEND(&doc, "object", "{", "key", "k",
		    "size", BCON_INT64(m->object), "sha256", "s", "}");
	update = BCON_NEW("0", "{", "$replaceWith", "{", "$mergeObjects", "[",
	    "{", "$literal", BCON_DOCUMENT(&doc), "}", "{", "dueAt", "{",
	    "$add", "[", BCON_UTF8("$$NOW"), BCON_INT64(m->due_ms), "]", "}",
	    "expiresAt", "{", "$add", "[", BCON_UTF8("$$NOW"), BCON_INT64(m->expires_ms),
	    "]", "}", "}", "]", "}", "}");
	opts = BCON_NEW("upsert", BCON_BOOL(true));
	if (!mongoc_collection_update_one(c, filter, update, opts, NULL,
	    &error))
		errx(1, "store: %s", error.message);
	bson_destroy(filter);
	bson_destroy(update);
	bson_destroy(opts);
	bson_destroy(&doc);
}

static int64_t
whole_hours(const bson_t *doc, const char *name)
{
	bson_iter_t it;

	if (!bson_iter_init_find(&it, doc, name))
		errx(1, "no %s", name);
	return (bson_iter_as_int64(&it) + 1000 * HOUR_MS + HOUR_MS / 2) / HOUR_MS *
	    HOUR_MS - 1000 * HOUR_MS;
}

/* The document as a model; how far away due is, in hours, by the server's clock. */
static struct model
load(mongoc_collection_t *c, const bson_oid_t *id)
{
	bson_t *pipeline;
	mongoc_cursor_t *cursor;
	struct model m = { 0 };
	const bson_t *doc;
	struct job job;
	bson_iter_t it;

	pipeline = BCON_NEW("0", "{", "$match", "{", "_id", BCON_OID(id), "}",
	    "}", "1", "{", "$set", "{", "away", "{", "$subtract", "[",
	    BCON_UTF8("$dueAt"), BCON_UTF8("$$NOW"), "]", "}",
	    "left", "{", "$subtract", "[", BCON_UTF8("$expiresAt"), BCON_UTF8("$$NOW"),
	    "]", "}", "}", "}");
	cursor = mongoc_collection_aggregate(c, MONGOC_QUERY_NONE, pipeline,
	    NULL, NULL);
	if (!mongoc_cursor_next(cursor, &doc) || job_from_bson(doc, &job) != 0)
		errx(1, "the document is gone or cannot be read");
	m.state = job.task.state;
	m.attempts = job.task.attempts;
	m.fence = job.task.fence;
	m.held = job.task.worker != NULL;
	m.cancel = job.task.cancel_requested;
	m.started = job.started_ms != JOB_NO_TIME;
	m.finished = job.finished_ms != JOB_NO_TIME;
	m.error = job.task.error.code != NULL;
	m.object = job.task.object.size;
	m.documents = job.task.progress.documents;
	m.preview = bson_iter_init_find(&it, doc, "preview");
	m.due_ms = whole_hours(doc, "away");
	m.expires_ms = whole_hours(doc, "left");
	job_release(&job);
	mongoc_cursor_destroy(cursor);
	bson_destroy(pipeline);
	return m;
}

static int
same(const struct model *a, const struct model *b)
{
	return a->state == b->state && a->due_ms == b->due_ms &&
	    a->expires_ms == b->expires_ms &&
	    a->attempts == b->attempts && a->fence == b->fence &&
	    a->held == b->held && a->cancel == b->cancel &&
	    a->started == b->started && a->finished == b->finished &&
	    a->error == b->error && a->preview == b->preview &&
	    a->documents == b->documents && a->object == b->object;
}

static void
show(const char *what, const struct model *m)
{
	diag("%s: %s due %lld expires %lld attempts %lld fence %lld held %d cancel %d "
	    "started %d finished %d error %d preview %d documents %llu "
	    "object %lld", what,
	    job_state_name(m->state), (long long)m->due_ms, (long long)m->expires_ms,
	    (long long)m->attempts, (long long)m->fence, m->held, m->cancel,
	    m->started, m->finished, m->error, m->preview,
	    (unsigned long long)m->documents, (long long)m->object);
}

static int
compare_once(mongoc_collection_t *c, enum transition_id t)
{
	const struct task_progress progress = { .phase = "counting",
	    .documents = 7 };
	static char key[] = "$key", sha256[] = "$sha", etag[] = "$etag";
	const struct task_object object = { .key = key, .sha256 = sha256,
	    .etag = etag, .size = 99 };
	struct transition_args args = { .owner = draw(2) ? NULL : "$who",
	    .fence = draw(4), .worker = "$worker", .lease_ms = 2 * HOUR_MS,
	    .delay_ms = 3 * HOUR_MS, .retention_ms = HOUR_MS,
	    .max_attempts = MAX_ATTEMPTS, .progress = &progress,
	    .object = &object, .preview = draw(2) ? "$preview" : NULL,
	    .facts = draw(2) ? "$facts" : NULL, .error_code = "$code",
	    .error_message = "$message",
	    .error_detail = draw(2) ? "$detail" : NULL };
	struct model before = random_model(), expected = before, got;
	bson_t *filter, *update, reply;
	bson_error_t error;
	bson_iter_t it;
	char id_text[25];
	bson_oid_t id;
	bool made, matched;

	bson_oid_init(&id, NULL);
	bson_oid_to_string(&id, id_text);
	args.id = id_text;
	store(c, &id, &before);
	filter = transition_filter(t, &args);
	update = transition_update(t, &args);
	if (!mongoc_collection_update_one(c, filter, update, NULL, &reply,
	    &error))
		errx(1, "%s: %s", transitions[t].name, error.message);
	matched = bson_iter_init_find(&it, &reply, "matchedCount") &&
	    bson_iter_as_int64(&it) == 1;
	made = model_make(t, &args, 0, &expected);
	got = load(c, &id);
	bson_destroy(&reply);
	bson_destroy(filter);
	bson_destroy(update);
	if (matched == made && same(&got, &expected))
		return 1;
	diag("%s with fence %lld: matched %d, the model %d",
	    transitions[t].name, (long long)args.fence, matched, made);
	show("before", &before);
	show("expected", &expected);
	show("got", &got);
	return 0;
}

int
main(void)
{
	const char *uri = getenv("MONGODB_ADMIN_URI");
	const char *other = getenv("LIFE_SEED");
	mongoc_client_t *client;
	mongoc_collection_t *c;
	int t, i, good;

	if (uri == NULL)
		errx(2, "MONGODB_ADMIN_URI is not set");
	if (other != NULL)
		seed = strtoull(other, NULL, 10) * 2 + 1;
	printf("# LIFE_SEED=%s\n", other ? other : "");
	mongoc_init();
	if ((client = mongoc_client_new(uri)) == NULL)
		errx(2, "MONGODB_ADMIN_URI is no URI");
	c = mongoc_client_get_collection(client, "life", "jobs");
	for (t = 0; t < TRANSITIONS; t++) {
		good = 1;
		for (i = 0; i < ROUNDS && good; i++)
			good = compare_once(c, t);
		ok(good, "%s: MongoDB does as the model", transitions[t].name);
	}
	mongoc_collection_destroy(c);
	mongoc_client_destroy(client);
	mongoc_cleanup();
	return done_testing();
}
