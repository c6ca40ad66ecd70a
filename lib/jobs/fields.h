#ifndef LIB_JOBS_FIELDS_H
#define LIB_JOBS_FIELDS_H

#include <stddef.h>

struct _bson_t;
struct names;

#define FIELD_ID_SIZE 25

/*
 * A struct's members as the fields of a BSON document, as a table like the keys of
 * lib/base/conf.c: reading and writing are one loop each. Texts belong to the
 * struct.
 */
enum field_kind {
	FIELD_ID,		/* char [FIELD_ID_SIZE], hexadecimal; an ObjectId */
	FIELD_TEXT,		/* char *, NULL: left out */
	FIELD_HASH,		/* char [DIGEST_HEX_SIZE] */
	FIELD_NAMES,		/* struct names, empty: left out */
	FIELD_ZONE,		/* struct zone, UTC: left out; its text (lib/base/zone.h) */
	FIELD_DATE,		/* int64_t, Unix ms */
	FIELD_MS,		/* int64_t, a duration, at most a day; 0: left out */
	FIELD_TIMESTAMP,	/* struct read_time, none: left out; a BSON timestamp */
	FIELD_INT32,		/* int64_t, written as an int32 */
	FIELD_INT64,		/* int64_t or uint64_t */
	FIELD_BOOL,		/* bool */
	FIELD_ENUM,		/* an enum, the index of its word in words */
	FIELD_CHOICE,		/* the same; its first word: left out */
	FIELD_WORD,		/* const char *, one of words */
	FIELD_DOCUMENT		/* a struct, by the table inner */
};

enum field_use {
	FIELD_NEW,		/* a new document has it */
	FIELD_LATER		/* only transitions write it (lib/jobs/transition.h) */
};

struct field {
	const char *name;
	enum field_kind kind;
	enum field_use use;
	size_t offset;
	const char *const *words;	/* NULL after the last */
	const struct fields *inner;
};

struct fields {
	const char *collection;	/* of exports, for log lines; NULL in an inner table */
	const struct field *v;
	size_t n;
};

/*
 * fields_write(fields, from, doc): Append the FIELD_NEW ones to doc.
 * fields_read(fields, doc, to): Read all that the table and doc both have, to the
 * end in any case. Returns 0, -1: no memory, or one is of another type (logged).
 */
void fields_write(const struct fields *fields, const void *from,
    struct _bson_t *doc);
int fields_read(const struct fields *fields, const struct _bson_t *doc,
    void *to);

/* names_bson(list, name, doc): Append the list to doc, an array of this name. */
void names_bson(const struct names *list, const char *name,
    struct _bson_t *doc);

/*
 * names_read(doc, name, list): Append such an array of doc to the list. Returns 0, -1:
 * there is none, or no memory; some of it may be there.
 */
int names_read(const struct _bson_t *doc, const char *name, struct names *list);

#endif
