#ifndef WORKER_ENGINE_ARCHIVE_FRAGMENT_H
#define WORKER_ENGINE_ARCHIVE_FRAGMENT_H

#include "worker/engine/archive.h"

struct manifest;
struct zip;

/*
 * fragment_take(f, zip, manifest):
 * Write the files of a fragment into the archive, as if they had been made there:
 * the same bytes. ARCHIVE_NO_MEMORY stands for a failure of the sink, too.
 */
enum archive_result fragment_take(const struct archive_fragment *f,
    struct zip *zip, struct manifest *manifest);

#endif
