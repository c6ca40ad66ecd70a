/*
 * A piece of a slice on either path: documents into columns of text and these
 * into rows, or all of it by the exact path. Knows no other piece, and no order.
 */
#include "worker/engine/piece.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/names.h"
#include "worker/engine/archive/preview_rows.h"
#include "worker/engine/carry.h"
#include "worker/engine/decode/fastread.h"
#include "worker/engine/decode/unwind.h"
#include "worker/engine/exact.h"
#include "worker/engine/parquet/group.h"
#include "worker/engine/parquet/rows.h"
#include "worker/engine/rows/fastrows.h"
#include "worker/engine/slice.h"

/* Of a piece's rows, and of the text of a block: kept for the next piece. */
#define KEEP_BYTES ((size_t)512 * 1024)
/* Cells of all columns: more are left to the exact path, or not kept. */
#define CELLS_MAX ((size_t)256 * 1024)

struct scratch {
	struct deflater *deflater;
	struct exact *exact;
	struct buf text;		/* of the open block */
	struct column_text *columns;
	size_t n;
	struct exact_doc *docs;
	size_t cap;			/* docs there is memory for */
	struct parquet_rows rows;	/* in place of text */
	struct groups *groups;
};

void
piece_init(struct piece *p)
{
	memset(p, 0, sizeof(*p));
	blocks_init(&p->blocks);
}

void
piece_begin(struct piece *p, struct slice *s, size_t index, int64_t from_ms)
{
	p->slice = s;
	p->index = index;
	p->from_ms = from_ms;
	p->to_ms = slice_piece_ends(s, index);
	p->unusual = false;
	p->result = PIECE_MADE;
	p->duplicates = 0;
}

static void
drop_preview(struct piece *p)
{
	preview_part_free(p->preview);
	p->preview = NULL;
}

void
piece_end(struct piece *p)
{
	size_t i;

	for (i = 0; i < p->ncarried; i++)
		carried_let_go(p->carried[i]);
	free(p->carried);
	p->carried = NULL;
	p->ncarried = 0;
	drop_preview(p);
	grid_clear(&p->grid);
	blocks_clear(&p->blocks);
	if (p->blocks.deflated.cap > KEEP_BYTES)
		blocks_release(&p->blocks);
	p->slice = NULL;
}

void
piece_release(struct piece *p)
{
	piece_end(p);
	grid_release(&p->grid);
	blocks_release(&p->blocks);
}

struct scratch *
scratch_new(enum deflate_level level)
{
	struct scratch *scratch;

	if ((scratch = calloc(1, sizeof(*scratch))) == NULL)
		return NULL;
	scratch->deflater = deflater_new(level);
	scratch->exact = exact_new(scratch->deflater);
	scratch->groups = groups_new(level == DEFLATE_SMALL);
	if (scratch->deflater == NULL || scratch->exact == NULL ||
	    scratch->groups == NULL) {
		scratch_free(scratch);
		return NULL;
	}
	return scratch;
}

static void
free_columns(struct scratch *scratch)
{
	size_t i;

	for (i = 0; i < scratch->n; i++)
		column_text_release(&scratch->columns[i]);
	free(scratch->columns);
	scratch->columns = NULL;
	scratch->n = 0;
}

void
scratch_free(struct scratch *scratch)
{
	if (scratch == NULL)
		return;
	free_columns(scratch);
	free(scratch->docs);
	buf_release(&scratch->text);
	parquet_rows_release(&scratch->rows);
	groups_free(scratch->groups);
	exact_free(scratch->exact);
	deflater_free(scratch->deflater);
	free(scratch);
}

/* n empty columns. Those of a wider vehicle before stay, with their memory. */
static int
clear_columns(struct scratch *scratch, size_t n)
{
	struct column_text *columns;
	size_t i;

	if (n > scratch->n) {
		columns = realloc(scratch->columns, n * sizeof(*columns));
		if (columns == NULL)
			return -1;
		scratch->columns = columns;
		for (; scratch->n < n; scratch->n++)
			column_text_init(&columns[scratch->n]);
	}
	for (i = 0; i < n; i++)
		column_text_clear(&scratch->columns[i]);
	return 0;
}

/* Memory that one piece needed is not kept where it would add up. */
static void
keep_less(struct scratch *scratch)
{
	size_t i, cells = 0;

	for (i = 0; i < scratch->n; i++)
		cells += scratch->columns[i].cap +
		    scratch->columns[i].longer.cap / sizeof(struct cell_text);
	if (cells > CELLS_MAX)
		free_columns(scratch);
	if (scratch->text.cap > 4 * BLOCK_BYTES)
		buf_release(&scratch->text);
	parquet_rows_keep(&scratch->rows);
}

