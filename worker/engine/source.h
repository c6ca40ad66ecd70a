#ifndef WORKER_ENGINE_SOURCE_H
#define WORKER_ENGINE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

/* One hour document of one column, as it was read. */
struct source_doc {
	size_t column;
	const uint8_t *data;	/* raw BSON, valid until the next call */
	size_t len;
	int64_t t_ms;		/* its time, see below */
};

/*
 * The documents of one vehicle, of all its columns, ascending in time within a
 * column. A document's time here is its _id in ms, rounded down.
 */
struct source {
	/*
	 * peek(s, t_ms): The smallest time of a document not taken yet.
	 * Returns 0, 1 when there is none, -1 on an error that is logged.
	 */
	int (*peek)(struct source *s, int64_t *t_ms);

	/*
	 * next(s, before_ms, doc): Take a document of a time before before_ms,
	 * column by column. Returns 0 with a document, 1 when there is none, -1
	 * on an error that is logged.
	 */
	int (*next)(struct source *s, int64_t before_ms,
	    struct source_doc *doc);
};

#endif
