#ifndef WORKER_ENGINE_PIPELINE_H
#define WORKER_ENGINE_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

struct csvfile_options;
struct manifest;
struct pool;
struct preview;
struct source;
struct zip;

/* How far a vehicle is. */
struct vehicle_progress {
	uint64_t documents, bytes, rows, points;
	uint64_t slices, exact;	/* all; those that exact_run() made */
};

/* Told after each slice. Returns 0, or not to stop. */
typedef int vehicle_tick_fn(void *arg, const struct vehicle_progress *progress);

/* What one vehicle's export needs; all belongs to the caller. */
struct vehicle_job {
	const char *name;
	const char *const *columns;
	size_t n;
	int64_t from_ms, to_ms;		/* half-open */
	size_t memory_max;		/* for documents, bytes */
	int exact;			/* for tests: all goes the general way */
	const struct csvfile_options *options;
	struct pool *pool;		/* nothing is submitted, before and after */
	struct source *source;
	struct zip *zip;
	struct manifest *manifest;
	struct preview *preview;	/* may be NULL */
	vehicle_tick_fn *tick;		/* may be NULL */
	void *arg;
};

enum vehicle_result {
	VEHICLE_DONE,
	VEHICLE_STOPPED,	/* tick said so */
	VEHICLE_TOO_LARGE,	/* documents that are open at one time take more than memory_max; logged */
	VEHICLE_FAILED		/* source, sink or memory; logged */
};

/*
 * vehicle_export(v):
 * Read the source to its end (in a thread of its own), slice by slice, have the pool make the rows, and write the vehicle's CSV into
 * the archive and its facts into the manifest.
 */
enum vehicle_result vehicle_export(const struct vehicle_job *v);

#endif
