/*
 * export-api: one FastCGI handler, to be started on a listening socket (fd 0) by
 * spawn-fcgi, several of them by multiwatch. Exit codes: 0 after SIGTERM, 1 no
 * socket, 64 usage, 78 configuration.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <fcgiapp.h>

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
#include "lib/jobs/catalogue.h"
#include "lib/jobs/jobs.h"
#include "lib/jobs/metrics.h"
#include "lib/jobs/owners.h"
#include "fcgi/audit.h"
#include "fcgi/doorbell.h"
#include "fcgi/ownerwatch.h"
#include "fcgi/query.h"
#include "fcgi/reply.h"
#include "fcgi/request.h"
#include "fcgi/resource.h"
#include "fcgi/spec.h"
#include "fcgi/watch.h"

/* Free memory that a handler keeps. */
#define KEPT_BYTES ((size_t)4 * 1024 * 1024)

static volatile sig_atomic_t stop_requested;

/*
 * Whose requests are answered. PUBLIC: anyone's, a balancer has no password. QUICK: an
 * owner's, without waiting for the database.
 */
enum admission { PUBLIC, OWNERS, QUICK };

/* A * stands for an id. A HEAD is a GET whose body nginx drops. */
static const struct route {
	const char *path;
	const char *method;
	const char *query;	/* allowed parameters, with a space after each */
	enum admission admission;
	resource_fn *fn;
} routes[] = {
	{ "/export", "POST", "dryRun ", OWNERS, export_post },
	{ "/export", "GET", "state limit after fields ", OWNERS, export_list },
	{ "/export/*", "GET", "", OWNERS, export_get },
	{ "/export/*", "DELETE", "", OWNERS, export_delete },
	{ "/export/*/preview", "GET", "", OWNERS, export_preview },
	{ "/vehicles", "GET", "prefix limit after ", OWNERS, vehicles_list },
	{ "/vehicles/*", "GET", "", OWNERS, vehicles_get },
	{ "/limits", "GET", "", QUICK, limits_get },
	{ "/health", "GET", "", PUBLIC, health_get },
	{ "/ready", "GET", "", PUBLIC, ready_get },
	{ "/metrics", "GET", "", PUBLIC, metrics_get },
};
#define NROUTES (sizeof(routes) / sizeof(routes[0]))

static void
on_stop(int sig)
{
	(void)sig;
	stop_requested = 1;
}

static const struct program program = {
	.name = "export-api",
	.purpose =
	    "Answers /export over FastCGI on the socket that is its standard input:\n"
	    "  spawn-fcgi -n -s SOCKET -M 0660 -- multiwatch -r 1000000 -t 1 -f 4 -- \\\n"
	    "      export-api -c FILE\n",
	.ending = "SIGTERM: answer the request in hand, then exit 0.\n",
};

/*
 * Signals are delivered in ppoll() only, so that none breaks a request (libfcgi takes
 * EINTR for a broken one) and none is lost between a check and a wait.
 */
