#ifndef WORKER_TELEMETRY_H
#define WORKER_TELEMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct _bson_t;
struct _mongoc_client_t;
struct _mongoc_collection_t;
struct names;
struct pace;

/*
 * A batch of 24 hour documents is 1.4 MB: a server that needs longer is in
 * trouble.
 */
#define TELEMETRY_MAX_MS 60000

/*
 * telemetry_vehicles(client, prefix, list):
 * Append the names of the databases that are vehicles, bytewise.
 * telemetry_parameters(client, vehicle, list): Append the vehicle's collections
 * (no views), in the order of columns. Both: 0, -1 after a logged error.
 */
int telemetry_vehicles(struct _mongoc_client_t *client, const char *prefix,
    struct names *list);
int telemetry_parameters(struct _mongoc_client_t *client, const char *vehicle,
    struct names *list);

/* What to read of a vehicle, and how; all of it belongs to the caller. */
struct telemetry_spec {
	struct _mongoc_client_t *client;
	const char *vehicle;
	const char *const *columns;
	size_t n;
	int64_t from_ms, to_ms;		/* of points; documents begin an hour before */
	int64_t batch_documents;
	const char *read_preference;	/* of the URI specification; NULL: the client's */
	const char *read_concern;	/* "majority", ...; NULL: the client's */
	struct pace *pace;		/* may be NULL */
	const char *comment;		/* of each query, shown by the server */
	bool (*stop)(void *);		/* called while waiting for a server */
	void *arg;
};

/* Numbers sort before Dates, and a range of one does not match the other. */
enum telemetry_id { TELEMETRY_NUMBER, TELEMETRY_DATE, TELEMETRY_IDS };

/*
 * telemetry_collection(spec, column): A column's collection, with the spec's
 * read preference and read concern.
 * telemetry_filter(spec, type): {_id: {$gt: from - 1 h, $lt: to}}, as numbers
 * or as Dates. Both are the caller's.
 */
struct _mongoc_collection_t *telemetry_collection(
    const struct telemetry_spec *spec, size_t column);
struct _bson_t *telemetry_filter(const struct telemetry_spec *spec,
    enum telemetry_id type);

/* telemetry_count(spec, n): Add the number of documents to *n. 0, -1 logged. */
int telemetry_count(const struct telemetry_spec *spec, uint64_t *n);

/*
 * telemetry_extent(spec, column, documents, first_ms, last_ms):
 * The whole of a column's collection: its number of documents, estimated, and
 * the hours of the first and the last whose _id can be a time (JOB_NO_TIME:
 * none). Reads no document. 0, -1 logged.
 */
int telemetry_extent(const struct telemetry_spec *spec, size_t column,
    int64_t *documents, int64_t *first_ms, int64_t *last_ms);

#endif
