/*
 * What a newer MongoDB could refuse, for --check: the kinds of commands that the programs
 * send, each as small as it can be, with documents that do not exist. docs/OPERATIONS.md
 * has the list with what MongoDB's notes say of it; keep both complete. Knows nothing of
 * the code that sends the real ones, which is above it.
 */
#include "lib/servers/trials.h"

#include <stdio.h>
#include <string.h>

#include <mongoc/mongoc.h>

/* The series that the tests run on. */
#define RUN_ON "6.0."
#define RUN_ON_TEXT "6.0"
#define STALENESS_S 120
#define TEXT_MAX 768
/* An _id that is an array: no document may have it, so none is stored. */
#define INVALID_ID 53		/* InvalidIdField: of a document that came whole */
#define INVALID_MADE_ID 54	/* NotSingleValueField: of one that a pipeline made */

/* Not expanded: true stays true. "@type" is $type, which libbson's JSON takes for its own. */
#define JSON(...) #__VA_ARGS__

enum how {
	READ,		/* of the primary */
	LAGGING,	/* of a secondary, if there is one that is not too old */
	WRITE,		/* w:majority, as a write that may be sent again */
	WRITE_MANY,	/* not to be sent again */
	INVALID,	/* a WRITE that is understood, then refused for its _id */
};

struct trial {
	enum how how;
	const char *database, *command;
};

