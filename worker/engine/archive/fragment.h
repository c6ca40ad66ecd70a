#ifndef WORKER_ENGINE_ARCHIVE_FRAGMENT_H
#define WORKER_ENGINE_ARCHIVE_FRAGMENT_H

#include "worker/engine/archive_types.h"

struct manifest;
struct zip;

/*
 * fragment_take(f, zip, manifest):
 * Add the files of a fragment to the archive, with the same bytes as if they
 * had been made there. ARCHIVE_NO_MEMORY is also returned when the sink fails:
 * the archive knows which it was.
 */
enum archive_result fragment_take(const struct archive_fragment *f,
    struct zip *zip, struct manifest *manifest);

#endif
