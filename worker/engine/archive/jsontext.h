#ifndef WORKER_ENGINE_ARCHIVE_JSONTEXT_H
#define WORKER_ENGINE_ARCHIVE_JSONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * JSON as text, written member by member from front to back, with no tree of
 * it: pretty as manifest.json is (FORMAT.md, 5), or plain, without any space.
 * The struct is the caller's. A call that fails, for lack of memory or at the
 * buffer's ceiling, sets `failed`; those after it do nothing.
 */
struct jsontext {
	struct buf *to;
	bool pretty;
	int depth;		/* of open objects and arrays */
	bool first;		/* nothing is in the innermost one yet */
	bool failed;
};

/*
 * jsontext_init(j, to, pretty, depth): (up to ten levels deep)
 * Append to `to`; depth 0: a whole text, else what goes into an empty array or
 * object that many levels deep.
 */
void jsontext_init(struct jsontext *j, struct buf *to, bool pretty, int depth);

/*
 * jsontext_open(j, name, bracket), jsontext_close(j, bracket): '{' or '[', and
 * '}' or ']'.
 * jsontext_int(j, name, n), jsontext_string(j, name, text, len),
 * jsontext_text(j, name, text), jsontext_null(j, name), jsontext_double(j, name, d):
 * One value; text is UTF-8, d finite: the shortest text that reads back to it.
 * name is NULL in an array, and needs no escapes.
 */
void jsontext_open(struct jsontext *j, const char *name, char bracket);
void jsontext_close(struct jsontext *j, char bracket);
void jsontext_int(struct jsontext *j, const char *name, int64_t n);
void jsontext_string(struct jsontext *j, const char *name, const char *text,
    size_t len);
void jsontext_text(struct jsontext *j, const char *name, const char *text);
void jsontext_null(struct jsontext *j, const char *name);
void jsontext_double(struct jsontext *j, const char *name, double d);

/*
 * jsontext_items(j, text, len): Add items that a jsontext of this form wrote at
 * this depth; len may be 0.
 */
void jsontext_items(struct jsontext *j, const void *text, size_t len);

#endif
