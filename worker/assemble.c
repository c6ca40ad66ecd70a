/*
 * The thread that assembles a split job's archive. Polls the units in their order;
 * a fragment that is gone or damaged drops the whole plan, to be made again.
 */
#include "worker/assemble.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/units.h"
#include "worker/fragment.h"
#include "worker/readahead.h"
#include "worker/worker.h"

/* Poll interval for the next unit. */
#define LOOK_MS 200

struct assembly {
	struct attempt *a;
	struct archive *archive;
	struct _mongoc_client_t *client;	/* its own: the attempt uses another */
	struct units *units;
	struct readahead *from;		/* the fragments */
	struct patience_try away;	/* the database, while a unit is waited for */
	pthread_t thread;
	enum outcome outcome;	/* once it has ended */

	pthread_mutex_t lock;	/* of the members below */
	pthread_cond_t changed;
	bool ended;
};

/* A unit FAILED, and so does its job, for the same reason. */
static enum outcome
unit_failed(struct attempt *a, const struct unit *unit)
{
	const struct task_error *e = &unit->task.error;

	if (e->detail != NULL)
		snprintf(a->detail, sizeof(a->detail), "%s", e->detail);
	return attempt_failed(a, failure_of(e->code != NULL ? e->code : ""));
}

/* Read the unit of this place; *done: it is FINISHED, and the caller's to release. */
static enum outcome
assemble_look(struct assembly *s, int64_t place, struct unit *unit, bool *done)
{
	struct attempt *a = s->a;
	enum outcome outcome = COMPLETE;

	*done = false;
	switch (units_find(s->units, a->task->id, a->plan.plan, place, unit)) {
	case JOBS_OK:
		s->away.failures = 0;
		break;
	case JOBS_NONE:
		log_msg(LOG_ERROR, "split", "unit %lld is gone: the job is planned "
		    "again", (long long)place);
		units_drop(s->units, a->task->id, a->plan.plan);
		return attempt_failed(a, FAILURE_INTERNAL);
	default:
		return patience_pause(&s->away) ? COMPLETE :
		    attempt_failed(a, FAILURE_DATABASE);
	}
	if ((*done = unit->task.state == JOB_FINISHED))
		return COMPLETE;
	if (job_ended(unit->task.state))
		outcome = unit_failed(a, unit);
	unit_release(unit);
	return outcome;
}

static enum outcome
assemble_wait_for(struct assembly *s, int64_t place, struct unit *unit)
{
	enum outcome outcome;
	bool done;

	for (;;) {
		if (attempt_over(s->a))
			return STOPPED;
		outcome = assemble_look(s, place, unit, &done);
		if (outcome != COMPLETE || done)
			return outcome;
		clock_pause_ms(LOOK_MS);
	}
}

/* The unit's facts, read again while the database is away. */
static enum jobs_result
assemble_facts(struct assembly *s, const struct unit *unit, char **facts)
{
	struct patience_try t = { .patience = &s->a->patience };
	enum jobs_result rc;

	do
		rc = units_facts(s->units, unit->task.id, facts);
	while (rc == JOBS_ERROR && patience_pause(&t));
	return rc;
}

/* Write a FINISHED unit's fragment into the archive. */
static enum outcome
assemble_unit(struct assembly *s, const struct unit *unit)
{
	enum archive_result result = ARCHIVE_BAD_FRAGMENT;
	struct attempt *a = s->a;
	enum jobs_result rc;
	char *facts = NULL;

	crash_at(CRASH_BEFORE_PIECE);
	if ((rc = assemble_facts(s, unit, &facts)) == JOBS_ERROR)
		return attempt_failed(a, FAILURE_DATABASE);
	/* What this very attempt had made is not gone: a refusal is one. */
	if (rc == JOBS_OK && unit->task.object.key != NULL)
		result = fragment_read(s->archive, s->from, unit, facts,
		    (size_t)a->worker->conf->part_bytes,
		    a->plan.plan < units_plan_number(a->task->fence, false));
	free(facts);
	/* The next attempt makes all units of this plan again. */
	if (result == ARCHIVE_BAD_FRAGMENT)
		units_drop(s->units, a->task->id, a->plan.plan);
	return attempt_archived(a, result, readahead_failure(s->from));
}

static void *
assemble_run(void *arg)
{
	struct assembly *s = arg;
	enum outcome outcome = COMPLETE;
	struct unit unit;
	int64_t place;

	for (place = 0; place < s->a->plan.n && outcome == COMPLETE; place++) {
		if ((outcome = assemble_wait_for(s, place, &unit)) != COMPLETE)
			break;
		outcome = assemble_unit(s, &unit);
		unit_release(&unit);
	}
	s->outcome = outcome;
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void
assemble_free(struct assembly *s)
{
	units_free(s->units);
	if (s->client != NULL)
		mongo_give(s->a->worker->pool, s->client);
	readahead_free(s->from);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Waits are by the monotonic clock: a stepped clock stretches none. */
static void
cond_init_monotonic(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

struct assembly *
assemble_start(struct attempt *a, struct archive *archive)
{
	const struct worker *worker = a->worker;
	struct assembly *s;
	int rc = ENOMEM;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		goto fail;
	s->a = a;
	s->archive = archive;
	s->away.patience = &a->patience;
	pthread_mutex_init(&s->lock, NULL);
	cond_init_monotonic(&s->changed);
	s->client = mongo_take(worker->pool);
	s->units = units_new(s->client, worker->conf);
	s->from = readahead_new(worker->conf, &a->patience);
	if (s->units == NULL || s->from == NULL ||
	    (rc = pthread_create(&s->thread, NULL, assemble_run, s)) != 0)
		goto fail;
	return s;
fail:
	log_msg(LOG_ERROR, "split", "%s", strerror(rc));
	if (s != NULL)
		assemble_free(s);
	return NULL;
}

bool
assemble_wait(struct assembly *s, int ms)
{
	struct timespec until;
	bool ended;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ms * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&s->lock);
	while (!s->ended && ms > 0 && rc == 0)
		rc = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	ended = s->ended;
	pthread_mutex_unlock(&s->lock);
	return ended;
}

enum outcome
assemble_end(struct assembly *s)
{
	enum outcome outcome;

	pthread_join(s->thread, NULL);
	outcome = s->outcome;
	assemble_free(s);
	return outcome;
}
