#ifndef WORKER_ENGINE_ARCHIVE_MANIFEST_H
#define WORKER_ENGINE_ARCHIVE_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

struct csvfile_facts;
struct job;
struct json_object;
struct manifest;
struct skips;
struct zip;

/* Version of the archive's format, FORMAT.md. */
#define MANIFEST_FORMAT 1
/* Documents that the list of skipped ones names; the counts go on. */
#define MANIFEST_SKIPPED_MAX 1000

/*
 * manifest_new(job, began_ms): What was asked for, and when reading began.
 * Returns NULL, logged, when memory ends. manifest_*: 0, or -1 likewise.
 */
struct manifest *manifest_new(const struct job *job, int64_t began_ms);
void manifest_free(struct manifest *m);

/* manifest_file(m, vehicle, names, n, facts): A CSV that is complete. */
int manifest_file(struct manifest *m, const char *vehicle,
    const char *const *names, size_t n, const struct csvfile_facts *facts);

/*
 * manifest_skipped(m, vehicle, parameter, doc, len, skips):
 * A document of which something was skipped; its _id is taken from doc.
 */
int manifest_skipped(struct manifest *m, const char *vehicle,
    const char *parameter, const uint8_t *doc, size_t len,
    const struct skips *skips);

/*
 * manifest_new_facts(): What manifest_file() and manifest_skipped() are told of a
 * unit, whose piece becomes part of an archive elsewhere (worker/fragment.h).
 * manifest_facts(m): All of it as JSON text, which belongs to m; NULL: no memory.
 * Of each file it has three members more: "part", "runBytes", "runCrc32".
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
