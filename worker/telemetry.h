#ifndef WORKER_TELEMETRY_H
#define WORKER_TELEMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/jobs/read_time.h"

struct _bson_error_t;
struct _bson_t;
struct _bson_value_t;
struct _mongoc_client_t;
struct _mongoc_client_session_t;
struct _mongoc_cursor_t;
struct names;
struct patience;
struct patience_try;

/* A reply of some MB: a server that needs longer is in trouble. */
#define TELEMETRY_MAX_MS 60000

/* How to read, the same for all of an attempt. Strings belong to the caller. */
struct telemetry_way {
	const char *read_preference;	/* of the URI specification; NULL: the client's */
	const char *read_concern;	/* "majority", ...; NULL: the client's */
	const char *comment;		/* of each query, shown by the server */
	/*
	 * What a majority had confirmed by then is seen, by a secondary that lags
	 * after a wait; 0, 0: whatever the server has.
	 */
	struct read_time at;
};

/*
 * telemetry_vehicles(client, way, patience, prefix, asked, list):
 * Append the names of the databases that are vehicles; of those in asked only,
 * unless it is NULL or empty. Bytewise order.
 * telemetry_parameters(client, way, patience, vehicle, asked, list): Append the
 * vehicle's collections (no views), of those in asked only, as above, in the order
 * of columns.
 * Both: 0, -1 after an error, logged. One that may pass is tried again as long as
 * patience lasts; NULL: it is not.
 */
int telemetry_vehicles(struct _mongoc_client_t *client,
    const struct telemetry_way *way, const struct patience *patience,
    const char *prefix, const struct names *asked, struct names *list);
int telemetry_parameters(struct _mongoc_client_t *client,
    const struct telemetry_way *way, const struct patience *patience,
    const char *vehicle, const struct names *asked, struct names *list);

/*
 * telemetry_again(t, error): After a failed call: whether to make it again, after a
 * pause. t->patience may be NULL.
 */
bool telemetry_again(struct patience_try *t,
    const struct _bson_error_t *error);

/* Hours of a column: _id from from_ms (from_open: after it) to before to_ms. */
struct telemetry_range {
	int64_t from_ms, to_ms;
	bool from_open;
};

/*
 * telemetry_find(client, way, vehicle, column, range, after, batch):
 * A cursor of the documents whose _id is in the range, numbers first, then Dates,
 * each ascending; after an _id that was taken, unless it is NULL. batch: documents
 * in a reply. session: by telemetry_session(), or NULL. No server is contacted yet.
 */
struct _mongoc_cursor_t *telemetry_find(struct _mongoc_client_t *client,
    const struct telemetry_way *way, const char *vehicle, const char *column,
    const struct telemetry_range *range, const struct _bson_value_t *after,
    int64_t batch, struct _mongoc_client_session_t *session);

/*
 * telemetry_aggregate(client, way, vehicle, column, pipeline, session):
 * A cursor of {pipeline: [...]}; read as telemetry_find() reads.
 */
struct _mongoc_cursor_t *telemetry_aggregate(struct _mongoc_client_t *client,
    const struct telemetry_way *way, const char *vehicle, const char *column,
    const struct _bson_t *pipeline, struct _mongoc_client_session_t *session);

/*
 * telemetry_session(client, way, session, error):
 * A session that reads at way's time, the caller's to destroy; *session is NULL
 * where way has none. Contacts no server. 0, -1 logged.
 */
int telemetry_session(struct _mongoc_client_t *client,
    const struct telemetry_way *way,
    struct _mongoc_client_session_t **session, struct _bson_error_t *error);

/*
 * telemetry_count(client, way, vehicle, column, range, documents):
 * How many documents a range has, from the index alone. 0, -1 logged.
 */
int telemetry_count(struct _mongoc_client_t *client,
    const struct telemetry_way *way, const char *vehicle, const char *column,
    const struct telemetry_range *range, int64_t *documents);

/*
 * telemetry_extent(client, way, vehicle, column, documents, first_ms, last_ms):
 * The whole of a column's collection: its number of documents, estimated, and
 * the hours of the first and the last whose _id can be a time (JOB_NO_TIME:
 * none). Reads no document. 0, -1 logged.
 */
int telemetry_extent(struct _mongoc_client_t *client,
    const struct telemetry_way *way, const char *vehicle, const char *column,
    int64_t *documents, int64_t *first_ms, int64_t *last_ms);

#endif
