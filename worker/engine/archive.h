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
 * that is made elsewhere: of some of its vehicles the deflated files only, one
 * after the other, and a JSON text that describes them (archive_facts()). An
 * archive of fragments has the same bytes as one that was made at once.
 */

/* How a call ended. Whatever failed is logged, and the archive is of no use then. */
enum archive_result {
	ARCHIVE_OK,
	ARCHIVE_STOPPED,	/* tick returned non-zero */
	ARCHIVE_TOO_LARGE,	/* documents open at one time exceed memory_max */
	ARCHIVE_SOURCE_FAILED,	/* the source, or a fragment's read() */
	ARCHIVE_SINK_FAILED,
	ARCHIVE_BAD_FRAGMENT,	/* not what its facts describe, or gone: make it again */
	ARCHIVE_NO_MEMORY	/* or another resource of this process */
};

/* What is to be exported. All of it belongs to the caller and outlives the archive. */
struct archive_spec {
	int64_t from_ms, to_ms;		/* of points, Unix ms, half-open */
	int64_t began_ms;		/* when reading began; for the manifest */
	const struct names *vehicles;	/* as requested, for the manifest; empty: all */
	const struct names *parameters;
	bool rfc3339;			/* times as RFC 3339, not Unix ms */
	bool excel;			/* CRLF and a BOM */
	bool small;			/* zlib level 6: fewer bytes, more time */
	uint64_t csv_split_bytes;	/* a CSV goes on in another file before this size */
	size_t memory_max;		/* for documents that are open at one time, bytes */
	int threads;			/* 1 or more; started by the first vehicle */
	bool exact;			/* for tests: no document takes the fast path */
};

/*
 * archive_open(sink, spec), archive_open_fragment(sink, spec):
 * Nothing is written yet. NULL: no memory, logged.
 */
struct archive *archive_open(struct sink *sink, const struct archive_spec *spec);
struct archive *archive_open_fragment(struct sink *sink,
    const struct archive_spec *spec);
void archive_free(struct archive *a);

/* How far a vehicle is. */
struct archive_progress {
	uint64_t documents, bytes, rows, points;
	uint64_t slices, exact;		/* all of them; those that took the exact path */
};

/* One vehicle; all of it belongs to the caller, for the call only. */
struct archive_vehicle {
	const char *name;
	const struct names *columns;	/* in their order in the CSV */
	struct source *source;		/* its columns are those */
	/* Called after each slice; not 0: stop. May be NULL. */
	int (*tick)(void *arg, const struct archive_progress *progress);
	void *arg;
};

/*
 * archive_vehicle(a, v):
 * Read the source to its end and write the vehicle's CSV. The source is read by
 * a thread of its own; the sink is written to by the caller's.
 */
enum archive_result archive_vehicle(struct archive *a,
    const struct archive_vehicle *v);

/*
 * A fragment that was closed well. read(arg, at, len, to): Put len bytes (1 or
 * more) from byte `at` on in *to, replacing what it held. Returns 0, 1 when
 * there is no such fragment (any more), -1 on an error that is logged.
 */
struct archive_fragment {
	const char *name;		/* for log lines */
	const char *facts;		/* archive_facts() */
	uint64_t size;			/* its bytes */
	size_t step;			/* bytes to read at a time */
	int (*read)(void *arg, uint64_t at, size_t len, struct buf *to);
	void *arg;
};

/* archive_fragment(a, f): Write the fragment's vehicles, as if made here. */
enum archive_result archive_fragment(struct archive *a,
    const struct archive_fragment *f);

/*
 * archive_close(a): Write what comes last (the manifest and the central
 * directory; nothing in a fragment) and close the sink.
 */
enum archive_result archive_close(struct archive *a);

/*
 * archive_facts(a): Of a fragment that is closed, JSON that belongs to a; NULL:
 * no memory, logged.
 *	{"files": [a file as in manifest.json, and "part", "runBytes", "runCrc32"],
 *	 "skippedDocuments": [as there], "skippedDocumentsTotal": number}
 * Names in it are the fragment's own: the archive may name a file otherwise.
 */
const char *archive_facts(struct archive *a);

/*
 * archive_preview(a): The first rows and a sample of each column of the first
 * vehicle that has rows (archive/preview.h), JSON that the caller frees; NULL
 * where no vehicle of a has rows.
 */
char *archive_preview(const struct archive *a);

/*
 * archive_columns_sort(names): The order of columns when no parameters were
 * requested: speed, soc, current, odo, voltage first, the rest by byte values.
 */
void archive_columns_sort(struct names *names);

#endif
