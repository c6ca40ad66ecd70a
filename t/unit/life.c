/*
 * The logic of a job's life, without servers: the table of lib/jobs/transition.c
 * against a model with a clock of its own, three workers, their timer, two owners that
 * cancel, and a fault at any step: a crash, a pause beyond the lease, an answer that is lost,
 * before or after the write. A failing seed is printed; LIFE_SEED=n replays it and
 * prints each step. LIFE_SEEDS=n: how many (20000).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/tools/model.h"
#include "t/tap.h"

#define JOBS 4
#define WORKERS 3
#define OWNERS 2
#define LEASE_MS 60000
#define RENEW_MS 10000
#define RETENTION_MS 200000
#define MAX_ATTEMPTS 4
#define FAULTY_STEPS 400
#define CALM_STEPS 4000

/* What a worker believes. */
struct worker {
	int job;		/* -1: none */
	int64_t fence;
	int64_t renewed_ms;	/* by its own clock, from before the call */
	int work;		/* steps until the archive is whole */
	int sleep;		/* steps in which it does nothing: paused, or dead */
};

struct world {
	uint64_t random;
	int64_t now_ms;
	bool calm;
	struct model jobs[JOBS];
	struct model before[JOBS];
	int finishes[JOBS];
	int64_t due_ms;			/* what a retry or release asks for */
	uint64_t documents;		/* what progress is written */
	struct worker workers[WORKERS];
	int owner_job[OWNERS], owner_step[OWNERS];
	const char *wrong;
	bool tell;
};

static unsigned
draw(struct world *w, unsigned n)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (unsigned)(w->random >> 33) % n;
}

static void
wrong(struct world *w, const char *what)
{
	if (w->wrong == NULL)
		w->wrong = what;
}

/* A client's view never goes back, and an end is an end. */
static int
height(enum job_state s)
{
	return s == JOB_NOT_STARTED ? 0 : s == JOB_STARTED ? 1 :
	    s == JOB_EXPIRED ? 3 : 2;
}

/* Who may make it, and when: the fence is the one that the caller believes in. */
static void
check_right(struct world *w, int j, enum transition_id t, int64_t fence)
{
	const struct model *a = &w->before[j];
	const bool due = a->due_ms <= w->now_ms;
	const bool claims = t == T_CLAIM || t == T_RECLAIM;

	if (t >= T_RENEW && t <= T_CANCELLED &&
	    (a->state != JOB_STARTED || a->fence != fence))
		wrong(w, "made by a worker that had lost its claim");
	if ((claims || t == T_EXHAUST) && !due)
		wrong(w, "claimed or ended before it was due");
	if (t == T_BURY && a->held && !due)
		wrong(w, "ended while a worker held it");
	if (t == T_EXHAUST && a->attempts < MAX_ATTEMPTS)
		wrong(w, "spent with attempts left");
	if ((t == T_BURY || t == T_CANCELLED) && !a->cancel)
		wrong(w, "cancelled without a request");
	if (t == T_CANCEL_RUNNING && !a->held)
		wrong(w, "cancelRequested for a job that no worker holds");
	if (t == T_CANCEL_WAITING && a->held)
		wrong(w, "cancelled at once while a worker held it");
	if ((claims || t == T_FINISH || t == T_EXHAUST) && a->cancel)
		wrong(w, "went on although it was to be cancelled");
	if (job_ended(a->state) && t != T_EXPIRE && t != T_LAPSE)
		wrong(w, "a job that had ended was changed");
	if (t == T_LAPSE && a->expires_ms > w->now_ms)
		wrong(w, "expired before its time");
	if ((t == T_EXPIRE || t == T_LAPSE) && a->state != JOB_FINISHED)
		wrong(w, "expired without having been finished");
	if (t == T_FINISH && ++w->finishes[j] > 1)
		wrong(w, "finished twice");
}

/* Lease, fence and attempts. */
static void
check_claim(struct world *w, int j, enum transition_id t)
{
	const struct model *a = &w->before[j], *b = &w->jobs[j];
	const bool claims = t == T_CLAIM || t == T_RECLAIM;

	if (b->fence != a->fence + claims)
		wrong(w, "the fence counts claims, no more and no less");
	if (b->attempts != a->attempts + claims - (t == T_RELEASE))
		wrong(w, "attempts are charged by a claim, given back by a release");
	if (b->attempts > MAX_ATTEMPTS || b->attempts < 0)
		wrong(w, "attempts beyond the limit");
	if ((claims || t == T_RENEW) &&
	    b->due_ms != w->now_ms + LEASE_MS)
		wrong(w, "held without a lease");
	if ((t == T_RETRY || t == T_RELEASE) && b->due_ms != w->due_ms)
		wrong(w, "given back, and due at another time");
	if (claims && !b->held)
		wrong(w, "claimed and not held");
	if ((t == T_RETRY || t == T_RELEASE || job_ended(b->state)) && b->held)
		wrong(w, "given back or ended, and held");
	if ((t == T_RETRY || t == T_RELEASE) && b->state != JOB_STARTED)
		wrong(w, "given back, and not STARTED");
}