static void
set_up_process(sigset_t *while_waiting)
{
	struct sigaction sa = { .sa_handler = on_stop };
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigemptyset(while_waiting);
	FCGX_Init();
	/* After FCGX_Init(), which has handlers of its own for these and SIGPIPE. */
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	process_harden();
	/* multiwatch that is killed must not leave us holding the socket. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* Whether path matches the route; id is then what its * stands for. */
static bool
route_matches(const struct route *route, const char *path, char *id)
{
	const size_t head = strcspn(route->path, "*");
	const char *tail = route->path + head + 1;
	size_t n;

	id[0] = '\0';
	if (route->path[head] == '\0')
		return strcmp(route->path, path) == 0;
	if (strncmp(route->path, path, head) != 0)
		return false;
	n = strcspn(path + head, "/");
	if (n == 0 || strcmp(path + head + n, tail) != 0)
		return false;
	memcpy(id, path + head, n);
	id[n] = '\0';
	return true;
}

static enum jobs_result
find_owner(const struct api *api, struct request *r, bool quick)
{
	return quick && owners_listed(api->conf) ?
	    owner_watch_find(api->owners, r->owner, &r->may) :
	    owners_find(api->client, api->conf, r->owner, &r->may);
}

/* Whether who asks may have anything, r->may being what; if not, it was answered. */
static bool
admit(const struct api *api, struct FCGX_Request *fcgx, struct request *r,
    bool quick, const char *id)
{
	enum jobs_result rc = JOBS_NONE;
	const char *denied;

	if (r->auth[0] == '\0' && r->remote)
		denied = "no authentication is configured; only requests from "
		    "loopback are answered";
	else if (r->owner == NULL)
		denied = "nobody is known to ask: a name is 1 to 255 bytes of "
		    "UTF-8 without control characters, and not "
		    "\"" REQUEST_ANONYMOUS "\"";
	else if ((rc = find_owner(api, r, quick)) == JOBS_NONE)
		denied = "nothing is open to this name: the operator of the "
		    "service has to list it as an owner";
	if (rc == JOBS_OK)
		return true;
	if (rc != JOBS_NONE) {
		reply_no_database(fcgx);
		return false;
	}
	audit_denied(r, id, 403);
	reply_problem(fcgx, 403, "", NULL, denied);
	return false;
}

static void
route_call(const struct route *route, const struct api *api,
    struct FCGX_Request *fcgx, struct request *r, const char *id)
{
	if (route->admission != PUBLIC &&
	    !admit(api, fcgx, r, route->admission == QUICK, id))
		return;
	if (query_parse(r->query, route->query, &r->args) != 0) {
		reply_bad_parameter(fcgx, 400, r->args.at, r->args.fault);
		return;
	}
	/* Here, once, so that no resource can forget it. */
	catalogue_scope(api->catalogue, &r->may.scope);
	route->fn(api, fcgx, r, id);
	catalogue_scope(api->catalogue, NULL);
}

/* The first route that has both path and method; else what the path would allow. */
static void
dispatch(const struct api *api, struct FCGX_Request *fcgx,
    struct request *r)
{
	const char *method = strcmp(r->method, "HEAD") == 0 ? "GET" :
	    r->method;
	char allow[64] = "", id[sizeof(r->path_text)];
	size_t i, len = 0;

	for (i = 0; i < NROUTES; i++) {
		if (!route_matches(&routes[i], r->path, id))
			continue;
		if (strcmp(routes[i].method, method) == 0) {
			route_call(&routes[i], api, fcgx, r, id);
			return;
		}
		len += (size_t)snprintf(allow + len, sizeof(allow) - len,
		    "%s%s", len > 0 ? ", " : "Allow: ",
		    strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD" :
		    routes[i].method);
	}
	if (len > 0) {
		snprintf(allow + len, sizeof(allow) - len, ", OPTIONS\r\n");
		if (strcmp(method, "OPTIONS") == 0) {
			reply_empty(fcgx, 204, allow);
			return;
		}
		reply_problem(fcgx, 405, allow, NULL,
		    "method not allowed for this resource");
		return;
	}
	reply_problem(fcgx, 404, "", NULL, "no such resource");
}

/*
 * Whether nobody waits for the answer any more: nginx closes its end when the client
 * has gone, which may well be while the request waits for a free handler. (An end
 * that is only shut down for writing is still waiting.)
 */
static bool
is_gone(const struct FCGX_Request *fcgx)
{
	struct pollfd nginx = { .fd = fcgx->ipcFd };

	return poll(&nginx, 1, 0) == 1 && (nginx.revents & POLLHUP) != 0;
}

static void
handle(const struct api *api, struct FCGX_Request *fcgx)
{
	struct request r;
	const enum request_result rc = request_read(fcgx, SPEC_BODY_MAX, &r);

	log_request(r.id);
	log_trace(r.traceparent);
	if (is_gone(fcgx)) {
		log_msg(LOG_INFO, "gone", "nobody waits for the answer");
		request_release(&r);
		return;
	}
	switch (rc) {
	case REQUEST_OK:
		dispatch(api, fcgx, &r);
		break;
	case REQUEST_TOO_LARGE:
		reply_problem(fcgx, 413, "", NULL, "the body is too large");
		break;
	case REQUEST_SHORT:
		reply_problem(fcgx, 400, "", NULL,
		    "the body is not as long as Content-Length says");
		break;
	case REQUEST_TOO_LONG:
		reply_problem(fcgx, 414, "", NULL, "the path is too long");
		break;
	}
	request_release(&r);
}

/* A large answer is rare: what it took goes back. */
static void
give_back(void)
{
	if (mallinfo2().fordblks > KEPT_BYTES)
		malloc_trim(0);
}

/* Returns 0 after a stop, 1 when the socket does not work. */
static int
accept_loop(const struct api *api, const sigset_t *while_waiting)
{
	const struct timespec no_time = { 0, 0 };
	struct pollfd listening = { .fd = STDIN_FILENO, .events = POLLIN };
	struct FCGX_Request fcgx;
	int64_t began_us;
	int rc;

	if (FCGX_InitRequest(&fcgx, STDIN_FILENO, 0) != 0 ||
	    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) != 0) {
		log_msg(LOG_ERROR, "accept", "standard input is not a socket: "
		    "start it with spawn-fcgi");
		return 1;
	}
	while (!stop_requested) {
		/*
		 * While the socket is ready ppoll() delivers no signal, so under
		 * load it never would: call it first without the socket.
		 */
		if (ppoll(NULL, 0, &no_time, while_waiting) < 0 &&
		    errno == EINTR)
			continue;
		if (ppoll(&listening, 1, NULL, while_waiting) < 0) {
			if (errno == EINTR)
				continue;
			log_msg(LOG_ERROR, "accept", "%s", strerror(errno));
			return 1;
		}
		/* Another process may have been faster: EAGAIN. */
		if ((rc = FCGX_Accept_r(&fcgx)) == 0) {
			began_us = clock_monotonic_us();
			handle(api, &fcgx);
			FCGX_Finish_r(&fcgx);
			give_back();
			metrics_observe(METRIC_REQUEST_SECONDS,
			    clock_monotonic_us() - began_us);
			log_request(NULL);
			log_trace(NULL);
		} else if (rc != -EAGAIN) {
			log_msg(LOG_ERROR, "accept", "%s", strerror(-rc));
			return 1;
		}
	}
	return 0;
}

