#ifndef WORKER_READER_H
#define WORKER_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct _mongoc_client_t;
struct pace;
struct reader;
struct source;
struct names;

/*
 * reader_vehicles(client, prefix, list):
 * Append the names of the databases that are vehicles, bytewise.
 * reader_parameters(client, vehicle, list): Append the vehicle's collections (no
 * views), in the order of columns. Both: 0, -1 after a logged error.
 */
int reader_vehicles(struct _mongoc_client_t *client, const char *prefix,
    struct names *list);
int reader_parameters(struct _mongoc_client_t *client, const char *vehicle,
    struct names *list);

/* What is to be read of a vehicle; all belongs to the caller. */
struct reader_spec {
	struct _mongoc_client_t *client;
	const char *vehicle;
	const char *const *columns;
	size_t n;
	int64_t from_ms, to_ms;		/* of points; documents: one hour before, too */
	int64_t batch_documents;
	const char *read_preference;	/* of the URI specification; NULL: the client's */
	const char *read_concern;	/* "majority", ...; NULL: the client's */
	struct pace *pace;		/* may be NULL */
	const char *comment;		/* stands with each query at the server */
	bool (*stop)(void *);		/* asked while waiting for a server */
	void *arg;
};

/* reader_count(spec, n): Add the number of documents to *n. 0, -1 logged. */
int reader_count(const struct reader_spec *spec, uint64_t *n);

/*
 * reader_extent(spec, column, documents, first_ms, last_ms):
 * What a column's collection holds in all: about how many documents, and the
 * hours of the first and the last whose _id can be a time (JOB_NO_TIME: none).
 * Reads no document. 0, -1 logged.
 */
int reader_extent(const struct reader_spec *spec, size_t column,
    int64_t *documents, int64_t *first_ms, int64_t *last_ms);

/*
 * reader_open(spec): The hour documents of one vehicle, a cursor per column and
 * type of _id. A cursor that is lost (a server dies, an election, a restart) is
 * opened again behind the last document that was taken, a few times, so that the
 * caller sees each document once. Nothing is asked of the server yet. NULL when
 * memory ends, logged.
 */
struct reader *reader_open(const struct reader_spec *spec);
void reader_free(struct reader *r);

/* reader_source(r): Belongs to r. */
struct source *reader_source(struct reader *r);

#endif
