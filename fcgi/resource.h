#ifndef FCGI_RESOURCE_H
#define FCGI_RESOURCE_H

struct FCGX_Request;
struct conf;
struct jobs;
struct queue;
struct request;

/* What a handler's process has for every request. */
struct api {
	const struct conf *conf;
	struct jobs *jobs;
	struct queue *queue;
};

/*
 * A resource's method: answers r on fcgx, exactly once. id is what the route's *
 * matched, "" without one. The statuses it answers stand above each in its file.
 */
typedef void resource_fn(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id);

/* export.c */
resource_fn export_post, export_get, export_delete;
/* health.c */
resource_fn health_get, ready_get;
/* limits.c */
resource_fn limits_get;

#endif
