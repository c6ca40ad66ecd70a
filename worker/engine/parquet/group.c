/*
 * A row group: what its columns hold becomes pages, and what a reader is told of them.
 * Knows no files.
 */
#include "worker/engine/parquet/group.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/timestamp.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/parquet/chunk.h"
#include "worker/engine/parquet/encode.h"
#include "worker/engine/parquet/page.h"
#include "worker/engine/parquet/rows.h"
#include "worker/engine/rows/periods.h"

#define BODY_MAX ((size_t)INT32_MAX)
#define KEEP_BYTES ((size_t)1 << 20)

/* Where a column's next row group begins, in its values and others. */
struct place {
	size_t value, other;
};

struct groups {
	struct pages *pages;
	struct dictionary *dictionary;
	struct buf body;		/* of the page */
	struct place *places;
	size_t cap;
	uint32_t *at;			/* rows of a companion's texts */
	size_t cap_at;
	/* The open row group. */
	uint32_t first, rows;
	struct block *block;
	struct blocks *blocks;
};

void
groups_free(struct groups *g)
{
	if (g == NULL)
		return;
	pages_free(g->pages);
	if (g->dictionary != NULL)
		free(g->dictionary->index);
	free(g->dictionary);
	buf_release(&g->body);
	free(g->places);
	free(g->at);
	free(g);
}

struct groups *
groups_new(bool small)
{
	struct groups *g;

	if ((g = calloc(1, sizeof(*g))) == NULL)
		return NULL;
	buf_init(&g->body, BODY_MAX);
	g->pages = pages_new(small);
	g->dictionary = calloc(1, sizeof(*g->dictionary));
	if (g->pages == NULL || g->dictionary == NULL) {
		groups_free(g);
		return NULL;
	}
	return g;
}

/* The body is a data page; then the chunk is complete. begin: where it began. */
static int
end_chunk(struct groups *g, struct parquet_chunk *c, size_t begin,
    enum parquet_encoding encoding)
{
	struct buf *text = &g->blocks->text;

	if (pages_data(g->pages, text, &g->body, g->rows, encoding,
	    &c->plain_bytes) != 0)
		return -1;
	c->bytes = text->len - begin;
	return parquet_chunk_put(&g->blocks->about, c);
}

static int
put_times(struct groups *g, const int64_t *times)
{
	struct parquet_chunk c = { .ranged = true, .min = (uint64_t)times[0],
	    .max = (uint64_t)times[g->rows - 1] };

	g->body.len = 0;
	return encode_deltas(&g->body, times, g->rows) != 0 ||
	    end_chunk(g, &c, g->blocks->text.len,
	    PARQUET_DELTA_BINARY_PACKED) != 0 ? -1 : 0;
}

/* Of zeros of both signs, the range has both (parquet.thrift, TypeDefinedOrder). */
static void
find_range(struct parquet_chunk *c, const uint64_t *bits, size_t n)
{
	double d, min, max;
	size_t i;

	if (n == 0)
		return;
	memcpy(&min, bits, sizeof(min));
	max = min;
	for (i = 1; i < n; i++) {
		memcpy(&d, &bits[i], sizeof(d));
		min = d < min ? d : min;
		max = d > max ? d : max;
	}
	if (min == 0)
		min = -0.0;
	if (max == 0)
		max = 0.0;
	memcpy(&c->min, &min, sizeof(min));
	memcpy(&c->max, &max, sizeof(max));
	c->ranged = true;
}

static int
put_dictionary(struct groups *g, struct parquet_chunk *c, size_t begin)
{
	const struct dictionary *d = g->dictionary;

	g->body.len = 0;
	if (encode_doubles(&g->body, d->values, d->n) != 0 ||
	    pages_dictionary(g->pages, &g->blocks->text, &g->body,
	    (uint32_t)d->n, &c->plain_bytes) != 0)
		return -1;
	c->dictionary_bytes = g->blocks->text.len - begin;
	return 0;
}

static int
put_doubles(struct groups *g, uint32_t column, const uint32_t *at,
    const uint64_t *bits, size_t n)
{
	struct parquet_chunk c = { .column = column, .nulls = g->rows - n };
	const size_t begin = g->blocks->text.len;
	struct dictionary *d = g->dictionary;
	bool pays;

	find_range(&c, bits, n);
	if (dictionary_pays(d, bits, n, &pays) != 0 ||
	    (pays && put_dictionary(g, &c, begin) != 0))
		return -1;
	g->body.len = 0;
	if (encode_levels(&g->body, at, n, g->first, g->rows) != 0 ||
	    (pays ? encode_indices(&g->body, d->index, n, (uint16_t)(d->n - 1)) :
	    encode_doubles(&g->body, bits, n)) != 0)
		return -1;
	return end_chunk(g, &c, begin, pays ? PARQUET_RLE_DICTIONARY :
	    PARQUET_PLAIN);
}