/* Of the rows that it makes, half-open. */
static void
piece_range(const struct piece *p, int64_t *from_ms, int64_t *to_ms)
{
	slice_range(p->slice, from_ms, to_ms);
	if (p->from_ms > *from_ms)
		*from_ms = p->from_ms;
	if (p->to_ms < *to_ms)
		*to_ms = p->to_ms;
}

static bool
is_parquet(const struct piece *p)
{
	return p->slice->plan->style.parquet;
}

bool
piece_has_steps(const struct piece *p)
{
	return p->slice->plan->grid.every_ms > 0;
}

/* Of the points that it reads: with steps, those that are only held, too. */
static void
read_range(const struct piece *p, int64_t *from_ms, int64_t *to_ms)
{
	piece_range(p, from_ms, to_ms);
	*from_ms = slice_reads_from(p->slice);
	if (p->from_ms > *from_ms)
		*from_ms = p->from_ms;
}

/* What their points count in, or go to. */
static void
prepare_columns(struct piece *p, struct scratch *scratch)
{
	const struct slice *s = p->slice;
	size_t i;

	for (i = 0; p->preview != NULL && i < p->preview->columns; i++)
		bin_cursor_begin(&scratch->columns[i].bins, &p->preview->bins, i,
		    s->base_ms);
	for (i = 0; i < s->vehicle->columns->n; i++) {
		if (piece_has_steps(p))
			scratch->columns[i].grid = &p->grid.series[i];
		else if (is_parquet(p))
			scratch->columns[i].parquet = &scratch->rows.columns[i];
	}
}

/* Room for the rows of Parquet, and for their times in ms from the slice's base. */
static int
begin_parquet(const struct piece *p, struct scratch *scratch, size_t range_ms)
{
	if (piece_has_steps(p) || !is_parquet(p))
		return 0;
	return parquet_rows_begin(&scratch->rows, p->slice->vehicle->columns->n,
	    false) != 0 || timeset_begin(&scratch->rows.set, range_ms) != 0 ?
	    -1 : 0;
}

/*
 * A later point of the document is unusual: it is the next slice's. Or the document
 * has to be looked at, whether the fragment after this one would read it: see
 * examine().
 */
static int64_t
usual_end(const struct slice *s, const struct source_doc *d)
{
	const int64_t end_ms = slice_hour(d->t_ms) + HOUR_MS;

	return s->plan->grid.hold_ms > 0 && s->vehicle->goes_on &&
	    end_ms < s->end_ms ? end_ms : s->end_ms;
}

/*
 * All documents into their columns, then an end mark for each column. Times are
 * taken from the slice's beginning, so that they fit an int32.
 */
static enum fastread_result
read_documents(struct piece *p, struct scratch *scratch)
{
	const struct slice *s = p->slice;
	struct fastread_range range = { .base_ms = s->base_ms };
	enum fastread_result rc = FASTREAD_DONE;
	const struct source_doc *d;
	size_t i, before, cells = 0;

	read_range(p, &range.from, &range.to);
	range.from -= s->base_ms;
	range.to -= s->base_ms;
	if (clear_columns(scratch, s->vehicle->columns->n) != 0 ||
	    begin_parquet(p, scratch, range.to > 0 ? (size_t)range.to : 0) != 0)
		return FASTREAD_NO_MEMORY;
	prepare_columns(p, scratch);
	for (i = 0; i < s->n && rc == FASTREAD_DONE; i++) {
		d = &s->docs[i];
		range.end = usual_end(s, d) - s->base_ms;
		before = scratch->columns[d->column].n;
		rc = fastread_document(d->data, d->len, &range,
		    csv_separator(&s->plan->style), &scratch->columns[d->column]);
		cells += scratch->columns[d->column].n - before;
		if (cells > CELLS_MAX)
			return FASTREAD_UNUSUAL;
	}
	for (i = 0; i < s->vehicle->columns->n && rc == FASTREAD_DONE; i++)
		if (column_text_end(&scratch->columns[i]) != 0)
			rc = FASTREAD_NO_MEMORY;
	return rc;
}

/* The blocks' sealed(). The exact path may make all rows a second time. */
static void
on_sealed(void *arg, const struct block *block, const uint8_t *text)
{
	struct piece *p = arg;

	if (p->blocks.n == 0)
		p->preview->rows = 0;
	preview_part_block(p->preview, block, text,
	    csv_separator(&p->slice->plan->style));
}

