#ifndef WORKER_ASSEMBLE_H
#define WORKER_ASSEMBLE_H

#include <stdbool.h>

#include "worker/attempt.h"

struct archive;
struct assembly;

/*
 * A thread that puts the fragments of a split job's units (a->plan) into its
 * archive, in order, each as soon as it is there. Until assemble_end() the archive,
 * a->why and a->detail are the thread's own; it ends by itself when all is in, a
 * unit has FAILED, or the attempt has to stop.
 * assemble_start(a, archive): NULL after a logged error.
 */
struct assembly *assemble_start(struct attempt *a, struct archive *archive);

/* assemble_wait(s, ms): Wait so long for its end, or not. Returns whether it came. */
bool assemble_wait(struct assembly *s, int ms);

/* assemble_end(s): Wait for its end, free it. COMPLETE: all pieces are in. */
enum outcome assemble_end(struct assembly *s);

#endif
