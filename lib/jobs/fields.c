/*
 * Structs to BSON and back, by tables of their members. It knows kinds of members, but
 * no job: which fields have to be there is for the table's owner to say.
 */
#include "lib/jobs/fields.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bson/bson.h>

#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/timestamp.h"
#include "lib/base/zone.h"
#include "lib/jobs/read_time.h"

/* An enum member is read and written as an int. */
_Static_assert(sizeof(enum field_kind) == sizeof(int), "enums are ints");

void
names_bson(const struct names *list, const char *name, bson_t *doc)
{
	char key[16];
	const char *k;
	bson_t array;
	size_t i;

	BSON_APPEND_ARRAY_BEGIN(doc, name, &array);
	for (i = 0; i < list->n; i++) {
		bson_uint32_to_string((uint32_t)i, &k, key, sizeof(key));
		BSON_APPEND_UTF8(&array, k, list->v[i]);
	}
	bson_append_array_end(doc, &array);
}

static void
write_id(const char *name, const char *id, bson_t *doc)
{
	bson_oid_t oid;

	bson_oid_init_from_string(&oid, id);
	BSON_APPEND_OID(doc, name, &oid);
}

/* Without memory: a text that nobody can read, rather than UTC. */
static void
write_zone(const char *name, const struct zone *zone, bson_t *doc)
{
	char *text;

	if (zone->n == 0 && zone->first_s == 0)
		return;
	text = zone_text(zone);
	BSON_APPEND_UTF8(doc, name, text != NULL ? text : "");
	free(text);
}

static void
write_document(const struct field *f, const void *from, bson_t *doc)
{
	bson_t inner;

	BSON_APPEND_DOCUMENT_BEGIN(doc, f->name, &inner);
	fields_write(f->inner, from, &inner);
	bson_append_document_end(doc, &inner);
}

static void
write_field(const struct field *f, const void *from, bson_t *doc)
{
	const struct read_time *time = from;
	const struct names *names = from;
	const char *const *word = from;
	char *const *text = from;

	switch (f->kind) {
	case FIELD_ID:
		write_id(f->name, from, doc);
		break;
	case FIELD_TEXT:
		if (*text != NULL)
			BSON_APPEND_UTF8(doc, f->name, *text);
		break;
	case FIELD_HASH:
		BSON_APPEND_UTF8(doc, f->name, from);
		break;
	case FIELD_NAMES:
		if (names->n > 0)
			names_bson(names, f->name, doc);
		break;
	case FIELD_ZONE:
		write_zone(f->name, from, doc);
		break;
	case FIELD_DATE:
		BSON_APPEND_DATE_TIME(doc, f->name, *(const int64_t *)from);
		break;
	case FIELD_TIMESTAMP:
		if (time->s != 0)
			BSON_APPEND_TIMESTAMP(doc, f->name, time->s, time->i);
		break;
	case FIELD_MS:
		if (*(const int64_t *)from != 0)
			BSON_APPEND_INT64(doc, f->name, *(const int64_t *)from);
		break;
	case FIELD_INT32:
		BSON_APPEND_INT32(doc, f->name,
		    (int32_t)*(const int64_t *)from);
		break;
	case FIELD_INT64:
		BSON_APPEND_INT64(doc, f->name, *(const int64_t *)from);
		break;
	case FIELD_BOOL:
		BSON_APPEND_BOOL(doc, f->name, *(const bool *)from);
		break;
	case FIELD_ENUM:
	case FIELD_CHOICE:
		if (f->kind == FIELD_ENUM || *(const int *)from != 0)
			BSON_APPEND_UTF8(doc, f->name, f->words[*(const int *)from]);
		break;
	case FIELD_WORD:
		BSON_APPEND_UTF8(doc, f->name, *word);
		break;
	case FIELD_DOCUMENT:
		write_document(f, from, doc);
		break;
	}
}

void
fields_write(const struct fields *fields, const void *from, bson_t *doc)
{
	const struct field *f = fields->v, *end = f + fields->n;

	for (; f < end; f++)
		if (f->use == FIELD_NEW)
			write_field(f, (const char *)from + f->offset, doc);
}

static int
read_text(bson_iter_t *it, char **to)
{
	uint32_t len;
	const char *text;

	if (!BSON_ITER_HOLDS_UTF8(it))
		return -1;
	text = bson_iter_utf8(it, &len);
	free(*to);
	return (*to = strndup(text, len)) == NULL ? -1 : 0;
}

static int
read_hash(bson_iter_t *it, char to[DIGEST_HEX_SIZE])
{
	uint32_t len;
	const char *text;

	if (!BSON_ITER_HOLDS_UTF8(it))
		return -1;
	text = bson_iter_utf8(it, &len);
	if (len >= DIGEST_HEX_SIZE)
		return -1;
	memcpy(to, text, len + 1);
	return 0;
}

