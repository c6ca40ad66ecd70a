/*
 * The reader of a fragment's facts. The lists are taken apart here, as text;
 * json-c parses one item of a list at a time. Checks each member's type and
 * range, but not what it says: fragment.c holds that against the bytes.
 */
#include "worker/engine/archive/facts.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/base/names.h"
#include "worker/engine/deflate/deflate.h"

/* For the end of a file: a row group's, with the most columns. */
#define FACTS_ABOUT_MAX ((uint64_t)64 << 20)

struct facts {
	const char *at, *end;
	struct json_tokener *tokener;
	struct json_object *item;	/* the last one */
	bool in_list;			/* at least one item of it was read */
	struct json_object *vehicle;	/* the run that names it */
	struct names columns, parameters;	/* of this vehicle */
	bool in_vehicle;
	struct skips skips;			/* of the last skip */
};

struct facts *
facts_open(const char *text)
{
	struct facts *f;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return NULL;
	f->at = text;
	f->end = text + strlen(text);
	if ((f->tokener = json_tokener_new()) == NULL) {
		facts_free(f);
		return NULL;
	}
	/* Not strict: json-c 0.17 and 0.18 take letters beyond ASCII for an error then. */
	return f;
}

void
facts_free(struct facts *f)
{
	if (f == NULL)
		return;
	json_object_put(f->item);
	json_object_put(f->vehicle);
	json_tokener_free(f->tokener);
	names_release(&f->columns);
	names_release(&f->parameters);
	free(f);
}

/* Step over this text. Returns whether it is there. */
static bool
facts_take(struct facts *f, const char *text)
{
	const size_t len = strlen(text);

	if ((size_t)(f->end - f->at) < len || memcmp(f->at, text, len) != 0)
		return false;
	f->at += len;
	return true;
}

/* The next object of the list whose beginning and end are these texts. */
static int
facts_item(struct facts *f, const char *begin, const char *end)
{
	const size_t left = (size_t)(f->end - f->at);

	json_object_put(f->item);
	f->item = NULL;
	if (!f->in_list && !facts_take(f, begin))
		return -1;
	if (facts_take(f, end)) {
		f->in_list = false;
		return 1;
	}
	if (f->in_list && !facts_take(f, ","))
		return -1;
	f->in_list = true;
	if (f->at == f->end || *f->at != '{' || left > INT32_MAX)
		return -1;
	json_tokener_reset(f->tokener);
	f->item = json_tokener_parse_ex(f->tokener, f->at,
	    (int)(f->end - f->at));
	f->at += json_tokener_get_parse_end(f->tokener);
	return json_object_is_type(f->item, json_type_object) ? 0 : -1;
}

/* get_*(o, name, to): This member; -1 if missing or of another type. */
static int
get_member(struct json_object *o, const char *name, enum json_type type,
    struct json_object **to)
{
	return json_object_object_get_ex(o, name, to) &&
	    json_object_is_type(*to, type) ? 0 : -1;
}

static int
get_count(struct json_object *o, const char *name, uint64_t *to)
{
	struct json_object *value;
	int64_t n;

	if (get_member(o, name, json_type_int, &value) != 0 ||
	    (n = json_object_get_int64(value)) < 0)
		return -1;
	*to = (uint64_t)n;
	return 0;
}

/* A name has no NUL. */
static const char *
name_of(struct json_object *value)
{
	const char *text = json_object_get_string(value);

	return json_object_is_type(value, json_type_string) &&
	    strlen(text) == (size_t)json_object_get_string_len(value) ? text :
	    NULL;
}

static int
get_name(struct json_object *o, const char *name, const char **to)
{
	struct json_object *value;

	return json_object_object_get_ex(o, name, &value) &&
	    (*to = name_of(value)) != NULL ? 0 : -1;
}

static int
get_names(struct json_object *o, const char *name, struct names *to)
{
	struct json_object *list;
	const char *text;
	size_t i;

	names_release(to);
	if (get_member(o, name, json_type_array, &list) != 0)
		return -1;
	for (i = 0; i < json_object_array_length(list); i++) {
		text = name_of(json_object_array_get_idx(list, i));
		if (text == NULL || names_add(to, text, strlen(text)) != 0)
			return -1;
	}
	return 0;
}

/* A time, which is null without rows. */
static int
get_time(struct json_object *o, const char *name, uint64_t rows, int64_t *to)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, name, &value) || (rows > 0 &&
	    !json_object_is_type(value, json_type_int)))
		return -1;
	*to = rows > 0 ? json_object_get_int64(value) : 0;
	return 0;
}

/* 8 hex digits. */
static int
get_crc(struct json_object *o, const char *name, uint32_t *to)
{
	const char *text;

	if (get_name(o, name, &text) != 0 || strlen(text) != 8 ||
	    strspn(text, "0123456789abcdef") != 8)
		return -1;
	*to = (uint32_t)strtoul(text, NULL, 16);
	return 0;
}

static int
get_reasons(struct json_object *o, const char *name, struct skips *to)
{
	struct json_object *counts;
	int i, known = 0;

	memset(to, 0, sizeof(*to));
	if (get_member(o, name, json_type_object, &counts) != 0)
		return -1;
	for (i = 0; i < SKIP_REASONS; i++) {
		if (!json_object_object_get_ex(counts, skip_name(i), NULL))
			continue;
		known++;
		if (get_count(counts, skip_name(i), &to->count[i]) != 0)
			return -1;
	}
	return known == json_object_object_length(counts) ? 0 : -1;
}

