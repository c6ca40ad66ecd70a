#ifndef WORKER_READER_H
#define WORKER_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/servers/failure.h"
#include "worker/telemetry.h"

struct _mongoc_client_pool_t;
struct names;
struct pace;
struct patience;
struct reader;
struct sizes;
struct source;

/* What to read, and how; all of it belongs to the caller and outlives the reader. */
struct reader_spec {
	struct _mongoc_client_pool_t *pool;
	struct telemetry_way way;
	struct pace *pace;		/* of all that this process reads; or NULL */
	struct sizes *sizes;		/* the same */
	const struct patience *patience;
	bool (*late)(void *arg);	/* nothing is begun while it is true; or NULL */
	void *arg;
	const struct names *vehicles;	/* in the archive's order */
	const struct names *parameters;	/* empty: all that a vehicle has */
	const uint64_t *documents;	/* expected of each vehicle, or NULL */
	int64_t from_ms, to_ms;		/* of points, and of rows */
	int64_t hold_ms;		/* points from this long before from_ms, too */
	bool continues, goes_on;	/* of one vehicle only some days: source_vehicle */
	size_t memory_max;		/* bytes of documents, at once */
	size_t window_bytes;		/* of a column, usually */
	int64_t documents_s, bytes_s;	/* the pace's ceilings, for their size; 0: none */
	int threads;			/* at most; each takes a client of the pool */
};

/*
 * reader_open(spec): The documents of some vehicles as a source (worker/engine/
 * source.h): several threads read windows ahead, several columns and vehicles at a
 * time, in one order, as far as memory_max allows, and no faster than the pace.
 * A fetch that fails for now is made again for as long as patience lasts. No
 * server is contacted yet. NULL: no memory, logged.
 * reader_free(r): After all windows were released. Ends what is running.
 */
struct reader *reader_open(const struct reader_spec *spec);
void reader_free(struct reader *r);

/* reader_source(r): Belongs to r. */
struct source *reader_source(struct reader *r);

/* reader_failure(r): Why the source failed. */
enum failure reader_failure(struct reader *r);

/*
 * reader_total(r): The documents of all vehicles: as expected, made exact for those
 * that were read. Any thread.
 */
uint64_t reader_total(struct reader *r);

#endif
