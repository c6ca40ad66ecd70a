/*
 * One vehicle's files as entries of the ZIP: names, headers, parts.
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
#include "lib/base/timestamp.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/parquet/file.h"
#include "worker/engine/rows/columns.h"

/* Ceiling of a header's text. */
#define HEADER_MAX ((size_t)8 << 20)
/* Up to this size a header is stored: a code of its own would be longer. */
#define HEADER_STORED_MAX 256

struct csvfile {
	struct zip *zip;
	const struct csvfile_options *options;
	/* What all names of its files begin with; those of the open period. */
	char vehicle[ZIP_NAME_MAX + 1], stem[ZIP_NAME_MAX + 1];
	const char *ext;
	struct names columns;		/* as in the header */
	const struct names *parameters;
	struct parquet_file *file;	/* the open one's end; NULL: CSV, or runs */
	uint64_t group_at, group_bytes, group_rows;	/* the last row group */
	csvfile_done_fn *done;
	void *arg;

	struct deflater *deflater;
	struct csvfile_facts facts;	/* of the open part, or run */
	int part;			/* 0: none is open */
	char period[PERIOD_NAME_SIZE];	/* "": a file of all of it */
	size_t periods;			/* that have files, or are listed as empty */
	int64_t period_end_ms;		/* of the open run's */
	uint64_t rows, points;		/* of all parts */
	int64_t day_ms;			/* of the open run */
	uint64_t run_bytes;		/* its text; 0: none is open */
	uint64_t run_deflated, run_rows;
	uint64_t run_max;		/* of more than one block, bytes, */
	uint64_t run_rows_max;		/* and rows */
	uint64_t rows_max;		/* of a part */
	bool goes_on;
};

static int
csvfile_no_memory(void)
{
	log_msg(LOG_ERROR, "csv", "out of memory");
	return -1;
}

/* A name that no entry has, less .csv: others keep what made it unique. */
static void
free_name(struct csvfile *c, const char *want, char stem[ZIP_NAME_MAX + 1])
{
	char name[ZIP_NAME_MAX + 1];

	zip_name(c->zip, want, c->ext, name);
	snprintf(stem, ZIP_NAME_MAX + 1, "%.*s",
	    (int)(strlen(name) - strlen(c->ext)), name);
}

/* Files of days are called after the vehicle's own, whether it has that or not. */
static int
vehicle_name(struct csvfile *c, const char *vehicle)
{
	char name[ZIP_NAME_MAX + 1];

	free_name(c, vehicle, c->vehicle);
	snprintf(name, sizeof(name), "%.110s%s", c->vehicle, c->ext);
	return c->options->style.periods == NULL ? 0 : zip_reserve(c->zip, name);
}

/* What the next part is called. */
static void
csvfile_name(struct csvfile *c, char name[ZIP_NAME_MAX + 1])
{
	char later[ZIP_NAME_MAX + 1];

	if (c->part == 1 && c->period[0] == '\0') {
		snprintf(name, ZIP_NAME_MAX + 1, "%.110s%s", c->vehicle, c->ext);
		memcpy(c->stem, c->vehicle, sizeof(c->stem));
	} else if (c->part == 1) {
		snprintf(later, sizeof(later), "%.90s_%s", c->vehicle, c->period);
		free_name(c, later, c->stem);
		snprintf(name, ZIP_NAME_MAX + 1, "%.110s%s", c->stem, c->ext);
	} else {
		snprintf(later, sizeof(later), "%.90s-part%d", c->stem,
		    c->part);
		zip_name(c->zip, later, c->ext, name);
	}
}

/* Add a block, of rows, the header or the end, to the open entry. */
static int
csvfile_put(struct csvfile *c, const struct block *b)
{
	c->facts.bytes += b->text_len;
	return zip_add(c->zip, b->deflated, b->deflated_len, b->crc,
	    b->text_len);
}

/* What comes before or after the rows, as block_seal() takes it. */
static int
csvfile_put_text(struct csvfile *c, const void *text, size_t len,
    struct deflater *deflater)
{
	struct block b = { 0 };
	struct buf sealed;
	int rc;