/* The rows of Parquet, which are complete, into blocks. */
static int
write_parquet(struct piece *p, struct scratch *scratch)
{
	if (p->preview != NULL)
		preview_part_rows(p->preview, &scratch->rows);
	return groups_write(scratch->groups, &scratch->rows,
	    p->slice->plan->style.periods, &p->blocks);
}

/* What the archive's preview is to have of it, if anything; before it is read. */
static int
begin_preview(struct piece *p)
{
	const struct slice *s = p->slice;
	int64_t from_ms, to_ms;

	drop_preview(p);
	if (atomic_load(&s->plan->previewed))
		return 0;
	piece_range(p, &from_ms, &to_ms);
	/* A row of the step that the piece begins in may be its first. */
	if (piece_has_steps(p))
		from_ms = grid_step(&s->plan->grid, from_ms);
	p->preview = preview_part_new(s->plan->from_ms, s->plan->to_ms,
	    s->vehicle->columns->n, from_ms, to_ms);
	return p->preview == NULL ? -1 : 0;
}

/* The text of the open block is the thread's memory. */
static void
begin_rows(struct piece *p, struct scratch *scratch)
{
	scratch->text.max = p->blocks.text.max;
	p->blocks.text = scratch->text;
	blocks_clear(&p->blocks);
	p->blocks.sealed = p->preview != NULL && !is_parquet(p) ? on_sealed : NULL;
	p->blocks.arg = p;
}

static void
end_rows(struct piece *p, struct scratch *scratch)
{
	scratch->text = p->blocks.text;
	buf_init(&p->blocks.text, scratch->text.max);
	keep_less(scratch);
}

/* A document that is unusual: what is skipped of it, how far it reaches. */
static int
examine(struct slice *s, size_t doc)
{
	const struct source_doc *d = &s->docs[doc];
	const int64_t hold_ms = s->plan->grid.hold_ms;
	const int64_t reads_ms = slice_reads_from(s);
	int64_t from_ms, to_ms, next_ms, last_ms;
	struct slice_skip *skips;
	struct carried **carry, *c;
	struct skips found;

	slice_range(s, &from_ms, &to_ms);
	unwind_reach(d->data, d->len, s->end_ms > reads_ms ? s->end_ms :
	    reads_ms, &found, &next_ms, &last_ms);
	/* The next fragment needs its points, and would not read it. */
	s->reaches = s->reaches || (s->vehicle->goes_on &&
	    last_ms >= to_ms - hold_ms &&
	    d->t_ms <= to_ms - hold_ms - HOUR_MS);
	if (skips_any(&found) && !slice_is_before(s)) {
		skips = realloc(s->skips, (s->nskips + 1) * sizeof(*skips));
		if (skips == NULL)
			return -1;
		s->skips = skips;
		skips[s->nskips++] = (struct slice_skip){ doc, found };
	}
	if (next_ms >= to_ms)
		return 0;
	carry = realloc(s->carry, (s->ncarry + 1) * sizeof(struct carried *));
	if (carry == NULL)
		return -1;
	s->carry = carry;
	if ((c = carried_new(d, next_ms, last_ms)) == NULL)
		return -1;
	s->carry[s->ncarry++] = c;
	return 0;
}

/* One unusual document sends the whole slice to the exact path. */
static void
piece_unusual(struct piece *p)
{
	size_t i;

	p->unusual = true;
	for (i = 0; p->index == 0 && i < p->slice->n; i++) {
		if (examine(p->slice, i) != 0) {
			p->result = PIECE_NO_MEMORY;
			return;
		}
	}
	if (p->index == 0 && p->slice->reaches)
		p->result = PIECE_REACHES;
}

static int
begin_steps(struct piece *p)
{
	const struct slice *s = p->slice;
	struct grid_range range = { .begin_ms = p->from_ms, .end_ms = p->to_ms };

	slice_range(s, &range.from_ms, &range.to_ms);
	return grid_begin(&p->grid, &s->plan->grid, &range,
	    csv_separator(&s->plan->style), s->vehicle->columns->n);
}

static int
fast_rows(struct piece *p, struct scratch *scratch)
{
	const struct slice *s = p->slice;

	if (is_parquet(p))
		return parquet_sort(&scratch->rows, s->base_ms) != 0 ? -1 :
		    write_parquet(p, scratch);
	return fastrows_write(scratch->columns, s->vehicle->columns->n,
	    s->base_ms, &s->plan->style, &p->blocks, scratch->deflater);
}