#define TRIALS_MAX 6
static const struct group {
	const char *what;
	enum conf_role role;
	struct trial trials[TRIALS_MAX];
} groups[] = {
	{ "reads of jobs: linearizable, hint, sort, $expr with $$NOW", CONF_API, {
		{ READ, "exports", JSON({
			"find": "jobs", "filter": { "_id": {
				"$oid": "000000000000000000000000" } },
			"projection": { "preview": 0 }, "limit": 1, "singleBatch": true,
			"readConcern": { "level": "linearizable" }, "maxTimeMS": 2500 }) },
		{ READ, "exports", JSON({
			"find": "jobs", "filter": { "owner": "", "state": { "$in": [] },
				"_id": { "$gt": 0, "$lt": 0 } },
			"sort": { "_id": -1 }, "hint": "owner_state", "skip": 1, "limit": 1,
			"projection": { "_id": 1, "object.size": 1 },
			"readConcern": { "level": "majority" }, "maxTimeMS": 2500 }) },
		{ READ, "exports", JSON({
			"find": "jobs", "filter": { "owner": "", "idempotencyKey": "",
				"$expr": { "$gt": [ "$createdAt",
					{ "$subtract": [ "$$NOW", 1 ] } ] } },
			"limit": 1, "batchSize": 1, "singleBatch": true, "maxTimeMS": 2500 }) },
	} },
	{ "aggregations of jobs: $unionWith, $group, $cond, $size", CONF_API, {
		{ READ, "exports", JSON({
			"aggregate": "jobs", "pipeline": [
			{ "$match": { "owner": "", "state": { "$in": [ "STARTED" ] } } },
			{ "$limit": 1 },
			{ "$unionWith": { "coll": "jobs", "pipeline": [
				{ "$match": { "startedAt": { "$exists": true },
					"owner": "" } },
				{ "$sort": { "turn": -1 } }, { "$limit": 1 },
				{ "$project": { "turn": 1, "_id": 0 } } ] } },
			{ "$group": { "_id": null,
				"n": { "$sum": { "$cond": [ "$state", 1, 0 ] } },
				"now": { "$max": "$$NOW" },
				"same": { "$max": { "$cond": [ { "$and": [
					{ "$eq": [ "$requestHash", "" ] },
					{ "$not": [ "$cancelRequested" ] } ] },
					"$_id", null ] } } } } ],
			"cursor": {}, "readConcern": { "level": "majority" },
			"maxTimeMS": 2500 }) },
		{ READ, "exports", JSON({
			"aggregate": "jobs", "pipeline": [
			{ "$match": { "owner": "", "turn": { "$not": { "$gte": 0 } },
				"removeAt": { "$exists": false }, "$or": [
				{ "state": { "$ne": "EXPIRED" } },
				{ "createdAt": { "$lt": 0 } } ] } },
			{ "$sort": { "_id": -1 } }, { "$limit": 1 },
			{ "$set": { "vehicles": { "$cond": [ { "$gt": [ { "$size": {
				"$ifNull": [ "$vehicles", [] ] } }, 1 ] },
				"$$REMOVE", "$vehicles" ] } } } ],
			"cursor": { "batchSize": 1 }, "maxTimeMS": 2500 }) },
		{ READ, "exports", JSON({
			"aggregate": "workers", "pipeline": [
			{ "$match": { "_id": "", "stopped": false, "$expr": { "$gt": [ "$at",
				{ "$subtract": [ "$$NOW", 1 ] } ] } } },
			{ "$set": { "age": { "$subtract": [ "$$NOW", "$at" ] } } } ],
			"cursor": {}, "maxTimeMS": 2500 }) },
	} },
	{ "estimates: $let, $map, $floor, $toLong", CONF_API, {
		{ READ, "exports", JSON({
			"aggregate": "vehicles", "pipeline": [
			{ "$match": { "_id": "", "$or": [ { "_id": { "$in": [ "" ] } } ] } },
			{ "$group": { "_id": null, "documents": { "$sum": { "$sum": { "$map": {
				"input": "$parameters", "as": "p", "in": { "$cond": [
				{ "$in": [ "$$p.name", { "$literal": [ "" ] } ] },
				{ "$let": { "vars": { "first": { "$floor": { "$divide": [
					{ "$toLong": "$$p.first" }, 3600000 ] } } },
				"in": { "$multiply": [ "$$p.documents", { "$max": [ 0,
					{ "$min": [ "$$first", { "$add": [ 1, 1 ] } ] }
					] } ] } } }, 0 ] } } } } } } } ],
			"cursor": {}, "maxTimeMS": 2500 }) },
		{ READ, "exports", JSON({
			"aggregate": "vehicles", "pipeline": [
			{ "$match": { "_id": "" } }, { "$limit": 1 },
			{ "$project": { "each": { "$map": {
				"input": "$parameters", "as": "p", "in": "$$p.documents" } },
				"steps": { "$max": [ 1, { "$subtract": [ { "$floor": {
					"$divide": [ { "$min": [ 1, { "$add": [ 1,
					{ "$toLong": "$last" } ] } ] }, 1000 ] } }, 1 ] } ] } } },
			{ "$group": { "_id": null,
				"documents": { "$sum": { "$sum": "$each" } },
				"steps": { "$sum": { "$cond": [ { "$gt": [ { "$max": "$each" },
					0 ] }, "$steps", 0 ] } } } } ],
			"cursor": {}, "maxTimeMS": 2500 }) },
		{ READ, "exports", JSON({
			"find": "totals", "filter": { "$or": [ { "_id": "" }, { "_id": {
				"$gte": { "p": "", "page": 1 },
				"$lte": { "p": "", "page": 0 } } } ] },
			"maxTimeMS": 2500 }) },
	} },
	{ "writes of jobs: insert, update by operators and by pipeline", CONF_API, {
		{ INVALID, "exports", JSON({
			"insert": "jobs", "documents": [ { "_id": [] } ] }) },
		{ WRITE, "exports", JSON({
			"update": "jobs", "updates": [ {
			"q": { "_id": { "$oid": "000000000000000000000000" } },
			"u": { "$unset": { "idempotencyKey": 1 } } } ] }) },
		{ WRITE, "exports", JSON({
			"update": "jobs", "updates": [ {
			"q": { "_id": { "$oid": "000000000000000000000000" },
				"worker": { "$exists": false } },
			"u": [ { "$set": { "finishedAt": "$$NOW", "error": {
				"$literal": {} } } }, { "$unset": [ "worker" ] } ] } ] }) },
		{ WRITE_MANY, "exports", JSON({
			"update": "jobs", "updates": [ { "multi": true,
			"q": { "_id": { "$oid": "000000000000000000000000" } },
			"u": [ { "$set": { "owner": "" } } ] } ],
			"writeConcern": { "w": "majority" } }) },
	} },
	{ "reads of telemetry: $or, comment, afterClusterTime, of a secondary", CONF_WORKER, {
		{ READ, "exports", JSON({
			"find": "jobs", "filter": { "$or": [
			{ "_id": { "$gte": 0, "$lt": 1 } }, { "_id": {
				"$gt": { "$date": { "$numberLong": "0" } },
				"$lt": { "$date": { "$numberLong": "1" } } } } ] },
			"sort": { "_id": 1 }, "batchSize": 1, "comment": "check",
			"readConcern": { "level": "majority", "afterClusterTime": {
				"$timestamp": { "t": 1, "i": 1 } } },
			"maxTimeMS": 2500 }) },
		{ LAGGING, "exports", JSON({
			"find": "jobs", "filter": { "_id": { "$gt": 0, "$lt": 1 } },
			"sort": { "_id": -1 }, "projection": { "_id": 1 }, "limit": 1,
			"singleBatch": true, "readConcern": { "level": "local" },
			"maxTimeMS": 2500 }) },
	} },
	{ "lists of databases and collections, counts", CONF_WORKER, {
		{ READ, "admin", JSON({
			"listDatabases": 1, "nameOnly": true,
			"filter": { "name": { "$in": [ "exports" ] } } }) },
		{ READ, "exports", JSON({
			"listCollections": 1, "nameOnly": true,
			"filter": { "type": "collection", "name": { "$in": [ "jobs" ] } },
			"cursor": {} }) },
		{ READ, "exports", JSON({ "count": "units" }) },
		{ READ, "exports", JSON({
			"aggregate": "jobs", "pipeline": [
			{ "$match": { "_id": { "$gte": 0, "$lt": 1 } } },
			{ "$count": "documents" } ],
			"cursor": { "batchSize": 1 }, "comment": "check",
			"maxTimeMS": 2500 }) },
	} },
	{ "aggregations of telemetry: $unionWith, $type of all types", CONF_WORKER, {
		{ READ, "exports", JSON({
			"aggregate": "jobs", "pipeline": [
			{ "$match": { "turn": 0, "state": "", "$or": [
				{ "_id": { "@type": [ "minKey", "undefined", "null",
				"string", "symbol", "object", "binData", "objectId",
				"bool", "timestamp", "regex", "dbPointer", "javascript",
				"javascriptWithScope", "maxKey" ] } },
				{ "_id": { "$numberDouble": "NaN" } } ] } },
			{ "$sort": { "_id": 1 } },
			{ "$project": { "_id": 1, "c": { "$literal": 0 } } },
			{ "$unionWith": { "coll": "units", "pipeline": [
				{ "$match": { "_id": { "$gte": 0, "$lt": 1 } } },
				{ "$sort": { "_id": 1 } } ] } },
			{ "$limit": 1 } ],
			"cursor": {}, "readConcern": { "level": "majority",
				"afterClusterTime": { "$timestamp": { "t": 1, "i": 1 } } },
			"maxTimeMS": 2500 }) },
	} },
	{ "claims: findAndModify by a pipeline, linearizable, hint", CONF_WORKER, {
		{ WRITE, "exports", JSON({
			"findAndModify": "jobs", "query": {
				"_id": { "$oid": "000000000000000000000000" },
				"state": { "$in": [ "NOT_STARTED", "STARTED" ] },
				"attempts": { "$lt": 1 }, "cancelRequested": false, "$or": [
				{ "worker": { "$exists": false } },
				{ "$expr": { "$lte": [ "$dueAt", "$$NOW" ] } } ] },
			"sort": { "turn": 1, "createdAt": 1 }, "update": [
			{ "$set": { "fence": { "$add": [ "$fence", 1 ] }, "startedAt": {
				"$ifNull": [ "$startedAt", "$$NOW" ] } } },
			{ "$unset": [ "error" ] } ], "new": true }) },
		{ READ, "exports", JSON({
			"find": "jobs", "filter": { "_id": {
				"$oid": "000000000000000000000000" }, "fence": 0 },
			"hint": "_id_", "limit": 1, "singleBatch": true,
			"readConcern": { "level": "linearizable" }, "maxTimeMS": 2500 }) },
	} },
	{ "writes: insert, update, upsert, replace, delete", CONF_WORKER, {
		{ INVALID, "exports", JSON({
			"insert": "units", "documents": [ { "_id": [] }, { "_id": [] } ],
			"ordered": true }) },
		{ WRITE, "exports", JSON({
			"update": "jobs", "updates": [ {
			"q": { "_id": { "$oid": "000000000000000000000000" } },
			"u": { "$set": { "tookMs": 0 },
				"$currentDate": { "removedAt": true } } } ] }) },
		{ INVALID, "exports", JSON({
			"update": "vehicles", "updates": [ { "upsert": true,
			"q": { "_id": { "$in": [] } },
			"u": [ { "$replaceWith": { "$mergeObjects": [ { "$literal": {
				"_id": [] } }, { "checkedAt": "$$NOW" } ] } } ] } ] }) },
		{ INVALID, "exports", JSON({
			"update": "totals", "ordered": false, "updates": [ { "upsert": true,
			"q": { "_id": { "$in": [] } }, "u": { "_id": [] } } ] }) },
		{ WRITE, "exports", JSON({
			"delete": "units", "deletes": [ { "limit": 1,
			"q": { "_id": { "$oid": "000000000000000000000000" } } } ] }) },
		{ WRITE_MANY, "exports", JSON({
			"delete": "usage", "deletes": [ { "limit": 0,
			"q": { "_id": { "$ne": "", "$in": [] }, "pass": { "$lt": 0 } } } ],
			"writeConcern": { "w": "majority" } }) },
	} },
	{ "sums: $group, $expr, $merge", CONF_WORKER, {
		{ READ, "exports", JSON({
			"aggregate": "units", "pipeline": [
			{ "$match": { "job": 0, "plan": 0 } },
			{ "$group": { "_id": null, "n": { "$sum": 1 },
				"rows": { "$sum": "$progress.rows" } } } ],
			"cursor": {}, "readConcern": { "level": "majority" },
			"maxTimeMS": 2500 }) },
		{ READ, "exports", JSON({
			"find": "totals", "filter": { "_id": "", "$expr": { "$lt": [
			"$checkedAt", { "$subtract": [ "$$NOW", { "$max": [ 1,
				{ "$multiply": [ "$tookMs", 1 ] } ] } ] } ] } } }) },
		/* As a pipeline that writes, it has both concerns. */
		{ WRITE_MANY, "exports", JSON({
			"aggregate": "jobs", "pipeline": [
			{ "$match": { "_id": { "$oid": "000000000000000000000000" } } },
			{ "$group": { "_id": "$owner", "bytes": { "$sum": "$object.size" } } },
			{ "$set": { "pass": 0 } },
			{ "$merge": { "into": "usage", "whenMatched": "replace" } } ],
			"cursor": {}, "readConcern": { "level": "majority" },
			"writeConcern": { "w": "majority" }, "maxTimeMS": 2500 }) },
	} },
};
#define GROUPS_MAX (sizeof(groups) / sizeof(groups[0]))

