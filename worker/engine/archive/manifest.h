#ifndef WORKER_ENGINE_ARCHIVE_MANIFEST_H
#define WORKER_ENGINE_ARCHIVE_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

struct archive_spec;
struct csvfile_facts;
struct json_object;
struct manifest;
struct names;
struct skips;
struct zip;

/* manifest.json of an archive, or the facts of a fragment (FORMAT.md, 5). */

/* Version of the archive's format, FORMAT.md. */
#define MANIFEST_FORMAT 1
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

/* manifest_file(m, vehicle, columns, facts): Add a complete CSV. */
int manifest_file(struct manifest *m, const char *vehicle,
    const struct names *columns, const struct csvfile_facts *facts);

/*
 * manifest_skipped(m, vehicle, parameter, doc, len, skips):
 * Add a document of which something was skipped; its _id is taken from doc.
 */
int manifest_skipped(struct manifest *m, const char *vehicle,
    const char *parameter, const uint8_t *doc, size_t len,
    const struct skips *skips);

/*
 * manifest_facts(m): A fragment's facts, JSON text that belongs to m; NULL: no
 * memory. A file has three members that it loses in an archive: "part",
 * "runBytes" and "runCrc32".
 * manifest_add(m, file, name): Add such a file under the archive's own name for
 * it. The reference to file is taken over.
 * manifest_add_skipped(m, list, total): Add such a list of skipped documents,
 * and the number of all.
 */
const char *manifest_facts(struct manifest *m);
int manifest_add(struct manifest *m, struct json_object *file,
    const char *name);
int manifest_add_skipped(struct manifest *m, struct json_object *list,
    uint64_t total);

/* manifest_write(m, zip): Add manifest.json as the last entry. */
int manifest_write(struct manifest *m, struct zip *zip);

#endif
