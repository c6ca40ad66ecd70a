/*
 * GET /metrics
 *   200 Prometheus' text format, 0.0.4. What is asked of the database lacks while
 *       it does not answer; export_database_up is 0 then
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcgiapp.h>

#include "fcgi/reply.h"
#include "fcgi/request.h"
#include "fcgi/resource.h"
#include "lib/buf.h"
#include "lib/job.h"
#include "lib/metrics.h"
#include "lib/stats.h"
#include "lib/version.h"

#define TEXT_MAX ((size_t)16 << 20)

static int
one(struct buf *b, const char *name, const char *type, const char *help,
    const char *value)
{
	return metrics_head(b, name, type, help) |
	    buf_addf(b, "%s %s\n", name, value);
}

static int
jobs_text(struct buf *b, const struct stats_jobs *jobs)
{
	char age[32];
	int rc, s;

	rc = metrics_head(b, "export_jobs", "gauge",
	    "Jobs in exports.jobs, by state.");
	for (s = JOB_NOT_STARTED; s <= JOB_EXPIRED; s++)
		rc |= buf_addf(b, "export_jobs{state=\"%s\"} %lld\n",
		    job_state_name((enum job_state)s), (long long)jobs->n[s]);
	snprintf(age, sizeof(age), "%.3f", (double)jobs->oldest_ms / 1e3);
	rc |= one(b, "export_oldest_queued_seconds", "gauge",
	    "Age of the oldest job that is NOT_STARTED, 0 without one.", age);
	snprintf(age, sizeof(age), "%lld", (long long)jobs->resting);
	return rc | one(b, "export_jobs_resting", "gauge",
	    "Jobs that are STARTED and that no worker holds: they wait for "
	    "another attempt.", age);
}

/* A name as a label's value. */
static void
escape(const char *from, char *to, size_t size)
{
	size_t n = 0;

	for (; *from != '\0' && n + 3 < size; from++) {
		if (*from == '"' || *from == '\\')
			to[n++] = '\\';
		to[n++] = *from == '\n' ? ' ' : *from;
	}
	to[n] = '\0';
}

static int
workers_text(struct buf *b, const struct stats_workers *workers)
{
	char name[300], labels[320];
	size_t i;
	int m, rc = 0;

	rc |= metrics_head(b, "export_worker_info", "gauge",
	    "Workers that reported lately, and their version.");
	for (i = 0; i < workers->n; i++) {
		escape(workers->v[i].name, name, sizeof(name));
		rc |= buf_addf(b, "export_worker_info{worker=\"%s\","
		    "version=\"%s\"} 1\n", name, workers->v[i].version);
	}
	rc |= metrics_head(b, "export_worker_report_age_seconds", "gauge",
	    "Since the worker's last report.");
	for (i = 0; i < workers->n; i++) {
		escape(workers->v[i].name, name, sizeof(name));
		rc |= buf_addf(b, "export_worker_report_age_seconds{worker="
		    "\"%s\"} %.3f\n", name,
		    (double)workers->v[i].age_ms / 1e3);
	}
	for (m = METRICS_WORKER; m < METRICS; m++) {
		rc |= metrics_heading(b, (enum metric)m);
		for (i = 0; i < workers->n; i++) {
			escape(workers->v[i].name, name, sizeof(name));
			snprintf(labels, sizeof(labels), "worker=\"%s\"", name);
			rc |= metrics_text(b, (enum metric)m, labels,
			    workers->v[i].slots);
		}
	}
	return rc;
}

static int
own_text(struct buf *b)
{
	uint64_t slots[METRICS_SLOTS];
	int m, rc;

	metrics_read(slots);
	rc = metrics_head(b, "export_build_info", "gauge",
	    "The version of export-api.");
	rc |= buf_addf(b, "export_build_info{version=\"%s\"} 1\n",
	    EXPORT_VERSION);
	for (m = 0; m < METRICS_WORKER; m++)
		rc |= metrics_heading(b, (enum metric)m) |
		    metrics_text(b, (enum metric)m, "", slots);
	return rc;
}

void
metrics_get(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	struct stats_workers workers = { 0 };
	struct stats_jobs jobs;
	struct buf b;
	bool up;
	int rc;

	(void)r;
	(void)id;
	buf_init(&b, TEXT_MAX);
	up = stats_jobs(api->client, &jobs) == 0 &&
	    stats_workers(api->client, &workers) == 0;
	rc = own_text(&b) | one(&b, "export_database_up", "gauge",
	    "Whether exports.jobs can be read.", up ? "1" : "0");
	if (up)
		rc |= jobs_text(&b, &jobs) | workers_text(&b, &workers);
	if (rc == 0 && buf_add(&b, "", 1) == 0)
		reply_plain(fcgx, (char *)b.data);
	else
		reply_problem(fcgx, 500, "", NULL, "out of memory");
	stats_workers_release(&workers);
	buf_release(&b);
}