/* The error that a reply has in it in spite of its ok: 1. */
static bool
find_write_error(const bson_t *reply, bson_error_t *error)
{
	bson_iter_t it, code, text;
	int32_t n = 0;

	if (!bson_iter_init(&it, reply) ||
	    (!bson_iter_find_descendant(&it, "writeErrors.0.errmsg", &text) &&
	    (!bson_iter_init(&it, reply) ||
	    !bson_iter_find_descendant(&it, "writeConcernError.errmsg", &text))))
		return false;
	if (bson_iter_init(&it, reply) &&
	    (bson_iter_find_descendant(&it, "writeErrors.0.code", &code) ||
	    (bson_iter_init(&it, reply) &&
	    bson_iter_find_descendant(&it, "writeConcernError.code", &code))))
		n = bson_iter_int32(&code);
	bson_set_error(error, MONGOC_ERROR_SERVER, (uint32_t)n, "%s",
	    BSON_ITER_HOLDS_UTF8(&text) ? bson_iter_utf8(&text, NULL) : "?");
	return true;
}

static bool
send_command(mongoc_client_t *client, const struct trial *t, const bson_t *command,
    bson_t *reply, bson_error_t *error)
{
	mongoc_read_prefs_t *prefs;
	bool good;

	if (t->how == WRITE || t->how == INVALID)
		return mongoc_client_write_command_with_opts(client, t->database,
		    command, NULL, reply, error);
	prefs = mongoc_read_prefs_new(t->how == LAGGING ?
	    MONGOC_READ_SECONDARY_PREFERRED : MONGOC_READ_PRIMARY);
	if (t->how == LAGGING)
		mongoc_read_prefs_set_max_staleness_seconds(prefs, STALENESS_S);
	good = mongoc_client_command_simple(client, t->database, command, prefs,
	    reply, error);
	mongoc_read_prefs_destroy(prefs);
	return good;
}