static int
put_text(struct buf *to, const uint8_t *text, uint32_t len)
{
	uint8_t head[4];

	put_le32(head, len);
	return buf_add(to, head, sizeof(head)) != 0 ||
	    buf_add(to, text, len) != 0 ? -1 : 0;
}

/* The rows that have a text. */
static int
find_texts(struct groups *g, const struct parquet_other *v, size_t n, size_t *texts)
{
	uint32_t *at;
	size_t i;

	if (n > g->cap_at) {
		if ((at = realloc(g->at, n * sizeof(*at))) == NULL)
			return -1;
		g->at = at;
		g->cap_at = n;
	}
	*texts = 0;
	for (i = 0; i < n; i++)
		if (v[i].len != PARQUET_NONE)
			g->at[(*texts)++] = v[i].at;
	return 0;
}

/* The companion, if it has anything. */
static int
put_others(struct groups *g, uint32_t column, const struct parquet_other *v,
    size_t n, const uint8_t *text)
{
	struct parquet_chunk c = { .column = column, .text = true };
	size_t i, texts;

	if (find_texts(g, v, n, &texts) != 0)
		return -1;
	g->block->non_finite += n - texts;
	if (texts == 0)
		return 0;
	c.nulls = g->rows - texts;
	g->body.len = 0;
	if (encode_levels(&g->body, g->at, texts, g->first, g->rows) != 0)
		return -1;
	for (i = 0; i < n; i++)
		if (v[i].len != PARQUET_NONE && put_text(&g->body,
		    text + v[i].offset, v[i].len) != 0)
			return -1;
	return end_chunk(g, &c, g->blocks->text.len, PARQUET_PLAIN);
}

/* One column's part of the row group, and on to the next. */
static int
put_column(struct groups *g, const struct parquet_rows *rows, size_t i)
{
	const struct parquet_column *c = &rows->columns[i];
	struct place *p = &g->places[i];
	const struct place from = *p;
	const uint32_t end = g->first + g->rows;

	while (p->value < c->n && c->at[p->value] < end)
		p->value++;
	while (p->other < c->n_others && c->others[p->other].at < end)
		p->other++;
	if (!rows->steps)
		g->block->points += p->value - from.value + p->other - from.other;
	/* Without values there may be no arrays. */
	if (put_doubles(g, (uint32_t)i + 1, c->n > 0 ? c->at + from.value : NULL,
	    c->n > 0 ? c->bits + from.value : NULL, p->value - from.value) != 0)
		return -1;
	return p->other == from.other ? 0 : put_others(g, (uint32_t)i + 1,
	    c->others + from.other, p->other - from.other, rows->texts.data);
}

static int
put_group(struct groups *g, const struct parquet_rows *rows)
{
	const int64_t *times = rows->times + g->first;
	const size_t about = g->blocks->about.len;
	size_t i;

	if ((g->block = blocks_open(g->blocks)) == NULL || put_times(g, times) != 0)
		return -1;
	g->block->rows = g->rows;
	g->block->first_ms = times[0];
	g->block->last_ms = times[g->rows - 1];
	for (i = 0; i < rows->n; i++)
		if (put_column(g, rows, i) != 0)
			return -1;
	g->block->about_len = g->blocks->about.len - about;
	if (g->body.cap > KEEP_BYTES)
		buf_release(&g->body);
	return blocks_end(g->blocks, NULL);
}

/* The rows of the period of row first; of steps, of its day. */
static uint32_t
group_rows(const struct parquet_rows *rows, const struct periods *periods,
    size_t first)
{
	size_t low = first + 1, high = rows->n_rows, middle;
	const int64_t t_ms = rows->times[first];
	const int64_t day_ms = rows->steps ? timestamp_floor(t_ms, DAY_MS) + DAY_MS :
	    INT64_MAX;
	int64_t end_ms = periods_end(periods, t_ms);

	end_ms = day_ms < end_ms ? day_ms : end_ms;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (rows->times[middle] < end_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return (uint32_t)(low - first);
}

int
groups_write(struct groups *g, const struct parquet_rows *rows,
    const struct periods *periods, struct blocks *blocks)
{
	struct place *places;
	int rc = 0;

	if (rows->n > g->cap) {
		places = realloc(g->places, rows->n * sizeof(*places));
		if (places == NULL)
			return -1;
		g->places = places;
		g->cap = rows->n;
	}
	if (rows->n > 0)
		memset(g->places, 0, rows->n * sizeof(*g->places));
	g->blocks = blocks;
	for (g->first = 0; rc == 0 && g->first < rows->n_rows; g->first += g->rows) {
		g->rows = group_rows(rows, periods, g->first);
		rc = put_group(g, rows);
	}
	return rc;
}
