/*
 * One vehicle's CSV as entries of the ZIP: names, headers, parts.
 * Rows come as deflated blocks and stay so. Knows neither documents nor the
 * manifest: a complete part is handed to a callback.
 */
#include "worker/engine/archive/csvfile.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/rows/columns.h"

/* Ceiling of a header's text. */
#define HEADER_MAX ((size_t)1 << 20)
/* Up to this size a header is stored: a code of its own would be longer. */
#define HEADER_STORED_MAX 256

struct csvfile {
	struct zip *zip;
	const struct csvfile_options *options;
	char stem[ZIP_NAME_MAX + 1];
	struct names columns;		/* as in the header */
	csvfile_done_fn *done;
	void *arg;

	struct deflater *deflater;
	struct csvfile_facts facts;	/* of the open part */
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
csvfile_name(struct zip *zip, char stem[ZIP_NAME_MAX + 1], int part,
    char name[ZIP_NAME_MAX + 1])
{
	char later[ZIP_NAME_MAX + 1];

	if (part == 1) {
		zip_name(zip, stem, ".csv", name);
		/* Later parts keep what made the first one's name unique. */
		snprintf(stem, ZIP_NAME_MAX + 1, "%.*s",
		    (int)(strlen(name) - 4), name);
	} else {
		snprintf(later, sizeof(later), "%.70s-part%d", stem, part);
		zip_name(zip, later, ".csv", name);
	}
}

static int
csvfile_part_begin(struct csvfile *c)
{
	memset(&c->facts, 0, sizeof(c->facts));
	c->facts.part = ++c->part;
	c->facts.columns = &c->columns;
	csvfile_name(c->zip, c->stem, c->part, c->facts.name);
	return zip_begin(c->zip, c->facts.name);
}

/* The run's sums first: zip_end() adds the final block to them. */
static int
csvfile_part_end(struct csvfile *c)
{
	c->facts.run_bytes = zip_entry_deflated(c->zip);
	c->facts.run_crc = zip_entry_check(c->zip);
	if (zip_end(c->zip, &c->facts.crc) != 0)
		return -1;
	return c->done(c->arg, &c->facts);
}

/* Add a block, of rows or the header, to the open entry. */
static int
csvfile_put(struct csvfile *c, const struct block *b)
{
	c->facts.bytes += b->text_len;
	return zip_add(c->zip, b->deflated, b->deflated_len, b->crc,
	    b->text_len);
}

/*
 * A stored block (RFC 1951, 3.2.4), which begins and ends on a byte boundary.
 * Deflating it took two thirds of what a vehicle without data costs.
 */
static int
header_store(struct block *b, const struct buf *text, struct buf *to)
{
	const unsigned len = (unsigned)text->len;
	const uint8_t head[] = { 0, (uint8_t)len, (uint8_t)(len >> 8),
	    (uint8_t)~len, (uint8_t)(~len >> 8) };

	b->crc = block_crc(0, text->data, text->len);
	b->text_len = text->len;
	b->deflated_len = sizeof(head) + text->len;
	return buf_add(to, head, sizeof(head)) != 0 ||
	    buf_add(to, text->data, text->len) != 0 ? -1 : 0;
}

static int
header_pack(struct csvfile *c, struct block *b, const struct buf *text,
    struct buf *to)
{
	return text->len <= HEADER_STORED_MAX ? header_store(b, text, to) :
	    block_seal(b, text->data, text->len, to, c->deflater);
}

/* A header is a block of its own: the rows arrive deflated. */
static int
csvfile_put_header(struct csvfile *c)
{
	struct buf text, deflated;
	struct block b = { 0 };
	int rc;

	buf_init(&text, HEADER_MAX);
	buf_init(&deflated, 2 * HEADER_MAX);
	if (csv_header(&text, &c->options->style,
	    (const char *const *)c->columns.v, c->columns.n) != 0 ||
	    header_pack(c, &b, &text, &deflated) != 0) {
		rc = csvfile_no_memory();
	} else {
		b.deflated = deflated.data;
		rc = csvfile_put(c, &b);
	}
	buf_release(&text);
	buf_release(&deflated);
	return rc;
}

/*
 * Whether the block would make the open part too large, by the setting or for
 * the 32-bit form: deflated, text may be longer. A part has at least one block
 * of rows: blocks are never cut.
 */
static bool
csvfile_is_full(const struct csvfile *c, const struct block *b)
{
	return c->facts.rows > 0 &&
	    (c->facts.bytes + b->text_len > c->options->split_bytes ||
	    !zip_fits(c->zip, b->deflated_len, b->text_len));
}

int
csvfile_block(struct csvfile *c, const struct block *b)
{
	struct csvfile_facts *f = &c->facts;

	if (csvfile_is_full(c, b) && (csvfile_part_end(c) != 0 ||
	    csvfile_part_begin(c) != 0 || csvfile_put_header(c) != 0))
		return -1;
	if (csvfile_put(c, b) != 0)
		return -1;
	if (f->rows == 0)
		f->first_ms = b->first_ms;
	f->last_ms = b->last_ms;
	f->rows += b->rows;
	f->points += b->points;
	f->non_finite += b->non_finite;
	c->rows += b->rows;
	c->points += b->points;
	return 0;
}

struct csvfile *
csvfile_open(struct zip *zip, const struct csvfile_options *options,
    struct deflater *deflater, const char *vehicle,
    const struct names *parameters, csvfile_done_fn *done, void *arg)
{
	struct csvfile *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		goto nomem;
	c->zip = zip;
	c->options = options;
	snprintf(c->stem, sizeof(c->stem), "%s", vehicle);
	c->done = done;
	c->arg = arg;
	c->deflater = deflater;
	if (columns_name(parameters, &c->columns) != 0)
		goto nomem;
	/* Even without rows a vehicle has its CSV: the header. */
	if (csvfile_part_begin(c) != 0 || csvfile_put_header(c) != 0)
		goto fail;
	return c;
nomem:
	csvfile_no_memory();
fail:
	csvfile_free(c);
	return NULL;
}

int
csvfile_close(struct csvfile *c)
{
	return csvfile_part_end(c);
}

void
csvfile_free(struct csvfile *c)
{
	if (c == NULL)
		return;
	names_release(&c->columns);
	free(c);
}

struct csvfile_facts *
csvfile_facts(struct csvfile *c)
{
	return &c->facts;
}

void
csvfile_totals(const struct csvfile *c, uint64_t *rows, uint64_t *points)
{
	*rows = c->rows;
	*points = c->points;
}
