/*
 * The end of a file: collects its row groups, names companions, and makes their chunks
 * for the row groups that came before the first text. Knows no ZIP and no rows.
 */
#include "worker/engine/parquet/file.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/nameset.h"
#include "worker/engine/parquet/encode.h"
#include "worker/engine/parquet/file_impl.h"
#include "worker/engine/parquet/page.h"
#include "worker/engine/rows/columns.h"

/* Bytes are handed over when so many are there. */
#define WRITE_BYTES ((size_t)32 * 1024)
#define END_MAX ((size_t)1 << 30)
/* What a chunk, and an empty one's page, takes at most in the end, but for its name. */
#define CHUNK_END_MAX 256

void
parquet_file_free(struct parquet_file *f)
{
	if (f == NULL)
		return;
	pages_free(f->pages);
	free(f->groups);
	buf_release(&f->chunks);
	free(f->texts);
	free(f->nulls);
	names_release(&f->all);
	names_release(&f->all_parameters);
	buf_release(&f->out);
	free(f->listed);
	free(f);
}

struct parquet_file *
parquet_file_new(const struct parquet_about *about, const char *vehicle,
    const struct names *columns, const struct names *parameters)
{
	struct parquet_file *f;
	size_t i;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return NULL;
	f->about = about;
	f->vehicle = vehicle;
	f->columns = columns;
	f->parameters = parameters;
	buf_init(&f->chunks, END_MAX);
	buf_init(&f->out, END_MAX);
	f->pages = pages_new(about->small);
	f->texts = calloc(columns->n + 1, sizeof(*f->texts));
	f->listed = calloc(2 * columns->n + 1, sizeof(*f->listed));
	if (f->pages == NULL || f->texts == NULL || f->listed == NULL) {
		parquet_file_free(f);
		return NULL;
	}
	f->group_end_max = CHUNK_END_MAX;
	/* Two chunks, which both have the name and may have a mark. */
	for (i = 0; i < columns->n; i++)
		f->group_end_max += 2 * (CHUNK_END_MAX + strlen(columns->v[i]));
	return f;
}

void
parquet_file_begin(struct parquet_file *f)
{
	f->rows = 0;
	f->n = f->n_nulls = 0;
	f->chunks.len = 0;
	memset(f->texts, 0, (f->columns->n + 1) * sizeof(*f->texts));
}

bool
parquet_file_takes(const struct parquet_file *f)
{
	return f->n == 0 || f->n < PARQUET_CHUNKS_MAX / (1 + f->columns->n);
}

/* One group's worth more, and what the schema and the metadata take. */
uint64_t
parquet_file_end_max(const struct parquet_file *f)
{
	return (f->n + 3) * f->group_end_max + 4096 + strlen(f->vehicle) +
	    strlen(f->about->request) + strlen(f->about->parameters);
}

/* The time, then each column, one after the other, perhaps with its companion. */
static bool
are_chunks(struct parquet_file *f, const struct group *g, const uint8_t *v)
{
	struct parquet_chunk c, last = { .text = true };
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < g->n; i++, last = c) {
		if (parquet_chunk_get(v + i * PARQUET_CHUNK_BYTES, &c) != 0 ||
		    c.nulls > g->rows)
			return false;
		if (i == 0 ? c.column != 0 : c.text ?
		    last.text || c.column != last.column :
		    c.column != last.column + 1)
			return false;
		if (c.column > f->columns->n)
			return false;
		bytes += c.bytes;
	}
	return g->n > 0 && last.column == f->columns->n && bytes == g->bytes;
}

int
parquet_file_group(struct parquet_file *f, uint64_t at, uint64_t bytes,
    uint64_t rows, const uint8_t *chunks, size_t len)
{
	const struct group g = { at, bytes, rows,
	    f->chunks.len / PARQUET_CHUNK_BYTES, len / PARQUET_CHUNK_BYTES };
	const size_t cap = f->cap ? f->cap * 2 : 16;
	struct parquet_chunk c;
	struct group *groups;
	size_t i;

	if (len % PARQUET_CHUNK_BYTES != 0 || rows == 0 || rows > UINT32_MAX ||
	    !are_chunks(f, &g, chunks))
		return 1;
	if (f->n == f->cap) {
		if ((groups = realloc(f->groups, cap * sizeof(*groups))) == NULL)
			return -1;
		f->groups = groups;
		f->cap = cap;
	}
	if (buf_add(&f->chunks, chunks, len) != 0)
		return -1;
	for (i = 0; i < g.n; i++) {
		parquet_chunk_get(chunks + i * PARQUET_CHUNK_BYTES, &c);
		if (c.text)
			f->texts[c.column - 1] = true;
	}
	f->groups[f->n++] = g;
	f->rows += rows;
	return 0;
}

