#ifndef WORKER_ENGINE_ARCHIVE_FRAGMENT_H
#define WORKER_ENGINE_ARCHIVE_FRAGMENT_H

#include <stdbool.h>

#include "worker/engine/archive_types.h"
#include "worker/engine/archive/csvfile.h"

struct fragments;
struct manifest;
struct preview;
struct zip;

/*
 * Puts fragments together to an archive, with the same bytes as if their runs
 * had been made there. A CSV may go on from one fragment to the next.
 */

/*
 * fragments_new(zip, manifest, preview, options): All of them outlive it; preview may
 * be NULL. NULL: no memory, logged.
 */
struct fragments *fragments_new(struct zip *zip, struct manifest *manifest,
    struct preview *preview, const struct csvfile_options *options);
void fragments_free(struct fragments *fs);

/*
 * fragments_take(fs, f): Add the next one. ARCHIVE_NO_MEMORY is also returned
 * when the sink fails: the archive knows which it was.
 */
enum archive_result fragments_take(struct fragments *fs,
    const struct archive_fragment *f);

/* fragments_whole(fs): Whether no CSV has to go on in another fragment. */
bool fragments_whole(const struct fragments *fs);

#endif
