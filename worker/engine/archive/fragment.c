/*
 * Takes fragments apart and adds their runs to an archive. Its facts come from
 * another worker and its bytes from a store, so neither is trusted before they
 * agree. Knows no S3: the bytes come from a callback.
 */
#include "worker/engine/archive/fragment.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "worker/engine/archive/csvfile.h"
#include "worker/engine/archive/facts.h"
#include "worker/engine/archive/manifest.h"
#include "worker/engine/archive/preview.h"
#include "worker/engine/archive/zip.h"
#include "worker/engine/deflate/blocks.h"

#define NOT_FACTS "facts that cannot be understood"

struct fragments {
	struct zip *zip;
	struct manifest *manifest;
	const struct csvfile_options *options;
	struct deflater *deflater;	/* of headers */
	struct csvfile *csvfile;	/* the one that is open, or NULL */
	char *vehicle;			/* its vehicle's name, */
	struct names parameters;	/* and parameters */
	struct preview *preview;	/* or NULL */
};

/* A fragment, read from front to back. */
struct fragment {
	struct fragments *all;
	const struct archive_fragment *from;
	uint64_t at;		/* the next byte to read */
	struct buf window;	/* the bytes that were read last */
	size_t used;		/* of the window */
	struct facts *facts;
};

static enum archive_result
fragment_no_memory(void)
{
	log_msg(LOG_ERROR, "piece", "out of memory");
	return ARCHIVE_NO_MEMORY;
}

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

/* What comes after the rows of a run, for the file's end. */
static enum archive_result
fragment_take_about(struct fragment *f, const struct csvfile_facts *csv,
    uint32_t *check)
{
	uint64_t left = csv->run_about;
	enum archive_result result = ARCHIVE_OK;
	const uint8_t *data;
	struct buf about;
	size_t len;
	int rc;

	buf_init(&about, (size_t)left);
	while (left > 0 && result == ARCHIVE_OK) {
		result = fragment_next(f, left, &data, &len);
		if (result != ARCHIVE_OK)
			break;
		*check = block_crc(*check, data, len);
		left -= len;
		if (buf_add(&about, data, len) != 0)
			result = fragment_no_memory();
	}
	if (result == ARCHIVE_OK && *check == csv->run_crc) {
		rc = csvfile_about(f->all->csvfile, about.data, about.len);
		if (rc != 0)
			result = rc < 0 ? ARCHIVE_NO_MEMORY :
			    fragment_bad(f, "a row group that cannot be");
	}
	buf_release(&about);
	return result;
}

/* Copy the bytes of one run from the fragment into the open entry. */
static enum archive_result
fragment_copy_run(struct fragment *f, const struct csvfile_facts *csv)
{
	enum archive_result result;
	uint64_t left = csv->run_bytes - csv->run_about;
	const uint8_t *data;
	uint32_t check = 0;
	size_t len;

	while (left > 0) {
		result = fragment_next(f, left, &data, &len);
		if (result != ARCHIVE_OK)
			return result;
		check = block_crc(check, data, len);
		left -= len;
		/* The run's CRC and length are added with the last bytes. */
		if (zip_add(f->all->zip, data, len, left == 0 ? csv->crc : 0,
		    left == 0 ? (size_t)csv->bytes : 0) != 0)
			return ARCHIVE_NO_MEMORY;
	}
	if ((result = fragment_take_about(f, csv, &check)) != ARCHIVE_OK)
		return result;
	return check == csv->run_crc ? ARCHIVE_OK :
	    fragment_bad(f, "a run has another checksum");
}

/* csvfile_done_fn: a part is complete. */
static int
part_done(void *arg, const struct csvfile_facts *csv)
{
	const struct fragments *fs = arg;

	if (preview_file(fs->preview, csv->name, fs->vehicle, csv->rows) != 0) {
		fragment_no_memory();
		return -1;
	}
	return manifest_file(fs->manifest, fs->vehicle, csv);
}

static void
forget_vehicle(struct fragments *fs)
{
	csvfile_free(fs->csvfile);
	fs->csvfile = NULL;
	free(fs->vehicle);
	fs->vehicle = NULL;
	names_release(&fs->parameters);
}

