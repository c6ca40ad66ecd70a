#ifndef WORKER_FRAGMENT_H
#define WORKER_FRAGMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "worker/attempt.h"
#include "worker/engine/archive.h"

struct readahead;
struct unit;

/*
 * The fragment of an archive (worker/engine/archive.h) that a unit makes: an
 * object on S3; its facts are stored with the unit.
 *
 * fragment_write(a): Make the fragment of the unit that a is an attempt at.
 */
enum outcome fragment_write(struct attempt *a);

/*
 * fragment_read(archive, from, unit, facts, step, refused_is_gone):
 * Write a FINISHED unit's fragment into the archive, fetched step bytes at a time.
 * refused_is_gone: one that S3 refuses is missing (ARCHIVE_BAD_FRAGMENT): Amazon does
 * not tell the two apart to a user who may not list.
 */
enum archive_result fragment_read(struct archive *archive, struct readahead *from,
    const struct unit *unit, const char *facts, size_t step,
    bool refused_is_gone);

#endif
