#ifndef WORKER_FETCH_H
#define WORKER_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/telemetry.h"

struct pace;
struct patience;

/* One column of one window, to be read at once. */
struct fetch {
	struct _mongoc_client_t *client;
	const struct telemetry_way *way;
	struct pace *pace;		/* may be NULL */
	const struct patience *patience;
	const char *vehicle, *column;
	struct telemetry_range range;
	double document_bytes;		/* expected; less than 0: unknown */
	/*
	 * take(arg, data, len, t_ms): A document, in order of _id; it belongs to
	 * the cursor. Returns 0, -1 to end the fetch.
	 */
	int (*take)(void *arg, const uint8_t *data, size_t len, int64_t t_ms);
	void *arg;
	/* lagged(arg): A server did not answer in time. May be NULL. */
	void (*lagged)(void *arg);
};

enum fetch_result {
	FETCH_DONE,
	FETCH_ENDED,	/* by take() */
	FETCH_FAILED	/* logged; or patience is over */
};

/*
 * fetch_run(f): Query, take all documents, and leave nothing open. What fails for
 * now is tried again after the last document taken, as long as patience lasts;
 * patience is told of each reply. No faster than the pace allows.
 */
enum fetch_result fetch_run(const struct fetch *f);

#endif