static int
get_flag(struct json_object *o, const char *name, bool *to)
{
	uint64_t n;

	if (get_count(o, name, &n) != 0 || n > 1)
		return -1;
	*to = n == 1;
	return 0;
}

/* The run: rows have text, which is deflated; both fit the 32-bit form. */
static int
get_run(struct json_object *o, struct csvfile_facts *to)
{
	uint64_t crc;

	if (get_count(o, "runBytes", &to->run_bytes) != 0 ||
	    get_count(o, "runCrc32", &crc) != 0 || crc > UINT32_MAX ||
	    get_flag(o, "begins", &to->begins) != 0 ||
	    get_flag(o, "ends", &to->ends) != 0)
		return -1;
	to->run_crc = (uint32_t)crc;
	if (json_object_object_get_ex(o, "runAbout", NULL) &&
	    (get_count(o, "runAbout", &to->run_about) != 0 ||
	    to->run_about > FACTS_ABOUT_MAX || to->run_about >= to->run_bytes))
		return -1;
	return (to->rows > 0) != (to->bytes > 0) ||
	    (to->rows > 0) != (to->run_bytes > 0) ||
	    to->bytes > ZIP_ENTRY_MAX ||
	    to->run_bytes > ZIP_ENTRY_MAX - DEFLATE_END_LEN ? -1 : 0;
}

static int
get_csv(struct json_object *o, struct csvfile_facts *to)
{
	return get_count(o, "rows", &to->rows) != 0 ||
	    get_count(o, "points", &to->points) != 0 ||
	    get_time(o, "firstTime", to->rows, &to->first_ms) != 0 ||
	    get_time(o, "lastTime", to->rows, &to->last_ms) != 0 ||
	    get_count(o, "bytes", &to->bytes) != 0 ||
	    get_crc(o, "crc32", &to->crc) != 0 ||
	    get_count(o, "duplicates", &to->duplicates) != 0 ||
	    get_count(o, "nonFinite", &to->non_finite) != 0 ||
	    get_count(o, "nonNumeric", &to->non_numeric) != 0 ||
	    get_reasons(o, "skipped", &to->skipped) != 0 ||
	    get_count(o, "skippedDocuments", &to->skipped_documents) != 0 ?
	    -1 : 0;
}

/* A vehicle's first run names it; the run is kept for as long. */
static int
facts_vehicle(struct facts *f)
{
	json_object_put(f->vehicle);
	f->vehicle = json_object_get(f->item);
	return get_names(f->item, "columns", &f->columns) != 0 ||
	    get_names(f->item, "parameters", &f->parameters) != 0 ||
	    f->columns.n != f->parameters.n ? -1 : 0;
}

int
facts_file(struct facts *f, struct facts_file *file)
{
	const int rc = facts_item(f, "{\"files\":[", "]");

	if (rc != 0)
		return rc;
	memset(file, 0, sizeof(*file));
	if ((!f->in_vehicle && facts_vehicle(f) != 0) ||
	    get_name(f->vehicle, "vehicle", &file->vehicle) != 0 ||
	    get_csv(f->item, &file->csv) != 0 ||
	    get_run(f->item, &file->csv) != 0 ||
	    (f->in_vehicle && file->csv.begins))
		return -1;
	f->in_vehicle = !file->csv.ends;
	file->csv.parameters = &f->parameters;
	file->csv.columns = &f->columns;
	return 0;
}

int
facts_skip(struct facts *f, struct manifest_skip *skip)
{
	const int rc = facts_item(f, ",\"skippedDocuments\":[", "]");
	struct json_object *id;

	if (rc != 0)
		return rc;
	memset(skip, 0, sizeof(*skip));
	skip->reasons = &f->skips;
	if (get_name(f->item, "vehicle", &skip->vehicle) != 0 ||
	    get_name(f->item, "parameter", &skip->parameter) != 0 ||
	    get_reasons(f->item, "reasons", &f->skips) != 0 ||
	    !json_object_object_get_ex(f->item, "_id", &id))
		return -1;
	if (json_object_is_type(id, json_type_int)) {
		skip->id = MANIFEST_ID_TIME;
		skip->t_ms = json_object_get_int64(id);
	} else if (json_object_is_type(id, json_type_string)) {
		skip->id = MANIFEST_ID_TEXT;
		skip->text = json_object_get_string(id);
		skip->text_len = (size_t)json_object_get_string_len(id);
	}
	return json_object_is_type(id, json_type_null) ||
	    skip->id != MANIFEST_ID_NONE ? 0 : -1;
}

int
facts_end(struct facts *f, uint64_t *total, const char **preview)
{
	char *end;

	if (!facts_take(f, ",\"skippedDocumentsTotal\":") ||
	    f->at == f->end || *f->at < '0' || *f->at > '9')
		return -1;
	*total = strtoull(f->at, &end, 10);
	f->at = end;
	if (*total > INT64_MAX || !facts_take(f, ",\"preview\":"))
		return -1;
	json_object_put(f->item);
	json_tokener_reset(f->tokener);
	f->item = json_tokener_parse_ex(f->tokener, f->at,
	    (int)(f->end - f->at));
	f->at += json_tokener_get_parse_end(f->tokener);
	if ((*preview = name_of(f->item)) == NULL)
		return -1;
	return facts_take(f, "}") && f->at == f->end ? 0 : -1;
}