/* The archive names files and columns as it would have done by itself. */
static enum archive_result
begin_vehicle(struct fragments *fs, const struct facts_file *file)
{
	const struct names *from = file->csv.parameters;
	size_t i;

	if ((fs->vehicle = strdup(file->vehicle)) == NULL)
		return fragment_no_memory();
	for (i = 0; i < from->n; i++)
		if (names_add(&fs->parameters, from->v[i],
		    strlen(from->v[i])) != 0)
			return fragment_no_memory();
	fs->csvfile = csvfile_open(fs->zip, fs->options, fs->deflater,
	    fs->vehicle, &fs->parameters, part_done, fs);
	return fs->csvfile == NULL ? ARCHIVE_NO_MEMORY : ARCHIVE_OK;
}

/* One run: of the open CSV, or the first of another. */
static enum archive_result
take_run(struct fragment *f, const struct facts_file *file)
{
	struct fragments *fs = f->all;
	enum archive_result result = ARCHIVE_OK;

	if (file->csv.begins != (fs->csvfile == NULL) || (!file->csv.begins &&
	    (strcmp(file->vehicle, fs->vehicle) != 0 ||
	    !names_equal(file->csv.parameters, &fs->parameters))))
		return fragment_bad(f, "it does not follow the one before");
	if (file->csv.begins)
		result = begin_vehicle(fs, file);
	if (result == ARCHIVE_OK && csvfile_run(fs->csvfile, &file->csv) != 0)
		result = ARCHIVE_NO_MEMORY;
	if (result == ARCHIVE_OK)
		result = fragment_copy_run(f, &file->csv);
	if (result != ARCHIVE_OK || !file->csv.ends)
		return result;
	if (csvfile_close(fs->csvfile) != 0)
		result = ARCHIVE_NO_MEMORY;
	forget_vehicle(fs);
	return result;
}

/* The skipped documents come last, as in manifest.json; then the preview. */
static enum archive_result
take_rest(struct fragment *f)
{
	struct manifest *manifest = f->all->manifest;
	struct manifest_skip skip;
	const char *preview;
	uint64_t total;
	int rc;

	while ((rc = facts_skip(f->facts, &skip)) == 0)
		if (manifest_list_skip(manifest, &skip) != 0)
			return ARCHIVE_NO_MEMORY;
	if (rc < 0 || facts_end(f->facts, &total, &preview) != 0)
		return fragment_bad(f, NOT_FACTS);
	manifest_count_skips(manifest, total);
	return preview_join(f->all->preview, preview) == 0 ? ARCHIVE_OK :
	    fragment_no_memory();
}

/*
 * All runs in their order, which is that of their bytes; then the fragment has
 * to be at its end.
 */
static enum archive_result
take_all(struct fragment *f)
{
	enum archive_result result = ARCHIVE_OK;
	struct facts_file file;
	int rc;

	while ((rc = facts_file(f->facts, &file)) == 0)
		if ((result = take_run(f, &file)) != ARCHIVE_OK)
			return result;
	if (rc < 0)
		return fragment_bad(f, NOT_FACTS);
	if (f->used < f->window.len || f->at < f->from->size)
		return fragment_bad(f, "longer than its facts say");
	return take_rest(f);
}

struct fragments *
fragments_new(struct zip *zip, struct manifest *manifest,
    struct preview *preview, const struct csvfile_options *options)
{
	struct fragments *fs;

	if ((fs = calloc(1, sizeof(*fs))) != NULL)
		fs->deflater = deflater_new(options->level);
	if (fs == NULL || fs->deflater == NULL) {
		fragment_no_memory();
		free(fs);
		return NULL;
	}
	fs->zip = zip;
	fs->manifest = manifest;
	fs->preview = preview;
	fs->options = options;
	return fs;
}

void
fragments_free(struct fragments *fs)
{
	if (fs == NULL)
		return;
	forget_vehicle(fs);
	deflater_free(fs->deflater);
	free(fs);
}

enum archive_result
fragments_take(struct fragments *fs, const struct archive_fragment *from)
{
	struct fragment f = { .all = fs, .from = from };
	enum archive_result result;

	buf_init(&f.window, from->step);
	f.facts = facts_open(from->facts);
	result = f.facts != NULL ? take_all(&f) : fragment_no_memory();
	facts_free(f.facts);
	buf_release(&f.window);
	return result;
}

bool
fragments_whole(const struct fragments *fs)
{
	return fs->csvfile == NULL;
}
