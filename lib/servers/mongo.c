/*
 * The pool of MongoDB clients: the URI with our limits added, TLS, and one log
 * line for a server that stops answering instead of one every few seconds.
 * Knows no database and no collection.
 */
#include "lib/servers/mongo.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mongoc/mongoc.h>
#include <openssl/x509_vfy.h>

#include "lib/base/buf.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"

#define URI_MAX 4096
#define AWAY_MAX 8
/*
 * Clients that a worker may hold at the same time: its own, the reporter's, the
 * sweeper's, the assembling thread's of a split job, two leases', and one for each of
 * its readers. One more would wait for ever.
 */
#define POOL_LEAST 6

/*
 * Added to a URI that does not set them: the library's defaults wait too long.
 */
static const char *const options[] = {
	"w=majority", "readConcernLevel=majority",
	"retryWrites=true", "retryReads=true",
	"heartbeatFrequencyMS=5000", "authSource=admin", "maxPoolSize=40",
};
static const char *const limits[][4] = {
	[CONF_API] = { "serverSelectionTimeoutMS=2500",
	    "connectTimeoutMS=1500", "socketTimeoutMS=3000",
	    "wtimeoutMS=2500" },
	[CONF_WORKER] = { "serverSelectionTimeoutMS=5000",
	    "connectTimeoutMS=3000", "socketTimeoutMS=20000",
	    "wtimeoutMS=8000" },
};
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Whether the URI sets the option that text begins with. */
static bool
has_option(const char *uri, const char *text)
{
	size_t n = strcspn(text, "=") + 1;
	const char *p;

	for (p = uri; (p = strpbrk(p, "?&")) != NULL; )
		if (strncasecmp(++p, text, n) == 0)
			return true;
	return false;
}

/* Add those options that the URI does not set itself. */
static int
put_options(struct buf *b, const char *uri, const char *const *list, size_t n,
    const char **separator)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (has_option(uri, list[i]))
			continue;
		if (buf_addf(b, "%s%s", *separator, list[i]) != 0)
			return -1;
		*separator = "&";
	}
	return 0;
}

static int
put_uri(struct buf *b, const char *uri, enum conf_role role)
{
	const char *query = strchr(uri, '?');
	const char *separator = query == NULL ? "?" : query[1] ? "&" : "";

	if (buf_adds(b, uri) != 0)
		return -1;
	/* mongodb://host needs its slash before a query. */
	if (query == NULL && strstr(uri, "://") != NULL &&
	    strchr(strstr(uri, "://") + 3, '/') == NULL &&
	    buf_adds(b, "/") != 0)
		return -1;
	if (put_options(b, uri, options, COUNT_OF(options), &separator) != 0 ||
	    put_options(b, uri, limits[role], COUNT_OF(limits[role]),
	    &separator) != 0)
		return -1;
	return buf_cstr(b) == NULL ? -1 : 0;
}

/* The library's messages go into our log, in its form. */
static void
on_log(mongoc_log_level_t level, const char *domain, const char *message,
    void *arg)
{
	(void)arg;
	if (level <= MONGOC_LOG_LEVEL_WARNING)
		log_msg(level <= MONGOC_LOG_LEVEL_CRITICAL ? LOG_ERROR :
		    LOG_WARN, domain, "%s", message);
}

/*
 * The last message about each server: one that is away is tried every few
 * seconds, twice a second while a call waits for it, and is worth one line. (The
 * error that the waiting call returns names no server.)
 */
static struct {
	char host[BSON_HOST_NAME_MAX + 8];
	char why[sizeof(((bson_error_t *)NULL)->message)];
} away[AWAY_MAX];
static bool answered;	/* some server, once */
static bool uses_tls;
static pthread_mutex_t away_lock = PTHREAD_MUTEX_INITIALIZER;

