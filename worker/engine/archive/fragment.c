/*
 * Takes a fragment apart and adds its files to an archive. Its facts come from
 * another worker and its bytes from a store, so neither is trusted before they
 * agree. Knows no S3: the bytes come from a callback.
 */
#include "worker/engine/archive/fragment.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "worker/engine/archive/csvfile.h"
#include "worker/engine/archive/facts.h"
#include "worker/engine/archive/manifest.h"
#include "worker/engine/archive/zip.h"
#include "worker/engine/deflate/blocks.h"

#define NOT_FACTS "facts that cannot be understood"

/* A fragment, read from front to back. */
struct fragment {
	const struct archive_fragment *from;
	struct zip *zip;
	struct manifest *manifest;
	uint64_t at;		/* the next byte to read */
	struct buf window;	/* the bytes that were read last */
	size_t used;		/* of the window */
	struct facts *facts;
	char stem[ZIP_NAME_MAX + 1];	/* of the current vehicle's parts */
	int part;			/* the last one of it */
};

static enum archive_result
fragment_bad(const struct fragment *f, const char *why)
{
	log_msg(LOG_ERROR, "piece", "%s: %s: it is made again",
	    f->from->name, why);
	return ARCHIVE_BAD_FRAGMENT;
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
fragment_copy_run(struct fragment *f, const struct csvfile_facts *csv)
{
	enum archive_result result;
	uint64_t left = csv->run_bytes;
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
		if (zip_add(f->zip, data, len, left == 0 ? csv->crc : 0,
		    left == 0 ? (size_t)csv->bytes : 0) != 0)
			return ARCHIVE_NO_MEMORY;
	}
	return check == csv->run_crc ? ARCHIVE_OK :
	    fragment_bad(f, "a file has another checksum");
}

/*
 * One file: name it as this archive would, copy its run, and add its facts to
 * the manifest under that name. (Names depend on what is already in the
 * archive.)
 */
static enum archive_result
fragment_take_file(struct fragment *f, struct facts_file *file)
{
	enum archive_result result;

	/* Later parts take their names from the first one's. */
	if (file->csv.part != 1 && file->csv.part != f->part + 1)
		return fragment_bad(f, "a part of a file is missing");
	if (file->csv.part == 1)
		snprintf(f->stem, sizeof(f->stem), "%s", file->vehicle);
	f->part = file->csv.part;
	csvfile_name(f->zip, f->stem, f->part, file->csv.name);
	if (zip_begin(f->zip, file->csv.name) != 0)
		return ARCHIVE_NO_MEMORY;
	if ((result = fragment_copy_run(f, &file->csv)) != ARCHIVE_OK)
		return result;
	if (zip_end(f->zip, NULL) != 0 || manifest_file(f->manifest,
	    file->vehicle, file->parameters, &file->csv) != 0)
		return ARCHIVE_NO_MEMORY;
	return ARCHIVE_OK;
}

/* The skipped documents come last, as in manifest.json. */
static enum archive_result
fragment_take_skips(struct fragment *f)
{
	struct manifest_skip skip;
	uint64_t total;
	int rc;

	while ((rc = facts_skip(f->facts, &skip)) == 0)
		if (manifest_list_skip(f->manifest, &skip) != 0)
			return ARCHIVE_NO_MEMORY;
	if (rc < 0 || facts_end(f->facts, &total) != 0)
		return fragment_bad(f, NOT_FACTS);
	manifest_count_skips(f->manifest, total);
	return ARCHIVE_OK;
}

/*
 * All files in their order, which is that of their bytes; then the fragment has
 * to be at its end.
 */
static enum archive_result
fragment_take_all(struct fragment *f)
{
	enum archive_result result = ARCHIVE_OK;
	struct facts_file file;
	int rc;

	while ((rc = facts_file(f->facts, &file)) == 0)
		if ((result = fragment_take_file(f, &file)) != ARCHIVE_OK)
			return result;
	if (rc < 0)
		return fragment_bad(f, NOT_FACTS);
	if (f->used < f->window.len || f->at < f->from->size)
		return fragment_bad(f, "longer than its facts say");
	return fragment_take_skips(f);
}

enum archive_result
fragment_take(const struct archive_fragment *from, struct zip *zip,
    struct manifest *manifest)
{
	struct fragment f = { .from = from, .zip = zip, .manifest = manifest };
	enum archive_result result = ARCHIVE_NO_MEMORY;

	buf_init(&f.window, from->step);
	if ((f.facts = facts_open(from->facts)) != NULL)
		result = fragment_take_all(&f);
	else
		log_msg(LOG_ERROR, "piece", "out of memory");
	facts_free(f.facts);
	buf_release(&f.window);
	return result;
}
