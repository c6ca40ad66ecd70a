#ifndef WORKER_ENGINE_ARCHIVE_MANIFEST_H
#define WORKER_ENGINE_ARCHIVE_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

struct archive_spec;
struct csvfile_facts;
struct manifest;
struct names;
struct skips;
struct zip;

/*
 * manifest.json of an archive, or the facts of a fragment (FORMAT.md, 5). It is
 * written as it comes: a manifest is kept deflated, facts as text; of skipped
 * documents the first ones are kept as text until the end.
 */

/* Skipped documents that are listed; all are counted. */
#define MANIFEST_SKIPPED_MAX 1000

/*
 * manifest_new(spec): Begin with the request and the time when reading began.
 * manifest_new_facts(): Begin the facts of a fragment.
 * NULL: no memory, logged. The functions below return 0, or -1 likewise.
 */
struct manifest *manifest_new(const struct archive_spec *spec);
struct manifest *manifest_new_facts(void);
void manifest_free(struct manifest *m);

/*
 * manifest_request(spec), manifest_parameters(spec): That part of the manifest, JSON
 * without spaces, which the caller frees. NULL: no memory.
 */
char *manifest_request(const struct archive_spec *spec);
char *manifest_parameters(const struct archive_spec *spec);

/* manifest_file(m, vehicle, facts): Add a complete file, or run. */
int manifest_file(struct manifest *m, const char *vehicle,
    const struct csvfile_facts *facts);

/*
 * manifest_skipped(m, vehicle, parameter, doc, len, skips):
 * Count a document of which something was skipped, and list it among the first
 * ones; its _id is taken from doc.
 */
int manifest_skipped(struct manifest *m, const char *vehicle,
    const char *parameter, const uint8_t *doc, size_t len,
    const struct skips *skips);

/* A document of which something was skipped, as a fragment's facts list it. */
struct manifest_skip {
	const char *vehicle, *parameter;
	enum { MANIFEST_ID_NONE, MANIFEST_ID_TIME, MANIFEST_ID_TEXT } id;
	int64_t t_ms;			/* the time, or */
	const char *text;		/* the text, which may hold NULs */
	size_t text_len;
	const struct skips *reasons;
};

/*
 * manifest_list_skip(m, skip): List it, among the first ones, without counting.
 * manifest_count_skips(m, n): Count n documents, listed or not.
 */
int manifest_list_skip(struct manifest *m, const struct manifest_skip *skip);
void manifest_count_skips(struct manifest *m, uint64_t n);

/*
 * manifest_facts(m, preview): A fragment's facts: plain JSON with the members
 * "files", "skippedDocuments" and "skippedDocumentsTotal" as in manifest.json,
 * and "preview", the text given (preview_facts()), or "" for NULL. A file is a run, without a
 * name and with four members more: "runBytes", "runCrc32", "begins" and "ends";
 * only a vehicle's first run has "vehicle", "columns" and "parameters". The text
 * belongs to m, to which nothing can be added any more. NULL: no memory.
 */
const char *manifest_facts(struct manifest *m, const char *preview);

/* manifest_write(m, zip): Add manifest.json as the last entry. */
int manifest_write(struct manifest *m, struct zip *zip);

#endif