/* What the document of a job in this state has, and what it does not. */
static void
check_record(struct world *w, int j, enum transition_id t)
{
	const struct model *a = &w->before[j], *b = &w->jobs[j];
	const bool result = b->state == JOB_FINISHED ||
	    b->state == JOB_EXPIRED;

	if (height(b->state) < height(a->state))
		wrong(w, "a state went back");
	if (b->state == JOB_STARTED && !b->started)
		wrong(w, "STARTED without startedAt");
	if (b->finished != job_ended(b->state))
		wrong(w, "finishedAt is that of an ended job, and of no other");
	if ((t == T_RETRY || b->state == JOB_FAILED) && !b->error)
		wrong(w, "failed without an error");
	if (result && b->error)
		wrong(w, "finished with an error");
	if (result != (b->object != 0))
		wrong(w, "an object is that of a finished job, and of no other");
	/* Here the size of an object is the fence of its attempt. */
	if (t == T_FINISH && b->object != b->fence)
		wrong(w, "the object is of another attempt than the claim");
	if ((t == T_CLAIM || t == T_RECLAIM || t == T_RENEW ||
	    t == T_FINISH) && b->documents != w->documents)
		wrong(w, "progress that was not written");
	if (b->preview != (b->state == JOB_FINISHED))
		wrong(w, "a preview is that of a FINISHED job, and of no other");
	if ((t == T_CANCEL_WAITING || t == T_CANCEL_RUNNING) && !b->cancel)
		wrong(w, "cancelled, and not marked so");
}

/* What a caller learns of a write. */
enum heard { DONE, NOT_MATCHED, UNKNOWN };

static enum heard
make(struct world *w, enum transition_id t, int j, int64_t fence)
{
	const struct task_object object = { .size = fence };
	const struct task_progress progress = { .documents = draw(w, 100) };
	const struct transition_args args = { .fence = fence,
	    .lease_ms = LEASE_MS, .max_attempts = MAX_ATTEMPTS,
	    .retention_ms = RETENTION_MS,
	    .delay_ms = t == T_RETRY ? draw(w, 30000) : 0, .object = &object,
	    .progress = &progress, .preview = "{}" };
	const unsigned fault = w->calm ? 99 : draw(w, 20);
	bool made;

	if (fault == 0)
		return UNKNOWN;		/* lost on the way there */
	w->before[j] = w->jobs[j];
	w->due_ms = w->now_ms + args.delay_ms;
	w->documents = progress.documents;
	made = model_make(t, &args, w->now_ms, &w->jobs[j]);
	if (w->tell)
		diag("%8lld job %d %s fence %lld: %s", (long long)w->now_ms, j,
		    transitions[t].name, (long long)fence,
		    made ? "made" : "-");
	if (made) {
		check_right(w, j, t, fence);
		check_claim(w, j, t);
		check_record(w, j, t);
	}
	if (fault == 1)
		return UNKNOWN;		/* lost on the way back */
	return made ? DONE : NOT_MATCHED;
}

static void
look_for_work(struct world *w, struct worker *me)
{
	const int first = (int)draw(w, JOBS);
	int i;

	for (i = 0; i < JOBS; i++) {
		const int j = (first + i) % JOBS;
		const int64_t now = w->now_ms;
		enum heard heard = make(w, T_RECLAIM, j, 0);

		if (heard == NOT_MATCHED)
			heard = make(w, T_CLAIM, j, 0);
		if (heard == DONE) {
			me->job = j;
			me->fence = w->jobs[j].fence;
			me->renewed_ms = now;
			me->work = (int)draw(w, 12);
		}
		/* After an error nothing is believed: the lease runs out. */
		if (heard != NOT_MATCHED)
			return;
	}
}

/* The archive is on S3: the same write until its outcome is known. */
static void
finish(struct world *w, struct worker *me)
{
	enum heard heard = UNKNOWN;
	int try;

	for (try = 0; try < 5 && heard == UNKNOWN; try++)
		heard = make(w, T_FINISH, me->job, me->fence);
	if (heard == NOT_MATCHED)
		make(w, T_CANCELLED, me->job, me->fence);
	me->job = -1;
}

static void
renew(struct world *w, struct worker *me)
{
	const int64_t now = w->now_ms;

	switch (make(w, T_RENEW, me->job, me->fence)) {
	case DONE:
		me->renewed_ms = now;
		if (w->jobs[me->job].cancel) {
			make(w, T_CANCELLED, me->job, me->fence);
			me->job = -1;
		}
		break;
	case NOT_MATCHED:
		me->job = -1;
		break;
	case UNKNOWN:
		break;
	}
}