/* The server's place in away[]; the last place is shared by all others. */
static size_t
away_place(const char *host)
{
	size_t i;

	for (i = 0; i < AWAY_MAX - 1; i++)
		if (away[i].host[0] == '\0' || strcmp(away[i].host, host) == 0)
			break;
	if (strcmp(away[i].host, host) != 0) {
		snprintf(away[i].host, sizeof(away[i].host), "%s", host);
		away[i].why[0] = '\0';
	}
	return i;
}

static void
on_answer(const mongoc_apm_server_heartbeat_succeeded_t *event)
{
	const mongoc_host_list_t *host =
	    mongoc_apm_server_heartbeat_succeeded_get_host(event);

	pthread_mutex_lock(&away_lock);
	answered = true;
	away[away_place(host->host_and_port)].why[0] = '\0';
	pthread_mutex_unlock(&away_lock);
}

/* What the library's messages hint at while no server has answered yet. */
static const struct {
	bool tls;	/* whether we use it */
	const char *text, *hint;
} hints[] = {
	{ true, "handshake failed: Connection", "; does it speak TLS?" },
	{ true, "legacy sigalg", "; TLS 1.2 is the least" },
	{ true, "protocol version", "; TLS 1.2 is the least" },
	{ true, "unsupported protocol", "; TLS 1.2 is the least" },
	{ false, "Failed to read 4 bytes", "; does it want TLS (tls=true)?" },
};

static const char *
hint_for(const char *message)
{
	size_t i;

	for (i = 0; i < COUNT_OF(hints) && !answered; i++)
		if (hints[i].tls == uses_tls &&
		    strstr(message, hints[i].text) != NULL)
			return hints[i].hint;
	return "";
}

static void
on_no_answer(const mongoc_apm_server_heartbeat_failed_t *event)
{
	const mongoc_host_list_t *host =
	    mongoc_apm_server_heartbeat_failed_get_host(event);
	bson_error_t error;
	size_t i;

	mongoc_apm_server_heartbeat_failed_get_error(event, &error);
	pthread_mutex_lock(&away_lock);
	i = away_place(host->host_and_port);
	/* No text: a wait that was cancelled. */
	if (error.message[0] != '\0' &&
	    strcmp(away[i].why, error.message) != 0) {
		snprintf(away[i].why, sizeof(away[i].why), "%s", error.message);
		log_msg(LOG_WARN, "mongodb", "MongoDB %s: %s%s",
		    host->host_and_port, error.message,
		    hint_for(error.message));
	}
	pthread_mutex_unlock(&away_lock);
}

/*
 * Choose the CA file when the URI enables TLS without naming one. Returns 0, -1
 * with the fault logged: the library would make a pool in spite of it.
 */
static int
set_ca(mongoc_uri_t *uri, const struct conf *conf)
{
	const char *file;
	X509_STORE *store;
	bool good;

	if (!(uses_tls = mongoc_uri_get_tls(uri)))
		return 0;
	if (conf->tls_ca_file != NULL &&
	    !mongoc_uri_has_option(uri, MONGOC_URI_TLSCAFILE))
		mongoc_uri_set_option_as_utf8(uri, MONGOC_URI_TLSCAFILE,
		    conf->tls_ca_file);
	file = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCAFILE, NULL);
	if (file == NULL && conf->tls_ca_file == NULL)
		return 0;
	store = file == NULL ? NULL : X509_STORE_new();
	good = store != NULL && X509_STORE_load_file(store, file) == 1;
	X509_STORE_free(store);
	if (good)
		return 0;
	log_msg(LOG_ERROR, "mongodb_uri", "TLS: no certificates can be read "
	    "from %s", file != NULL ? file : conf->tls_ca_file);
	return -1;
}

static int
check_pool_size(const mongoc_uri_t *uri, int64_t readers)
{
	const int least = POOL_LEAST + (int)readers;
	const int32_t n = mongoc_uri_get_option_as_int32(uri,
	    MONGOC_URI_MAXPOOLSIZE, 0);

	if (n >= least)
		return 0;
	log_msg(LOG_ERROR, "mongodb_uri", "maxPoolSize is %d: at least %d are "
	    "needed, for a worker one for each of its readers, too", n, least);
	return -1;
}

