#ifndef WORKER_ODD_H
#define WORKER_ODD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct _mongoc_client_t;
struct names;
struct patience;
struct telemetry_way;

/* More of a vehicle's are not listed. */
#define ODD_MAX 1000

/* Documents of a vehicle whose _id is neither a number nor a Date, so no time. */
struct odd {
	struct _mongoc_client_t *client;
	const struct telemetry_way *way;
	const char *vehicle;
	const struct names *columns;
	const bool *there;		/* of each, whether it is a collection */
	/* take(arg, column, data, len): {_id: its value}. Returns 0, -1 to end it. */
	int (*take)(void *arg, size_t column, const uint8_t *data, size_t len);
	void *arg;
	const struct patience *patience;
};

/*
 * odd_run(o): Find them, up to ODD_MAX: by the indexes of all columns in one
 * query (of 100 columns each), which reads no document that has a time. Returns 0,
 * also when take() ended it; -1 after an error, logged.
 */
int odd_run(const struct odd *o);

#endif