static void
break_off(struct world *w, struct worker *me)
{
	/* The last is wrong in most cases: its guard has to say so. */
	static const enum transition_id ways[] = { T_RETRY, T_RETRY, T_RETRY,
	    T_FAIL, T_RELEASE, T_CANCELLED };
	enum transition_id t = ways[draw(w, 6)];

	if (t == T_RETRY && w->jobs[me->job].attempts >= MAX_ATTEMPTS)
		t = T_FAIL;
	make(w, t, me->job, me->fence);
	me->job = -1;
}

static void
step_worker(struct world *w, struct worker *me)
{
	if (me->sleep > 0) {
		me->sleep--;
		return;
	}
	if (!w->calm && draw(w, 30) == 0) {
		me->job = -1;			/* kill -9, started again */
		me->sleep = (int)draw(w, 10);
		return;
	}
	if (!w->calm && draw(w, 30) == 0) {
		me->sleep = (int)draw(w, 60);	/* SIGSTOP, then old beliefs */
		return;
	}
	if (me->job < 0)
		look_for_work(w, me);
	else if (me->work-- <= 0)
		/* A zombie may come this far: only the fence stops it. */
		finish(w, me);
	else if (!w->calm && draw(w, 10) == 0)
		break_off(w, me);
	else if (w->now_ms - me->renewed_ms > LEASE_MS * 3 / 4 &&
	    (w->calm || draw(w, 4) != 0))
		/* Else it was stopped between this look and the call. */
		me->job = -1;
	else if (w->now_ms - me->renewed_ms >= RENEW_MS)
		renew(w, me);
}

/* DELETE, a transition a step, so that workers come in between. */
static void
step_owner(struct world *w, int o)
{
	static const enum transition_id order[] = { T_CANCEL_WAITING,
	    T_CANCEL_RUNNING, T_EXPIRE };

	if (w->owner_job[o] < 0) {
		if (draw(w, 40) == 0)
			w->owner_job[o] = (int)draw(w, JOBS);
		w->owner_step[o] = 0;
		return;
	}
	if (make(w, order[w->owner_step[o]], w->owner_job[o], 0) !=
	    NOT_MATCHED || ++w->owner_step[o] == 3)
		w->owner_job[o] = -1;
}

/* One of the sweeps; claims do not wait for it. */
static void
step_timer(struct world *w)
{
	static const enum transition_id ends[] = { T_BURY, T_EXHAUST, T_LAPSE };
	const enum transition_id t = ends[draw(w, 3)];
	int j;

	for (j = 0; j < JOBS; j++)
		make(w, t, j, 0);
}

static bool
all_ended(const struct world *w)
{
	int j;

	for (j = 0; j < JOBS; j++)
		if (!job_ended(w->jobs[j].state))
			return false;
	return true;
}

static void
step(struct world *w)
{
	const unsigned who = draw(w, WORKERS + OWNERS + 1);

	w->now_ms += draw(w, 4000);
	if (who < WORKERS)
		step_worker(w, &w->workers[who]);
	else if (who == WORKERS + OWNERS)
		step_timer(w);
	else if (!w->calm)
		step_owner(w, (int)(who - WORKERS));
}

static const char *
live(uint64_t seed, bool tell)
{
	struct world w;
	int i;

	memset(&w, 0, sizeof(w));
	w.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	w.tell = tell;
	/* They were created one after the other. */
	for (i = 0; i < JOBS; i++)
		w.jobs[i].due_ms = draw(&w, 60000);
	for (i = 0; i < WORKERS; i++)
		w.workers[i].job = -1;
	for (i = 0; i < OWNERS; i++)
		w.owner_job[i] = -1;
	for (i = 0; i < FAULTY_STEPS && w.wrong == NULL; i++)
		step(&w);
	w.calm = true;
	for (i = 0; i < CALM_STEPS && w.wrong == NULL && !all_ended(&w); i++)
		step(&w);
	if (!all_ended(&w))
		wrong(&w, "a job never ended");
	return w.wrong;
}

int
main(void)
{
	const char *one = getenv("LIFE_SEED"), *many = getenv("LIFE_SEEDS");
	const unsigned long n = many ? strtoul(many, NULL, 10) : 20000;
	const char *why = NULL;
	unsigned long seed;

	if (one != NULL) {
		why = live(strtoul(one, NULL, 10), true);
		ok(why == NULL, "seed %s: %s", one, why ? why : "well");
		return done_testing();
	}
	printf("# LIFE_SEED=1 to %lu\n", n);
	for (seed = 1; seed <= n && why == NULL; seed++)
		why = live(seed, false);
	if (why != NULL)
		diag("seed %lu: %s; LIFE_SEED=%lu replays it", seed - 1, why,
		    seed - 1);
	ok(why == NULL, "%lu lives of %d jobs", n, JOBS);
	return done_testing();
}
