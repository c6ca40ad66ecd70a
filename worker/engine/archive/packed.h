#ifndef WORKER_ENGINE_ARCHIVE_PACKED_H
#define WORKER_ENGINE_ARCHIVE_PACKED_H

#include <stddef.h>

struct packed;
struct zip;

/*
 * Text that is deflated as it comes (zlib, level 6), kept in memory until it
 * becomes an entry of an archive. The bytes depend on the text only, not on the
 * pieces in which it came.
 */

/* packed_new(): NULL: no memory. packed_free(NULL) is fine. */
struct packed *packed_new(void);
void packed_free(struct packed *p);

/* packed_add(p, text, len): Append. Returns 0, -1: no memory. */
int packed_add(struct packed *p, const void *text, size_t len);

/*
 * packed_end(p): The text is complete. Returns 0, -1: no memory.
 * packed_write(p, zip): Then: all of it into the open entry of zip. Returns 0,
 * or -1 with the error logged.
 */
int packed_end(struct packed *p);
int packed_write(const struct packed *p, struct zip *zip);

#endif
