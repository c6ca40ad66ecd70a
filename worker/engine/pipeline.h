#ifndef WORKER_ENGINE_PIPELINE_H
#define WORKER_ENGINE_PIPELINE_H

#include "worker/engine/archive_types.h"
#include "worker/engine/archive/csvfile.h"
#include "worker/engine/slice.h"

struct manifest;
struct pool;
struct preview;
struct source;
struct zip;

/* Vehicles on their way into an archive; all of it belongs to the caller. */
struct pipeline_spec {
	const struct archive_watch *watch;	/* may be NULL */
	struct source *source;
	struct slice_plan *plan;
	const struct csvfile_options *options;
	struct pool *pool;		/* empty, before and after */
	struct zip *zip;
	struct manifest *manifest;
	struct preview *preview;	/* may be NULL */
	struct archive_progress *progress;	/* added to */
};

/*
 * pipeline_run(spec):
 * Take the source's windows in a thread of its own, slice by slice; have the
 * pool make the rows; write each vehicle's CSV into the ZIP and its facts into
 * the manifest. ARCHIVE_NO_MEMORY is also returned when the sink fails: the
 * archive knows which it was.
 */
enum archive_result pipeline_run(const struct pipeline_spec *spec);

#endif
