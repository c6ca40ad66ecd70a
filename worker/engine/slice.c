/*
 * A slice and the fast path through it: read all documents into columns of
 * text, merge those into rows. Knows no other slice, and nothing of the exact
 * path but that it takes over where the fast one gives up.
 */
#include "worker/engine/slice.h"

#include <stdlib.h>
#include <string.h>

#include "worker/engine/decode/fastread.h"
#include "worker/engine/rows/fastrows.h"
#include "worker/engine/source.h"

/* Buffers that grew larger than this are not kept for the next slice. */
#define KEEP_BYTES ((size_t)4 * 1024 * 1024)

void
slice_init(struct slice *s)
{
	memset(s, 0, sizeof(*s));
	buf_init(&s->docs, SIZE_MAX / 2);
	blocks_init(&s->blocks);
}

void
slice_release(struct slice *s)
{
	buf_release(&s->docs);
	blocks_release(&s->blocks);
	free(s->v);
	slice_init(s);
}

void
slice_begin(struct slice *s, const struct slice_plan *plan, int64_t begin_ms)
{
	if (s->docs.cap > KEEP_BYTES)
		buf_release(&s->docs);
	if (s->blocks.text.cap > KEEP_BYTES)
		blocks_release(&s->blocks);
	s->plan = plan;
	s->begin_ms = s->end_ms = begin_ms;
	s->docs.len = s->n = 0;
	s->large = false;
	blocks_clear(&s->blocks);
}

static int
room_for_doc(struct slice *s)
{
	size_t cap = s->cap ? s->cap * 2 : 64;
	struct slice_doc *v;

	if (s->n < s->cap)
		return 0;
	if ((v = realloc(s->v, cap * sizeof(*v))) == NULL)
		return -1;
	s->v = v;
	s->cap = cap;
	return 0;
}

/* The limit is checked without a sum, which might overflow. */
int
slice_add(struct slice *s, const struct source_doc *doc)
{
	if (doc->len > s->plan->memory_max ||
	    s->docs.len > s->plan->memory_max - doc->len ||
	    room_for_doc(s) != 0)
		return -1;
	s->v[s->n] = (struct slice_doc){ doc->column, s->docs.len, doc->len,
	    doc->t_ms };
	if (buf_add(&s->docs, doc->data, doc->len) != 0)
		return -1;
	s->n++;
	s->large = s->large || doc->len > SLICE_LARGE_BYTES;
	return 0;
}

struct scratch *
scratch_new(enum deflate_level level)
{
	struct scratch *scratch;

	if ((scratch = calloc(1, sizeof(*scratch))) == NULL)
		return NULL;
	if ((scratch->deflater = deflater_new(level)) == NULL) {
		free(scratch);
		return NULL;
	}
	return scratch;
}

void
scratch_free(struct scratch *scratch)
{
	size_t i;

	if (scratch == NULL)
		return;
	for (i = 0; i < scratch->n; i++)
		column_text_release(&scratch->columns[i]);
	free(scratch->columns);
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

/*
 * All documents into their columns, then an end mark for each column. Times are
 * taken from the slice's beginning, so that they fit an int32.
 */
static enum fastread_result
fastread_all(const struct slice *s, struct scratch *scratch)
{
	const struct slice_plan *plan = s->plan;
	const struct fastread_range range = { s->begin_ms,
	    plan->from_ms - s->begin_ms, plan->to_ms - s->begin_ms,
	    s->end_ms - s->begin_ms };
	enum fastread_result rc = FASTREAD_DONE;
	size_t i;

	if (clear_columns(scratch, plan->n) != 0)
		return FASTREAD_NO_MEMORY;
	for (i = 0; i < s->n && rc == FASTREAD_DONE; i++)
		rc = fastread_document(s->docs.data + s->v[i].at, s->v[i].len,
		    &range, &scratch->columns[s->v[i].column]);
	for (i = 0; i < plan->n && rc == FASTREAD_DONE; i++)
		if (column_text_end(&scratch->columns[i]) != 0)
			rc = FASTREAD_NO_MEMORY;
	return rc;
}

/* One unusual document sends the whole slice to the exact path. */
void
slice_work(struct slice *s, struct scratch *scratch)
{
	s->state = SLICE_UNUSUAL;
	if (s->plan->exact || s->large)
		return;
	switch (fastread_all(s, scratch)) {
	case FASTREAD_UNUSUAL:
		return;
	case FASTREAD_NO_MEMORY:
		s->state = SLICE_NO_MEMORY;
		return;
	case FASTREAD_DONE:
		break;
	}
	s->state = fastrows_write(scratch->columns, s->plan->n, s->begin_ms,
	    &s->plan->style, &s->blocks, scratch->deflater) == 0 ?
	    SLICE_ROWS : SLICE_NO_MEMORY;
}
