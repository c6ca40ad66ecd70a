/*
 * 4000-tls SERVICE CONF: one conversation with a server, as the programs do it.
 * SERVICE: mongo (ping, with the API's limits), amqp (log in), s3 (a multipart
 * upload begun and aborted). Exit codes: 0 it went well, 1 it did not (logged),
 * 78 the configuration is refused.
 */
#include <stdio.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/base/patience.h"
#include "lib/servers/credentials.h"
#include "lib/servers/failure.h"
#include "lib/servers/mongo.h"
#include "lib/servers/queue.h"
#include "lib/servers/s3.h"

static int
try_mongo(const struct conf *conf)
{
	mongoc_client_pool_t *pool;
	mongoc_client_t *client;
	bson_t ping = BSON_INITIALIZER;
	bson_error_t error;
	int rc = 0;

	if ((pool = mongo_pool_new(conf, CONF_API)) == NULL)
		return CONF_EXIT;
	client = mongoc_client_pool_pop(pool);
	BSON_APPEND_INT32(&ping, "ping", 1);
	if (!mongoc_client_command_simple(client, "admin", &ping, NULL, NULL,
	    &error)) {
		mongo_log("ping", &error);
		rc = 1;
	}
	bson_destroy(&ping);
	mongoc_client_pool_push(pool, client);
	mongo_pool_free(pool);
	return rc;
}

static int
try_amqp(const struct conf *conf)
{
	struct queue *q;
	int rc;

	if ((q = queue_new(conf, 0)) == NULL)
		return CONF_EXIT;
	rc = queue_check(q) != 0;
	queue_free(q);
	return rc;
}

static int
try_s3(const struct conf *conf)
{
	const struct patience some = { .each_ms = 3000 };
	struct s3 *s3;
	struct s3_upload *u;
	int rc = 0;

	if (credentials_start(conf, CONF_WORKER) != 0)
		return CONF_EXIT;
	if ((s3 = s3_new(conf, &some)) == NULL)
		return 1;
	if ((u = s3_begin(s3, "exports/tls/probe", "attachment")) == NULL) {
		log_msg(LOG_INFO, "s3_begin", "code=%s",
		    failure_code(s3_failure(s3)));
		rc = 1;
	} else {
		s3_abort(u, 20000);
	}
	s3_upload_free(u);
	s3_free(s3);
	credentials_stop();
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		enum conf_role role;
		int (*go)(const struct conf *);
	} services[] = {
		{ "mongo", CONF_API, try_mongo },
		{ "amqp", CONF_API, try_amqp },
		{ "s3", CONF_WORKER, try_s3 },
	};
	struct conf conf;
	int rc = 64;
	size_t i;

	for (i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (argc != 3 || strcmp(argv[1], services[i].name) != 0)
			continue;
		rc = CONF_EXIT;
		if (conf_load(argv[2], services[i].role, &conf) == 0)
			rc = services[i].go(&conf);
		conf_release(&conf);
	}
	return rc;
}
