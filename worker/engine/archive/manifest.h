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

/* Version of the archive's format, FORMAT.md. */
#define MANIFEST_FORMAT 1
/* Documents that the list of skipped ones names; the counts go on. */
#define MANIFEST_SKIPPED_MAX 1000

/*
 * manifest_new(spec): What was requested, and when reading began.
 * Returns NULL, logged, when memory ends. manifest_*: 0, or -1 likewise.
 */
struct manifest *manifest_new(const struct archive_spec *spec);
void manifest_free(struct manifest *m);

/* manifest_file(m, vehicle, columns, facts): A CSV that is complete. */
int manifest_file(struct manifest *m, const char *vehicle,
    const struct names *columns, const struct csvfile_facts *facts);

/*
 * manifest_skipped(m, vehicle, parameter, doc, len, skips):
 * A document of which something was skipped; its _id is taken from doc.
 */
int manifest_skipped(struct manifest *m, const char *vehicle,
    const char *parameter, const uint8_t *doc, size_t len,
    const struct skips *skips);

/*
 * manifest_new_facts(): Of a fragment, which becomes part of an archive elsewhere.
 * manifest_facts(m): All of it as JSON text, which belongs to m; NULL: no memory.
 * Each file has three more members: "part", "runBytes", "runCrc32".
 * manifest_add(m, file, name): Such a file, as the archive calls it; taken over.
 * manifest_add_skipped(m, list, total): Such a list of skipped documents, and how
 * many there were in all.
 */
struct manifest *manifest_new_facts(void);
const char *manifest_facts(struct manifest *m);
int manifest_add(struct manifest *m, struct json_object *file,
    const char *name);
int manifest_add_skipped(struct manifest *m, struct json_object *list,
    uint64_t total);

/* manifest_write(m, zip): Add manifest.json, the last entry. */
int manifest_write(struct manifest *m, struct zip *zip);

#endif
