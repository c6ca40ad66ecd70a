/*
 * First rows, read back from CSV text. Knows no documents and no values. Text that it
 * does not understand is passed over, and fails no export.
 */
#include "worker/engine/archive/preview_rows.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/timestamp.h"
#include "lib/base/utf8.h"
#include "worker/engine/decode/numtext.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/parquet/rows.h"

/* A place in a text. */
struct at {
	const char *p, *end;
};

struct preview_part *
preview_part_new(int64_t from_ms, int64_t to_ms, size_t columns,
    int64_t begin_ms, int64_t end_ms)
{
	struct preview_part *p;

	if ((p = malloc(sizeof(*p))) == NULL)
		return NULL;
	p->columns = columns < PREVIEW_COLUMNS ? columns : PREVIEW_COLUMNS;
	p->rows = 0;
	if (bins_init(&p->bins, from_ms, to_ms, p->columns, begin_ms, end_ms) != 0) {
		free(p);
		return NULL;
	}
	return p;
}

void
preview_part_free(struct preview_part *p)
{
	if (p == NULL)
		return;
	bins_release(&p->bins);
	free(p);
}

static void
cell_add(struct preview_cell *cell, char c)
{
	if (cell->len < PREVIEW_CELL_BYTES)
		cell->text[cell->len++] = c;
}

/* Keep whole characters only. */
static void
cell_end(struct preview_cell *cell)
{
	size_t i, n;

	for (i = 0; i < cell->len; i += n)
		if ((n = utf8_length(cell->text + i, cell->len - i)) == 0)
			break;
	/* From here on it is half a character, or not UTF-8. */
	cell->len = i;
	cell->text[i] = '\0';
}

/* Read a cell (RFC 4180) and leave *at after it. */
static void
read_cell(struct at *at, char separator, struct preview_cell *cell)
{
	cell->len = 0;
	if (at->p < at->end && *at->p == '"') {
		/* Up to a quote that is not doubled. */
		for (at->p++; at->p < at->end; at->p++) {
			if (*at->p == '"' && (++at->p == at->end ||
			    *at->p != '"'))
				break;
			cell_add(cell, *at->p);
		}
	}
	for (; at->p < at->end && *at->p != separator && *at->p != '\r' &&
	    *at->p != '\n'; at->p++)
		cell_add(cell, *at->p);
	cell_end(cell);
}

/*
 * Read a row and keep the cells of the columns that are shown. Leaves *at at the next
 * row. Returns 0, 1 at the end of the text.
 */
static int
read_row(const struct preview_part *p, struct at *at, char separator,
    struct preview_cell *cells)
{
	struct preview_cell spare;
	size_t i;

	if (at->p == at->end)
		return 1;
	for (i = 0; i <= p->columns; i++)
		cells[i] = (struct preview_cell){ .len = 0 };
	for (i = 0;; i++) {
		read_cell(at, separator, i <= p->columns ? &cells[i] : &spare);
		if (at->p == at->end || *at->p != separator)
			break;
		at->p++;
	}
	for (; at->p < at->end && (*at->p == '\r' || *at->p == '\n'); at->p++)
		;
	return 0;
}

void
preview_part_block(struct preview_part *p, const struct block *block,
    const uint8_t *text, char separator)
{
	struct at at = { (const char *)text, (const char *)text + block->text_len };

	while (p->rows < PREVIEW_ROWS &&
	    read_row(p, &at, separator, p->cells[p->rows]) == 0)
		p->rows++;
}

static void
put_cell(struct preview_cell *cell, const char *text, size_t len)
{
	size_t i;

	cell->len = 0;
	for (i = 0; i < len; i++)
		cell_add(cell, text[i]);
	cell_end(cell);
}

/* One column's values of the first rows. */
static void
put_column(struct preview_part *p, size_t i, const struct parquet_rows *rows)
{
	const struct parquet_column *c = &rows->columns[i];
	const struct parquet_other *o;
	char text[NUMTEXT_SIZE];
	double d;
	size_t k;

	for (k = 0; k < c->n && c->at[k] < p->rows; k++) {
		memcpy(&d, &c->bits[k], sizeof(d));
		put_cell(&p->cells[c->at[k]][i + 1], text, numtext_double(d, text));
	}
	for (k = 0; k < c->n_others && c->others[k].at < p->rows; k++) {
		o = &c->others[k];
		if (o->len != PARQUET_NONE)
			put_cell(&p->cells[o->at][i + 1],
			    (const char *)rows->texts.data + o->offset, o->len);
	}
}

void
preview_part_rows(struct preview_part *p, const struct parquet_rows *rows)
{
	char text[TIMESTAMP_SIZE];
	size_t i, k;

	p->rows = rows->n_rows < PREVIEW_ROWS ? rows->n_rows : PREVIEW_ROWS;
	for (k = 0; k < p->rows; k++) {
		for (i = 0; i <= p->columns; i++)
			put_cell(&p->cells[k][i], "", 0);
		put_cell(&p->cells[k][0], text, timestamp_format(rows->times[k], text));
	}
	for (i = 0; i < p->columns; i++)
		put_column(p, i, rows);
}

void
preview_part_take(struct preview_part *p, const struct preview_part *next)
{
	size_t i;

	for (i = 0; i < next->rows && p->rows < PREVIEW_ROWS; i++)
		memcpy(p->cells[p->rows++], next->cells[i],
		    sizeof(p->cells[0]));
	bins_merge(&p->bins, &next->bins);
}
