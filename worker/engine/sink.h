#ifndef WORKER_ENGINE_SINK_H
#define WORKER_ENGINE_SINK_H

#include <stddef.h>

/*
 * Where bytes go. write takes all len bytes; close makes what was written whole
 * and visible; abort leaves nothing behind. Exactly one of close and abort is
 * called, once; after a failed close, abort. Only close() == 0 is success.
 * write and close return 0, or -1 with the error logged by the sink.
 */
struct sink {
	int (*write)(struct sink *s, const void *data, size_t len);
	int (*close)(struct sink *s);
	void (*abort)(struct sink *s);
};

#endif
