#include "worker/fragment.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/servers/s3.h"
#include "lib/jobs/job.h"
#include "worker/engine/archive/csvfile.h"
#include "worker/engine/archive/manifest.h"
#include "worker/engine/archive/zip.h"
#include "worker/engine/deflate/blocks.h"

/* The object, read from front to back. */
struct piece {
	struct s3 *s3;
	const struct job *unit;
	size_t step;
	uint64_t at;		/* the next byte to be fetched */
	struct buf window;
	size_t used;		/* of the window */
	char stem[ZIP_NAME_MAX + 1];
};

/* What the facts say of one file. */
struct run_facts {
	const char *vehicle;
	int64_t part, bytes, run_bytes;
	uint32_t crc, run_crc;
};

static enum piece_result
bad(const struct piece *p, const char *why)
{
	log_msg(LOG_ERROR, "piece", "%s: %s: it is made anew",
	    p->unit->object_key, why);
	return PIECE_BAD;
}

static int
take_int(struct json_object *o, const char *name, int64_t *to)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, name, &value) ||
	    !json_object_is_type(value, json_type_int))
		return -1;
	*to = json_object_get_int64(value);
	return *to < 0 ? -1 : 0;
}

static int
take_text(struct json_object *o, const char *name, const char **to)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return -1;
	*to = json_object_get_string(value);
	return 0;
}

static int
take_list(struct json_object *o, const char *name, struct json_object **to)
{
	return json_object_object_get_ex(o, name, to) &&
	    json_object_is_type(*to, json_type_array) ? 0 : -1;
}

static int
take_run(struct json_object *file, struct run_facts *r)
{
	const char *crc;
	int64_t run_crc;

	if (!json_object_is_type(file, json_type_object) ||
	    take_text(file, "vehicle", &r->vehicle) != 0 ||
	    take_int(file, "part", &r->part) != 0 ||
	    take_int(file, "bytes", &r->bytes) != 0 ||
	    take_int(file, "runBytes", &r->run_bytes) != 0 ||
	    take_int(file, "runCrc32", &run_crc) != 0 ||
	    take_text(file, "crc32", &crc) != 0 ||
	    sscanf(crc, "%8" SCNx32, &r->crc) != 1)
		return -1;
	r->run_crc = (uint32_t)run_crc;
	/* A CSV has a header at least. */
	return r->part < 1 || r->bytes < 1 || r->run_bytes < 1 ||
	    r->bytes > INT64_C(0xffffffff) ||
	    r->run_bytes > INT64_C(0xffffffff) ? -1 : 0;
}

/* The next bytes of the object: at least one, at most max. */
static enum piece_result
next(struct piece *p, uint64_t max, const uint8_t **data, size_t *len)
{
	const uint64_t size = (uint64_t)p->unit->object_size;
	size_t n = p->step;

	if (p->used == p->window.len) {
		if (p->at >= size)
			return bad(p, "shorter than its facts say");
		if (n > size - p->at)
			n = (size_t)(size - p->at);
		if (s3_get(p->s3, p->unit->object_key, p->at, n,
		    &p->window) != 0)
			return s3_not_found(p->s3) ? bad(p, "gone") :
			    PIECE_FAILED;
		p->at += n;
		p->used = 0;
	}
	*data = p->window.data + p->used;
	*len = p->window.len - p->used;
	if (*len > max)
		*len = (size_t)max;
	p->used += *len;
	return PIECE_TAKEN;
}

/* The run of one file, from the piece into the open entry. */
static enum piece_result
copy_run(struct piece *p, const struct run_facts *r, struct zip *zip)
{
	enum piece_result result = PIECE_TAKEN;
	uint64_t left = (uint64_t)r->run_bytes;
	const uint8_t *data;
	uint32_t check = 0;
	size_t len;

	while (left > 0) {
		result = next(p, left, &data, &len);
		if (result != PIECE_TAKEN)
			return result;
		check = block_crc(check, data, len);
		left -= len;
		/* The last bytes bring what all of them stand for. */
		if (zip_add(zip, data, len, left == 0 ? r->crc : 0,
		    left == 0 ? (size_t)r->bytes : 0) != 0)
			return PIECE_FAILED;
	}
	return check == r->run_crc ? PIECE_TAKEN :
	    bad(p, "a file has another checksum");
}

static enum piece_result
take_file(struct piece *p, struct json_object *file, struct zip *zip,
    struct manifest *manifest)
{
	char name[ZIP_NAME_MAX + 1];
	enum piece_result result;
	struct run_facts r;

	if (take_run(file, &r) != 0)
		return bad(p, "facts that cannot be understood");
	if (r.part == 1)
		snprintf(p->stem, sizeof(p->stem), "%s", r.vehicle);
	csvfile_name(zip, p->stem, (int)r.part, name);
	if (zip_begin(zip, name) != 0)
		return PIECE_FAILED;
	if ((result = copy_run(p, &r, zip)) != PIECE_TAKEN)
		return result;
	if (zip_end(zip, NULL) != 0 ||
	    manifest_add(manifest, json_object_get(file), name) != 0)
		return PIECE_FAILED;
	return PIECE_TAKEN;
}

static enum piece_result
take_all(struct piece *p, struct json_object *root, struct zip *zip,
    struct manifest *manifest)
{
	enum piece_result result = PIECE_TAKEN;
	struct json_object *files, *skipped;
	int64_t total;
	size_t i;

	if (!json_object_is_type(root, json_type_object) ||
	    take_list(root, "files", &files) != 0 ||
	    take_list(root, "skippedDocuments", &skipped) != 0 ||
	    take_int(root, "skippedDocumentsTotal", &total) != 0)
		return bad(p, "facts that cannot be understood");
	for (i = 0; i < json_object_array_length(files) &&
	    result == PIECE_TAKEN; i++)
		result = take_file(p, json_object_array_get_idx(files, i), zip,
		    manifest);
	if (result == PIECE_TAKEN && (p->used < p->window.len ||
	    p->at < (uint64_t)p->unit->object_size))
		result = bad(p, "longer than its facts say");
	if (result == PIECE_TAKEN &&
	    manifest_add_skipped(manifest, skipped, (uint64_t)total) != 0)
		result = PIECE_FAILED;
	return result;
}

enum piece_result
piece_take(struct s3 *s3, const struct job *unit, const char *facts,
    size_t step, struct zip *zip, struct manifest *manifest)
{
	struct piece p = { .s3 = s3, .unit = unit, .step = step };
	struct json_object *root = json_tokener_parse(facts);
	enum piece_result result;

	buf_init(&p.window, step);
	result = take_all(&p, root, zip, manifest);
	json_object_put(root);
	buf_release(&p.window);
	return result;
}
