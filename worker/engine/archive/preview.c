/*
 * The preview of an archive: which files and vehicles it has, and its JSON. Knows no
 * row and no bin; preview_rows.c and rows/bins.c have those.
 */
#include "worker/engine/archive/preview.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "worker/engine/archive/jsontext.h"

/* "null," for each column, and what closes lists and objects. */
#define ENDS_BYTES ((size_t)PREVIEW_SERIES * 5 + 64)

struct preview_file_line {
	char *name, *vehicle;
	uint64_t rows;
};

struct preview {
	int64_t from_ms, to_ms;
	struct preview_vehicle vehicles[PREVIEW_VEHICLES];
	size_t n;		/* begun; the last may be without rows */
	size_t series;		/* columns of all of them */
	bool full;		/* no room for the vehicle that is taken now */
	bool done;		/* one that had rows had no room: ignore what follows */
	bool spoilt;
	struct preview_file_line files[PREVIEW_FILES];
	uint64_t nfiles;	/* all of them */
};

struct preview *
preview_new(int64_t from_ms, int64_t to_ms)
{
	struct preview *p = calloc(1, sizeof(*p));

	if (p != NULL) {
		p->from_ms = from_ms;
		p->to_ms = to_ms;
	}
	return p;
}

/* The last one, which has no rows, or all at the end. */
static void
forget_vehicle(struct preview *p)
{
	struct preview_vehicle *v = &p->vehicles[--p->n];
	size_t i;

	for (i = 0; i < PREVIEW_COLUMNS; i++)
		free(v->columns[i]);
	if (v->part != NULL)
		p->series -= v->part->columns;
	preview_part_free(v->part);
	free(v->name);
	*v = (struct preview_vehicle){ .name = NULL };
}

void
preview_free(struct preview *p)
{
	size_t i;

	if (p == NULL)
		return;
	while (p->n > 0)
		forget_vehicle(p);
	for (i = 0; i < PREVIEW_FILES; i++) {
		free(p->files[i].name);
		free(p->files[i].vehicle);
	}
	free(p);
}

static int
begin_vehicle(struct preview *p, const char *name, const char *const *columns,
    size_t n)
{
	struct preview_vehicle *v = &p->vehicles[p->n++];
	size_t i;

	v->total = n;
	v->name = strdup(name);
	v->part = preview_part_new(p->from_ms, p->to_ms, n, p->from_ms, p->to_ms);
	if (v->name == NULL || v->part == NULL)
		return -1;
	p->series += v->part->columns;
	for (i = 0; i < v->part->columns; i++)
		if ((v->columns[i] = strdup(columns[i])) == NULL)
			return -1;
	return 0;
}

int
preview_vehicle(struct preview *p, const char *name,
    const char *const *columns, size_t n)
{
	const size_t shown = n < PREVIEW_COLUMNS ? n : PREVIEW_COLUMNS;

	if (p == NULL || p->done)
		return 0;
	if (p->n > 0 && p->vehicles[p->n - 1].part->rows == 0)
		forget_vehicle(p);
	p->full = p->n == PREVIEW_VEHICLES || p->series + shown > PREVIEW_SERIES;
	return p->full ? 0 : begin_vehicle(p, name, columns, n);
}

void
preview_take(struct preview *p, const struct preview_part *next)
{
	if (p == NULL || p->done || next == NULL)
		return;
	if (p->full)
		p->done = next->rows > 0;
	else if (p->n > 0)
		preview_part_take(p->vehicles[p->n - 1].part, next);
}

void
preview_end(struct preview *p)
{
	p->done = true;
}

bool
preview_done(const struct preview *p)
{
	return p == NULL || p->done;
}

int
preview_file(struct preview *p, const char *name, const char *vehicle,
    uint64_t rows)
{
	struct preview_file_line *line;

	if (p == NULL || p->nfiles++ >= PREVIEW_FILES)
		return 0;
	line = &p->files[p->nfiles - 1];
	line->name = strdup(name);
	line->vehicle = strdup(vehicle);
	line->rows = rows;
	return line->name != NULL && line->vehicle != NULL ? 0 : -1;
}

const struct preview_vehicle *
preview_shown(const struct preview *p, size_t *n)
{
	*n = p->n;
	if (p->n > 0 && p->vehicles[p->n - 1].part->rows == 0)
		--*n;
	return p->vehicles;
}

void
preview_range(const struct preview *p, int64_t *from_ms, int64_t *to_ms)
{
	*from_ms = p->from_ms;
	*to_ms = p->to_ms;
}

void
preview_spoil(struct preview *p)
{
	p->spoilt = true;
}

/* As if nothing had been written since; j is as it was then. */
static void
take_back(struct jsontext *j, const struct jsontext *was, size_t len)
{
	*j = *was;
	j->to->len = len;
}