void
piece_read(struct piece *p, struct scratch *scratch)
{
	const struct slice *s = p->slice;
	enum fastread_result rc = FASTREAD_UNUSUAL;

	if (piece_has_steps(p) ? begin_steps(p) != 0 :
	    s->n > 0 && begin_preview(p) != 0) {
		p->result = PIECE_NO_MEMORY;
		return;
	}
	if (s->n == 0)
		return;
	if (!s->plan->exact)
		rc = read_documents(p, scratch);
	if (rc == FASTREAD_UNUSUAL) {
		piece_unusual(p);
		return;
	}
	if (piece_has_steps(p)) {
		if (rc == FASTREAD_NO_MEMORY || grid_end(&p->grid) != 0)
			p->result = PIECE_NO_MEMORY;
		keep_less(scratch);
		return;
	}
	begin_rows(p, scratch);
	if (rc == FASTREAD_NO_MEMORY || fast_rows(p, scratch) != 0)
		p->result = PIECE_NO_MEMORY;
	end_rows(p, scratch);
}

/* The carried documents, then the slice's own: in the order of reading. */
static int
list_documents(const struct piece *p, struct scratch *scratch)
{
	const struct slice *s = p->slice;
	const size_t n = p->ncarried + s->n;
	struct exact_doc *docs;
	size_t i, k = 0;

	if (n > scratch->cap) {
		if ((docs = realloc(scratch->docs, n * sizeof(*docs))) == NULL)
			return -1;
		scratch->docs = docs;
		scratch->cap = n;
	}
	for (i = 0; i < p->ncarried; i++)
		scratch->docs[k++] = (struct exact_doc){
		    p->carried[i]->column, p->carried[i]->data,
		    p->carried[i]->len, p->carried[i]->next_ms };
	for (i = 0; i < s->n; i++)
		scratch->docs[k++] = (struct exact_doc){ s->docs[i].column,
		    s->docs[i].data, s->docs[i].len, s->docs[i].t_ms };
	return 0;
}

void
piece_exact(struct piece *p, struct scratch *scratch)
{
	const struct slice *s = p->slice;
	const bool steps = piece_has_steps(p);
	struct exact_job job = {
		.columns = s->vehicle->columns->n,
		.style = &s->plan->style,
	};

	if (list_documents(p, scratch) != 0 ||
	    (!steps && begin_preview(p) != 0)) {
		p->result = PIECE_NO_MEMORY;
		return;
	}
	read_range(p, &job.from_ms, &job.to_ms);
	piece_range(p, &job.counted_ms, &job.to_ms);
	job.docs = scratch->docs;
	job.bins = p->preview != NULL ? &p->preview->bins : NULL;
	job.grid = steps ? &p->grid : NULL;
	job.parquet = !steps && is_parquet(p) ? &scratch->rows : NULL;
	job.n = p->ncarried + s->n;
	begin_rows(p, scratch);
	if (exact_rows(scratch->exact, &job, &p->blocks, &p->duplicates) !=
	    EXACT_DONE)
		p->result = PIECE_TOO_LARGE;
	else if (steps ? grid_end(&p->grid) != 0 :
	    is_parquet(p) && write_parquet(p, scratch) != 0)
		p->result = PIECE_NO_MEMORY;
	end_rows(p, scratch);
}

struct grid_carry *
piece_settle(struct piece *p, struct grid_carry *in)
{
	struct grid_carry *out;

	if ((out = grid_settle(&p->grid, in)) == NULL)
		p->result = PIECE_NO_MEMORY;
	if (p->slice->last) {
		grid_carry_free(out);
		out = NULL;
	}
	return out;
}

static int
step_rows(struct piece *p, struct scratch *scratch, struct bins *bins)
{
	return parquet_rows_begin(&scratch->rows, p->grid.n, true) != 0 ||
	    grid_parquet(&p->grid, &scratch->rows, bins) != 0 ||
	    write_parquet(p, scratch) != 0 ? -1 : 0;
}

void
piece_write(struct piece *p, struct scratch *scratch)
{
	struct bins *bins;

	if (begin_preview(p) != 0) {
		p->result = PIECE_NO_MEMORY;
		return;
	}
	bins = p->preview != NULL ? &p->preview->bins : NULL;
	begin_rows(p, scratch);
	if ((is_parquet(p) ? step_rows(p, scratch, bins) :
	    grid_write(&p->grid, &p->slice->plan->style, &p->blocks,
	    scratch->deflater, bins)) != 0)
		p->result = PIECE_NO_MEMORY;
	end_rows(p, scratch);
}
