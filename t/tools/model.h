#ifndef T_TOOLS_MODEL_H
#define T_TOOLS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/jobs/task.h"
#include "lib/jobs/transition.h"

/* The fields of a job's document that transitions read and write, in memory. */
struct model {
	enum job_state state;
	int64_t due_ms, expires_ms;
	int64_t attempts, fence;
	bool held, cancel;
	bool started, finished, error;	/* startedAt, finishedAt, error are there */
	bool preview;
	uint64_t documents;		/* of progress */
	int64_t object;			/* size of the recorded object, 0: none */
};

/*
 * model_make(t, args, now_ms, m):
 * What a server does with the table: returns false, m untouched, when the guard
 * does not hold. Ids and owners are the caller's business.
 */
bool model_make(enum transition_id t, const struct transition_args *args,
    int64_t now_ms, struct model *m);

#endif
