#ifndef WORKER_ENGINE_CARRY_H
#define WORKER_ENGINE_CARRY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct source_doc;

/*
 * Documents that have points after their slice's end: they are carried on to the
 * slices that these belong to.
 */

/* A copy of one, for several slices; freed with its last reference. */
struct carried {
	atomic_size_t refs;
	size_t column, len;
	int64_t next_ms, last_ms;	/* of its points after its slice */
	uint8_t data[];
};

/* carried_new(doc, next_ms, last_ms): With one reference. NULL: no memory. */
struct carried *carried_new(const struct source_doc *doc, int64_t next_ms,
    int64_t last_ms);
void carried_let_go(struct carried *c);

/* Those of the slices so far, in the order of reading. Zeroed: empty. */
struct carry {
	struct carried **v;
	size_t n, bytes;
};

/*
 * carry_add(carry, list, n): Take over the references; on error, too.
 * carry_select(carry, from_ms, to_ms, list, n): A new list, with references of
 * its own, of those that may have points in this range; NULL for none. Both
 * return 0, -1: no memory.
 * carry_pass(carry, end_ms): Forget those without points from end_ms on.
 */
int carry_add(struct carry *carry, struct carried *const *list, size_t n);
int carry_select(const struct carry *carry, int64_t from_ms, int64_t to_ms,
    struct carried ***list, size_t *n);
void carry_pass(struct carry *carry, int64_t end_ms);

#endif
