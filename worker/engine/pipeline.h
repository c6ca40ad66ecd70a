#ifndef WORKER_ENGINE_PIPELINE_H
#define WORKER_ENGINE_PIPELINE_H

#include "worker/engine/archive_types.h"
#include "worker/engine/archive/csvfile.h"

struct manifest;
struct pool;
struct preview;
struct zip;

/* One vehicle on its way into an archive; all of it belongs to the caller. */
struct pipeline_spec {
	const struct archive_spec *archive;
	const struct archive_vehicle *vehicle;
	struct csvfile_options options;
	struct pool *pool;		/* empty, before and after */
	struct zip *zip;
	struct manifest *manifest;
	struct preview *preview;	/* may be NULL */
};

/*
 * pipeline_run(spec):
 * Read the source to its end in a thread of its own, slice by slice; have the
 * pool make the rows; write the vehicle's CSV into the ZIP and its facts into
 * the manifest. ARCHIVE_NO_MEMORY is also returned when the sink fails: the
 * archive knows which it was.
 */
enum archive_result pipeline_run(const struct pipeline_spec *spec);

#endif
