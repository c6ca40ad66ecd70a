/*
 * GET /health
 *   200 this process answers; nothing else is asked
 * GET /ready
 *   200 jobs can be taken, and how nginx knows who asks; "degraded" when the broker is away, which delays
 *       jobs and loses none     503 no database
 */
#include <fcgiapp.h>
#include <json-c/json.h>

#include "fcgi/reply.h"
#include "fcgi/request.h"
#include "fcgi/resource.h"
#include "lib/jobs.h"
#include "lib/queue.h"

static struct json_object *
status_of(const char *status)
{
	struct json_object *o = json_object_new_object();

	if (o != NULL)
		json_object_object_add(o, "status",
		    json_object_new_string(status));
	return o;
}

void
health_get(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	(void)api;
	(void)r;
	(void)id;
	reply_json(fcgx, 200, "", status_of("ok"));
}

void
ready_get(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	const int database = jobs_ping(api->jobs) == JOBS_OK;
	const int broker = queue_check(api->queue) == 0;
	struct json_object *o;

	(void)id;
	o = status_of(!database ? "unavailable" : broker ? "ok" : "degraded");
	if (o != NULL) {
		json_object_object_add(o, "mongodb",
		    json_object_new_string(database ? "ok" : "down"));
		json_object_object_add(o, "rabbitmq",
		    json_object_new_string(broker ? "ok" : "down"));
		json_object_object_add(o, "auth", json_object_new_string(
		    r->auth[0] ? r->auth : "none"));
	}
	reply_json(fcgx, database ? 200 : 503, database ? "" :
	    "Retry-After: 5\r\n", o);
}
