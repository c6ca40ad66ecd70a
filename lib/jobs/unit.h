#ifndef LIB_JOBS_UNIT_H
#define LIB_JOBS_UNIT_H

#include <stdint.h>

#include "lib/jobs/spec.h"
#include "lib/jobs/task.h"

struct _bson_t;

/*
 * A document of exports.units: some vehicles of a large job, and their place in its
 * archive (lib/jobs/units.h). Its fields are a table in unit.c. Strings belong to the
 * struct, NULL when not set.
 */
struct unit {
	struct task task;	/* first: see lib/jobs/task.h */
	struct export_spec spec;	/* the job's, of these vehicles only */
	char parent[JOB_ID_SIZE];	/* the job that it is part of */
	int64_t plan;		/* units_plan_number() */
	int64_t place;		/* in the archive, from 0 */
	int64_t documents;	/* expected; a claim's progress begins with none */
	int64_t from_ms, to_ms;	/* of its only vehicle: midnights; 0: all of it */
	struct read_time read_time;	/* of that claim: all units read at the same */
	int64_t csv_split_bytes;	/* of the worker that planned it; 0: unknown */
	char *facts;		/* JSON (worker/fragment.h); set to be stored, never read */
};

/* unit_init(u): All unset. unit_release(u): Free what u owns; all unset. */
void unit_init(struct unit *u);
void unit_release(struct unit *u);

/* unit_new_bson(u, doc), unit_from_bson(doc, u): As those of lib/jobs/job.h. */
void unit_new_bson(const struct unit *u, struct _bson_t *doc);
int unit_from_bson(const struct _bson_t *doc, struct unit *u);

#endif
