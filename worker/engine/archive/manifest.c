/*
 * The JSON that describes an archive: its request, its files, and what was
 * skipped (FORMAT.md, 5). It collects what others computed, in the order of the
 * format. Knows no rows, and of the ZIP only its own entry, the last.
 */
#include "worker/engine/archive/manifest.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bson/bson.h>
#include <json-c/json.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/timestamp.h"
#include "worker/engine/archive_types.h"
#include "worker/engine/archive/csvfile.h"
#include "worker/engine/decode/document.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/deflate/blocks.h"

#define MANIFEST_MAX ((size_t)1 << 30)

struct manifest {
	struct json_object *root, *files, *skipped;
	uint64_t skipped_total;
	bool facts;		/* of a fragment */
};

static int
manifest_no_memory(void)
{
	log_msg(LOG_ERROR, "manifest", "out of memory");
	return -1;
}

/*
 * The functions put_*(o, name, ...) add a member. Returns 0, -1: no memory. A
 * value that is NULL, for lack of memory, fails here, so that callers need not
 * check; one that cannot be added is freed.
 */
static int
put_member(struct json_object *o, const char *name, struct json_object *value)
{
	if (value != NULL && json_object_object_add(o, name, value) == 0)
		return 0;
	json_object_put(value);
	return -1;
}

static int
put_int(struct json_object *o, const char *name, int64_t n)
{
	return put_member(o, name, json_object_new_int64(n));
}

static int
put_text(struct json_object *o, const char *name, const char *text)
{
	return put_member(o, name, json_object_new_string(text));
}

static int
put_null(struct json_object *o, const char *name)
{
	return json_object_object_add(o, name, NULL);
}

static int
put_time(struct json_object *o, const char *name, int64_t t_ms)
{
	char text[TIMESTAMP_SIZE];

	timestamp_format(t_ms, text);
	return put_text(o, name, text);
}

static int
put_name_list(struct json_object *o, const char *name,
    const struct names *names)
{
	struct json_object *array, *text;
	size_t i;

	if ((array = json_object_new_array()) == NULL)
		return -1;
	for (i = 0; i < names->n; i++) {
		text = json_object_new_string(names->v[i]);
		if (text == NULL ||
		    json_object_array_add(array, text) != 0) {
			json_object_put(text);
			json_object_put(array);
			return -1;
		}
	}
	return put_member(o, name, array);
}

/* A list of the request: null, not [], when it was not given. */
static int
put_list(struct json_object *o, const char *name,
    const struct names *list)
{
	return list->n > 0 ? put_name_list(o, name, list) : put_null(o, name);
}

static int
put_request(struct json_object *root, const struct archive_spec *spec)
{
	struct json_object *o;

	if ((o = json_object_new_object()) == NULL)
		return -1;
	if (put_time(o, "startDate", spec->from_ms) != 0 ||
	    put_time(o, "endDate", spec->to_ms) != 0 ||
	    put_list(o, "vehicles", spec->vehicles) != 0 ||
	    put_list(o, "parameters", spec->parameters) != 0 ||
	    put_text(o, "time", spec->rfc3339 ? "rfc3339" : "ms") != 0 ||
	    put_text(o, "csv", spec->excel ? "excel" : "rfc4180") != 0 ||
	    put_text(o, "compression", spec->small ? "small" : "fast") != 0) {
		json_object_put(o);
		return -1;
	}
	return put_member(root, "request", o);
}

static int
put_head(struct json_object *root, const struct archive_spec *spec)
{
	return put_int(root, "format", MANIFEST_FORMAT) != 0 ||
	    put_request(root, spec) != 0 ||
	    put_time(root, "readingBeganAt", spec->began_ms) != 0 ? -1 : 0;
}

/* files and skipped are borrowed from root, so only root is freed. */
static struct manifest *
new_manifest(const struct archive_spec *spec)
{
	struct manifest *m;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		goto fail;
	m->facts = spec == NULL;
	/* Without a spec, a fragment's: it has no request. */
	if ((m->root = json_object_new_object()) == NULL ||
	    (spec != NULL && put_head(m->root, spec) != 0) ||
	    put_member(m->root, "files",
	    m->files = json_object_new_array()) != 0 ||
	    put_member(m->root, "skippedDocuments",
	    m->skipped = json_object_new_array()) != 0)
		goto fail;
	return m;
fail:
	manifest_no_memory();
	manifest_free(m);
	return NULL;
}

