/*
 * export-worker: takes jobs one after the other, writes their archives to S3.
 * Exit codes: 0 after SIGTERM or SIGINT, 64 usage, 70 an export hung, 78
 * configuration.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/crash.h"
#include "lib/base/log.h"
#include "lib/base/process.h"
#include "lib/base/program.h"
#include "lib/servers/credentials.h"
#include "lib/servers/mongo.h"
#include "lib/servers/queue.h"
#include "lib/servers/selfcheck.h"
#include "lib/jobs/job.h"
#include "lib/jobs/jobs.h"
#include "lib/jobs/metrics.h"
#include "lib/jobs/units.h"
#include "worker/catalogue_refresh.h"
#include "worker/export.h"
#include "worker/pace.h"
#include "worker/reporter.h"
#include "worker/sweeper.h"
#include "worker/unit.h"
#include "worker/windows.h"
#include "worker/worker.h"

#define EXIT_HUNG 70
#define HEARTBEAT_S 30
#define HEAP_MAX_BYTES (4 * 1024 * 1024)
/* A wait is made in steps of this length, so that SIGTERM is noticed soon. */
#define WAIT_STEP_MS 500
/* No message announces units: an idle worker looks for them this often. */
#define HELP_MS 2000
/* While the broker is away, a connection is tried this often. */
#define RECONNECT_MS 5000

static volatile sig_atomic_t stop_requested;

static void
on_stop(int sig)
{
	(void)sig;
	stop_requested = 1;
}

static bool
worker_stopping(void)
{
	return stop_requested != 0;
}

static void
worker_hung(void)
{
	_exit(EXIT_HUNG);
}

static const struct program program = {
	.name = "export-worker",
	.purpose = "Takes export jobs, one after the other, and writes their "
	    "archives to S3.\n",
	.ending = "SIGTERM: finish the job within grace_ms, or give it back; then "
	    "exit 0.\n",
	.pidfile = true,
};

static void
worker_set_up(void)
{
	struct sigaction sa = { .sa_handler = on_stop };

	/*
	 * Larger blocks go back to the system when they are freed. (By default
	 * the library raises this to 32 MiB, and its heap keeps the peak.)
	 */
	mallopt(M_MMAP_THRESHOLD, HEAP_MAX_BYTES);

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	process_harden();
	process_give_back_memory();
}

static int
write_pidfile(const char *path)
{
	FILE *f;

	if (path == NULL)
		return 0;
	if ((f = fopen(path, "we")) == NULL ||
	    fprintf(f, "%ld\n", (long)getpid()) < 0 || fclose(f) != 0) {
		log_msg(LOG_ERROR, "pidfile", "%s: %s", path, strerror(errno));
		return -1;
	}
	return 0;
}

/*
 * Wait until a message arrives, idle_ms have passed without one, or there are
 * units to make. Without a broker, idle_ms alone decides, so jobs go on.
 * Returns true with a message.
 */
static bool
wait_for_work(const struct worker *worker, struct catalogue_refresh *refresh,
    char id[JOB_ID_SIZE])
{
	static int64_t next_try_ms;
	const int64_t until = clock_monotonic_ms() + worker->conf->idle_ms;
	int64_t now, help_ms = clock_monotonic_ms() + HELP_MS;
	enum jobs_result rc;

	while (!worker_stopping() && (now = clock_monotonic_ms()) < until) {
		int64_t wait_ms = catalogue_refresh_wait_ms(refresh);
		int step;

		if (now >= help_ms) {
			rc = units_any(worker->units);
			if (rc == JOBS_OK)
				break;
			help_ms = clock_monotonic_ms() + (rc == JOBS_NONE ?
			    HELP_MS : worker->conf->idle_ms);
		}
		if (wait_ms > until - now)
			wait_ms = until - now;
		step = wait_ms < WAIT_STEP_MS ? (int)wait_ms :
		    WAIT_STEP_MS;

		if (queue_fd(worker->queue) < 0 && now < next_try_ms) {
			clock_pause_ms(step);
			catalogue_refresh_step(refresh);
			continue;
		}
		switch (queue_wait(worker->queue, step, id)) {
		case QUEUE_MESSAGE:
			crash_at(CRASH_AFTER_MESSAGE);
			return true;
		case QUEUE_NOTHING:
			catalogue_refresh_step(refresh);
			break;
		case QUEUE_DOWN:
			next_try_ms = clock_monotonic_ms() + RECONNECT_MS;
		}
	}
	return false;
}

/*
 * No job could be claimed: whether the one of the message has ended, or is
 * none.
 */
static bool
message_is_done(const struct worker *worker, const char *id)
{
	struct job job;
	bool done;

	if (!job_id_valid(id)) {
		log_msg(LOG_WARN, "message", "not a job's id: dropped");
		return true;
	}
	switch (jobs_find(worker->jobs, id, NULL, &job)) {
	case JOBS_OK:
		done = job_ended(job.task.state);
		job_release(&job);
		return done;
	case JOBS_NONE:
		return true;
	default:
		return false;
	}
}