int
parquet_flush(struct parquet_file *f, bool all)
{
	if (f->out.len == 0 || (!all && f->out.len < WRITE_BYTES))
		return 0;
	if (f->write(f->arg, f->out.data, f->out.len) != 0)
		return -1;
	f->at += f->out.len;
	f->out.len = 0;
	return 0;
}

static int
add_name(struct names *to, const char *name)
{
	return names_add(to, name, strlen(name));
}

static int
name_companion(struct parquet_file *f, struct nameset *taken, const char *column)
{
	struct buf text;
	int rc;

	buf_init(&text, END_MAX);
	rc = buf_adds(&text, column) != 0 || buf_adds(&text, "_text") != 0 ? -1 :
	    columns_add(&f->all, taken, &text);
	buf_release(&text);
	return rc;
}

/* The columns as they are, then each companion in its place. */
static int
name_columns(struct parquet_file *f, struct nameset *taken)
{
	size_t i;

	for (i = 0; i < f->columns->n; i++)
		if (nameset_add(taken, f->columns->v[i], NULL) != 0)
			return -1;
	for (i = 0; i < f->columns->n; i++) {
		if (add_name(&f->all, f->columns->v[i]) != 0 ||
		    add_name(&f->all_parameters, f->parameters->v[i]) != 0)
			return -1;
		if (f->texts[i] && (name_companion(f, taken, f->columns->v[i]) != 0 ||
		    add_name(&f->all_parameters, f->parameters->v[i]) != 0))
			return -1;
	}
	return 0;
}

static int
name_all(struct parquet_file *f)
{
	struct nameset taken;
	int rc;

	names_release(&f->all);
	names_release(&f->all_parameters);
	nameset_init(&taken);
	rc = nameset_add(&taken, "time", NULL) != 0 ? -1 : name_columns(f, &taken);
	nameset_release(&taken);
	return rc;
}

/* A companion's chunk of a row group without texts. */
static int
put_nulls(struct parquet_file *f, const struct group *g)
{
	const size_t cap = f->cap_nulls ? f->cap_nulls * 2 : 16;
	struct nulls *v = f->nulls;
	const size_t begin = f->out.len;
	struct buf body;
	int rc;

	if (f->n_nulls == f->cap_nulls) {
		if ((v = realloc(f->nulls, cap * sizeof(*v))) == NULL)
			return -1;
		f->nulls = v;
		f->cap_nulls = cap;
	}
	v = &v[f->n_nulls++];
	*v = (struct nulls){ .at = f->at + begin };
	buf_init(&body, END_MAX);
	rc = encode_levels(&body, NULL, 0, 0, (uint32_t)g->rows) != 0 ||
	    pages_data(f->pages, &f->out, &body, (uint32_t)g->rows, PARQUET_PLAIN,
	    &v->plain_bytes) != 0 ? -1 : 0;
	v->bytes = f->out.len - begin;
	buf_release(&body);
	return rc;
}

static const uint8_t *
chunk_data(const struct parquet_file *f, size_t i)
{
	return f->chunks.data + i * PARQUET_CHUNK_BYTES;
}

void
parquet_list_chunks(const struct parquet_file *f, const struct group *g)
{
	struct listed *to = f->listed;
	uint64_t at = g->at;
	size_t i = 0, column;

	for (column = 0; column <= f->columns->n; column++) {
		parquet_chunk_get(chunk_data(f, g->first + i++), &to->c);
		to->at = at;
		at += to++->c.bytes;
		if (column == 0 || !f->texts[column - 1])
			continue;
		to->c.text = false;
		if (i < g->n)
			parquet_chunk_get(chunk_data(f, g->first + i), &to->c);
		to->at = at;
		if (to->c.text)
			i++;
		else
			to->c = (struct parquet_chunk){ .column = (uint32_t)column,
			    .text = true, .nulls = g->rows };
		at += to++->c.bytes;
	}
}

/* Chunks of companions that are not there. */
static int
put_all_nulls(struct parquet_file *f)
{
	size_t i, k;

	for (i = 0; i < f->n; i++) {
		parquet_list_chunks(f, &f->groups[i]);
		for (k = 0; k <= f->all.n; k++)
			if (f->listed[k].c.bytes == 0 &&
			    (put_nulls(f, &f->groups[i]) != 0 || parquet_flush(f, false) != 0))
				return -1;
	}
	return 0;
}

int
parquet_file_end(struct parquet_file *f, uint64_t at,
    int (*write)(void *arg, const void *data, size_t len), void *arg)
{
	f->at = at;
	f->out.len = 0;
	f->write = write;
	f->arg = arg;
	return name_all(f) != 0 || put_all_nulls(f) != 0 || parquet_flush(f, true) != 0 ? -1 :
	    parquet_footer(f);
}

const struct names *
parquet_file_columns(const struct parquet_file *f)
{
	return &f->all;
}

const struct names *
parquet_file_parameters(const struct parquet_file *f)
{
	return &f->all_parameters;
}
