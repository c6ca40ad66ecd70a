#ifndef WORKER_ENDING_H
#define WORKER_ENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/log.h"
#include "lib/servers/failure.h"
#include "lib/jobs/metrics.h"
#include "lib/jobs/transition.h"
#include "worker/lease.h"

/* What the work of an attempt came to. */
enum outcome { COMPLETE, FAILED, STOPPED };

/* What decides how an attempt ends. */
struct ending_facts {
	enum outcome outcome;
	enum lease_state lease;		/* why one is STOPPED; held: by SIGTERM */
	enum failure why;		/* one has FAILED */
	int64_t attempts, max_attempts;
	int64_t backoff_ms, backoff_max_ms;
	uint64_t random;		/* evenly drawn, for delay_ms */
};

/* How an attempt ends. */
struct ending {
	enum transition_id transition;	/* of the document; TRANSITIONS: none */
	enum metrics_end metric;
	enum log_level level;
	const char *op, *unit_op;	/* log word of a job, of a unit; NULL: no line */
	bool done;		/* once that is written, the message is settled */
	enum failure why;	/* what the document gets as its error */
	bool spent;		/* why is that no attempts are left */
	int64_t delay_ms;	/* of a retry */
};

/* ending_of(facts): Pure; the table is in ending.c. */
struct ending ending_of(const struct ending_facts *facts);

/*
 * ending_refused(cancelled): What becomes of a COMPLETE attempt whose FINISHED was
 * not written; cancelled: since its job was to be cancelled, which it now is.
 */
struct ending ending_refused(bool cancelled);

#endif
