/*
 * Compares a MongoDB user's privileges with those that scripts/provision
 * grants. Reads only what the server reports of the user; tries nothing.
 */
#include "lib/servers/rights.h"

#include <stdio.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/servers/mongo.h"

/* "cluster" or "DATABASE.COLLECTION", "." for any; actions, a space after each. */
struct privilege {
	const char *resource;
	const char *actions;
};

/* As in scripts/provision. */
static const struct privilege needs[][10] = {
	[CONF_API] = {
		{ "exports.jobs", "find insert update " },
		{ "exports.vehicles", "find " },
		{ "exports.totals", "find " },
		{ "exports.owners", "find " },
		{ "exports.parameters", "find " },
		{ "exports.workers", "find " },
		{ "exports.usage", "find " },
	},
	[CONF_WORKER] = {
		{ ".", "find listCollections " },
		{ "cluster", "listDatabases " },
		{ "exports.jobs", "find update " },
		{ "exports.vehicles", "find insert update remove " },
		{ "exports.totals", "find insert update remove " },
		{ "exports.workers", "insert update " },
		{ "exports.units", "find insert update remove " },
		{ "exports.usage", "find insert update remove " },
	},
};
#define PRIVILEGES_MAX (sizeof(needs[0]) / sizeof(needs[0][0]))

struct findings {
	const struct privilege *needs;
	unsigned seen[PRIVILEGES_MAX];	/* bit n: the action n of the list */
	int wrong;
	char *text;
	size_t size;
};

static void
findings_add(struct findings *f, int bit, const char *what, size_t len,
    const char *resource)
{
	const size_t used = strlen(f->text);

	f->wrong |= bit;
	snprintf(f->text + used, f->size - used, "%s%.*s on %s %s",
	    used > 0 ? "; " : "", (int)len, what,
	    resource[0] == '.' ? "any collection" : resource,
	    bit == RIGHTS_MISSING ? "is missing" : "is not needed");
}

/* The place of an action in a list, -1: it is not there. */
static int
action_place(const char *list, const char *action)
{
	const size_t len = strlen(action);
	int n;

	for (n = 0; *list != '\0'; n++, list += strcspn(list, " ") + 1)
		if (strcspn(list, " ") == len &&
		    strncmp(list, action, len) == 0)
			return n;
	return -1;
}

/* {cluster: true} or {db, collection}, as one name. */
static void
name_resource(bson_iter_t *it, char *name, size_t size)
{
	const char *database = "?", *collection = "?";
	bool cluster = false;
	bson_iter_t in;

	if (BSON_ITER_HOLDS_DOCUMENT(it) && bson_iter_recurse(it, &in)) {
		while (bson_iter_next(&in)) {
			const char *key = bson_iter_key(&in);

			if (strcmp(key, "cluster") == 0)
				cluster = bson_iter_as_bool(&in);
			else if (strcmp(key, "db") == 0)
				database = bson_iter_utf8(&in, NULL);
			else if (strcmp(key, "collection") == 0)
				collection = bson_iter_utf8(&in, NULL);
		}
	}
	if (cluster)
		snprintf(name, size, "cluster");
	else
		snprintf(name, size, "%s.%s", database ? database : "?",
		    collection ? collection : "?");
}

/* Mark the needed ones as seen, report the others. */
static void
take_actions(struct findings *f, bson_iter_t *actions, const char *resource)
{
	const char *action;
	bson_iter_t in;
	size_t i;
	int place;

	for (i = 0; i < PRIVILEGES_MAX && f->needs[i].resource != NULL &&
	    strcmp(f->needs[i].resource, resource) != 0; i++)
		;
	if (!BSON_ITER_HOLDS_ARRAY(actions) ||
	    !bson_iter_recurse(actions, &in))
		return;
	while (bson_iter_next(&in)) {
		if (!BSON_ITER_HOLDS_UTF8(&in))
			continue;
		action = bson_iter_utf8(&in, NULL);
		place = i < PRIVILEGES_MAX && f->needs[i].resource != NULL ?
		    action_place(f->needs[i].actions, action) : -1;
		if (place >= 0)
			f->seen[i] |= 1u << place;
		else
			findings_add(f, RIGHTS_EXCESS, action, strlen(action),
			    resource);
	}
}

static void
take_privilege(struct findings *f, bson_iter_t *privilege)
{
	char resource[256];
	bson_iter_t in;

	if (!BSON_ITER_HOLDS_DOCUMENT(privilege) ||
	    !bson_iter_recurse(privilege, &in) ||
	    !bson_iter_find(&in, "resource"))
		return;
	name_resource(&in, resource, sizeof(resource));
	if (bson_iter_recurse(privilege, &in) &&
	    bson_iter_find(&in, "actions"))
		take_actions(f, &in, resource);
}

static void
find_missing(struct findings *f)
{
	const char *action;
	size_t i, len;
	int n;

	for (i = 0; i < PRIVILEGES_MAX && f->needs[i].resource != NULL; i++) {
		action = f->needs[i].actions;
		for (n = 0; *action != '\0'; n++, action += len + 1) {
			len = strcspn(action, " ");
			if ((f->seen[i] & 1u << n) == 0)
				findings_add(f, RIGHTS_MISSING, action, len,
				    f->needs[i].resource);
		}
	}
}

int
rights_mongo(mongoc_client_t *client, enum conf_role role, char *text,
    size_t size)
{
	struct findings f = { .needs = needs[role], .text = text,
	    .size = size };
	bson_t *ask = BCON_NEW("connectionStatus", BCON_INT32(1),
	    "showPrivileges", BCON_BOOL(true)), reply;
	mongoc_read_prefs_t *primary;
	bson_iter_t it, list;
	bson_error_t error;
	int rc = -1;

	/* Asked of the primary, which enforces them. */
	text[0] = '\0';
	primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
	if (!mongoc_client_command_simple(client, "admin", ask, primary, &reply,
	    &error)) {
		mongo_log("rights", &error);
	} else if (bson_iter_init(&it, &reply) && bson_iter_find_descendant(&it,
	    "authInfo.authenticatedUserPrivileges", &list) &&
	    BSON_ITER_HOLDS_ARRAY(&list) && bson_iter_recurse(&list, &it)) {
		while (bson_iter_next(&it))
			take_privilege(&f, &it);
		find_missing(&f);
		rc = f.wrong;
	}
	mongoc_read_prefs_destroy(primary);
	bson_destroy(&reply);
	bson_destroy(ask);
	return rc;
}
