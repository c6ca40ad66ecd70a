/*
 * GET /metrics
 *   200 Prometheus' text format, 0.0.4. Metrics read from the database are omitted
 *       while it does not answer; export_database_up is 0 then. One that answers
 *       late is reported as it was the last time, at most a minute before
 *
 * This host's own counters, the jobs by state, and what each worker reported last.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcgiapp.h>

#include "lib/base/buf.h"
#include "lib/base/version.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/job.h"
#include "lib/jobs/metrics.h"
#include "lib/jobs/workers.h"
#include "fcgi/reply.h"
#include "fcgi/request.h"
#include "fcgi/resource.h"
#include "fcgi/watch.h"

#define TEXT_MAX ((size_t)16 << 20)
/* worker="NAME", where each byte of a name may need two. */
#define LABEL_SIZE (2 * sizeof(((struct worker_entry *)0)->name) + 10)

static int
single_text(struct buf *b, const char *name, const char *type, const char *help,
    const char *value)
{
	return metrics_write_type(b, name, type, help) |
	    buf_addf(b, "%s %s\n", name, value);
}

static int
jobs_text(struct buf *b, const struct jobs_stats *jobs)
{
	char age[32];
	int rc, s;

	rc = metrics_write_type(b, "export_jobs", "gauge",
	    "Jobs in exports.jobs, by state.");
	for (s = JOB_NOT_STARTED; s <= JOB_EXPIRED; s++)
		rc |= buf_addf(b, "export_jobs{state=\"%s\"} %lld\n",
		    job_state_name((enum job_state)s), (long long)jobs->n[s]);
	snprintf(age, sizeof(age), "%.3f", (double)jobs->oldest_ms / 1e3);
	rc |= single_text(b, "export_oldest_queued_seconds", "gauge",
	    "Age of the oldest job that is NOT_STARTED, 0 without one.", age);
	snprintf(age, sizeof(age), "%lld", (long long)jobs->unheld);
	return rc | single_text(b, "export_jobs_resting", "gauge",
	    "Jobs that are STARTED and that no worker holds: they wait for "
	    "another attempt.", age);
}

static int
workers_text(struct buf *b, const struct worker_list *workers)
{
	char label[LABEL_SIZE];
	size_t i;
	int m, rc = 0;

	rc |= metrics_write_type(b, "export_worker_info", "gauge",
	    "Workers that reported lately, and their version.");
	for (i = 0; i < workers->n; i++) {
		metrics_label("worker", workers->v[i].name, label,
		    sizeof(label));
		rc |= buf_addf(b, "export_worker_info{%s,version=\"%s\"} 1\n",
		    label, workers->v[i].version);
	}
	rc |= metrics_write_type(b, "export_worker_report_age_seconds", "gauge",
	    "Since the worker's last report.");
	for (i = 0; i < workers->n; i++) {
		metrics_label("worker", workers->v[i].name, label,
		    sizeof(label));
		rc |= buf_addf(b, "export_worker_report_age_seconds{%s} %.3f\n",
		    label, (double)workers->v[i].age_ms / 1e3);
	}
	for (m = METRICS_WORKER; m < METRICS; m++) {
		rc |= metrics_write_header(b, (enum metric)m);
		for (i = 0; i < workers->n; i++) {
			metrics_label("worker", workers->v[i].name, label,
			    sizeof(label));
			rc |= metrics_text(b, (enum metric)m, label,
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
	rc = metrics_write_type(b, "export_build_info", "gauge",
	    "The version of export-api.");
	rc |= buf_addf(b, "export_build_info{version=\"%s\"} 1\n",
	    EXPORT_VERSION);
	for (m = 0; m < METRICS_WORKER; m++)
		rc |= metrics_write_header(b, (enum metric)m) |
		    metrics_text(b, (enum metric)m, "", slots);
	return rc;
}

/* What the database says, as text. */
int
metrics_look(void *pool, char **text)
{
	struct _mongoc_client_t *client = mongo_take(pool);
	struct worker_list workers = { 0 };
	struct jobs_stats jobs;
	struct buf b;
	int rc = -1;

	buf_init(&b, TEXT_MAX);
	if (jobs_stats(client, &jobs) == 0 && worker_list(client, &workers) == 0 &&
	    (jobs_text(&b, &jobs) | workers_text(&b, &workers)) == 0 &&
	    buf_cstr(&b) != NULL && (*text = strdup(buf_cstr(&b))) != NULL)
		rc = 0;
	worker_list_release(&workers);
	buf_release(&b);
	mongo_give(pool, client);
	return rc;
}

void
metrics_get(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	int64_t age_ms;
	char *numbers, age[32];
	const bool up = watch_ask(api->numbers, &numbers, &age_ms) == 0;
	const char *text;
	struct buf b;
	int rc;

	(void)r;
	(void)id;
	buf_init(&b, TEXT_MAX);
	rc = own_text(&b) | single_text(&b, "export_database_up", "gauge",
	    "Whether exports.jobs can be read.", up ? "1" : "0");
	if (up && numbers != NULL) {
		snprintf(age, sizeof(age), "%.3f", (double)age_ms / 1e3);
		rc |= single_text(&b, "export_database_age_seconds", "gauge",
		    "Since the numbers below were read from the database.", age);
		rc |= buf_add(&b, numbers, strlen(numbers));
	}
	if (rc == 0 && (text = buf_cstr(&b)) != NULL)
		reply_plain(fcgx, text);
	else
		reply_problem(fcgx, 500, "", NULL, "out of memory");
	free(numbers);
	buf_release(&b);
}