static int
api_serve(const struct conf *conf, const sigset_t *while_waiting)
{
	struct api api = { .conf = conf };
	struct _mongoc_client_pool_t *pool;
	struct queue *queue;
	int rc = 1;

	if ((pool = mongo_pool_new(conf, CONF_API)) == NULL)
		return CONF_EXIT;
	if (credentials_start(conf, CONF_API) != 0) {
		mongo_pool_free(pool);
		return CONF_EXIT;
	}
	if (conf->counters != NULL)
		metrics_share(conf->counters);
	api.client = mongo_take(pool);
	api.jobs = jobs_new(api.client, conf);
	api.catalogue = catalogue_new(api.client, conf);
	api.doorbell = doorbell_new(conf);
	/* No heartbeats: nobody would serve them between two looks. */
	queue = queue_new(conf, 0);
	api.rights = watch_new(health_rights, pool);
	api.broker = watch_new(health_broker, queue);
	api.numbers = watch_new(metrics_look, pool);
	api.owners = owner_watch_new(pool, conf);
	if (api.jobs != NULL && api.catalogue != NULL && api.doorbell != NULL &&
	    queue != NULL && api.rights != NULL && api.broker != NULL &&
	    api.numbers != NULL && api.owners != NULL) {
		log_fields(LOG_INFO, "start", "pid=%ld", (long)getpid());
		rc = accept_loop(&api, while_waiting);
		log_fields(LOG_INFO, "stop", "pid=%ld", (long)getpid());
	}
	owner_watch_free(api.owners);
	watch_free(api.numbers);
	watch_free(api.broker);
	watch_free(api.rights);
	queue_free(queue);
	doorbell_free(api.doorbell);
	catalogue_free(api.catalogue);
	jobs_free(api.jobs);
	mongo_give(pool, api.client);
	credentials_stop();
	mongo_pool_free(pool);
	return rc;
}

int
main(int argc, char **argv)
{
	struct program_options options;
	sigset_t while_waiting;
	struct conf conf;
	int rc;

	if ((rc = program_options(&program, argc, argv, &options)) !=
	    PROGRAM_GO_ON)
		return rc;
	set_up_process(&while_waiting);
	if (conf_load(options.conf, CONF_API, &conf) != 0)
		rc = CONF_EXIT;
	else if (options.check)
		rc = selfcheck_run(&conf, CONF_API, stdout) != 0;
	else if (log_open(conf.log) != 0)
		rc = CONF_EXIT;
	else
		rc = api_serve(&conf, &while_waiting);
	conf_release(&conf);
	if (options.check)
		return rc;
	/* multiwatch starts us again at once: not a thousand times a second. */
	if (rc != 0)
		sleep(1);
	return rc;
}
