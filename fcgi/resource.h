#ifndef FCGI_RESOURCE_H
#define FCGI_RESOURCE_H

struct FCGX_Request;
struct _mongoc_client_t;
struct catalogue;
struct conf;
struct doorbell;
struct jobs;
struct owner_watch;
struct queue;
struct request;
struct watch;

/* What a handler process has for every request. */
struct api {
	const struct conf *conf;
	struct _mongoc_client_t *client;
	struct jobs *jobs;
	struct catalogue *catalogue;
	struct doorbell *doorbell;
	struct watch *rights, *broker;	/* for /ready, health.c */
	struct watch *numbers;		/* for /metrics, metrics.c */
	struct owner_watch *owners;	/* for /limits, main.c */
};

/* Headers of answers that tell the client to ask again. */
#define RETRY_DATABASE "Retry-After: 5\r\n"
#define RETRY_POLL "Retry-After: 1\r\n"

/*
 * A resource's method: answers r on fcgx, exactly once. id is what the route's *
 * matched, "" without one. Each file begins with the statuses that it answers.
 */
typedef void resource_fn(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id);

/* create.c */
resource_fn export_post;
/* export.c */
resource_fn export_get, export_delete, export_list, export_preview;
/* vehicles.c */
resource_fn vehicles_list, vehicles_get;
/*
 * health.c; what its watches look with: health_rights() a pool of MongoDB clients,
 * health_broker() a struct queue.
 */
resource_fn health_get, ready_get;
int health_rights(void *pool, char **text);
int health_broker(void *queue, char **text);
/* limits.c */
resource_fn limits_get;
/* metrics.c; metrics_look() looks with a pool of MongoDB clients. */
resource_fn metrics_get;
int metrics_look(void *pool, char **text);

#endif
