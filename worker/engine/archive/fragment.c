/*
 * Takes a fragment apart and adds its files to an archive. Its facts come from
 * another worker and its bytes from a store, so neither is trusted before they
 * agree. Knows no S3: the bytes come from a callback.
 */
#include "worker/engine/archive/fragment.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "worker/engine/archive/csvfile.h"
#include "worker/engine/archive/manifest.h"
#include "worker/engine/archive/zip.h"
#include "worker/engine/deflate/blocks.h"

/* A fragment, read from front to back. */
struct fragment {
	const struct archive_fragment *from;
	struct zip *zip;
	struct manifest *manifest;
	uint64_t at;		/* the next byte to read */
	struct buf window;	/* the bytes that were read last */
	size_t used;		/* of the window */
	char stem[ZIP_NAME_MAX + 1];	/* of the current vehicle's parts */
};

/* What the facts report of one file: its run of blocks. */
struct run_facts {
	const char *vehicle;
	int64_t part, bytes, run_bytes;
	uint32_t crc, run_crc;
};

static enum archive_result
fragment_bad(const struct fragment *f, const char *why)
{
	log_msg(LOG_ERROR, "piece", "%s: %s: it is made again",
	    f->from->name, why);
	return ARCHIVE_BAD_FRAGMENT;
}

/* facts_*(o, name, to): This member; -1 if missing or of another type. */
static int
facts_int(struct json_object *o, const char *name, int64_t *to)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, name, &value) ||
	    !json_object_is_type(value, json_type_int))
		return -1;
	*to = json_object_get_int64(value);
	return *to < 0 ? -1 : 0;
}

static int
facts_text(struct json_object *o, const char *name, const char **to)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return -1;
	*to = json_object_get_string(value);
	return 0;
}

static int
facts_list(struct json_object *o, const char *name, struct json_object **to)
{
	return json_object_object_get_ex(o, name, to) &&
	    json_object_is_type(*to, json_type_array) ? 0 : -1;
}

/* The members of a file that are needed to copy it. Returns 0, -1: unusable. */
static int
facts_run(struct json_object *file, struct run_facts *r)
{
	const char *crc;
	int64_t run_crc;

	if (!json_object_is_type(file, json_type_object) ||
	    facts_text(file, "vehicle", &r->vehicle) != 0 ||
	    facts_int(file, "part", &r->part) != 0 ||
	    facts_int(file, "bytes", &r->bytes) != 0 ||
	    facts_int(file, "runBytes", &r->run_bytes) != 0 ||
	    facts_int(file, "runCrc32", &run_crc) != 0 ||
	    facts_text(file, "crc32", &crc) != 0 ||
	    sscanf(crc, "%8" SCNx32, &r->crc) != 1)
		return -1;
	r->run_crc = (uint32_t)run_crc;
	/* A CSV has a header at least, and fits the 32-bit form. */
	return r->part < 1 || r->bytes < 1 || r->run_bytes < 1 ||
	    r->bytes > INT64_C(0xffffffff) ||
	    r->run_bytes > INT64_C(0xffffffff) ? -1 : 0;
}

/*
 * The next bytes of the fragment: at least one, at most max. One read() at a
 * time, of a fixed step, whatever the sizes of the files: memory stays bounded.
 */
static enum archive_result
fragment_next(struct fragment *f, uint64_t max, const uint8_t **data,
    size_t *len)
{
	const uint64_t size = f->from->size;
	size_t n = f->from->step;
	int rc;

	if (f->used == f->window.len) {
		if (f->at >= size)
			return fragment_bad(f, "shorter than its facts say");
		if (n > size - f->at)
			n = (size_t)(size - f->at);
		rc = f->from->read(f->from->arg, f->at, n, &f->window);
		if (rc != 0)
			return rc > 0 ? fragment_bad(f, "gone") :
			    ARCHIVE_SOURCE_FAILED;
		f->at += n;
		f->used = 0;
	}
	*data = f->window.data + f->used;
	*len = f->window.len - f->used;
	if (*len > max)
		*len = (size_t)max;
	f->used += *len;
	return ARCHIVE_OK;
}

