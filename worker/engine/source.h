#ifndef WORKER_ENGINE_SOURCE_H
#define WORKER_ENGINE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

/* One hour document of one column, as it was read. */
struct source_doc {
	size_t column;
	const uint8_t *data;	/* BSON, unchecked; until the next call */
	size_t len;
	int64_t t_ms;		/* its time: the _id in Unix ms, rounded down */
};

/*
 * The documents of one vehicle, of all its columns, in ascending time within a
 * column. Used by one thread at a time.
 */
struct source {
	/*
	 * peek(s, t_ms): The smallest time of the documents that are left.
	 * Returns 0, 1 when there are none, -1 on an error that is logged.
	 */
	int (*peek)(struct source *s, int64_t *t_ms);

	/*
	 * next(s, before_ms, doc): Take a document with a time before
	 * before_ms, column by column. Returns 0 with a document, 1 when there
	 * is none, -1 on an error that is logged.
	 */
	int (*next)(struct source *s, int64_t before_ms,
	    struct source_doc *doc);
};

#endif
