/*
 * Who did what: a log line for each job that is made, each link that is given out, each
 * DELETE, and each request that was denied. Owner and address are the client's words,
 * so they are quoted; links and idempotency keys are not for the log.
 */
#include "fcgi/audit.h"

#include <stdbool.h>
#include <stdio.h>

#include "lib/base/log.h"
#include "lib/jobs/job.h"
#include "fcgi/request.h"

/* An owner's name with each byte escaped; an IPv6 address, or a socket's path. */
#define OWNER_SIZE (REQUEST_OWNER_MAX * 4 + 16)
#define ADDRESS_SIZE 144

/* As job= of a line, only what is one. */
static void
audit_line(const struct request *r, const char *op, const char *id, const char *more)
{
	char owner[OWNER_SIZE], address[ADDRESS_SIZE];
	const bool of_job = job_id_valid(id);

	if (of_job)
		log_job(id);
	log_fields(LOG_INFO, op, "owner=%s address=%s %s",
	    log_quote(r->owner ? r->owner : "", owner, sizeof(owner)),
	    log_quote(r->address, address, sizeof(address)), more);
	if (of_job)
		log_job(NULL);
}

void
audit_job(const struct request *r, const char *op, const struct job *job)
{
	const size_t n = job->spec.vehicles.n;
	char vehicles[24] = "all", more[96];

	if (n > 0)
		snprintf(vehicles, sizeof(vehicles), "%zu", n);
	snprintf(more, sizeof(more), "vehicles=%s state=%s turn=%lld", vehicles,
	    job_state_name(job->task.state), (long long)job->task.turn);
	audit_line(r, op, job->task.id, more);
}

void
audit_denied(const struct request *r, const char *id, int status)
{
	char more[32];

	snprintf(more, sizeof(more), "status=%d", status);
	audit_line(r, "denied", id, more);
}
