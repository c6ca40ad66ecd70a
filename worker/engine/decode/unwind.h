#ifndef WORKER_ENGINE_DECODE_UNWIND_H
#define WORKER_ENGINE_DECODE_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct element;
struct points;

/*
 * The exact path's reader: from an hour document of any shape to points, by
 * FORMAT.md, 2. A part that does not fit is skipped and counted.
 */

/* Why a document, or a part of one, is not in the result (FORMAT.md, 2). */
enum skip {
	SKIP_BAD_BSON,		/* the whole document */
	SKIP_BAD_ID,		/* the whole document */
	SKIP_BAD_KEY,
	SKIP_BAD_TYPE,
	SKIP_BAD_UTF8,
	SKIP_NO_VALUES,
	SKIP_REASONS
};

/* Skipped elements by reason; 1 for a document that is skipped whole. */
struct skips {
	uint64_t count[SKIP_REASONS];
};

/* skip_name(reason): "bad_bson", ... as the manifest spells it. */
const char *skip_name(enum skip reason);

/* skips_any(s): Whether anything was skipped. */
bool skips_any(const struct skips *s);

/*
 * unwind_document(doc, len, from_ms, to_ms, points, skips):
 * Append the points of an hour document whose time is in [from_ms, to_ms), in
 * the order of their paths: of two points of one time, the last is to be kept.
 * Set *skips to what was skipped of this document. Points refer to doc's bytes.
 * Returns 0, or -1 when memory or the points' budget is exhausted.
 */
int unwind_document(const uint8_t *doc, size_t len, int64_t from_ms,
    int64_t to_ms, struct points *points, struct skips *skips);

/*
 * unwind_window(doc, len, from_ms, to_ms, points, skips, next_ms):
 * The same; also store in *next_ms the time of the earliest point at or after
 * to_ms, INT64_MAX if there is none. Returns -2 where the keys of one level, which
 * have to be sorted, exceed the whole budget: a shorter window does not help.
 */
int unwind_window(const uint8_t *doc, size_t len, int64_t from_ms,
    int64_t to_ms, struct points *points, struct skips *skips,
    int64_t *next_ms);

/*
 * unwind_reach(doc, len, after_ms, skips, next_ms, last_ms):
 * What is skipped of a document, and how far it reaches: the time of its
 * earliest point at or after after_ms (INT64_MAX: none), and of its last point
 * (INT64_MIN: it has none).
 */
void unwind_reach(const uint8_t *doc, size_t len, int64_t after_ms,
    struct skips *skips, int64_t *next_ms, int64_t *last_ms);

/*
 * unwind_id(doc, len, t_ms):
 * The document's time base in Unix ms. Returns 0, or -1 when it has no usable
 * _id or is not valid BSON.
 */
int unwind_id(const uint8_t *doc, size_t len, int64_t *t_ms);

/* unwind_key(e): A key as a number of ms, or -1: not 1 to 10 decimal digits. */
int64_t unwind_key(const struct element *e);

/* unwind_base(e, t_ms): The same, of an _id's element. */
int unwind_base(const struct element *e, int64_t *t_ms);

#endif
