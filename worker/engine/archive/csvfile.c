#include "worker/engine/archive/csvfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "worker/engine/deflate/blocks.h"

#define HEADER_MAX ((size_t)1 << 20)

struct csvfile {
	struct zip *zip;
	const struct csvfile_options *options;
	char stem[ZIP_NAME_MAX + 1];
	const struct names *columns;
	csvfile_done_fn *done;
	void *arg;

	struct deflater *deflater;
	struct digest *digest;
	struct csvfile_facts facts;
	int part;
	uint64_t rows, points;		/* of all parts */
};

static int
csvfile_no_memory(void)
{
	log_msg(LOG_ERROR, "csv", "out of memory");
	return -1;
}

void
csvfile_name(const struct zip *zip, char stem[ZIP_NAME_MAX + 1], int part,
    char name[ZIP_NAME_MAX + 1])
{
	char later[ZIP_NAME_MAX + 1];

	if (part == 1) {
		zip_name(zip, stem, ".csv", name);
		/* Later parts keep what made the first one's name its own. */
		snprintf(stem, ZIP_NAME_MAX + 1, "%.*s",
		    (int)(strlen(name) - 4), name);
	} else {
		snprintf(later, sizeof(later), "%.70s-part%d", stem, part);
		zip_name(zip, later, ".csv", name);
	}
}

static int
csvfile_part_begin(struct csvfile *w)
{
	memset(&w->facts, 0, sizeof(w->facts));
	w->facts.part = ++w->part;
	csvfile_name(w->zip, w->stem, w->part, w->facts.name);
	return zip_begin(w->zip, w->facts.name);
}

static int
csvfile_part_end(struct csvfile *w)
{
	w->facts.run_bytes = zip_entry_deflated(w->zip);
	w->facts.run_crc = zip_entry_check(w->zip);
	if (zip_end(w->zip, &w->facts.crc) != 0)
		return -1;
	if (digest_hex(w->digest, w->facts.sha256) != 0) {
		log_msg(LOG_ERROR, "csv", "SHA-256 failed");
		return -1;
	}
	return w->done(w->arg, &w->facts);
}

static int
csvfile_put(struct csvfile *w, const struct block *b)
{
	if (digest_add(w->digest, b->text, b->text_len) != 0) {
		log_msg(LOG_ERROR, "csv", "SHA-256 failed");
		return -1;
	}
	w->facts.bytes += b->text_len;
	return zip_add(w->zip, b->deflated, b->deflated_len, b->crc,
	    b->text_len);
}

static int
csvfile_put_header(struct csvfile *w)
{
	struct buf text, deflated;
	struct block b = { 0 };
	int rc;

	buf_init(&text, HEADER_MAX);
	buf_init(&deflated, 2 * HEADER_MAX);
	if (csv_header(&text, &w->options->style, (const char *const *)w->columns->v,
	    w->columns->n) != 0 ||
	    block_seal(&b, text.data, text.len, &deflated, w->deflater) != 0) {
		rc = csvfile_no_memory();
	} else {
		b.text = text.data;
		b.deflated = deflated.data;
		rc = csvfile_put(w, &b);
	}
	buf_release(&text);
	buf_release(&deflated);
	return rc;
}

/* Whether the block would make the open part too large. */
static int
csvfile_is_full(const struct csvfile *w, const struct block *b)
{
	return w->facts.rows > 0 &&
	    w->facts.bytes + b->text_len > w->options->split_bytes;
}

int
csvfile_block(struct csvfile *w, const struct block *b)
{
	struct csvfile_facts *f = &w->facts;

	if (csvfile_is_full(w, b) && (csvfile_part_end(w) != 0 || csvfile_part_begin(w) != 0 ||
	    csvfile_put_header(w) != 0))
		return -1;
	if (csvfile_put(w, b) != 0)
		return -1;
	if (f->rows == 0)
		f->first_ms = b->first_ms;
	f->last_ms = b->last_ms;
	f->rows += b->rows;
	f->points += b->points;
	f->non_finite += b->non_finite;
	w->rows += b->rows;
	w->points += b->points;
	return 0;
}

struct csvfile *
csvfile_open(struct zip *zip, const struct csvfile_options *options,
    struct deflater *deflater, const char *vehicle,
    const struct names *columns, csvfile_done_fn *done, void *arg)
{
	struct csvfile *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		goto nomem;
	w->zip = zip;
	w->options = options;
	snprintf(w->stem, sizeof(w->stem), "%s", vehicle);
	w->columns = columns;
	w->done = done;
	w->arg = arg;
	w->deflater = deflater;
	if ((w->digest = digest_new()) == NULL)
		goto nomem;
	if (csvfile_part_begin(w) != 0 || csvfile_put_header(w) != 0)
		goto fail;
	return w;
nomem:
	csvfile_no_memory();
fail:
	csvfile_free(w);
	return NULL;
}

int
csvfile_close(struct csvfile *w)
{
	return csvfile_part_end(w);
}

void
csvfile_free(struct csvfile *w)
{
	if (w == NULL)
		return;
	digest_free(w->digest);
	free(w);
}

struct csvfile_facts *
csvfile_facts(struct csvfile *w)
{
	return &w->facts;
}

void
csvfile_totals(const struct csvfile *w, uint64_t *rows, uint64_t *points)
{
	*rows = w->rows;
	*points = w->points;
}