	buf_init(&sealed, 2 * len + 64);
	if (block_seal(&b, text, len, &sealed, deflater) != 0) {
		rc = csvfile_no_memory();
	} else {
		b.deflated = sealed.data;
		rc = csvfile_put(c, &b);
	}
	buf_release(&sealed);
	return rc;
}

static int
csvfile_store(void *arg, const void *text, size_t len)
{
	return csvfile_put_text(arg, text, len, NULL);
}

static int
csvfile_end_parquet(struct csvfile *c)
{
	if (parquet_file_end(c->file, c->facts.bytes, csvfile_store, c) != 0)
		return csvfile_no_memory();
	c->facts.columns = parquet_file_columns(c->file);
	c->facts.parameters = parquet_file_parameters(c->file);
	return 0;
}

static int
csvfile_part_end(struct csvfile *c)
{
	if (c->file != NULL && csvfile_end_parquet(c) != 0)
		return -1;
	c->facts.run_bytes = zip_entry_deflated(c->zip);
	c->facts.run_crc = zip_entry_check(c->zip);
	if (zip_end(c->zip, &c->facts.crc) != 0)
		return -1;
	return c->done(c->arg, &c->facts);
}

/* Those before this one, or after all: which have no file, and are not listed yet. */
static void
csvfile_empty(struct csvfile *c, size_t end)
{
	const struct periods *p = c->options->style.periods;
	struct csvfile_empty *empty = &c->facts.empty[c->facts.nempty];

	if (p != NULL && !c->options->runs && c->periods < end) {
		periods_name(p, c->periods, empty->first);
		periods_name(p, end - 1, empty->last);
		c->facts.nempty++;
		c->periods = end;
	}
}

/*
 * A header is a block of its own: the rows arrive deflated. Deflating a short one took
 * two thirds of what a vehicle without data costs.
 */
static int
csvfile_put_header(struct csvfile *c)
{
	struct buf text;
	int rc;

	buf_init(&text, HEADER_MAX);
	rc = csv_header(&text, &c->options->style,
	    (const char *const *)c->columns.v, c->columns.n) != 0 ?
	    csvfile_no_memory() : csvfile_put_text(c, text.data, text.len,
	    text.len <= HEADER_STORED_MAX ? NULL : c->deflater);
	buf_release(&text);
	return rc;
}

/* What was counted before the first part stays. */
static int
csvfile_part_begin(struct csvfile *c)
{
	if (c->part > 0 || c->options->runs)
		memset(&c->facts, 0, sizeof(c->facts));
	c->facts.columns = &c->columns;
	c->facts.parameters = c->parameters;
	memcpy(c->facts.period, c->period, sizeof(c->period));
	if (c->options->runs)
		return zip_begin(c->zip, "");
	c->part++;
	csvfile_name(c, c->facts.name);
	if (zip_begin(c->zip, c->facts.name) != 0)
		return -1;
	if (c->file == NULL)
		return csvfile_put_header(c);
	parquet_file_begin(c->file);
	return csvfile_store(c, PARQUET_MAGIC, strlen(PARQUET_MAGIC));
}

static int
csvfile_next_part(struct csvfile *c)
{
	return csvfile_part_end(c) != 0 ? -1 : csvfile_part_begin(c);
}

/* The first part of a period: its name has it. */
static int
csvfile_period_begin(struct csvfile *c, size_t i)
{
	if (c->part > 0) {
		if (csvfile_part_end(c) != 0)
			return -1;
		memset(&c->facts, 0, sizeof(c->facts));
		c->part = 0;
	}
	periods_name(c->options->style.periods, i, c->period);
	if (csvfile_part_begin(c) != 0)
		return -1;
	csvfile_empty(c, i);
	c->periods = i + 1;
	return 0;
}

/* The text of a run: a small part of what a CSV may have, plain or deflated. */
static uint64_t
run_bytes_max(const struct csvfile_options *options, const struct zip *zip)
{
	const uint64_t a = options->split_bytes / 16;
	const uint64_t b = zip_entry_max(zip) / 32;
	const uint64_t small = a < b ? a : b;

	return small < CSVFILE_RUN_BYTES ? small : CSVFILE_RUN_BYTES;
}

