#ifndef WORKER_ASSEMBLE_H
#define WORKER_ASSEMBLE_H

#include <stdbool.h>

#include "worker/attempt.h"

struct archive;
struct assembly;

/*
 * A thread that writes the fragments of a split job's units (a->plan) into its
 * archive, in order, each as soon as its unit is FINISHED. Until assemble_end() the
 * archive, a->why and a->detail belong to the thread. It ends when all fragments
 * are written, a unit has FAILED, or the attempt has to stop.
 * assemble_start(a, archive): NULL after a logged error.
 */
struct assembly *assemble_start(struct attempt *a, struct archive *archive);

/* assemble_wait(s, ms): Wait up to ms for it to end. Returns whether it has. */
bool assemble_wait(struct assembly *s, int ms);

/* assemble_end(s): Wait for its end and free it. COMPLETE: all is written. */
enum outcome assemble_end(struct assembly *s);

#endif
