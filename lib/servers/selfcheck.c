/*
 * --check: reaches every server as the program would and prints a line for each
 * finding. Which rights are right for which program is in the tables here.
 */
#include "lib/servers/selfcheck.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/patience.h"
#include "lib/servers/credentials.h"
#include "lib/servers/mongo.h"
#include "lib/servers/queue.h"
#include "lib/servers/rights.h"
#include "lib/servers/s3.h"
#include "lib/servers/s3probe.h"
#include "lib/servers/trials.h"

struct check {
	FILE *to;
	int wrong;
};

static void
check_line(struct check *c, const char *server, bool good, const char *what)
{
	fprintf(c->to, "%-9s %-6s %s\n", server, good ? "ok" : "WRONG", what);
	c->wrong += !good;
}

static void
take_trial(void *arg, bool good, const char *text)
{
	check_line(arg, "mongodb", good, text);
}

/* What this server's version takes of what we send. */
static void
check_trials(struct check *c, struct _mongoc_client_t *client, enum conf_role role)
{
	char text[256];
	const bool known = trials_version(client, text, sizeof(text)) == 0;

	check_line(c, "mongodb", known, text);
	trials_run(client, role, take_trial, c);
}

static void
check_mongo(struct check *c, const struct conf *conf, enum conf_role role)
{
	struct _mongoc_client_pool_t *pool = mongo_pool_new(conf, role);
	struct _mongoc_client_t *client;
	char text[512];
	int rights;

	if (pool == NULL) {
		check_line(c, "mongodb", false, "mongodb_uri cannot be used");
		return;
	}
	/* Reached, logged in, and the rights compared: one question does it all. */
	client = mongo_take(pool);
	rights = rights_mongo(client, role, text, sizeof(text));
	check_line(c, "mongodb", rights >= 0, rights < 0 ?
	    "the rights are unknown: see the log" : "reached, as this user");
	if (rights >= 0)
		check_line(c, "mongodb", rights == 0, rights == 0 ?
		    "has just the rights it needs" : text);
	/* Without a right a refusal would say nothing new. */
	if (rights >= 0 && (rights & RIGHTS_MISSING) == 0)
		check_trials(c, client, role);
	mongo_give(pool, client);
	mongo_pool_free(pool);
}

/* Which program may do what with the broker. */
static const struct {
	enum queue_right right;
	const char *what;
	enum conf_role may;
} broker[] = {
	{ QUEUE_PUBLISH, "publish to exchange exports", CONF_API },
	{ QUEUE_CONSUME, "consume queue exports.jobs", CONF_WORKER },
};

static void
check_right(struct check *c, const char *server, int got, bool wanted,
    const char *what)
{
	char text[256];

	if (got < 0)
		snprintf(text, sizeof(text), "unknown whether it may %s: "
		    "see the log", what);
	else
		snprintf(text, sizeof(text), "%s %s%s", got ? "may" : "may not",
		    what, got == wanted ? "" : wanted ? ", but has to" :
		    ", but must not");
	check_line(c, server, got >= 0 && got == wanted, text);
}

static void
check_broker(struct check *c, const struct conf *conf, enum conf_role role)
{
	struct queue *q = queue_new(conf, 0);
	size_t i;

	if (q == NULL || queue_connect(q) != 0) {
		check_line(c, "rabbitmq", false, "cannot be reached: see the log");
		queue_free(q);
		return;
	}
	check_line(c, "rabbitmq", true, "reached, as this user");
	for (i = 0; i < sizeof(broker) / sizeof(broker[0]); i++)
		check_right(c, "rabbitmq", queue_probe(q, broker[i].right),
		    broker[i].may == role, broker[i].what);
	check_right(c, "rabbitmq", queue_probe(q, QUEUE_DECLARE), false,
	    "declare queues");
	queue_free(q);
}

enum may { NEVER, ALWAYS, IF_S3_DELETE };

static const struct {
	enum s3_right right;
	const char *what;
	enum may api, worker;
} storage[] = {
	/* A worker looks up what it has completed. */
	{ S3_GET, "get objects", ALWAYS, ALWAYS },
	{ S3_UPLOAD, "upload objects", NEVER, ALWAYS },
	{ S3_DELETE, "remove objects", NEVER, IF_S3_DELETE },
	{ S3_LIST, "list the bucket", NEVER, NEVER },
	{ S3_GET_FRAGMENT, "get fragments of units", NEVER, ALWAYS },
	{ S3_DELETE_FRAGMENT, "remove fragments of units", NEVER, IF_S3_DELETE },
};

static bool
has_to(const struct conf *conf, enum may may)
{
	return may == ALWAYS || (may == IF_S3_DELETE && conf->s3_delete != 0);
}

static void
check_storage(struct check *c, const struct conf *conf, enum conf_role role)
{
	const struct patience none = { .each_ms = 1 };
	struct s3 *s3;
	char text[512];
	size_t i;

	if (credentials_start(conf, role) != 0 ||
	    credentials_describe(text, sizeof(text)) != 0) {
		check_line(c, "s3", false, "there are no credentials: see the log");
		credentials_stop();
		return;
	}
	check_line(c, "s3", true, text);
	s3 = s3_new(conf, &none);
	for (i = 0; s3 != NULL && i < sizeof(storage) / sizeof(storage[0]);
	    i++)
		check_right(c, "s3", s3_probe(s3, storage[i].right),
		    has_to(conf, role == CONF_API ? storage[i].api :
		    storage[i].worker),
		    storage[i].what);
	if (s3 == NULL)
		check_line(c, "s3", false, "out of memory");
	s3_free(s3);
	credentials_stop();
}

int
selfcheck_run(const struct conf *conf, enum conf_role role, FILE *to)
{
	struct check c = { .to = to };

	check_mongo(&c, conf, role);
	check_broker(&c, conf, role);
	check_storage(&c, conf, role);
	return c.wrong;
}