/* Copy the run of one file from the fragment into the open entry. */
static enum archive_result
fragment_copy_run(struct fragment *f, const struct run_facts *r)
{
	enum archive_result result;
	uint64_t left = (uint64_t)r->run_bytes;
	const uint8_t *data;
	uint32_t check = 0;
	size_t len;

	while (left > 0) {
		result = fragment_next(f, left, &data, &len);
		if (result != ARCHIVE_OK)
			return result;
		check = block_crc(check, data, len);
		left -= len;
		/* The file's CRC and length are added with the last bytes. */
		if (zip_add(f->zip, data, len, left == 0 ? r->crc : 0,
		    left == 0 ? (size_t)r->bytes : 0) != 0)
			return ARCHIVE_NO_MEMORY;
	}
	return check == r->run_crc ? ARCHIVE_OK :
	    fragment_bad(f, "a file has another checksum");
}

/*
 * One file: name it as this archive would, copy its run, and add its facts to
 * the manifest under that name. (Names depend on what is already in the
 * archive.)
 */
static enum archive_result
fragment_take_file(struct fragment *f, struct json_object *file)
{
	char name[ZIP_NAME_MAX + 1];
	enum archive_result result;
	struct run_facts r;

	if (facts_run(file, &r) != 0)
		return fragment_bad(f, "facts that cannot be understood");
	/* Later parts take their names from the first one's. */
	if (r.part == 1)
		snprintf(f->stem, sizeof(f->stem), "%s", r.vehicle);
	csvfile_name(f->zip, f->stem, (int)r.part, name);
	if (zip_begin(f->zip, name) != 0)
		return ARCHIVE_NO_MEMORY;
	if ((result = fragment_copy_run(f, &r)) != ARCHIVE_OK)
		return result;
	if (zip_end(f->zip, NULL) != 0 ||
	    manifest_add(f->manifest, json_object_get(file), name) != 0)
		return ARCHIVE_NO_MEMORY;
	return ARCHIVE_OK;
}

/*
 * All files in their order, which is that of their bytes; then the fragment has
 * to be at its end. The skipped documents come last, as in manifest.json.
 */
static enum archive_result
fragment_take_all(struct fragment *f, struct json_object *root)
{
	enum archive_result result = ARCHIVE_OK;
	struct json_object *files, *skipped;
	int64_t total;
	size_t i;

	if (!json_object_is_type(root, json_type_object) ||
	    facts_list(root, "files", &files) != 0 ||
	    facts_list(root, "skippedDocuments", &skipped) != 0 ||
	    facts_int(root, "skippedDocumentsTotal", &total) != 0)
		return fragment_bad(f, "facts that cannot be understood");
	for (i = 0; i < json_object_array_length(files) &&
	    result == ARCHIVE_OK; i++)
		result = fragment_take_file(f,
		    json_object_array_get_idx(files, i));
	if (result == ARCHIVE_OK && (f->used < f->window.len ||
	    f->at < f->from->size))
		result = fragment_bad(f, "longer than its facts say");
	if (result == ARCHIVE_OK && manifest_add_skipped(f->manifest, skipped,
	    (uint64_t)total) != 0)
		result = ARCHIVE_NO_MEMORY;
	return result;
}

enum archive_result
fragment_take(const struct archive_fragment *from, struct zip *zip,
    struct manifest *manifest)
{
	struct fragment f = { .from = from, .zip = zip, .manifest = manifest };
	struct json_object *root = json_tokener_parse(from->facts);
	enum archive_result result;

	buf_init(&f.window, from->step);
	result = fragment_take_all(&f, root);
	json_object_put(root);
	buf_release(&f.window);
	return result;
}
