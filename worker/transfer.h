#ifndef WORKER_TRANSFER_H
#define WORKER_TRANSFER_H

#include "worker/attempt.h"
#include "worker/reader.h"

/*
 * What an attempt reads, and its way into the archive.
 *
 * transfer_columns(a, vehicle, found): Those asked for, or those that there are,
 * into *found. NULL after a logged error.
 * transfer_spec(a, vehicle, columns): What is to be read of a vehicle.
 */
const struct names *transfer_columns(struct attempt *a, const char *vehicle,
    struct names *found);
struct reader_spec transfer_spec(struct attempt *a, const char *vehicle,
    const struct names *columns);

/*
 * transfer_vehicles(a, vehicles):
 * Write them into a->zip, a->manifest and a->preview; a->pool is made for it.
 */
enum outcome transfer_vehicles(struct attempt *a,
    const struct names *vehicles);

#endif
