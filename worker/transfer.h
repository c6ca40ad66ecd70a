#ifndef WORKER_TRANSFER_H
#define WORKER_TRANSFER_H

#include "worker/attempt.h"
#include "worker/reader.h"

/*
 * What an attempt reads, and its way into the archive.
 *
 * vehicles_columns(a, vehicle, found): Those asked for, or those that there are,
 * into *found. NULL after a logged error.
 * vehicles_spec(a, vehicle, columns): What is to be read of a vehicle.
 */
const struct strings *vehicles_columns(struct attempt *a, const char *vehicle,
    struct strings *found);
struct reader_spec vehicles_spec(struct attempt *a, const char *vehicle,
    const struct strings *columns);

/*
 * vehicles_export(a, vehicles):
 * Write them into a->zip, a->manifest and a->preview; a->pool is made for it.
 */
enum outcome vehicles_export(struct attempt *a,
    const struct strings *vehicles);

#endif
