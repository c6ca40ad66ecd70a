#ifndef WORKER_ENGINE_ARCHIVE_TYPES_H
#define WORKER_ENGINE_ARCHIVE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct names;
struct zone;

/*
 * What goes through the door, archive.h; what lies below it includes these only.
 */

/* Version of the archive's format, FORMAT.md. */
#define ARCHIVE_FORMAT 6
#define ARCHIVE_FORMAT_TEXT "6"

/*
 * How a call ended. The error is logged where it occurs. Unless ARCHIVE_OK, the
 * archive can only be freed; the caller aborts the sink.
 */
enum archive_result {
	ARCHIVE_OK,
	ARCHIVE_STOPPED,	/* tick returned non-zero */
	ARCHIVE_TOO_LARGE,	/* documents needed at once exceed memory_max */
	ARCHIVE_REACHES,	/* a vehicle cannot be cut there: source_vehicle */
	ARCHIVE_SOURCE_FAILED,	/* the source, or a fragment's read() */
	ARCHIVE_SINK_FAILED,
	ARCHIVE_BAD_FRAGMENT,	/* differs from its facts, or gone: remake it */
	ARCHIVE_NO_MEMORY	/* or another resource of this process */
};

/* Which of a step's points its cell has (FORMAT.md, "Fixed steps"). */
enum archive_take {
	ARCHIVE_TAKE_LAST,
	ARCHIVE_TAKE_FIRST,
	ARCHIVE_TAKE_MEAN,
	ARCHIVE_TAKE_MIN,
	ARCHIVE_TAKE_MAX
};

/* A file for each calendar day or month of a vehicle (FORMAT.md, 4). */
enum archive_split { ARCHIVE_SPLIT_NONE, ARCHIVE_SPLIT_DAY, ARCHIVE_SPLIT_MONTH };

/*
 * What is known of a parameter, for people: texts of UTF-8 without control characters,
 * NULL where not known; decimals to show, -1 where not known.
 */
struct archive_parameter {
	const char *name, *unit, *label;
	int decimals;
};

/* What to export. All of it belongs to the caller and outlives the archive. */
struct archive_spec {
	int64_t from_ms, to_ms;		/* of points, Unix ms, half-open */
	int64_t began_ms;		/* when reading began, Unix ms */
	/* As requested, for the manifest; empty: all. */
	const struct names *vehicles, *parameters;
	bool skip_unknown;		/* requested: without vehicles that are not there */
	const struct names *skipped;	/* those vehicles; may be NULL */
	bool rfc3339;			/* times as RFC 3339, not Unix ms */
	bool local;			/* times of the zone */
	enum archive_split split;	/* by days of the zone */
	/*
	 * The zone and its name, or NULL where neither needs one. Its offsets matter
	 * from two days before from_ms on.
	 */
	const struct zone *zone;
	const char *zone_name;
	bool header_unit;		/* a column's name is followed by its unit */
	bool parquet;			/* not CSV: FORMAT.md, Parquet */
	/*
	 * By name (bytewise): of the parameters requested, of all where that is empty. A
	 * fragment needs none: the archive names its columns itself.
	 */
	const struct archive_parameter *known;
	size_t nknown;
	int64_t every_ms;		/* a row for each step of this length; 0: none */
	enum archive_take take;		/* with every_ms */
	int64_t hold_ms;		/* how old a value may fill a step; 0: none */
	bool excel;			/* CRLF, a BOM, files that fit a sheet */
	bool semicolon;			/* and excel: semicolons, decimal commas */
	bool small;			/* zlib -6: fewer bytes, more time */
	uint64_t csv_split_bytes;	/* a new file begins before this size */
	/* Bytes of documents that reach beyond their hour, kept at once. */
	size_t memory_max;
	int threads;			/* at least 1 */
	bool exact;			/* for tests: never the fast path */
};

/* Progress, of all that archive_take() has written so far. */
struct archive_progress {
	uint64_t documents, bytes;	/* of the windows; bytes of BSON */
	uint64_t rows, points;
	uint64_t slices, exact;		/* all; those on the exact path */
};

/* tick(arg, p): Called now and then, in the caller's thread; non-zero: stop. */
struct archive_watch {
	int (*tick)(void *arg, const struct archive_progress *p);
	void *arg;
};

/*
 * A fragment whose archive_close() succeeded; its facts and bytes are checked
 * against each other. read(arg, at, len, to): Store len bytes (1 or more) from
 * offset `at` in *to, replacing its content. Returns 0, 1 when the fragment is
 * gone, -1 on an error that is logged.
 */
struct archive_fragment {
	const char *name;		/* for log lines */
	const char *facts;		/* archive_facts() */
	uint64_t size;			/* of its bytes */
	size_t step;			/* bytes per read(), at most */
	int (*read)(void *arg, uint64_t at, size_t len, struct buf *to);
	void *arg;
};

#endif
