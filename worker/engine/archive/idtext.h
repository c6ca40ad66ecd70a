#ifndef WORKER_ENGINE_ARCHIVE_IDTEXT_H
#define WORKER_ENGINE_ARCHIVE_IDTEXT_H

#include <stddef.h>

struct element;

/* The longest string that is shown as it is, bytes. */
#define ID_TEXT_MAX 100

/*
 * id_text(e, text):
 * Store what manifest.json shows of an _id that cannot be a time (FORMAT.md,
 * 5): UTF-8, of which any byte may be a NUL, and one more after it. Returns its
 * length.
 */
size_t id_text(const struct element *e, char text[ID_TEXT_MAX + 1]);

#endif
