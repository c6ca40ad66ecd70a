/*
 * A unit as a document of exports.units. It knows no collection (lib/jobs/units.c).
 */
#include "lib/jobs/unit.h"

#include <stdlib.h>
#include <string.h>

#include <bson/bson.h>

#include "lib/base/log.h"
#include "lib/jobs/task_impl.h"

/* In the order of a new document. */
static const struct field unit_field_table[] = {
	TASK_FIELDS_HEAD(struct unit),
	FIELD(struct unit, "requestHash", FIELD_HASH, FIELD_NEW, spec.hash),
	TASK_FIELDS_TAIL(struct unit),
	FIELD(struct unit, "job", FIELD_ID, FIELD_NEW, parent),
	FIELD(struct unit, "plan", FIELD_INT64, FIELD_NEW, plan),
	FIELD(struct unit, "unit", FIELD_INT64, FIELD_NEW, place),
	FIELD(struct unit, "documents", FIELD_INT64, FIELD_NEW, documents),
	FIELD(struct unit, "fromMs", FIELD_INT64, FIELD_NEW, from_ms),
	FIELD(struct unit, "toMs", FIELD_INT64, FIELD_NEW, to_ms),
	FIELD(struct unit, "readTime", FIELD_TIMESTAMP, FIELD_NEW, read_time),
	FIELD(struct unit, "csvSplitBytes", FIELD_INT64, FIELD_NEW, csv_split_bytes),
};
static const struct fields unit_fields = { "units", unit_field_table,
	sizeof(unit_field_table) / sizeof(unit_field_table[0]) };

void
unit_init(struct unit *u)
{
	memset(u, 0, sizeof(*u));
	task_init(&u->task, TASK_UNIT);
}

void
unit_release(struct unit *u)
{
	task_release(&u->task);
	spec_release(&u->spec);
	free(u->facts);
	unit_init(u);
}

void
unit_new_bson(const struct unit *u, bson_t *doc)
{
	fields_write(&unit_fields, u, doc);
}

int
unit_from_bson(const bson_t *doc, struct unit *u)
{
	int rc;

	unit_init(u);
	rc = task_from_bson(&unit_fields, doc, u);
	if (u->parent[0] == '\0') {
		log_msg(LOG_ERROR, "job", "exports.units %s: no job",
		    u->task.id);
		rc = -1;
	}
	return rc;
}