/*
 * Claim a job, or, without one, a unit of another worker's job, and make it.
 * *worked: there was one. Returns whether to ack the message.
 */
static bool
work_once(const struct worker *worker, const char *id,
    bool *worked)
{
	struct job job;
	bool done = false;

	*worked = false;
	metrics_set(METRIC_BUSY, 1);
	switch (jobs_claim(worker->jobs, worker->name, &job)) {
	case JOBS_OK:
		*worked = true;
		done = export_job(worker, &job);
		job_release(&job);
		break;
	case JOBS_NONE:
		*worked = unit_help(worker);
		done = id == NULL || message_is_done(worker, id);
		break;
	default:
		break;
	}
	metrics_set(METRIC_BUSY, 0);
	return done;
}

static void
worker_loop(const struct worker *worker, struct catalogue_refresh *refresh)
{
	char id[JOB_ID_SIZE];
	bool message, done, worked = true;

	while (!worker_stopping()) {
		/* After one job there may be more: claim before waiting. */
		message = !worked && wait_for_work(worker, refresh, id);
		if (worker_stopping()) {
			queue_nack(worker->queue);
			break;
		}
		done = work_once(worker, message ? id : NULL, &worked);
		crash_at(CRASH_BEFORE_ACK);
		if (message && done)
			queue_ack(worker->queue);
		else if (message)
			queue_nack(worker->queue);
		crash_at(CRASH_AFTER_ACK);
		/* Here, too, for a worker that is never idle. */
		catalogue_refresh_step(refresh);
	}
}

static void
set_pace(struct pace *pace, const struct conf *conf)
{
	const struct pace_ceilings own = { conf->read_bytes_s,
	    conf->read_documents_s };
	const struct pace_ceilings total = { conf->total_read_bytes_s,
	    conf->total_read_documents_s };

	pace_init(pace, &own, &total, conf->pace != 0);
}

static int
worker_serve(const struct conf *conf)
{
	static struct sizes sizes;
	static struct pace pace;
	char name[128], host[64];
	struct worker worker = { .conf = conf, .name = name, .stopping = worker_stopping,
	    .hung = worker_hung, .pace = &pace, .sizes = &sizes };
	struct catalogue_refresh *refresh;
	struct reporter *reporter;
	struct sweeper *sweeper;
	int rc = 1;

	/* The name under which claims and counters are kept. */
	if (gethostname(host, sizeof(host)) != 0)
		snprintf(host, sizeof(host), "unknown");
	host[sizeof(host) - 1] = '\0';
	snprintf(name, sizeof(name), "%s:%ld", host, (long)getpid());
	if ((worker.pool = mongo_pool_new(conf, CONF_WORKER)) == NULL)
		return CONF_EXIT;
	if (credentials_start(conf, CONF_WORKER) != 0) {
		mongo_pool_free(worker.pool);
		return CONF_EXIT;
	}
	set_pace(&pace, conf);
	sizes_init(&sizes);
	worker.client = mongo_take(worker.pool);
	worker.jobs = jobs_new(worker.client, conf);
	worker.units = units_new(worker.client, conf);
	worker.queue = queue_new(conf, HEARTBEAT_S);
	refresh = catalogue_refresh_new(worker.client, conf);
	if (worker.jobs != NULL && worker.units != NULL && worker.queue != NULL &&
	    refresh != NULL) {
		log_fields(LOG_INFO, "start", "worker=%s", name);
		reporter = reporter_start(worker.pool, conf, name);
		sweeper = sweeper_start(worker.pool, conf);
		worker_loop(&worker, refresh);
		sweeper_stop(sweeper);
		reporter_stop(reporter);
		log_fields(LOG_INFO, "stop", "worker=%s", name);
		rc = 0;
	}
	/* In reverse. */
	catalogue_refresh_free(refresh);
	queue_free(worker.queue);
	units_free(worker.units);
	jobs_free(worker.jobs);
	mongo_give(worker.pool, worker.client);
	credentials_stop();
	mongo_pool_free(worker.pool);
	sizes_release(&sizes);
	pace_release(&pace);
	return rc;
}

int
main(int argc, char **argv)
{
	struct program_options options;
	struct conf conf;
	int rc;

	if ((rc = program_options(&program, argc, argv, &options)) !=
	    PROGRAM_GO_ON)
		return rc;
	worker_set_up();
	if (conf_load(options.conf, CONF_WORKER, &conf) != 0)
		rc = CONF_EXIT;
	else if (options.check)
		rc = selfcheck_run(&conf, CONF_WORKER, stdout) != 0;
	else if (log_open(conf.log) != 0 ||
	    write_pidfile(options.pidfile) != 0)
		rc = CONF_EXIT;
	else
		rc = worker_serve(&conf);
	conf_release(&conf);
	return rc;
}
