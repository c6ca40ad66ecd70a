#ifndef FCGI_AUDIT_H
#define FCGI_AUDIT_H

struct job;
struct request;

/*
 * audit_job(r, op, job):
 * The log line of what the request did with a job of its owner: op=created, link or
 * delete.
 * audit_denied(r, id, status):
 * op=denied: the request got this status in place of the job id; id "": of no job.
 */
void audit_job(const struct request *r, const char *op, const struct job *job);
void audit_denied(const struct request *r, const char *id, int status);

#endif
