/*
 * Who may change what of a job or a unit, and how to tell MongoDB. It only makes
 * filters and updates: tasks.c sends them.
 */
#include "lib/jobs/transition.h"

#include <bson/bson.h>

#include "lib/base/names.h"
#include "lib/jobs/fields.h"
#include "lib/jobs/task.h"

#define NEW	(1u << JOB_NOT_STARTED)
#define RUN	(1u << JOB_STARTED)
#define DONE	(1u << JOB_FINISHED)
#define STAYS	(-1)

const struct transition transitions[TRANSITIONS] = {
	[T_RECLAIM] = { "reclaim", RUN, G_DUE | G_LEFT | G_NO_CANCEL,
	    JOB_STARTED, E_CLAIM | E_LEASE | E_PROGRESS },
	[T_CLAIM] = { "claim", NEW, G_DUE | G_LEFT | G_NO_CANCEL,
	    JOB_STARTED, E_CLAIM | E_LEASE | E_PROGRESS },
	[T_BURY] = { "bury", NEW | RUN, G_DUE_OR_UNHELD | G_CANCEL,
	    JOB_CANCELLED, E_ENDED | E_UNHOLD },
	[T_EXHAUST] = { "exhaust", NEW | RUN, G_DUE | G_SPENT | G_NO_CANCEL,
	    JOB_FAILED, E_ENDED | E_UNHOLD | E_ERROR },
	[T_LAPSE] = { "lapse", DONE, G_LAPSED,
	    JOB_EXPIRED, E_FORGET },

	[T_RENEW] = { "renew", RUN, G_MINE,
	    STAYS, E_LEASE | E_PROGRESS },
	[T_FINISH] = { "finish", RUN, G_MINE | G_NO_CANCEL,
	    JOB_FINISHED, E_ENDED | E_UNHOLD | E_OBJECT | E_PROGRESS },
	[T_FAIL] = { "fail", RUN, G_MINE,
	    JOB_FAILED, E_ENDED | E_UNHOLD | E_ERROR },
	[T_RETRY] = { "retry", RUN, G_MINE,
	    STAYS, E_DELAY | E_UNHOLD | E_ERROR },
	[T_RELEASE] = { "release", RUN, G_MINE,
	    STAYS, E_DELAY | E_UNHOLD | E_UNCHARGE },
	[T_CANCELLED] = { "cancelled", RUN, G_MINE | G_CANCEL,
	    JOB_CANCELLED, E_ENDED | E_UNHOLD },

	[T_CANCEL_WAITING] = { "cancel_waiting", NEW | RUN, G_UNHELD,
	    JOB_CANCELLED, E_ENDED | E_CANCEL },
	[T_CANCEL_RUNNING] = { "cancel_running", RUN, G_HELD,
	    STAYS, E_CANCEL },
	[T_EXPIRE] = { "expire", DONE, 0,
	    JOB_EXPIRED, E_FORGET },
};

void
transition_match_states(bson_t *filter, unsigned states)
{
	bson_t in, list;
	char key[12];
	const char *k;
	uint32_t n = 0;
	int s;

	BSON_APPEND_DOCUMENT_BEGIN(filter, "state", &in);
	BSON_APPEND_ARRAY_BEGIN(&in, "$in", &list);
	for (s = JOB_NOT_STARTED; s <= JOB_EXPIRED; s++) {
		if ((states & 1u << s) == 0)
			continue;
		bson_uint32_to_string(n++, &k, key, sizeof(key));
		BSON_APPEND_UTF8(&list, k, job_state_name(s));
	}
	bson_append_array_end(&in, &list);
	bson_append_document_end(filter, &in);
}

static void
match_worker(bson_t *filter, bool held)
{
	BCON_APPEND(filter, "worker", "{", "$exists", BCON_BOOL(held), "}");
}

/*
 * Only an expression can compare with the database's clock. The server takes $$NOW for
 * the constant that it is, so the bound of an index can be made of it.
 */
static void
match_passed(bson_t *filter, const char *field)
{
	BCON_APPEND(filter, "$expr", "{", "$lte", "[", BCON_UTF8(field),
	    BCON_UTF8("$$NOW"), "]", "}");
}