static bson_t *
command_new(const struct trial *t, bson_error_t *error)
{
	static const char name[] = "@type";
	bson_t *command = bson_new_from_json((const uint8_t *)t->command, -1, error);
	char *found;

	if (command != NULL && (found = memmem(bson_get_data(command), command->len,
	    name, sizeof(name))) != NULL)
		*found = '$';
	return command;
}

/* Whether the server does with it what it has to; if not, why. */
static bool
run_trial(mongoc_client_t *client, const struct trial *t, bson_error_t *error)
{
	bson_t *command = command_new(t, error), reply;
	bool good;

	if (command == NULL)
		return false;
	good = send_command(client, t, command, &reply, error) &&
	    !find_write_error(&reply, error);
	if (t->how == INVALID && good)
		bson_set_error(error, MONGOC_ERROR_SERVER, 0, "it stored an _id of []");
	if (t->how == INVALID)
		good = error->domain == MONGOC_ERROR_SERVER &&
		    (error->code == INVALID_ID || error->code == INVALID_MADE_ID);
	bson_destroy(&reply);
	bson_destroy(command);
	return good;
}

/* One line of the server's words, which may have several. */
static void
flatten(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ')
			*text = ' ';
}

int
trials_version(mongoc_client_t *client, char *text, size_t size)
{
	bson_t *ask = BCON_NEW("buildInfo", BCON_INT32(1)), reply;
	mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
	const char *version;
	bson_error_t error;
	bson_iter_t it;
	int rc = -1;

	snprintf(text, size, "does not say which version it is");
	if (!mongoc_client_command_simple(client, "admin", ask, primary, &reply, &error)) {
		snprintf(text, size, "does not say which version it is: %s", error.message);
		flatten(text);
	} else if (bson_iter_init_find(&it, &reply, "version") &&
	    BSON_ITER_HOLDS_UTF8(&it)) {
		version = bson_iter_utf8(&it, NULL);
		snprintf(text, size, "is MongoDB %s%s", version,
		    strncmp(version, RUN_ON, strlen(RUN_ON)) == 0 ? "" :
		    ": this program was run on " RUN_ON_TEXT " only");
		rc = 0;
	}
	mongoc_read_prefs_destroy(primary);
	bson_destroy(&reply);
	bson_destroy(ask);
	return rc;
}

/* Whether all are taken; *lost: the server does not answer. text says it. */
static bool
run_group(mongoc_client_t *client, const struct group *g, char text[TEXT_MAX], bool *lost)
{
	bson_error_t error;
	size_t i;

	snprintf(text, TEXT_MAX, "takes %s", g->what);
	for (i = 0; i < TRIALS_MAX && g->trials[i].command != NULL; i++) {
		memset(&error, 0, sizeof(error));
		if (run_trial(client, &g->trials[i], &error))
			continue;
		*lost = error.domain != MONGOC_ERROR_SERVER;
		snprintf(text, TEXT_MAX, "%s %s: %s (MongoDB %u.%u)",
		    *lost ? "does not say whether it takes" : "refuses", g->what,
		    error.message, error.domain, error.code);
		flatten(text);
		return false;
	}
	return true;
}

void
trials_run(mongoc_client_t *client, enum conf_role role,
    void (*take)(void *arg, bool good, const char *text), void *arg)
{
	char text[TEXT_MAX];
	bool lost = false;
	size_t i;

	for (i = 0; i < GROUPS_MAX && !lost; i++)
		if (groups[i].role == role)
			take(arg, run_group(client, &groups[i], text, &lost), text);
}
