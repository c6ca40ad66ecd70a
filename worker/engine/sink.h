#ifndef WORKER_ENGINE_SINK_H
#define WORKER_ENGINE_SINK_H

#include <stddef.h>

/*
 * Where bytes go. write takes all len bytes. close makes what was written
 * complete and visible; only close() == 0 is success. abort leaves nothing.
 * The caller calls either close or abort, once; after a close that failed,
 * abort. write and close return 0, or -1 with the error logged by the sink.
 */
struct sink {
	int (*write)(struct sink *s, const void *data, size_t len);
	int (*close)(struct sink *s);
	void (*abort)(struct sink *s);
};

#endif
