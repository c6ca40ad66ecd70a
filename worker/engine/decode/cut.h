#ifndef WORKER_ENGINE_DECODE_CUT_H
#define WORKER_ENGINE_DECODE_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * cut_document(doc, len, from_ms, to_ms, first, cut):
 * Append to cut an hour document with those points of doc that are in [from_ms,
 * to_ms), in their order; nothing if there are none. Where first is set it also
 * has what unwind_window() skips, so that of the parts of a document only the
 * first one's skips count. Returns 0, -1: no memory, or cut is at its ceiling.
 */
int cut_document(const uint8_t *doc, size_t len, int64_t from_ms,
    int64_t to_ms, bool first, struct buf *cut);

#endif