/* A larger block is a run by itself. Deflated, text may be twice as long. */
static bool
fits_run(const struct csvfile *c, uint64_t text_len, uint64_t deflated_len)
{
	return text_len <= c->run_max && deflated_len <= 2 * c->run_max;
}

static void
limit_rows(struct csvfile *c)
{
	/* All of both can be added to what there is. */
	c->rows_max = UINT64_MAX;
	c->run_rows_max = UINT64_MAX / 2;
	if (c->options->style.excel) {
		c->rows_max = CSVFILE_SHEET_ROWS;
		c->run_rows_max = CSVFILE_SHEET_RUN_ROWS;
	}
}

/* With the end, which has to fit as well. */
static bool
csvfile_is_full_parquet(const struct csvfile *c, uint64_t text_len,
    uint64_t deflated_len)
{
	const uint64_t end = parquet_file_end_max(c->file);

	return c->facts.rows > 0 && (!parquet_file_takes(c->file) ||
	    c->facts.bytes + text_len + end > c->options->split_bytes ||
	    !zip_fits(c->zip, deflated_len + 2 * end, text_len + end));
}

/*
 * Whether a run, of which the first block is known, might make the open part too
 * large: by the setting, for the 32-bit form or for a sheet. A part has at least one
 * run: these are never cut.
 */
static bool
csvfile_is_full(const struct csvfile *c, uint64_t text_len,
    uint64_t deflated_len, uint64_t rows)
{
	if (c->file != NULL)
		return csvfile_is_full_parquet(c, text_len, deflated_len);
	if (rows < c->run_rows_max)
		rows = c->run_rows_max;
	if (fits_run(c, text_len, deflated_len)) {
		text_len = c->run_max;
		deflated_len = 2 * c->run_max;
	}
	return c->facts.rows > 0 &&
	    (c->facts.bytes + text_len > c->options->split_bytes ||
	    c->facts.rows + rows > c->rows_max ||
	    !zip_fits(c->zip, deflated_len, text_len));
}

/*
 * A run begins: in a fragment it is for itself, with what was counted since the
 * run before it; in an archive a part may begin with it.
 */
static int
csvfile_begin_run(struct csvfile *c, uint64_t text_len, uint64_t deflated_len,
    uint64_t rows, int64_t first_ms)
{
	const struct periods *periods = c->options->style.periods;

	if (c->options->runs)
		return c->facts.rows > 0 || c->facts.skipped_documents > 0 ||
		    c->facts.duplicates > 0 || c->facts.points > 0 ?
		    csvfile_next_part(c) : 0;
	if (periods != NULL && (c->part == 0 ||
	    periods_at(periods, first_ms) >= c->periods))
		return csvfile_period_begin(c, periods_at(periods, first_ms));
	return csvfile_is_full(c, text_len, deflated_len, rows) ?
	    csvfile_next_part(c) : 0;
}

/* Whether the block belongs to another run than the one before it. */
static bool
csvfile_is_next_run(const struct csvfile *c, const struct block *b)
{
	return c->run_bytes == 0 || c->options->parquet != NULL ||
	    timestamp_floor(b->first_ms, DAY_MS) != c->day_ms ||
	    b->first_ms >= c->period_end_ms ||
	    c->run_rows + b->rows > c->run_rows_max ||
	    !fits_run(c, c->run_bytes + b->text_len,
	    c->run_deflated + b->deflated_len);
}

static void
count_rows(struct csvfile *c, uint64_t rows, int64_t first_ms, int64_t last_ms)
{
	struct csvfile_facts *f = &c->facts;

	if (f->rows == 0)
		f->first_ms = first_ms;
	f->last_ms = last_ms;
	f->rows += rows;
	c->rows += rows;
}

void
csvfile_count(struct csvfile *c, uint64_t points, uint64_t non_finite)
{
	c->facts.points += points;
	c->facts.non_finite += non_finite;
	c->points += points;
}

/* What comes next, as csvfile_group() is to say of it. */
static void
csvfile_begin_group(struct csvfile *c, uint64_t bytes, uint64_t rows)
{
	c->group_at = c->facts.bytes;
	c->group_bytes = bytes;
	c->group_rows = rows;
}

