#ifndef WORKER_ENGINE_SOURCE_H
#define WORKER_ENGINE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names;

/* One hour document of one column, as it was read. */
struct source_doc {
	size_t column;
	const uint8_t *data;	/* BSON, unchecked; the window's */
	size_t len;
	int64_t t_ms;		/* its time: the _id in Unix ms, rounded down */
};

/*
 * One vehicle; lives until its last window is released. A fragment may have some
 * days of a vehicle, by UTC. Then the windows also hold the documents of the hour
 * before from_ms, which may have points at or after it (with hold of archive_spec, also
 * those of so much time before, whose points may be held).
 */
struct source_vehicle {
	const char *name;
	const struct names *columns;	/* in the order of the CSV */
	bool continues;			/* its CSV began before from_ms */
	bool goes_on;			/* it is to go on at to_ms */
	int64_t from_ms, to_ms;		/* midnights, each if it counts */
};

/*
 * A window: documents of one vehicle, of some consecutive hours, of all its
 * columns. It belongs to the source, which gets it back by release().
 */
struct source_window {
	const struct source_vehicle *vehicle;
	/*
	 * In ascending time within a column, columns in any order; of two
	 * documents of one column and time the later one counts.
	 */
	const struct source_doc *docs;
	size_t n;
	size_t bytes;			/* of all its documents */
	bool last;			/* of its vehicle; may have no documents */
	/*
	 * A part of one hour, whose documents would be too large together: they
	 * are cut (archive_cut()) to the points before end_ms, and to those at
	 * or after the end of the part before it. The last part of an hour ends
	 * with it, and may hold later points.
	 */
	bool part;
	int64_t end_ms;			/* of a part */
	/* release(w): w is not needed any more. Any thread; once. */
	void (*release)(struct source_window *w);
};

/*
 * The windows of some vehicles: vehicle by vehicle, in the order of the archive,
 * and within a vehicle by ascending hours, which no two windows share (but for
 * the parts of one). A vehicle has at least one window, the last.
 */
struct source {
	/*
	 * next(s, w): Wait for the next window. Returns 0, 1 when there are no
	 * more, -1 on an error that is logged or after stop().
	 */
	int (*next)(struct source *s, struct source_window **w);
	/* stop(s): From another thread: next() is to return soon. */
	void (*stop)(struct source *s);
};

#endif