static void
match_due_or_unheld(bson_t *filter)
{
	BCON_APPEND(filter, "$or", "[",
	    "{", "worker", "{", "$exists", BCON_BOOL(false), "}", "}",
	    "{", "$expr", "{", "$lte", "[", BCON_UTF8("$dueAt"),
	    BCON_UTF8("$$NOW"), "]", "}", "}", "]");
}

bson_t *
transition_filter(enum transition_id t, const struct transition_args *args)
{
	const unsigned guard = transitions[t].guard;
	bson_t *filter = bson_new();
	bson_oid_t oid;

	if (args->id != NULL) {
		bson_oid_init_from_string(&oid, args->id);
		BSON_APPEND_OID(filter, "_id", &oid);
	}
	if (args->parent != NULL) {
		bson_oid_init_from_string(&oid, args->parent);
		BSON_APPEND_OID(filter, "job", &oid);
	}
	if (args->owner != NULL)
		BSON_APPEND_UTF8(filter, "owner", args->owner);
	/* From here on the table: the state, then the guards. */
	transition_match_states(filter, transitions[t].from);
	if (guard & G_MINE)
		BSON_APPEND_INT64(filter, "fence", args->fence);
	if (guard & (G_HELD | G_UNHELD))
		match_worker(filter, (guard & G_HELD) != 0);
	if (guard & G_LEFT)
		BCON_APPEND(filter, "attempts", "{", "$lt",
		    BCON_INT64(args->max_attempts), "}");
	if (guard & G_SPENT)
		BCON_APPEND(filter, "attempts", "{", "$gte",
		    BCON_INT64(args->max_attempts), "}");
	if (guard & (G_CANCEL | G_NO_CANCEL))
		BSON_APPEND_BOOL(filter, "cancelRequested",
		    (guard & G_CANCEL) != 0);
	if (guard & G_DUE)
		match_passed(filter, "$dueAt");
	if (guard & G_DUE_OR_UNHELD)
		match_due_or_unheld(filter);
	if (guard & G_LAPSED) {
		BCON_APPEND(filter, "expiresAt", "{", "$exists",
		    BCON_BOOL(true), "}");
		match_passed(filter, "$expiresAt");
	}
	return filter;
}

bson_t *
transition_sort(enum transition_id t)
{
	/* An index in the order of turns could not pass over those that are held. */
	if (t == T_RECLAIM)
		return BCON_NEW("dueAt", BCON_INT32(1));
	return t != T_CLAIM ? NULL :
	    BCON_NEW("turn", BCON_INT32(1), "createdAt", BCON_INT32(1));
}

static void
set_later(bson_t *set, const char *name, int64_t ms)
{
	BCON_APPEND(set, name, "{", "$add", "[", BCON_UTF8("$$NOW"),
	    BCON_INT64(ms), "]", "}");
}

static void
set_plus(bson_t *set, const char *name, const char *path, int n)
{
	BCON_APPEND(set, name, "{", "$add", "[", BCON_UTF8(path),
	    BCON_INT32(n), "]", "}");
}

static void
set_progress(bson_t *set, const struct task_progress *progress)
{
	bson_t doc;

	BSON_APPEND_DOCUMENT_BEGIN(set, "progress", &doc);
	task_progress_bson(progress, &doc);
	bson_append_document_end(set, &doc);
}

static void
set_literal(bson_t *set, const char *name, const char *text)
{
	if (text != NULL)
		BCON_APPEND(set, name, "{", "$literal", BCON_UTF8(text), "}");
}

static void
set_object(bson_t *set, const struct task_object *o)
{
	bson_t literal, object;

	BSON_APPEND_DOCUMENT_BEGIN(set, "object", &literal);
	BSON_APPEND_DOCUMENT_BEGIN(&literal, "$literal", &object);
	BSON_APPEND_UTF8(&object, "key", o->key);
	BSON_APPEND_INT64(&object, "size", o->size);
	/* A fragment has none: its files have checksums of their own. */
	if (o->sha256 != NULL)
		BSON_APPEND_UTF8(&object, "sha256", o->sha256);
	BSON_APPEND_UTF8(&object, "etag", o->etag);
	bson_append_document_end(&literal, &object);
	bson_append_document_end(set, &literal);
}