static int
csvfile_group(struct csvfile *c, const uint8_t *about, size_t len)
{
	const int rc = parquet_file_group(c->file, c->group_at, c->group_bytes,
	    c->group_rows, about, len);

	return rc < 0 ? csvfile_no_memory() : rc;
}

/* What a row group says of itself: for the file's end, or after it in a fragment. */
static int
csvfile_block_about(struct csvfile *c, const struct block *b)
{
	if (c->options->parquet == NULL)
		return 0;
	if (c->file != NULL)
		return csvfile_group(c, b->about, b->about_len) == 0 ? 0 : -1;
	c->facts.run_about = b->about_len;
	return zip_add(c->zip, b->about, b->about_len, 0, 0);
}

int
csvfile_block(struct csvfile *c, const struct block *b)
{
	if (csvfile_is_next_run(c, b)) {
		if (csvfile_begin_run(c, b->text_len, b->deflated_len,
		    b->rows, b->first_ms) != 0)
			return -1;
		c->day_ms = timestamp_floor(b->first_ms, DAY_MS);
		c->period_end_ms = periods_end(c->options->style.periods,
		    b->first_ms);
		c->run_bytes = c->run_deflated = c->run_rows = 0;
	}
	csvfile_begin_group(c, b->text_len, b->rows);
	if (csvfile_put(c, b) != 0 || csvfile_block_about(c, b) != 0)
		return -1;
	c->run_bytes += b->text_len;
	c->run_deflated += b->deflated_len;
	c->run_rows += b->rows;
	count_rows(c, b->rows, b->first_ms, b->last_ms);
	csvfile_count(c, b->points, b->non_finite);
	return 0;
}

int
csvfile_run(struct csvfile *c, const struct csvfile_facts *run)
{
	struct csvfile_facts *f = &c->facts;
	int i;

	if (run->rows > 0) {
		if (csvfile_begin_run(c, run->bytes, run->run_bytes,
		    run->rows, run->first_ms) != 0)
			return -1;
		count_rows(c, run->rows, run->first_ms, run->last_ms);
	}
	csvfile_begin_group(c, run->bytes, run->rows);
	csvfile_count(c, run->points, run->non_finite);
	f->bytes += run->bytes;
	f->duplicates += run->duplicates;
	f->non_numeric += run->non_numeric;
	f->skipped_documents += run->skipped_documents;
	for (i = 0; i < SKIP_REASONS; i++)
		f->skipped.count[i] += run->skipped.count[i];
	return 0;
}

int
csvfile_about(struct csvfile *c, const uint8_t *about, size_t len)
{
	return c->file == NULL || c->group_rows == 0 ? len > 0 :
	    csvfile_group(c, about, len);
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
	c->ext = options->parquet != NULL ? ".parquet" : ".csv";
	c->parameters = parameters;
	if (!options->runs && vehicle_name(c, vehicle) != 0)
		goto fail;
	c->done = done;
	c->arg = arg;
	c->deflater = deflater;
	c->run_max = run_bytes_max(options, zip);
	limit_rows(c);
	if (columns_name(parameters, &options->units, csv_separator(&options->style),
	    &c->columns) != 0)
		goto nomem;
	if (options->parquet != NULL && !options->runs && (c->file =
	    parquet_file_new(options->parquet, vehicle, &c->columns,
	    parameters)) == NULL)
		goto nomem;
	/* Even without rows a vehicle has its CSV: the header. Periods have rows. */
	if ((options->style.periods == NULL || options->runs) &&
	    csvfile_part_begin(c) != 0)
		goto fail;
	c->facts.begins = true;
	return c;
nomem:
	csvfile_no_memory();
fail:
	csvfile_free(c);
	return NULL;
}

void
csvfile_cut(struct csvfile *c, bool continues, bool goes_on)
{
	c->facts.begins = !continues;
	c->goes_on = goes_on;
}

int
csvfile_close(struct csvfile *c)
{
	c->facts.ends = !c->goes_on;
	if (c->part == 0 && !c->options->runs && csvfile_part_begin(c) != 0)
		return -1;
	csvfile_empty(c, c->options->style.periods != NULL ?
	    c->options->style.periods->n : 0);
	return csvfile_part_end(c);
}

void
csvfile_free(struct csvfile *c)
{
	if (c == NULL)
		return;
	parquet_file_free(c->file);
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