/*
 * The library keeps counters in a shared memory file, made when the program is
 * loaded, from 1.24 on by mongoc_init(). They stay mapped without it; nobody reads the
 * file, which would outlive a killed process and be in the way of the next one with
 * its number.
 */
static void
drop_counters_file(void)
{
	char name[32];

	snprintf(name, sizeof(name), "/mongoc-%u", (unsigned)getpid());
	shm_unlink(name);
}

/* conf's URI with our limits and the role's account. NULL with the fault logged. */
static mongoc_uri_t *
uri_new(const struct conf *conf, enum conf_role role)
{
	mongoc_uri_t *uri = NULL;
	bson_error_t error;
	struct buf b;

	buf_init(&b, URI_MAX);
	if (put_uri(&b, conf->mongodb_uri, role) != 0)
		goto out;
	if ((uri = mongoc_uri_new_with_error((char *)b.data, &error)) == NULL)
		mongo_log("mongodb_uri", &error);
	else if (mongoc_uri_set_username(uri, conf->mongodb_user) &&
	    mongoc_uri_set_password(uri, conf->mongodb_password))
		goto out;
	else
		log_msg(LOG_ERROR, "mongodb_uri", "user or password is not "
		    "UTF-8");
	mongoc_uri_destroy(uri);
	uri = NULL;
out:
	buf_release(&b);
	return uri;
}

/* Heartbeats tell us of servers that come and go; errors have all their codes. */
static void
set_callbacks(mongoc_client_pool_t *pool)
{
	mongoc_apm_callbacks_t *callbacks = mongoc_apm_callbacks_new();

	mongoc_apm_set_server_heartbeat_succeeded_cb(callbacks, on_answer);
	mongoc_apm_set_server_heartbeat_failed_cb(callbacks, on_no_answer);
	mongoc_client_pool_set_apm_callbacks(pool, callbacks, NULL);
	mongoc_apm_callbacks_destroy(callbacks);
	mongoc_client_pool_set_error_api(pool, MONGOC_ERROR_API_VERSION_2);
}

mongoc_client_pool_t *
mongo_pool_new(const struct conf *conf, enum conf_role role)
{
	mongoc_client_pool_t *pool = NULL;
	mongoc_uri_t *uri;
	bson_error_t error;

	/* The library itself, whose log lines are ours from its first one on. */
	mongoc_log_set_handler(on_log, NULL);
	mongoc_init();
	drop_counters_file();
	/* The URI: what is wrong with it is found here, not at the first call. */
	if ((uri = uri_new(conf, role)) == NULL || check_pool_size(uri,
	    role == CONF_WORKER ? conf->readers : 0) != 0 ||
	    set_ca(uri, conf) != 0)
		goto out;
	/* The pool, which connects when a client is used. */
	if ((pool = mongoc_client_pool_new_with_error(uri, &error)) == NULL) {
		mongo_log("mongodb_uri", &error);
		goto out;
	}
	set_callbacks(pool);
	mongoc_client_pool_set_appname(pool, role == CONF_API ?
	    "export-api" : "export-worker");
out:
	mongoc_uri_destroy(uri);
	return pool;
}

void
mongo_pool_free(mongoc_client_pool_t *pool)
{
	if (pool != NULL)
		mongoc_client_pool_destroy(pool);
	mongoc_cleanup();
}

mongoc_client_t *
mongo_take(mongoc_client_pool_t *pool)
{
	return mongoc_client_pool_pop(pool);
}

void
mongo_give(mongoc_client_pool_t *pool, mongoc_client_t *client)
{
	if (client != NULL)
		mongoc_client_pool_push(pool, client);
}

void
mongo_log(const char *op, const bson_error_t *error)
{
	log_msg(LOG_ERROR, op, "%s (MongoDB %u.%u)", error->message,
	    error->domain, error->code);
}
