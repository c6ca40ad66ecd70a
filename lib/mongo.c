#include "lib/mongo.h"

#include <stdlib.h>
#include <string.h>

#include <mongoc/mongoc.h>

#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/log.h"

#define URI_MAX 4096

/* What a URI that is silent gets; the library's own presets wait too long. */
static const char *const options[] = {
	"w=majority", "readConcernLevel=majority",
	"retryWrites=true", "retryReads=true",
	"heartbeatFrequencyMS=5000", "authSource=admin", "maxPoolSize=4",
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
static int
has_option(const char *uri, const char *text)
{
	size_t n = strcspn(text, "=") + 1;
	const char *p;

	for (p = uri; (p = strpbrk(p, "?&")) != NULL; )
		if (strncasecmp(++p, text, n) == 0)
			return 1;
	return 0;
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

/* What the library says goes into our log, in our form. */
static void
on_log(mongoc_log_level_t level, const char *domain, const char *message,
    void *arg)
{
	(void)arg;
	if (level <= MONGOC_LOG_LEVEL_WARNING)
		log_msg(level <= MONGOC_LOG_LEVEL_CRITICAL ? LOG_ERROR :
		    LOG_WARN, domain, "%s", message);
}

mongoc_client_pool_t *
mongo_pool_new(const struct conf *conf, enum conf_role role)
{
	mongoc_client_pool_t *pool = NULL;
	mongoc_uri_t *uri = NULL;
	bson_error_t error;
	struct buf b;

	/*
	 * In memory of its own: in shared memory its counters would stay behind
	 * when a process is killed.
	 */
	setenv("MONGOC_DISABLE_SHM", "1", 0);
	mongoc_log_set_handler(on_log, NULL);
	mongoc_init();
	buf_init(&b, URI_MAX);
	if (put_uri(&b, conf->mongodb_uri, role) != 0)
		goto out;
	uri = mongoc_uri_new_with_error((char *)b.data, &error);
	if (uri == NULL) {
		mongo_log("mongodb_uri", &error);
		goto out;
	}
	if (!mongoc_uri_set_username(uri, conf->mongodb_user) ||
	    !mongoc_uri_set_password(uri, conf->mongodb_password)) {
		log_msg(LOG_ERROR, "mongodb_uri", "user or password is not "
		    "UTF-8");
		goto out;
	}
	if ((pool = mongoc_client_pool_new_with_error(uri, &error)) == NULL) {
		mongo_log("mongodb_uri", &error);
		goto out;
	}
	mongoc_client_pool_set_error_api(pool, MONGOC_ERROR_API_VERSION_2);
	mongoc_client_pool_set_appname(pool, role == CONF_API ?
	    "export-api" : "export-worker");
out:
	mongoc_uri_destroy(uri);
	buf_release(&b);
	return pool;
}

void
mongo_pool_free(mongoc_client_pool_t *pool)
{
	if (pool != NULL)
		mongoc_client_pool_destroy(pool);
	mongoc_cleanup();
}

void
mongo_log(const char *op, const bson_error_t *error)
{
	log_msg(LOG_ERROR, op, "%s (MongoDB %u.%u)", error->message,
	    error->domain, error->code);
}