/* Whole lines only. */
static void
put_files(struct jsontext *j, const struct preview *p)
{
	const size_t begin = j->to->len;
	struct jsontext was;
	size_t i, len;

	jsontext_open(j, "files", '[');
	for (i = 0; i < PREVIEW_FILES && i < p->nfiles; i++) {
		was = *j;
		len = j->to->len;
		jsontext_open(j, NULL, '{');
		jsontext_text(j, "name", p->files[i].name);
		jsontext_text(j, "vehicle", p->files[i].vehicle);
		jsontext_int(j, "rows", (int64_t)p->files[i].rows);
		jsontext_close(j, '}');
		if (j->to->len - begin <= PREVIEW_FILES_BYTES)
			continue;
		take_back(j, &was, len);
		break;
	}
	jsontext_close(j, ']');
	jsontext_int(j, "filesTotal", (int64_t)p->nfiles);
}

/* Names and the first n rows. */
static void
put_texts(struct jsontext *j, const struct preview_vehicle *v, size_t n)
{
	size_t i, k;

	jsontext_text(j, "vehicle", v->name);
	jsontext_open(j, "parameters", '[');
	for (i = 0; i < v->part->columns; i++)
		jsontext_text(j, NULL, v->columns[i]);
	jsontext_close(j, ']');
	jsontext_int(j, "parametersTotal", (int64_t)v->total);
	jsontext_open(j, "rows", '[');
	for (i = 0; i < n; i++) {
		jsontext_open(j, NULL, '[');
		for (k = 0; k <= v->part->columns; k++)
			jsontext_string(j, NULL, v->part->cells[i][k].text,
			    v->part->cells[i][k].len);
		jsontext_close(j, ']');
	}
	jsontext_close(j, ']');
}

static void
put_bin(struct jsontext *j, int i, const struct bin *bin)
{
	double sum;

	jsontext_open(j, NULL, '[');
	jsontext_int(j, NULL, i);
	jsontext_int(j, NULL, (int64_t)bin->n);
	jsontext_double(j, NULL, bin->min);
	jsontext_double(j, NULL, bin->max);
	if (bin_sum(bin, &sum))
		jsontext_double(j, NULL, sum);
	else
		jsontext_null(j, NULL);
	jsontext_close(j, ']');
}

/* One column; what it takes is taken of *room, or it is null. */
static void
put_series(struct jsontext *j, const struct bins *bins, size_t column,
    size_t *room)
{
	const struct jsontext was = *j;
	const size_t len = j->to->len;
	const struct bin *bin;
	size_t found = 0;
	int i;

	jsontext_open(j, NULL, '[');
	for (i = 0; i < BINS; i++) {
		bin = bins_at(bins, column, i);
		if (bin == NULL || bin->n == 0)
			continue;
		found++;
		put_bin(j, i, bin);
	}
	jsontext_close(j, ']');
	if (found > 0 && j->to->len - len <= *room) {
		*room -= j->to->len - len;
		return;
	}
	take_back(j, &was, len);
	jsontext_null(j, NULL);
}

static void
put_vehicle(struct jsontext *j, const struct preview_vehicle *v, size_t *room)
{
	struct jsontext was;
	size_t i, n, len;

	jsontext_open(j, NULL, '{');
	was = *j;
	len = j->to->len;
	/* Fewer rows until they fit: an escape may make six bytes of one. */
	for (n = v->part->rows;; n /= 2) {
		put_texts(j, v, n);
		if (n == 0 || j->to->len - len <= PREVIEW_TEXTS_BYTES)
			break;
		take_back(j, &was, len);
	}
	jsontext_open(j, "bins", '[');
	for (i = 0; i < v->part->columns; i++)
		put_series(j, &v->part->bins, i, room);
	jsontext_close(j, ']');
	jsontext_close(j, '}');
}

int
preview_json(const struct preview *p, struct buf *b)
{
	size_t i, n, room = PREVIEW_BINS_BYTES - ENDS_BYTES;
	const struct preview_vehicle *v;
	const size_t begin = b->len;
	struct jsontext j;

	if (p == NULL || p->spoilt)
		return 0;
	v = preview_shown(p, &n);
	if (n == 0)
		return 0;
	jsontext_init(&j, b, false, 0);
	jsontext_open(&j, NULL, '{');
	jsontext_int(&j, "from", p->from_ms);
	jsontext_int(&j, "to", p->to_ms);
	put_files(&j, p);
	jsontext_open(&j, "vehicles", '[');
	for (i = 0; i < n; i++)
		put_vehicle(&j, &v[i], &room);
	jsontext_close(&j, ']');
	jsontext_close(&j, '}');
	/* Names longer than a database's may be: of facts that are made up. */
	if (b->len - begin > PREVIEW_BYTES)
		b->len = begin;
	return j.failed ? -1 : 0;
}
