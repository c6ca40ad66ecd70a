#include "worker/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>

#include "lib/buf.h"
#include "lib/log.h"
#include "worker/points.h"

/*
 * CSV text is deflated in blocks of about this size: less costs ratio, more
 * leaves the processor's cache. A single row may be longer, up to the ceiling.
 */
#define BLOCK_BYTES (256 * 1024)
#define BLOCK_MAX ((size_t)1 << 30)

struct entry_writer {
	struct zip *zip;
	const struct entry_options *options;
	char stem[ZIP_NAME_MAX + 1];
	const char *const *names;
	size_t n;
	entry_done_fn *done;
	void *arg;

	struct deflater *deflater;
	struct digest *digest;
	struct buf text, deflated;
	struct entry_facts facts;
	int part;

	/* Of the rows in text, which a split leaves for the next part. */
	uint64_t block_rows, block_points, block_non_finite;
	int64_t block_first_ms, block_last_ms;
	uint64_t rows, points;
};

static int
no_memory(void)
{
	log_msg(LOG_ERROR, "csv", "out of memory");
	return -1;
}

static int
part_begin(struct entry_writer *w)
{
	char stem[ZIP_NAME_MAX + 1];

	memset(&w->facts, 0, sizeof(w->facts));
	if (++w->part == 1) {
		zip_name(w->zip, w->stem, ".csv", w->facts.name);
		/* Later parts keep what made the first one's name its own. */
		snprintf(w->stem, sizeof(w->stem), "%.*s",
		    (int)(strlen(w->facts.name) - 4), w->facts.name);
	} else {
		snprintf(stem, sizeof(stem), "%.70s-part%d", w->stem, w->part);
		zip_name(w->zip, stem, ".csv", w->facts.name);
	}
	return zip_begin(w->zip, w->facts.name);
}

static int
part_end(struct entry_writer *w)
{
	if (zip_end(w->zip, &w->facts.crc) != 0)
		return -1;
	if (digest_hex(w->digest, w->facts.sha256) != 0) {
		log_msg(LOG_ERROR, "csv", "SHA-256 failed");
		return -1;
	}
	return w->done(w->arg, &w->facts);
}

/* Deflate len bytes into the open part. */
static int
put_block(struct entry_writer *w, const void *data, size_t len)
{
	/* crc32_gzip_refl() is the CRC-32 of ZIP and gzip. */
	uint32_t crc = crc32_gzip_refl(0, data, len);

	w->deflated.len = 0;
	if (deflate_block(w->deflater, data, len, &w->deflated) != 0)
		return no_memory();
	if (digest_add(w->digest, data, len) != 0) {
		log_msg(LOG_ERROR, "csv", "SHA-256 failed");
		return -1;
	}
	w->facts.bytes += len;
	return zip_add(w->zip, w->deflated.data, w->deflated.len, crc, len);
}

static int
put_header(struct entry_writer *w)
{
	struct buf b;
	int rc;

	buf_init(&b, BLOCK_MAX);
	if (csv_header(&b, &w->options->style, w->names, w->n) != 0)
		rc = no_memory();
	else
		rc = put_block(w, b.data, b.len);
	buf_release(&b);
	return rc;
}

/* Whether the rows in text would make the open part too large. */
static int
is_full(const struct entry_writer *w)
{
	return w->facts.rows > 0 &&
	    w->facts.bytes + w->text.len > w->options->split_bytes;
}

static int
flush(struct entry_writer *w)
{
	struct entry_facts *f = &w->facts;

	if (w->block_rows == 0)
		return 0;
	if (is_full(w) && (part_end(w) != 0 || part_begin(w) != 0 ||
	    put_header(w) != 0))
		return -1;
	if (put_block(w, w->text.data, w->text.len) != 0)
		return -1;
	if (f->rows == 0)
		f->first_ms = w->block_first_ms;
	f->last_ms = w->block_last_ms;
	f->rows += w->block_rows;
	f->points += w->block_points;
	f->non_finite += w->block_non_finite;
	w->rows += w->block_rows;
	w->points += w->block_points;
	w->block_rows = w->block_points = w->block_non_finite = 0;
	w->text.len = 0;
	return 0;
}

struct entry_writer *
entry_open(struct zip *zip, const struct entry_options *options,
    const char *vehicle, const char *const *names, size_t n,
    entry_done_fn *done, void *arg)
{
	struct entry_writer *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		goto nomem;
	w->zip = zip;
	w->options = options;
	snprintf(w->stem, sizeof(w->stem), "%s", vehicle);
	w->names = names;
	w->n = n;
	w->done = done;
	w->arg = arg;
	buf_init(&w->text, BLOCK_MAX);
	buf_init(&w->deflated, 2 * BLOCK_MAX);
	if ((w->deflater = deflater_new(options->level)) == NULL ||
	    (w->digest = digest_new()) == NULL)
		goto nomem;
	if (part_begin(w) != 0 || put_header(w) != 0)
		goto fail;
	return w;
nomem:
	no_memory();
fail:
	entry_free(w);
	return NULL;
}

int
entry_row(struct entry_writer *w, int64_t t_ms,
    const struct point *const *cells)
{
	size_t i;

	if (csv_row(&w->text, &w->options->style, t_ms, cells, w->n,
	    &w->block_non_finite) != 0)
		return no_memory();
	for (i = 0; i < w->n; i++)
		w->block_points += cells[i] != NULL;
	if (w->block_rows++ == 0)
		w->block_first_ms = t_ms;
	w->block_last_ms = t_ms;
	return w->text.len < BLOCK_BYTES ? 0 : flush(w);
}

int
entry_close(struct entry_writer *w)
{
	return flush(w) != 0 ? -1 : part_end(w);
}

void
entry_free(struct entry_writer *w)
{
	if (w == NULL)
		return;
	deflater_free(w->deflater);
	digest_free(w->digest);
	buf_release(&w->text);
	buf_release(&w->deflated);
	free(w);
}

struct entry_facts *
entry_facts(struct entry_writer *w)
{
	return &w->facts;
}

void
entry_totals(const struct entry_writer *w, uint64_t *rows, uint64_t *points)
{
	*rows = w->rows + w->block_rows;
	*points = w->points + w->block_points;
}
