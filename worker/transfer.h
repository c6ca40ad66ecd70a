#ifndef WORKER_TRANSFER_H
#define WORKER_TRANSFER_H

#include "worker/attempt.h"
#include "worker/engine/archive.h"
#include "worker/telemetry.h"

/*
 * From the telemetry into the archive: what an attempt reads, as which columns.
 *
 * transfer_columns(a, vehicle, found): The parameters requested, or those that the
 * vehicle has, read into *found. NULL after a logged error.
 * transfer_spec(a, vehicle, columns): What to read of a vehicle.
 */
const struct names *transfer_columns(struct attempt *a, const char *vehicle,
    struct names *found);
struct telemetry_spec transfer_spec(struct attempt *a, const char *vehicle,
    const struct names *columns);

/* transfer_archive_spec(a): The archive, or the fragment, that a is to write. */
struct archive_spec transfer_archive_spec(const struct attempt *a);

/* transfer_vehicles(a, archive, vehicles): Read them and write them into it. */
enum outcome transfer_vehicles(struct attempt *a, struct archive *archive,
    const struct names *vehicles);

#endif
