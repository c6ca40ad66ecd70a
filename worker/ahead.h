#ifndef WORKER_AHEAD_H
#define WORKER_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/names.h"
#include "worker/engine/source.h"
#include "worker/gather.h"
#include "worker/store.h"
#include "worker/windows.h"

/*
 * The order in which vehicles and their windows are read and handed out, and the
 * memory that they may have. Knows no thread and no server: the caller locks.
 */
struct ahead;

enum ahead_state { AHEAD_WAITING, AHEAD_RUNNING, AHEAD_DONE };

struct ahead_window {
	struct source_window w;		/* first: handed out as this */
	struct ahead *ahead;
	struct ahead_vehicle *vehicle;
	struct ahead_window *next;
	int64_t from, to;		/* hours since 1970, half-open */
	struct gather_column *columns;
	size_t started, running, done;	/* columns */
	uint64_t documents, read;	/* of those done; bytes */
	size_t claimed, held;		/* bytes, of the columns; of the budget */
	struct store_part part;
	struct source_doc *docs;	/* of all columns, once they are there */
	bool over;			/* has become too large: to be read in smaller ones */
	int64_t part_from_ms, part_to_ms;	/* of points; of an hour that is read in parts */
	int64_t part_ms;		/* how long a part may be; 0: this one is cut */
};

struct ahead_vehicle {
	struct source_vehicle v;	/* what windows refer to */
	struct ahead_vehicle *next;
	size_t index;
	enum ahead_state listed;	/* its collections */
	struct names found;		/* its own columns, where none are asked for */
	bool *there;			/* whether the column is a collection; any of them */
	struct size *sizes;		/* of the columns */
	uint64_t documents, bytes;	/* read so far */
	size_t largest;			/* document, bytes; 0: none came */
	uint64_t expected;		/* documents, not yet corrected */
	int64_t from, hours;		/* of the next window; those of the last one */
	struct ahead_window *windows;	/* to be handed out */
	size_t alive;			/* windows, with those handed out */
	bool handed;			/* the last was given back */
};

struct ahead_spec {
	const struct names *vehicles;
	const struct names *parameters;	/* empty: those that each has */
	const uint64_t *documents;	/* or NULL */
	int64_t from, to;		/* hours since 1970, half-open */
	/* Of one vehicle only some days, to midnights, Unix ms: source_vehicle. */
	bool continues, goes_on;
	int64_t from_ms, to_ms;
	size_t memory_max;		/* of all windows, with those handed out */
	size_t ahead_max;		/* the same, to begin one ahead of the next */
	size_t window_bytes;		/* of a column, usually */
	/* A window is read within about a second of these ceilings; 0: none. */
	int64_t documents_s, bytes_s;
	struct sizes *sizes;
	/* Around the release of a window, in any thread; unlock() wakes who waits. */
	void (*lock)(void *arg);
	void (*unlock)(void *arg);
	void *arg;
};

struct ahead *ahead_new(const struct ahead_spec *spec);
void ahead_free(struct ahead *a);

/* What to do next: list a vehicle's collections, or read a column of a window. */
struct ahead_job {
	struct ahead_vehicle *vehicle;
	struct ahead_window *window;	/* NULL: list */
	/* After the last: the documents of all columns whose _id is no time. */
	size_t column;
};

/*
 * ahead_job(a, large, job): Take the next job. large: also one whose replies may be
 * large, of which the library keeps a buffer with the connection: so only one reader
 * should. Returns 0, 1: none for now, -1: no memory.
 * ahead_listed(a, v, found): A vehicle's collections; found is taken over. 0, -1 no
 * memory.
 */
int ahead_job(struct ahead *a, bool large, struct ahead_job *job);
int ahead_listed(struct ahead *a, struct ahead_vehicle *v, struct names *found);

/*
 * ahead_saw(job, len): A document came that has len bytes, whatever is kept of it.
 * ahead_room(a, job, len): Room for a document. NULL: the window is too large now,
 * or (*no_memory) there is no memory.
 * ahead_add(job, doc): It is there. 0, -1: no memory.
 * ahead_read(a, job, ended): The column has been read, or its reading was ended.
 * Returns 0, 1: a millisecond is too large, -1: no memory.
 */
void ahead_saw(const struct ahead_job *job, size_t len);
uint8_t *ahead_room(struct ahead *a, const struct ahead_job *job, size_t len,
    bool *no_memory);
int ahead_add(const struct ahead_job *job, const struct source_doc *doc);
int ahead_read(struct ahead *a, const struct ahead_job *job, bool ended);

/*
 * ahead_next(a, w): The next window in order, if it is there. Returns 0, 1: it is not
 * there yet, 2: all were handed out.
 */
int ahead_next(struct ahead *a, struct source_window **w);

/* ahead_total(a): See reader_total(). */
uint64_t ahead_total(const struct ahead *a);

#endif
