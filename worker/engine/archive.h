#ifndef WORKER_ENGINE_ARCHIVE_H
#define WORKER_ENGINE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct archive;
struct buf;
struct names;
struct sink;
struct source;

/*
 * The one door of the engine: hour documents in, an archive out (FORMAT.md). It
 * knows no job, no server and no configuration; the caller brings a source to
 * read from and a sink to write to.
 *
 * An archive is a ZIP of CSV files and a manifest. A fragment is a part of one
 * that is made elsewhere: the deflated files of some of its vehicles, one after
 * the other, and a JSON text that describes them (archive_facts()). An archive
 * of fragments has the same bytes as one that was made in one place.
 *
 * An archive is used by one thread at a time.
 */

/*
 * How a call ended. The error is logged where it occurs. Unless ARCHIVE_OK, the
 * archive can only be freed; the caller aborts the sink.
 */
enum archive_result {
	ARCHIVE_OK,
	ARCHIVE_STOPPED,	/* tick returned non-zero */
	ARCHIVE_TOO_LARGE,	/* documents needed at once exceed memory_max */
	ARCHIVE_SOURCE_FAILED,	/* the source, or a fragment's read() */
	ARCHIVE_SINK_FAILED,
	ARCHIVE_BAD_FRAGMENT,	/* differs from its facts, or gone: remake it */
	ARCHIVE_NO_MEMORY	/* or another resource of this process */
};

/* What to export. All of it belongs to the caller and outlives the archive. */
struct archive_spec {
	int64_t from_ms, to_ms;		/* of points, Unix ms, half-open */
	int64_t began_ms;		/* when reading began, Unix ms */
	/* As requested, for the manifest; empty: all. */
	const struct names *vehicles, *parameters;
	bool rfc3339;			/* times as RFC 3339, not Unix ms */
	bool excel;			/* CRLF and a BOM */
	bool small;			/* zlib -6: fewer bytes, more time */
	uint64_t csv_split_bytes;	/* a new file begins before this size */
	size_t memory_max;		/* bytes of documents needed at once */
	int threads;			/* at least 1 */
	bool exact;			/* for tests: never the fast path */
};

/*
 * archive_open(sink, spec), archive_open_fragment(sink, spec):
 * Nothing is written yet. The sink outlives the archive. NULL: no memory,
 * logged.
 */
struct archive *archive_open(struct sink *sink,
    const struct archive_spec *spec);
struct archive *archive_open_fragment(struct sink *sink,
    const struct archive_spec *spec);
void archive_free(struct archive *a);

/* Progress of the current vehicle. */
struct archive_progress {
	uint64_t documents, bytes;	/* read; bytes of BSON */
	uint64_t rows, points;		/* written */
	uint64_t slices, exact;		/* all; those on the exact path */
};

/* One vehicle; all of it belongs to the caller, for the call only. */
struct archive_vehicle {
	const char *name;
	const struct names *columns;	/* in the order of the CSV */
	struct source *source;		/* of these columns */
	/*
	 * Called after each slice, in the caller's thread; non-zero: stop. May
	 * be NULL.
	 */
	int (*tick)(void *arg, const struct archive_progress *progress);
	void *arg;
};

/*
 * archive_vehicle(a, v):
 * Read the source to its end and write the vehicle's CSV. A thread of its own
 * reads the source; the caller's thread writes to the sink.
 */
enum archive_result archive_vehicle(struct archive *a,
    const struct archive_vehicle *v);

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

/* archive_fragment(a, f): Write a fragment's vehicles, as if made here. */
enum archive_result archive_fragment(struct archive *a,
    const struct archive_fragment *f);

/*
 * archive_close(a): Write the manifest and the central directory (a fragment
 * has neither), then close the sink.
 */
enum archive_result archive_close(struct archive *a);

/*
 * archive_facts(a): A closed fragment's facts, JSON that belongs to a; NULL: no
 * memory, logged.
 *	{"files": [as in manifest.json, plus "part", "runBytes", "runCrc32"],
 *	 "skippedDocuments": [as there], "skippedDocumentsTotal": number}
 * Names in it are the fragment's own; the archive may give a file another one.
 */
const char *archive_facts(struct archive *a);

/*
 * archive_preview(a): The first rows, and samples of each column, of the first
 * vehicle that has rows (archive/preview.h): JSON that the caller frees. NULL:
 * no vehicle has rows, or no memory.
 */
char *archive_preview(const struct archive *a);

/*
 * archive_columns_sort(names): Sort the columns of a vehicle when no parameters
 * were requested: speed, soc, current, odo, voltage first, the rest by byte
 * values.
 */
void archive_columns_sort(struct names *names);

#endif
