#ifndef LIB_BASE_NAMESET_H
#define LIB_BASE_NAMESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

/*
 * Names that are taken, in whatever case (A to Z equal to a to z), and the next
 * free one for a name that is. A hash set: each call takes about the same time,
 * however many names there are. A name costs its length and some 20 bytes.
 */
struct nameset {
	struct buf text;	/* a record for each name */
	uint32_t *slots;	/* where a record begins, + 1; 0: free */
	size_t n, n_slots;	/* n_slots is a power of two, or 0 */
};

/* The longest name. */
#define NAMESET_NAME_MAX 65535
/* What nameset_next() adds at most to its texts: digits and a NUL. */
#define NAMESET_NUMBER_SIZE 11

void nameset_init(struct nameset *s);
void nameset_release(struct nameset *s);

/* nameset_has(s, name): Whether it is taken. */
bool nameset_has(const struct nameset *s, const char *name);

/*
 * nameset_add(s, name, at):
 * Take the name, if need be a second time, and store in *at (may be NULL) where
 * nameset_get() finds it. Returns 0, -1: no memory, or longer than
 * NAMESET_NAME_MAX.
 * nameset_get(s, at): The name as it was given; valid until the next is added.
 */
int nameset_add(struct nameset *s, const char *name, uint32_t *at);
const char *nameset_get(const struct nameset *s, uint32_t at);

/*
 * nameset_next(s, stem, mark, ext, to, size):
 * Store in to a name that is free, without taking it: the stem and ext; if that
 * is taken, stem, mark, a number and ext, with the first number from 2 on that
 * is free. mark is always the same for one set. to has room for the three texts
 * and NAMESET_NUMBER_SIZE bytes.
 */
void nameset_next(struct nameset *s, const char *stem, const char *mark,
    const char *ext, char *to, size_t size);

#endif