static void
set_error(bson_t *set, const struct transition_args *args)
{
	bson_t literal, error;

	BSON_APPEND_DOCUMENT_BEGIN(set, "error", &literal);
	BSON_APPEND_DOCUMENT_BEGIN(&literal, "$literal", &error);
	BSON_APPEND_UTF8(&error, "code", args->error_code);
	BSON_APPEND_UTF8(&error, "message", args->error_message);
	if (args->error_detail != NULL)
		BSON_APPEND_UTF8(&error, "detail", args->error_detail);
	bson_append_document_end(&literal, &error);
	bson_append_document_end(set, &literal);
}

static void
set_skipped(bson_t *set, const struct names *skipped)
{
	bson_t literal;

	if (skipped == NULL || skipped->n == 0)
		return;
	BSON_APPEND_DOCUMENT_BEGIN(set, "skippedVehicles", &literal);
	names_bson(skipped, "$literal", &literal);
	bson_append_document_end(set, &literal);
}

/* Texts are literals: in a pipeline "$x" would be a field. */
static void
set_texts(bson_t *set, unsigned effect, const struct transition_args *args)
{
	if (effect & E_CLAIM)
		set_literal(set, "worker", args->worker);
	if (effect & E_ERROR)
		set_error(set, args);
	if ((effect & E_OBJECT) == 0)
		return;
	set_object(set, args->object);
	set_literal(set, "preview", args->preview);
	set_literal(set, "facts", args->facts);
	set_skipped(set, args->skipped);
}

/* All but texts, which need a form of their own. */
static void
fill_set(bson_t *set, const struct transition *t,
    const struct transition_args *args)
{
	if (t->to != STAYS)
		BSON_APPEND_UTF8(set, "state", job_state_name(t->to));
	if (t->effect & E_CLAIM) {
		BCON_APPEND(set, "startedAt", "{", "$ifNull", "[",
		    BCON_UTF8("$startedAt"), BCON_UTF8("$$NOW"), "]", "}");
		BSON_APPEND_UTF8(set, "claimedAt", "$$NOW");
		set_plus(set, "fence", "$fence", 1);
		set_plus(set, "attempts", "$attempts", 1);
	}
	if (t->effect & E_UNCHARGE)
		set_plus(set, "attempts", "$attempts", -1);
	if (t->effect & E_LEASE)
		set_later(set, "dueAt", args->lease_ms);
	if (t->effect & E_DELAY)
		set_later(set, "dueAt", args->delay_ms);
	if (t->effect & E_ENDED)
		BSON_APPEND_UTF8(set, "finishedAt", "$$NOW");
	if (t->effect & E_OBJECT)
		set_later(set, "expiresAt", args->retention_ms);
	if (t->effect & E_CANCEL)
		BSON_APPEND_BOOL(set, "cancelRequested", true);
	if (t->effect & E_PROGRESS) {
		BSON_APPEND_UTF8(set, "progressAt", "$$NOW");
		set_progress(set, args->progress);
	}
	set_texts(set, t->effect, args);
}

/* The fields to remove, as the array of an $unset; returns how many. */
static uint32_t
fill_unset(bson_t *unset, unsigned effect)
{
	static const struct { unsigned effect; const char *field; } fields[] = {
		{ E_UNHOLD, "worker" }, { E_OBJECT, "error" },
		{ E_FORGET, "preview" },
	};
	char key[12];
	const char *k;
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if ((effect & fields[i].effect) == 0)
			continue;
		bson_uint32_to_string(n++, &k, key, sizeof(key));
		BSON_APPEND_UTF8(unset, k, fields[i].field);
	}
	return n;
}

bson_t *
transition_update(enum transition_id t, const struct transition_args *args)
{
	bson_t *pipeline, set = BSON_INITIALIZER, unset = BSON_INITIALIZER;

	fill_set(&set, &transitions[t], args);
	pipeline = BCON_NEW("0", "{", "$set", BCON_DOCUMENT(&set), "}");
	if (fill_unset(&unset, transitions[t].effect) > 0)
		BCON_APPEND(pipeline, "1", "{", "$unset", BCON_ARRAY(&unset),
		    "}");
	bson_destroy(&set);
	bson_destroy(&unset);
	return pipeline;
}
