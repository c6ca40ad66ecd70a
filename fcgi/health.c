/*
 * GET /health
 *   200 this process answers; it asks no server
 * GET /ready
 *   200 jobs can be stored, and how nginx authenticates clients; "degraded" when
 *       the broker is down, which delays jobs and loses none. What a server that
 *       answers late is reported as is what it was the last time, for 3 s
 *   503 no database, or no right to use it (Retry-After)
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <fcgiapp.h>
#include <json-c/json.h>

#include "lib/base/log.h"
#include "lib/servers/mongo.h"
#include "lib/servers/queue.h"
#include "lib/servers/rights.h"
#include "fcgi/reply.h"
#include "fcgi/request.h"
#include "fcgi/resource.h"
#include "fcgi/watch.h"

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

/* RIGHTS_* bits; the text names what is wrong. */
int
health_rights(void *pool, char **text)
{
	struct _mongoc_client_t *client = mongo_take(pool);
	char wrong[256] = "";
	const int rights = rights_mongo(client, CONF_API, wrong, sizeof(wrong));

	mongo_give(pool, client);
	if (rights >= 0)
		*text = strdup(wrong);
	return rights;
}

int
health_broker(void *queue, char **text)
{
	(void)text;
	return queue_check(queue);
}

void
ready_get(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	char *wrong;
	const int rights = watch_ask(api->rights, &wrong, NULL);
	const char *database = rights < 0 ? "down" :
	    rights & RIGHTS_MISSING ? "rights" : "ok";
	const bool usable = strcmp(database, "ok") == 0;
	const bool broker = watch_ask(api->broker, NULL, NULL) == 0;
	struct json_object *o;

	(void)id;
	if (!usable && rights > 0)
		log_msg(LOG_WARN, "rights", "MongoDB: this user %s",
		    wrong != NULL ? wrong : "");
	free(wrong);
	o = status_of(!usable ? "unavailable" : broker ? "ok" : "degraded");
	if (o != NULL) {
		json_object_object_add(o, "mongodb",
		    json_object_new_string(database));
		json_object_object_add(o, "rabbitmq",
		    json_object_new_string(broker ? "ok" : "down"));
		json_object_object_add(o, "auth", json_object_new_string(
		    r->auth[0] ? r->auth : "none"));
	}
	reply_json(fcgx, usable ? 200 : 503, usable ? "" : RETRY_DATABASE, o);
}