struct manifest *
manifest_new(const struct archive_spec *spec)
{
	return new_manifest(spec);
}

struct manifest *
manifest_new_facts(void)
{
	return new_manifest(NULL);
}

void
manifest_free(struct manifest *m)
{
	if (m == NULL)
		return;
	json_object_put(m->root);
	free(m);
}

/* Only the reasons that occurred: {} when nothing was skipped. */
static int
put_skips(struct json_object *o, const char *name, const struct skips *skips)
{
	struct json_object *counts;
	int i;

	if ((counts = json_object_new_object()) == NULL)
		return -1;
	for (i = 0; i < SKIP_REASONS; i++) {
		if (skips->count[i] != 0 && put_int(counts, skip_name(i),
		    (int64_t)skips->count[i]) != 0) {
			json_object_put(counts);
			return -1;
		}
	}
	return put_member(o, name, counts);
}

static int
put_facts(struct json_object *o, const struct csvfile_facts *f)
{
	char crc[9];

	snprintf(crc, sizeof(crc), "%08x", f->crc);
	return put_int(o, "rows", (int64_t)f->rows) != 0 ||
	    put_int(o, "points", (int64_t)f->points) != 0 ||
	    (f->rows > 0 ? put_int(o, "firstTime", f->first_ms) :
	    put_null(o, "firstTime")) != 0 ||
	    (f->rows > 0 ? put_int(o, "lastTime", f->last_ms) :
	    put_null(o, "lastTime")) != 0 ||
	    put_int(o, "bytes", (int64_t)f->bytes) != 0 ||
	    put_text(o, "crc32", crc) != 0 ||
	    put_int(o, "duplicates", (int64_t)f->duplicates) != 0 ||
	    put_int(o, "nonFinite", (int64_t)f->non_finite) != 0 ||
	    put_skips(o, "skipped", &f->skipped) != 0 ||
	    put_int(o, "skippedDocuments",
	    (int64_t)f->skipped_documents) != 0 ? -1 : 0;
}

/* What a fragment's file has in addition: see facts_run() in fragment.c. */
static int
put_run(struct json_object *o, const struct csvfile_facts *f)
{
	return put_int(o, "part", f->part) != 0 ||
	    put_int(o, "runBytes", (int64_t)f->run_bytes) != 0 ||
	    put_int(o, "runCrc32", f->run_crc) != 0 ? -1 : 0;
}

int
manifest_file(struct manifest *m, const char *vehicle,
    const struct names *columns, const struct csvfile_facts *facts)
{
	struct json_object *o;

	if ((o = json_object_new_object()) == NULL)
		return manifest_no_memory();
	if (put_text(o, "name", facts->name) != 0 ||
	    put_text(o, "vehicle", vehicle) != 0 ||
	    put_name_list(o, "columns", columns) != 0 ||
	    put_facts(o, facts) != 0 ||
	    (m->facts && put_run(o, facts) != 0) ||
	    json_object_array_add(m->files, o) != 0) {
		json_object_put(o);
		return manifest_no_memory();
	}
	return 0;
}

int
manifest_add(struct manifest *m, struct json_object *file, const char *name)
{
	json_object_object_del(file, "part");
	json_object_object_del(file, "runBytes");
	json_object_object_del(file, "runCrc32");
	/* Replacing a member keeps its place: bytes as if made here. */
	if (put_text(file, "name", name) != 0 ||
	    json_object_array_add(m->files, file) != 0) {
		json_object_put(file);
		return manifest_no_memory();
	}
	return 0;
}

