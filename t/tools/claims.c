/*
 * lib/jobs/ by commands, a line each on standard input, answered by a line: what
 * t/1350-claims.t and its like have handlers and workers do. Usage: claims ROLE CONF,
 * ROLE being api or worker; the first word of an answer is ok, none, full or error, the
 * last one how long the call took, in microseconds.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/servers/mongo.h"
#include "lib/jobs/joblist.h"
#include "lib/jobs/jobs.h"
#include "lib/jobs/units.h"

#define WORDS_MAX 8

static struct jobs *jobs;
static struct units *units;
static struct jobs_limits limits;

/* The result of the last call, and what is to be told of it. */
static char told[512];

static enum jobs_result
tell_task(enum jobs_result rc, const struct task *t)
{
	if (rc == JOBS_OK)
		snprintf(told, sizeof(told), "%s %s %lld %lld %u %u", t->id, t->owner,
		    (long long)t->fence, (long long)t->attempts, t->read_time.s, t->read_time.i);
	return rc;
}

/* claim WORKER: ok ID OWNER FENCE ATTEMPTS S I */
static enum jobs_result
do_claim(char **w)
{
	struct job job;
	enum jobs_result rc = tell_task(jobs_claim(jobs, w[1], &job), &job.task);

	if (rc == JOBS_OK)
		job_release(&job);
	return rc;
}

/* claim_unit WORKER JOB|-: as claim */
static enum jobs_result
do_claim_unit(char **w)
{
	struct unit unit;
	enum jobs_result rc;

	rc = tell_task(units_claim(units, strcmp(w[2], "-") == 0 ? NULL : w[2], w[1],
	    &unit), &unit.task);
	if (rc == JOBS_OK) {
		snprintf(told + strlen(told), sizeof(told) - strlen(told), " %u %u",
		    unit.read_time.s, unit.read_time.i);
		unit_release(&unit);
	}
	return rc;
}

/* end ID FENCE: FAILED, by the worker that claimed it; sweep: what the timer does */
static enum jobs_result
do_end(char **w)
{
	struct task task;

	task_init(&task, TASK_JOB);
	snprintf(task.id, sizeof(task.id), "%s", w[1]);
	task.fence = strtoll(w[2], NULL, 10);
	return tasks_end_failed(jobs_tasks(jobs), &task, FAILURE_INTERNAL, NULL);
}

static enum jobs_result
do_sweep(char **w)
{
	enum jobs_result rc = tasks_sweep(jobs_tasks(jobs));

	(void)w;
	return rc == JOBS_OK ? tasks_sweep(units_tasks(units)) : rc;
}

/* insert OWNER: ok ID TURN; no two are of the same request */
static enum jobs_result
do_insert(char **w)
{
	static int64_t n;
	struct jobs_found found;
	enum jobs_result rc;
	struct job job;

	job_init(&job);
	job.task.owner = strdup(w[1]);
	job.spec.start_ms = ++n;
	job.spec.end_ms = n + 1;
	if (job.task.owner == NULL || task_new_id(&job.task) != 0 ||
	    spec_hash(&job.spec) != 0)
		err(1, "insert");
	if ((rc = jobs_precheck(jobs, &job, &limits, &found)) == JOBS_OK &&
	    (rc = jobs_admit(jobs, &job, &limits, &found)) == JOBS_OK)
		rc = jobs_insert(jobs, &job);
	snprintf(told, sizeof(told), "%s %lld", job.task.id, (long long)job.task.turn);
	job_release(&job);
	return rc;
}

/* ahead ID: ok N */
static enum jobs_result
do_ahead(char **w)
{
	enum jobs_result rc;
	struct job job;
	int64_t n;

	if ((rc = jobs_find(jobs, w[1], NULL, &job)) != JOBS_OK)
		return rc;
	if ((rc = jobs_ahead(jobs, &job, &n)) == JOBS_OK)
		snprintf(told, sizeof(told), "%lld", (long long)n);
	job_release(&job);
	return rc;
}

/* any: whether there is a unit to claim; progress JOB PLAN: ok DOCUMENTS ROWS */
static enum jobs_result
do_any(char **w)
{
	(void)w;
	return units_any(units);
}

static enum jobs_result
do_progress(char **w)
{
	struct task_progress p = { 0 };
	enum jobs_result rc = units_progress(units, w[1], strtoll(w[2], NULL, 10), &p);

	if (rc == JOBS_OK)
		snprintf(told, sizeof(told), "%llu %llu", (unsigned long long)p.documents,
		    (unsigned long long)p.rows);
	return rc;
}

