#ifndef WORKER_ENGINE_ARCHIVE_H
#define WORKER_ENGINE_ARCHIVE_H

#include "worker/engine/archive_types.h"

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
 * that is made elsewhere: deflated runs of rows of some of its vehicles, or of some
 * days of one, and a JSON text that describes them (archive_facts()). An archive
 * of fragments has the same bytes as one that was made in one place.
 *
 * An archive is used by one thread at a time.
 */

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

/*
 * archive_take(a, source, watch):
 * Take all windows of the source and write the CSV files of its vehicles. A
 * thread of its own calls the source; the caller's thread writes to the sink.
 * watch may be NULL.
 */
enum archive_result archive_take(struct archive *a, struct source *source,
    const struct archive_watch *watch);

/*
 * archive_fragment(a, f): Write what is in a fragment, as if made here. Where a
 * vehicle goes on, so does the next one.
 */
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
 *	{"files": [as in manifest.json, a run each: archive/manifest.h],
 *	 "skippedDocuments": [as there], "skippedDocumentsTotal": number,
 *	 "preview": what that of the archive is to have of it: archive/preview.h}
 */
const char *archive_facts(struct archive *a);

/*
 * archive_preview(a): Files, first rows, and what the numbers of each column are like
 * over time, of the first vehicles that have rows (archive/preview.h): JSON that the
 * caller frees. NULL: no vehicle has rows, or no memory.
 */
char *archive_preview(const struct archive *a);

/*
 * archive_cut(doc, len, from_ms, to_ms, cut):
 * Append to cut an hour document that has those points of doc that are in
 * [from_ms, to_ms), for the part of an hour (source.h). The first part of a
 * document (first) also has what is wrong with it, so that it is skipped once.
 * Returns 0, -1: no memory, or cut is at its ceiling.
 */
int archive_cut(const uint8_t *doc, size_t len, int64_t from_ms,
    int64_t to_ms, bool first, struct buf *cut);

/*
 * archive_columns_sort(names): Sort the columns of a vehicle when no parameters
 * were requested: speed, soc, current, odo, voltage first, the rest by byte
 * values.
 */
void archive_columns_sort(struct names *names);

#endif
