#ifndef LIB_JOBS_TRANSITION_H
#define LIB_JOBS_TRANSITION_H

#include <stdint.h>

struct _bson_t;
struct names;
struct task_object;
struct task_progress;

/*
 * The life of a job, and of a unit, as the one table in transition.c. A transition is
 * a single conditional update of one document, so of two that exclude each other
 * exactly one wins. The table is data: tasks.c makes MongoDB's updates from it, and
 * t/unit/life.c runs the same table against a model.
 */
enum transition_id {
	/* by a worker that looks for work */
	T_RECLAIM,
	T_CLAIM,
	/* by any worker, from time to time */
	T_BURY,
	T_EXHAUST,
	T_LAPSE,
	/* by the worker that holds the claim */
	T_RENEW,
	T_FINISH,
	T_FAIL,
	T_RETRY,
	T_RELEASE,
	T_CANCELLED,
	/* by the owner */
	T_CANCEL_WAITING,
	T_CANCEL_RUNNING,
	T_EXPIRE,
	TRANSITIONS
};

/* What has to hold, in addition to the state. Unheld: no worker holds it. */
enum transition_guard {
	G_MINE = 1 << 0,	/* the fence is that of the caller's claim */
	G_DUE = 1 << 1,		/* dueAt has passed */
	G_HELD = 1 << 2,
	G_UNHELD = 1 << 3,
	G_DUE_OR_UNHELD = 1 << 4,
	G_LEFT = 1 << 5,	/* attempts are left */
	G_SPENT = 1 << 6,	/* no attempts are left */
	G_CANCEL = 1 << 7,	/* cancelling was requested */
	G_NO_CANCEL = 1 << 8,
	G_LAPSED = 1 << 9	/* expiresAt has passed */
};

/* What changes, in addition to the state. */
enum transition_effect {
	E_LEASE = 1 << 0,	/* dueAt = now + lease_ms */
	E_CLAIM = 1 << 1,	/* fence, attempts + 1, worker, claimedAt, startedAt once */
	E_UNCHARGE = 1 << 2,	/* attempts - 1 */
	E_DELAY = 1 << 3,	/* dueAt = now + delay_ms */
	E_UNHOLD = 1 << 4,	/* no worker */
	E_ENDED = 1 << 5,	/* finishedAt = now */
	E_OBJECT = 1 << 6,	/* object, what goes with it, expiresAt; no earlier error */
	E_ERROR = 1 << 7,
	E_PROGRESS = 1 << 8,	/* progress, progressAt = now */
	E_CANCEL = 1 << 9,	/* cancelRequested */
	E_FORGET = 1 << 10	/* no preview any more */
};

struct transition {
	const char *name;
	unsigned from;		/* bits, 1 << enum job_state */
	unsigned guard;
	int to;			/* enum job_state, or -1: stays */
	unsigned effect;
};

extern const struct transition transitions[TRANSITIONS];

/* Parameters of a transition; those it does not use may be zero. */
struct transition_args {
	const char *id;		/* NULL: any job */
	const char *parent;	/* units of this job only; NULL: of any */
	const char *owner;	/* NULL: anyone's */
	int64_t fence;
	const char *worker;
	int64_t lease_ms, delay_ms, retention_ms, max_attempts;
	const struct task_progress *progress;
	const struct task_object *object;
	const char *preview, *facts;	/* NULL: none */
	const struct names *skipped;	/* of an object; NULL: none */
	const char *error_code, *error_message;
	const char *error_detail;	/* NULL: none */
};

/* transition_match_states(filter, states): One of them; bits as in `from`. */
void transition_match_states(struct _bson_t *filter, unsigned states);

/*
 * transition_filter(t, args): What the document has to match.
 * transition_update(t, args): The update, a pipeline; all times are $$NOW.
 * transition_sort(t): Which of several that match is the first; NULL: any.
 * The caller destroys all of them. Each that matches any job or unit (no id) has an
 * index of scripts/provision that leads to the first match at once.
 */
struct _bson_t *transition_filter(enum transition_id t,
    const struct transition_args *args);
struct _bson_t *transition_update(enum transition_id t,
    const struct transition_args *args);
struct _bson_t *transition_sort(enum transition_id t);

#endif
