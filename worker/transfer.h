#ifndef WORKER_TRANSFER_H
#define WORKER_TRANSFER_H

#include <stdint.h>

#include "worker/attempt.h"
#include "worker/engine/archive.h"
#include "worker/telemetry.h"

struct names;

/*
 * From the telemetry into the archive: what an attempt reads, and how.
 *
 * transfer_way(a): How it reads.
 */
struct telemetry_way transfer_way(const struct attempt *a);

/*
 * transfer_know(a): Read what is known of the job's parameters, for its archive; a unit
 * needs nothing of it. transfer_forget(a) in any case.
 */
enum outcome transfer_know(struct attempt *a);
void transfer_forget(struct attempt *a);

/* transfer_archive_spec(a): The archive, or the fragment, that a is to write. */
struct archive_spec transfer_archive_spec(const struct attempt *a);

/*
 * transfer_vehicles(a, archive, vehicles, documents): Read them and write them into
 * it. documents: expected of each.
 */
enum outcome transfer_vehicles(struct attempt *a, struct archive *archive,
    const struct names *vehicles, const uint64_t *documents);

#endif
