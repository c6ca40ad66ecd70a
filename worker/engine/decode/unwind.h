#ifndef WORKER_ENGINE_DECODE_UNWIND_H
#define WORKER_ENGINE_DECODE_UNWIND_H

#include <stddef.h>
#include <stdint.h>

struct element;
struct points;

/* Why something of a document is not in the result (FORMAT.md, 2). */
enum skip {
	SKIP_BAD_BSON,		/* the whole document */
	SKIP_BAD_ID,		/* the whole document */
	SKIP_BAD_KEY,
	SKIP_BAD_TYPE,
	SKIP_BAD_UTF8,
	SKIP_NO_VALUES,
	SKIP_REASONS
};

/* How many elements, or 1 for the whole document, were skipped, by reason. */
struct skips {
	uint64_t count[SKIP_REASONS];
};

/* skip_name(reason): "bad_bson", ... as the manifest spells it. */
const char *skip_name(enum skip reason);

/* skips_any(s): 1 when any count is not 0. */
int skips_any(const struct skips *s);

/*
 * unwind_document(doc, len, from_ms, to_ms, points, skips):
 * Append the points of an hour document whose time is in [from_ms, to_ms), in
 * the order of their paths, later ones of a time behind earlier ones. skips says
 * what was left out of this document. Points refer to doc's bytes.
 * Returns 0, or -1 when memory or the points' budget ended.
 */
int unwind_document(const uint8_t *doc, size_t len, int64_t from_ms, int64_t to_ms,
    struct points *points, struct skips *skips);

/*
 * unwind_window(doc, len, from_ms, to_ms, points, skips, next_ms):
 * The same, and into *next_ms the earliest point at or beyond to_ms, INT64_MAX
 * when there is none.
 */
int unwind_window(const uint8_t *doc, size_t len, int64_t from_ms,
    int64_t to_ms, struct points *points, struct skips *skips,
    int64_t *next_ms);

/*
 * unwind_id(doc, len, t_ms):
 * The document's time base. Returns 0, or -1 when it has no usable _id (or is
 * not sound).
 */
int unwind_id(const uint8_t *doc, size_t len, int64_t *t_ms);

/* unwind_base(e, t_ms): The same of an _id's element. */
int unwind_base(const struct element *e, int64_t *t_ms);

#endif
