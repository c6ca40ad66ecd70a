#include "worker/assemble.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mongoc/mongoc.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "lib/servers/s3.h"
#include "lib/jobs/units.h"
#include "worker/fragment.h"
#include "worker/worker.h"

/* The unit that comes next is looked at so often. */
#define LOOK_MS 200

struct assembly {
	struct attempt *a;
	struct archive *archive;
	mongoc_client_t *client;
	struct units *units;
	struct s3 *s3;
	pthread_t thread;
	enum outcome outcome;	/* when it has ended */

	pthread_mutex_t lock;	/* for what follows */
	pthread_cond_t changed;
	bool ended;
};

/* A unit ended for good, and so does its job, for the same reason. */
static enum outcome
unit_failed(struct attempt *a, const struct unit *unit)
{
	const struct task_error *e = &unit->task.error;

	if (e->detail != NULL)
		snprintf(a->detail, sizeof(a->detail), "%s", e->detail);
	return attempt_failed(a, failure_of(e->code != NULL ? e->code : ""));
}

/* What the unit of this place is now: COMPLETE, and whether it is *done. */
static enum outcome
assemble_look(struct assembly *s, int64_t place, struct unit *unit, bool *done)
{
	struct attempt *a = s->a;
	enum outcome outcome = COMPLETE;

	*done = false;
	switch (units_find(s->units, a->task->id, a->plan.plan, place, unit)) {
	case JOBS_OK:
		break;
	case JOBS_NONE:
		log_msg(LOG_ERROR, "split", "the unit %lld is gone: the job is "
		    "planned anew", (long long)place);
		units_drop(s->units, a->task->id, a->plan.plan);
		return attempt_failed(a, FAILURE_INTERNAL);
	default:
		/* The database is away: the lease tells how long to wait. */
		return COMPLETE;
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
		if (attempt_must_stop(s->a))
			return STOPPED;
		outcome = assemble_look(s, place, unit, &done);
		if (outcome != COMPLETE || done)
			return outcome;
		clock_pause_ms(LOOK_MS);
	}
}

/* The first preview that a unit has is the archive's. */
static void
assemble_take_preview(struct assembly *s, const struct unit *unit)
{
	struct task *task = s->a->task;

	if (task->preview == NULL)
		units_preview(s->units, unit->task.id, &task->preview);
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
	assemble_take_preview(s, unit);
	rc = units_facts(s->units, unit->task.id, &facts);
	if (rc == JOBS_ERROR)
		return attempt_failed(a, FAILURE_DATABASE);
	if (rc == JOBS_OK && unit->task.object.key != NULL)
		result = fragment_read(s->archive, s->s3, unit, facts,
		    (size_t)a->worker->conf->part_bytes);
	free(facts);
	/* Its units are made again, and so is what else this plan has. */
	if (result == ARCHIVE_BAD_FRAGMENT)
		units_drop(s->units, a->task->id, a->plan.plan);
	return attempt_archived(a, result, s3_failure(s->s3));
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
		mongoc_client_pool_push(s->a->worker->pool, s->client);
	s3_free(s->s3);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
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
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->client = mongoc_client_pool_pop(worker->pool);
	s->units = units_new(s->client, worker->conf);
	s->s3 = s3_new(worker->conf, attempt_must_stop, a);
	if (s->units == NULL || s->s3 == NULL ||
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

	clock_gettime(CLOCK_REALTIME, &until);
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
