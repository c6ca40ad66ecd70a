/*
 * The collection exports.owners: what one owner may do. Who the owner is was proved
 * elsewhere (fcgi/request.c); what a pattern means is scope.c's.
 */
#include "lib/jobs/owners.h"

#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/task_impl.h"
#include "lib/jobs/tasks_impl.h"

enum role { ROLE_USER, ROLE_OPERATOR };

/* An entry as it is stored. */
struct entry {
	struct names vehicles;
	enum role role;
	struct jobs_limits limits;
};

static const char *const role_names[] = { "user", "operator", NULL };
static const struct field entry_table[] = {
	FIELD(struct entry, "vehicles", FIELD_NAMES, FIELD_NEW, vehicles),
	FIELD_OF_WORDS(struct entry, "role", role, role_names),
	FIELD(struct entry, "jobsMax", FIELD_INT64, FIELD_NEW, limits.unfinished),
	FIELD(struct entry, "jobsPerHour", FIELD_INT64, FIELD_NEW, limits.per_hour),
	FIELD(struct entry, "bytesKept", FIELD_INT64, FIELD_NEW, limits.bytes_kept),
};
static const struct fields entry_fields = { "owners", entry_table,
	sizeof(entry_table) / sizeof(entry_table[0]) };

/* On JOBS_OK, and only then, the caller destroys *doc. */
static enum jobs_result
find_entry(mongoc_client_t *client, const char *name, bson_t **doc)
{
	mongoc_collection_t *c = mongoc_client_get_collection(client, "exports",
	    "owners");
	mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
	bson_t *filter = BCON_NEW("_id", BCON_UTF8(name));
	bson_t *opts = BCON_NEW("limit", BCON_INT64(1), "singleBatch",
	    BCON_BOOL(true), "maxTimeMS", BCON_INT32(MONGO_READ_MAX_MS));
	enum jobs_result rc;

	/* Of the primary: what was withdrawn is not granted by one that lags. */
	rc = tasks_first(mongoc_collection_find_with_opts(c, filter, opts, primary),
	    "owner", doc);
	bson_destroy(opts);
	bson_destroy(filter);
	mongoc_read_prefs_destroy(primary);
	mongoc_collection_destroy(c);
	return rc;
}

bool
owners_listed(const struct conf *conf)
{
	return strcmp(conf->owners, "listed") == 0;
}

enum jobs_result
owners_find(mongoc_client_t *client, const struct conf *conf, const char *name,
    struct owner *o)
{
	struct entry entry = { .limits = { conf->owner_jobs_max,
	    conf->owner_jobs_per_hour, conf->owner_bytes_kept } };
	enum jobs_result rc;
	bson_t *doc;

	*o = (struct owner){ .limits = entry.limits };
	if (!owners_listed(conf)) {
		o->scope.all = true;
		return JOBS_OK;
	}
	if ((rc = find_entry(client, name, &doc)) != JOBS_OK)
		return rc;
	if (fields_read(&entry_fields, doc, &entry) == 0) {
		o->scope.patterns = entry.vehicles;
		o->is_operator = entry.role == ROLE_OPERATOR;
		o->limits = entry.limits;
	} else {
		log_msg(LOG_ERROR, "owner", "an entry of exports.owners cannot be read: "
		    "run scripts/owners set for its owner again");
		names_release(&entry.vehicles);
		rc = JOBS_NONE;
	}
	bson_destroy(doc);
	return rc;
}

void
owner_release(struct owner *o)
{
	names_release(&o->scope.patterns);
	memset(o, 0, sizeof(*o));
}