/* Fragments come in the order of reading, so the first 1,000 are right. */
int
manifest_add_skipped(struct manifest *m, struct json_object *list,
    uint64_t total)
{
	struct json_object *o;
	size_t i;

	for (i = 0; i < json_object_array_length(list) &&
	    json_object_array_length(m->skipped) < MANIFEST_SKIPPED_MAX; i++) {
		o = json_object_get(json_object_array_get_idx(list, i));
		if (json_object_array_add(m->skipped, o) != 0) {
			json_object_put(o);
			return manifest_no_memory();
		}
	}
	m->skipped_total += total;
	return 0;
}

/*
 * The text of an _id that cannot be a time: a fraction, a number that is too
 * large, a Decimal128; any other type by its number.
 */
static void
odd_id_text(const struct element *e, char *text, size_t size)
{
	bson_decimal128_t decimal;
	uint64_t bits;
	double d;

	switch (e->type) {
	case LEAF_DOUBLE:
		bits = le64(e->value);
		memcpy(&d, &bits, sizeof(d));
		snprintf(text, size, "%.17g", d);
		break;
	case LEAF_DECIMAL128:
		decimal.low = le64(e->value);
		decimal.high = le64(e->value + 8);
		bson_decimal128_to_string(&decimal, text);
		break;
	default:
		snprintf(text, size, "BSON type %u", e->type);
	}
}

/* _id in ms if usable, else its text; null if missing or not BSON. */
static int
put_id(struct json_object *o, const uint8_t *doc, size_t len)
{
	char text[BSON_DECIMAL128_STRING];
	const uint8_t *at;
	struct element e;
	int64_t t_ms;

	if (unwind_id(doc, len, &t_ms) == 0)
		return put_int(o, "_id", t_ms);
	if (document_valid(doc, len)) {
		at = document_first(doc);
		while (document_next(&at, &e) == 0) {
			if (strcmp(e.key, "_id") != 0)
				continue;
			odd_id_text(&e, text, sizeof(text));
			return put_text(o, "_id", text);
		}
	}
	return put_null(o, "_id");
}

int
manifest_skipped(struct manifest *m, const char *vehicle,
    const char *parameter, const uint8_t *doc, size_t len,
    const struct skips *skips)
{
	struct json_object *o;

	if (m->skipped_total++ >= MANIFEST_SKIPPED_MAX)
		return 0;
	if ((o = json_object_new_object()) == NULL)
		return manifest_no_memory();
	if (put_text(o, "vehicle", vehicle) != 0 ||
	    put_text(o, "parameter", parameter) != 0 ||
	    put_id(o, doc, len) != 0 || put_skips(o, "reasons", skips) != 0 ||
	    json_object_array_add(m->skipped, o) != 0) {
		json_object_put(o);
		return manifest_no_memory();
	}
	return 0;
}

/* Always deflated by zlib, level 6: one run, whatever the CSVs' level. */
static int
write_text(struct zip *zip, const char *text, size_t len)
{
	struct block b = { 0 };
	struct deflater *d;
	struct buf out;
	int rc = -1;

	buf_init(&out, MANIFEST_MAX);
	if ((d = deflater_new(DEFLATE_SMALL)) == NULL ||
	    block_seal(&b, (const uint8_t *)text, len, &out, d) != 0)
		manifest_no_memory();
	else if (zip_begin(zip, "manifest.json") == 0 &&
	    zip_add(zip, out.data, out.len, b.crc, len) == 0)
		rc = zip_end(zip, NULL);
	deflater_free(d);
	buf_release(&out);
	return rc;
}

/* All of it as text, which belongs to m; NULL: no memory, logged. */
static const char *
text_of(struct manifest *m, int form, size_t *len)
{
	const char *text = NULL;

	if (put_int(m->root, "skippedDocumentsTotal",
	    (int64_t)m->skipped_total) == 0)
		text = json_object_to_json_string_length(m->root, form, len);
	if (text == NULL)
		manifest_no_memory();
	return text;
}

int
manifest_write(struct manifest *m, struct zip *zip)
{
	const char *text;
	size_t len;

	text = text_of(m, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
	    JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	return text == NULL ? -1 : write_text(zip, text, len);
}

const char *
manifest_facts(struct manifest *m)
{
	size_t len;

	return text_of(m, JSON_C_TO_STRING_PLAIN, &len);
}