static int
take_names(const bson_iter_t *it, struct names *list)
{
	bson_iter_t in;
	uint32_t len;
	const char *text;

	if (!BSON_ITER_HOLDS_ARRAY(it) || !bson_iter_recurse(it, &in))
		return -1;
	while (bson_iter_next(&in)) {
		if (!BSON_ITER_HOLDS_UTF8(&in))
			return -1;
		text = bson_iter_utf8(&in, &len);
		if (names_add(list, text, len) != 0)
			return -1;
	}
	return 0;
}

/* An empty list is never written. */
static int
read_names(const bson_iter_t *it, struct names *list)
{
	return take_names(it, list) == 0 && list->n > 0 ? 0 : -1;
}

int
names_read(const bson_t *doc, const char *name, struct names *list)
{
	bson_iter_t it;

	return bson_iter_init_find(&it, doc, name) ? take_names(&it, list) : -1;
}

static int
read_zone(bson_iter_t *it, struct zone *to)
{
	if (!BSON_ITER_HOLDS_UTF8(it))
		return -1;
	zone_release(to);
	return zone_parse(bson_iter_utf8(it, NULL), to);
}

/* 0 is never written. */
static int
read_ms(const bson_iter_t *it, int64_t *to)
{
	if (!BSON_ITER_HOLDS_INT(it) || bson_iter_as_int64(it) < 1 ||
	    bson_iter_as_int64(it) > DAY_MS)
		return -1;
	*to = bson_iter_as_int64(it);
	return 0;
}

static int
read_time(bson_iter_t *it, struct read_time *to)
{
	if (!BSON_ITER_HOLDS_TIMESTAMP(it))
		return -1;
	bson_iter_timestamp(it, &to->s, &to->i);
	return 0;
}

/* The index of the word; -1: not in the table. */
static int
read_word(bson_iter_t *it, const char *const *words)
{
	int i;

	if (!BSON_ITER_HOLDS_UTF8(it))
		return -1;
	for (i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], bson_iter_utf8(it, NULL)) == 0)
			return i;
	return -1;
}

static int read_field(const struct fields *fields, bson_iter_t *it, void *to);

static int
read_document(const struct fields *fields, bson_iter_t *it, void *to)
{
	bson_iter_t in;
	int rc = 0;

	if (!BSON_ITER_HOLDS_DOCUMENT(it) || !bson_iter_recurse(it, &in))
		return -1;
	while (bson_iter_next(&in))
		rc |= read_field(fields, &in, to);
	return rc;
}

static int
read_value(const struct field *f, bson_iter_t *it, void *to)
{
	int word;

	switch (f->kind) {
	case FIELD_ID:
		if (!BSON_ITER_HOLDS_OID(it))
			return -1;
		bson_oid_to_string(bson_iter_oid(it), to);
		return 0;
	case FIELD_TEXT:
		return read_text(it, to);
	case FIELD_HASH:
		return read_hash(it, to);
	case FIELD_NAMES:
		return read_names(it, to);
	case FIELD_ZONE:
		return read_zone(it, to);
	case FIELD_DATE:
		if (!BSON_ITER_HOLDS_DATE_TIME(it))
			return -1;
		*(int64_t *)to = bson_iter_date_time(it);
		return 0;
	case FIELD_TIMESTAMP:
		return read_time(it, to);
	case FIELD_MS:
		return read_ms(it, to);
	case FIELD_INT32:
	case FIELD_INT64:
		if (!BSON_ITER_HOLDS_INT(it))
			return -1;
		*(int64_t *)to = bson_iter_as_int64(it);
		return 0;
	case FIELD_BOOL:
		*(bool *)to = bson_iter_as_bool(it);
		return 0;
	case FIELD_ENUM:
	case FIELD_CHOICE:
	case FIELD_WORD:
		if ((word = read_word(it, f->words)) < 0)
			return -1;
		if (f->kind == FIELD_WORD)
			*(const char **)to = f->words[word];
		else
			*(int *)to = word;
		return 0;
	case FIELD_DOCUMENT:
		return read_document(f->inner, it, to);
	}
	return -1;
}

static int
read_field(const struct fields *fields, bson_iter_t *it, void *to)
{
	const struct field *f = fields->v, *end = f + fields->n;

	for (; f < end; f++)
		if (strcmp(f->name, bson_iter_key(it)) == 0)
			return read_value(f, it, (char *)to + f->offset);
	return 0;
}

static void
log_unreadable(const struct fields *fields, const bson_t *doc,
    const char *name)
{
	char id[FIELD_ID_SIZE] = "";
	bson_iter_t it;

	if (bson_iter_init_find(&it, doc, "_id") && BSON_ITER_HOLDS_OID(&it))
		bson_oid_to_string(bson_iter_oid(&it), id);
	log_msg(LOG_ERROR, "job", "exports.%s %s: cannot read field %s",
	    fields->collection, id, name);
}

int
fields_read(const struct fields *fields, const bson_t *doc, void *to)
{
	bson_iter_t it;
	int rc = 0;

	if (!bson_iter_init(&it, doc))
		return -1;
	while (bson_iter_next(&it)) {
		if (read_field(fields, &it, to) != 0) {
			log_unreadable(fields, doc, bson_iter_key(&it));
			rc = -1;
		}
	}
	return rc;
}
