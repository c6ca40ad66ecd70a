#include "worker/split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/crash.h"
#include "lib/jobs.h"
#include "lib/log.h"
#include "lib/s3.h"
#include "worker/export.h"
#include "worker/piece.h"
#include "worker/unit.h"
#include "worker/upload.h"

#define UNITS_OF_LEAST 32	/* so many units has the smallest job that is split */
#define UNITS_MAX 4096		/* more make them larger, where vehicles allow it */
/* While others work on what comes next, it is looked at so often. */
#define WAIT_MS 100
/* How far the others are is asked no more often. */
#define SUM_MS 1000

enum outcome
split_find(struct attempt *a)
{
	enum jobs_result rc;

	/* By the first claim it was not planned: a small job asks nothing. */
	if (a->job->fence <= 1)
		return COMPLETE;
	rc = units_find_plan(a->env->units, a->job->id, &a->plan);
	if (rc == JOBS_ERROR)
		return attempt_broken(a, FAILURE_DATABASE);
	if (rc == JOBS_NONE)
		a->plan = (struct units_plan){ 0 };
	a->progress.documents_total = a->plan.documents;
	return COMPLETE;
}

/* Cut off units of `each` documents or more. How many; cuts has room for all vehicles. */
static size_t
cut(const struct strings *vehicles, const uint64_t *documents, uint64_t each,
    struct unit_cut *cuts)
{
	size_t i, n = 0;

	for (i = 0; i < vehicles->n; i++) {
		if (n == 0 || cuts[n - 1].documents >= each ||
		    cuts[n - 1].n == SPLIT_VEHICLES_MAX)
			cuts[n++] = (struct unit_cut){ .first = i };
		cuts[n - 1].n++;
		cuts[n - 1].documents += documents[i];
	}
	return n;
}

static enum outcome
store_plan(struct attempt *a, const struct strings *vehicles,
    const struct unit_cut *cuts, size_t n)
{
	struct jobs *units = a->env->units;

	/* What an earlier claim did not plan to the end. */
	if ((a->job->fence > 1 && units_drop(units, a->job->id) != JOBS_OK) ||
	    units_insert(units, a->job, vehicles, cuts, n) != JOBS_OK)
		return attempt_broken(a, FAILURE_DATABASE);
	a->plan = (struct units_plan){ a->job->fence, (int64_t)n,
	    a->job->claimed_ms, a->progress.documents_total };
	log_fields(LOG_INFO, "split", "units=%zu documents=%llu", n,
	    (unsigned long long)a->plan.documents);
	crash_at(CRASH_AFTER_PLAN);
	return COMPLETE;
}

enum outcome
split_plan(struct attempt *a, const struct strings *vehicles,
    const uint64_t *documents)
{
	const uint64_t total = a->progress.documents_total;
	const uint64_t least = (uint64_t)a->env->conf->split_documents;
	enum outcome outcome = COMPLETE;
	struct unit_cut *cuts;
	uint64_t each;
	size_t n;

	if (least == 0 || total < least || vehicles->n < 2)
		return COMPLETE;
	if ((cuts = calloc(vehicles->n, sizeof(*cuts))) == NULL)
		return attempt_broken(a, FAILURE_INTERNAL);
	each = (least > total / (UNITS_MAX / UNITS_OF_LEAST) ? least : total /
	    (UNITS_MAX / UNITS_OF_LEAST)) / UNITS_OF_LEAST;
	n = cut(vehicles, documents, each, cuts);
	if (n > 1)
		outcome = store_plan(a, vehicles, cuts, n);
	free(cuts);
	return outcome;
}

static void
pause_ms(int ms)
{
	const struct timespec t = { 0, ms * 1000000L };

	nanosleep(&t, NULL);
}

/* All units' progress, at most once in a while. An error leaves it as it was. */
static void
sum_up(struct attempt *a, int64_t *next_ms)
{
	struct job_progress *p = &a->progress;

	if (clock_monotonic_ms() < *next_ms)
		return;
	*next_ms = clock_monotonic_ms() + SUM_MS;
	if (units_progress(a->env->units, a->job->id, a->plan.plan, p) !=
	    JOBS_OK)
		return;
	a->documents = p->documents;
	a->bytes = p->bytes_read;
	a->rows = p->rows;
	a->points = p->points;
	attempt_tell(a, "exporting");
}

