#ifndef WORKER_ENGINE_ARCHIVE_FACTS_H
#define WORKER_ENGINE_ARCHIVE_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "worker/engine/archive/csvfile.h"
#include "worker/engine/archive/manifest.h"

/*
 * Reads the facts of a fragment (manifest_facts()) from front to back, one run
 * at a time: they come from another worker, and memory does not grow with their
 * length.
 */
struct facts;

/* One run; what it refers to is valid until the next call. */
struct facts_file {
	const char *vehicle;
	struct csvfile_facts csv;	/* without its name */
};

/*
 * facts_open(text): text outlives it. NULL: no memory.
 * facts_file(f, file), facts_skip(f, skip): The next one of its kind; first
 * come all files, then all skips. Returns 0, 1 when there are no more, -1 when
 * the text is not what manifest.c writes, or there is no memory.
 * facts_end(f, total, preview): The number of all skipped documents, and the
 * preview, "" for none; then the text has to be at its end. Returns 0, -1
 * likewise.
 */
struct facts *facts_open(const char *text);
int facts_file(struct facts *f, struct facts_file *file);
int facts_skip(struct facts *f, struct manifest_skip *skip);
int facts_end(struct facts *f, uint64_t *total, const char **preview);
void facts_free(struct facts *f);

#endif