/* plan JOB FENCE N S I: a plan of N units, read at that time */
static enum jobs_result
do_plan(char **w)
{
	static char vehicle[] = "vehicle_001", owner[] = "someone";
	const size_t n = strtoul(w[3], NULL, 10);
	struct names vehicles = { calloc(n, sizeof(char *)), n };
	struct unit_cut *cuts = calloc(n, sizeof(*cuts));
	enum jobs_result rc;
	struct job job;
	size_t i;

	if (vehicles.v == NULL || cuts == NULL)
		err(1, "plan");
	job_init(&job);
	snprintf(job.task.id, sizeof(job.task.id), "%s", w[1]);
	job.task.owner = owner;
	job.task.fence = strtoll(w[2], NULL, 10);
	job.task.claimed_ms = clock_real_ms();
	job.task.read_time.s = (uint32_t)strtoul(w[4], NULL, 10);
	job.task.read_time.i = (uint32_t)strtoul(w[5], NULL, 10);
	for (i = 0; i < n; i++) {
		vehicles.v[i] = vehicle;
		cuts[i] = (struct unit_cut){ .first = i, .n = 1,
		    .documents = 10 };
	}
	rc = units_insert(units, &job, job.task.fence, &vehicles, cuts, n);
	free(vehicles.v);
	free(cuts);
	return rc;
}

/* find_plan JOB: ok PLAN N DOCUMENTS S I */
static enum jobs_result
do_find_plan(char **w)
{
	struct units_plan p;
	enum jobs_result rc = units_find_plan(units, w[1], &p);

	if (rc == JOBS_OK)
		snprintf(told, sizeof(told), "%lld %lld %llu %u %u", (long long)p.plan,
		    (long long)p.n, (unsigned long long)p.documents, p.read_time.s,
		    p.read_time.i);
	return rc;
}

static const struct command {
	const char *name;
	int words;
	enum jobs_result (*run)(char **words);
} commands[] = {
	{ "claim", 2, do_claim },
	{ "claim_unit", 3, do_claim_unit },
	{ "end", 3, do_end },
	{ "sweep", 1, do_sweep },
	{ "insert", 2, do_insert },
	{ "ahead", 2, do_ahead },
	{ "any", 1, do_any },
	{ "progress", 3, do_progress },
	{ "plan", 6, do_plan },
	{ "find_plan", 2, do_find_plan },
};

static void
run_line(char *line)
{
	char *words[WORDS_MAX], *rest = NULL, *word;
	enum jobs_result rc = JOBS_ERROR;
	const struct command *c = commands;
	int64_t began_us, took_us;
	int n = 0;

	for (word = strtok_r(line, " \n", &rest); word != NULL && n < WORDS_MAX;
	    word = strtok_r(NULL, " \n", &rest))
		words[n++] = word;
	while (c < commands + sizeof(commands) / sizeof(commands[0]) &&
	    (n != c->words || strcmp(words[0], c->name) != 0))
		c++;
	if (c == commands + sizeof(commands) / sizeof(commands[0]))
		errx(2, "no such command: %s of %d words", n > 0 ? words[0] : "", n);
	told[0] = '\0';
	began_us = clock_monotonic_us();
	rc = c->run(words);
	took_us = clock_monotonic_us() - began_us;
	printf("%s %s%s%lld\n", rc == JOBS_OK ? "ok" : rc == JOBS_NONE ? "none" :
	    rc == JOBS_ERROR ? "error" : "full", told, told[0] ? " " : "",
	    (long long)took_us);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	mongoc_client_pool_t *pool;
	mongoc_client_t *client;
	enum conf_role role;
	struct conf conf;
	char line[1024];

	if (argc != 3)
		errx(2, "usage: claims api|worker CONF");
	role = strcmp(argv[1], "api") == 0 ? CONF_API : CONF_WORKER;
	if (conf_load(argv[2], role, &conf) != 0 ||
	    (pool = mongo_pool_new(&conf, role)) == NULL)
		return 1;
	client = mongo_take(pool);
	limits = (struct jobs_limits){ conf.owner_jobs_max, conf.owner_jobs_per_hour, 0 };
	if ((jobs = jobs_new(client, &conf)) == NULL || (units = units_new(client, &conf)) == NULL)
		errx(1, "no memory");
	while (fgets(line, sizeof(line), stdin) != NULL)
		run_line(line);
	units_free(units);
	jobs_free(jobs);
	mongo_give(pool, client);
	mongo_pool_free(pool);
	conf_release(&conf);
	return 0;
}