/* A unit ended for good, and so does its job, with the same words. */
static enum outcome
unit_failed(struct attempt *a, const struct job *unit)
{
	const enum failure why = failure_of(unit->error_code != NULL ?
	    unit->error_code : "");
	const char *message = unit->error_message != NULL ?
	    unit->error_message : "";
	const size_t len = strlen(failure_text(why));

	if (strncmp(message, failure_text(why), len) == 0 &&
	    message[len] == ' ')
		snprintf(a->detail, sizeof(a->detail), "%s",
		    message + len + 1);
	return attempt_broken(a, why);
}

/* What the unit of this place is, as it is now: COMPLETE with *done or not. */
static enum outcome
look(struct attempt *a, int64_t place, struct job *unit, bool *done)
{
	enum outcome outcome = COMPLETE;

	*done = false;
	switch (units_find(a->env->units, a->job->id, a->plan.plan, place,
	    unit)) {
	case JOBS_OK:
		break;
	case JOBS_NONE:
		log_msg(LOG_ERROR, "split", "the unit %lld is gone: the job is "
		    "planned anew", (long long)place);
		units_drop(a->env->units, a->job->id);
		return attempt_broken(a, FAILURE_INTERNAL);
	default:
		/* The database is away: the lease tells how long to wait. */
		return COMPLETE;
	}
	if ((*done = unit->state == JOB_FINISHED))
		return COMPLETE;
	if (job_ended(unit->state))
		outcome = unit_failed(a, unit);
	job_release(unit);
	return outcome;
}

/* Wait until the unit of this place is done; make others, or this, meanwhile. */
static enum outcome
wait_for(struct attempt *a, int64_t place, struct job *unit, int64_t *next_ms)
{
	enum outcome outcome;
	struct job other;
	bool done;

	for (;;) {
		if (attempt_must_stop(a))
			return STOPPED;
		outcome = look(a, place, unit, &done);
		if (outcome != COMPLETE || done)
			return outcome;
		sum_up(a, next_ms);
		if (jobs_claim_unit(a->env->units, a->job->id,
		    a->job->worker, &other) != JOBS_OK) {
			pause_ms(WAIT_MS);
			continue;
		}
		unit_export(a->env, &other, a);
		job_release(&other);
		*next_ms = 0;
	}
}

/* The first preview that a unit has is the archive's. */
static void
take_preview(struct attempt *a, const struct job *unit)
{
	if (a->job->preview == NULL)
		jobs_preview(a->env->units, unit->id, unit->owner,
		    &a->job->preview);
}

static enum outcome
take(struct attempt *a, struct s3 *s3, const struct job *unit)
{
	enum piece_result result = PIECE_BAD;
	enum jobs_result rc;
	char *facts = NULL;

	crash_at(CRASH_BEFORE_PIECE);
	take_preview(a, unit);
	rc = units_facts(a->env->units, unit->id, &facts);
	if (rc == JOBS_ERROR)
		return attempt_broken(a, FAILURE_DATABASE);
	if (rc == JOBS_OK && unit->object_key != NULL)
		result = piece_take(s3, unit, facts,
		    (size_t)a->env->conf->part_bytes, a->zip, a->manifest);
	free(facts);
	switch (result) {
	case PIECE_TAKEN:
		return COMPLETE;
	case PIECE_BAD:
		units_drop(a->env->units, a->job->id);
		return attempt_broken(a, FAILURE_STORAGE);
	case PIECE_FAILED:
		break;
	}
	return attempt_broken(a, upload_failure(a->upload) != FAILURE_NONE ?
	    upload_failure(a->upload) : s3_failure(s3) != FAILURE_NONE ?
	    s3_failure(s3) : FAILURE_INTERNAL);
}

enum outcome
split_export(struct attempt *a)
{
	struct s3 *s3 = s3_new(a->env->conf, attempt_must_stop, a);
	enum outcome outcome = COMPLETE;
	int64_t place, next_ms = 0;
	struct job unit;

	if (s3 == NULL)
		return attempt_broken(a, FAILURE_INTERNAL);
	for (place = 0; place < a->plan.n && outcome == COMPLETE; place++) {
		outcome = wait_for(a, place, &unit, &next_ms);
		if (outcome != COMPLETE)
			break;
		outcome = take(a, s3, &unit);
		job_release(&unit);
	}
	next_ms = 0;
	if (outcome == COMPLETE)
		sum_up(a, &next_ms);
	s3_free(s3);
	return outcome;
}
