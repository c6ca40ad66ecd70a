#ifndef WORKER_TRANSFER_H
#define WORKER_TRANSFER_H

#include "worker/attempt.h"
#include "worker/engine/archive.h"
#include "worker/telemetry.h"

/*
 * What an attempt reads, and its way into the archive.
 *
 * transfer_columns(a, vehicle, found): Those asked for, or those that there are,
 * into *found. NULL after a logged error.
 * transfer_spec(a, vehicle, columns): What is to be read of a vehicle.
 */
const struct names *transfer_columns(struct attempt *a, const char *vehicle,
    struct names *found);
struct telemetry_spec transfer_spec(struct attempt *a, const char *vehicle,
    const struct names *columns);

/* transfer_archive_spec(a): What the archive, or the fragment, of a's job is. */
struct archive_spec transfer_archive_spec(const struct attempt *a);

/* transfer_vehicles(a, archive, vehicles): Read them, and write them into it. */
enum outcome transfer_vehicles(struct attempt *a, struct archive *archive,
    const struct names *vehicles);

#endif
