/*
 * The preview, read back from CSV text: the first rows as they are, and numbers
 * from a few places of each block. Knows no documents. Text that it does not
 * understand is passed over, and fails no export.
 */
#include "worker/engine/archive/preview.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/base/timestamp.h"
#include "lib/base/utf8.h"
#include "worker/engine/deflate/blocks.h"

#define STEP_LEAST ((size_t)64)
/* Room for a number's text and its NUL; longer ones are left out. */
#define NUMBER_BYTES 24
#define CELLS (PREVIEW_COLUMNS + 1)	/* with the time */
/* The most for all but the samples. */
#define TEXTS_BYTES (PREVIEW_BYTES * 3 / 4)
/* "null," for each column, and brackets. */
#define ENDS_BYTES ((size_t)PREVIEW_COLUMNS * 5 + 32)
/* The most for the samples of one column. */
#define SAMPLES_BYTES ((size_t)PREVIEW_SAMPLES * (NUMBER_BYTES + 1) + 2)

struct cell {
	char text[PREVIEW_CELL_BYTES + 1];
	size_t len;
};

struct preview {
	int64_t from_ms, to_ms;
	char *vehicle;
	char *names[PREVIEW_COLUMNS];
	size_t n, total;	/* columns shown, and all */
	size_t rows;
	bool done;		/* the vehicle is over: ignore what follows */
	struct cell cells[PREVIEW_ROWS][CELLS];
	char samples[PREVIEW_COLUMNS][PREVIEW_SAMPLES][NUMBER_BYTES];
	uint8_t tries[PREVIEW_SAMPLES];		/* rows read, per part */
	uint8_t missing[PREVIEW_SAMPLES];	/* columns without a sample */
};

/* A place in a text. */
struct at {
	const char *p, *end;
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

static void
forget_vehicle(struct preview *p)
{
	size_t i;

	free(p->vehicle);
	p->vehicle = NULL;
	for (i = 0; i < p->n; i++) {
		free(p->names[i]);
		p->names[i] = NULL;
	}
	p->n = 0;
}

void
preview_free(struct preview *p)
{
	if (p == NULL)
		return;
	forget_vehicle(p);
	free(p);
}

int
preview_vehicle(struct preview *p, const char *name,
    const char *const *columns, size_t n)
{
	size_t i;

	if (p == NULL || p->done)
		return 0;
	/* A vehicle without rows gives way to the next. */
	if ((p->done = p->rows > 0))
		return 0;
	forget_vehicle(p);
	p->total = n;
	if ((p->vehicle = strdup(name)) == NULL)
		return -1;
	preview_columns(p, n);
	for (i = 0; i < p->n; i++)
		if ((p->names[i] = strdup(columns[i])) == NULL)
			return -1;
	return 0;
}

void
preview_columns(struct preview *p, size_t n)
{
	p->n = n < PREVIEW_COLUMNS ? n : PREVIEW_COLUMNS;
	p->rows = 0;
	memset(p->samples, 0, sizeof(p->samples));
	memset(p->tries, 0, sizeof(p->tries));
	memset(p->missing, (int)p->n, sizeof(p->missing));
}

static void
cell_add(struct cell *cell, char c)
{
	if (cell->len < PREVIEW_CELL_BYTES)
		cell->text[cell->len++] = c;
}

/* Keep whole characters only. */
static void
cell_end(struct cell *cell)
{
	size_t i, n;

	for (i = 0; i < cell->len; i += n)
		if ((n = utf8_length(cell->text + i, cell->len - i)) == 0)
			break;
	/* From here on it is half a character, or not UTF-8. */
	cell->len = i;
	cell->text[i] = '\0';
}

/*
 * Read a cell (RFC 4180) and leave *at after it. *quoted: it was in quotes,
 * which tells a string that looks like a number from a number.
 */
static void
read_cell(struct at *at, struct cell *cell, bool *quoted)
{
	cell->len = 0;
	*quoted = at->p < at->end && *at->p == '"';
	if (*quoted) {
		/* Up to a quote that is not doubled. */
		for (at->p++; at->p < at->end; at->p++) {
			if (*at->p == '"' && (++at->p == at->end ||
			    *at->p != '"'))
				break;
			cell_add(cell, *at->p);
		}
	}
	for (; at->p < at->end && *at->p != ',' && *at->p != '\r' &&
	    *at->p != '\n'; at->p++)
		cell_add(cell, *at->p);
	cell_end(cell);
}

/*
 * Read a row and keep its first p->n + 1 cells; *quoted has a bit for each of
 * them. Leaves *at at the next row. Returns 0, 1 at the end of the text.
 */
static int
read_row(const struct preview *p, struct at *at, struct cell *cells,
    unsigned *quoted)
{
	struct cell spare;
	size_t i;
	bool q;

	*quoted = 0;
	if (at->p == at->end)
		return 1;
	for (i = 0;; i++) {
		read_cell(at, i <= p->n ? &cells[i] : &spare, &q);
		if (i <= p->n && q)
			*quoted |= 1u << i;
		if (at->p == at->end || *at->p != ',')
			break;
		at->p++;
	}
	for (; at->p < at->end && (*at->p == '\r' || *at->p == '\n'); at->p++)
		;
	return 0;
}

/* The time of a row in Unix ms, in either form. Returns 0, -1: not a time. */
static int
time_of(const struct cell *cell, int64_t *t_ms)
{
	if (memchr(cell->text, 'T', cell->len) != NULL)
		return timestamp_parse(cell->text, cell->len, t_ms);
	return num_parse(cell->text, INT64_MIN, INT64_MAX, t_ms);
}

/* The part of the range that a time is in; -1: none. */
static int
preview_part_of(const struct preview *p, int64_t t_ms)
{
	if (t_ms < p->from_ms || t_ms >= p->to_ms)
		return -1;
	return (int)((t_ms - p->from_ms) * PREVIEW_SAMPLES /
	    (p->to_ms - p->from_ms));
}

/*
 * Whether a text is a number as JSON writes it (RFC 8259, 6): it is copied into
 * the answer as it is. Sign, integer without leading zeros, fraction, exponent.
 */
static bool
is_number(const char *s)
{
	s += *s == '-';
	if (*s == '0')
		s++;
	else if (strspn(s, "123456789") > 0)
		s += strspn(s, "0123456789");
	else
		return false;
	if (*s == '.') {
		if (strspn(s + 1, "0123456789") == 0)
			return false;
		s += 1 + strspn(s + 1, "0123456789");
	}
	if (*s == 'e' || *s == 'E') {
		s += 1 + (s[1] == '-' || s[1] == '+');
		if (strspn(s, "0123456789") == 0)
			return false;
		s += strspn(s, "0123456789");
	}
	return *s == '\0';
}

/* The numbers of a row, for the columns that have none in this part yet. */
static void
take_samples(struct preview *p, int part, const struct cell *cells,
    unsigned quoted)
{
	const char *text;
	size_t i;

	p->tries[part]++;
	for (i = 0; i < p->n; i++) {
		text = cells[i + 1].text;
		if (p->samples[i][part][0] != '\0' ||
		    (quoted & 1u << (i + 1)) != 0)
			continue;
		if (strcmp(text, "true") == 0)
			text = "1";
		else if (strcmp(text, "false") == 0)
			text = "0";
		if (strlen(text) >= NUMBER_BYTES || !is_number(text))
			continue;
		memcpy(p->samples[i][part], text, strlen(text) + 1);
		p->missing[part]--;
	}
}

/*
 * Take samples from the rows at this place, until one is of no use: its part of
 * the range has all values, or was tried often enough, or it is not a row.
 */
static void
preview_sample(struct preview *p, struct at at)
{
	struct cell cells[CELLS] = { { .len = 0 } };
	unsigned quoted;
	int64_t t_ms;
	int part;

	while (read_row(p, &at, cells, &quoted) == 0) {
		if (time_of(&cells[0], &t_ms) != 0 ||
		    (part = preview_part_of(p, t_ms)) < 0 ||
		    p->missing[part] == 0 || p->tries[part] >= PREVIEW_TRIES)
			return;
		take_samples(p, part, cells, quoted);
	}
}

/* The vehicle's first rows; they may be spread over its first blocks. */
static void
take_rows(struct preview *p, struct at at)
{
	unsigned quoted;

	while (p->rows < PREVIEW_ROWS &&
	    read_row(p, &at, p->cells[p->rows], &quoted) == 0)
		p->rows++;
}

/* Bytes between places, so that each part of the range has a few. */
static size_t
step_of(const struct preview *p, const struct block *block)
{
	const size_t parts = (size_t)(preview_part_of(p, block->last_ms) -
	    preview_part_of(p, block->first_ms)) + 1;
	const size_t step = block->text_len / (parts * PREVIEW_PLACES);

	return step < STEP_LEAST ? STEP_LEAST : step;
}

/*
 * The first rows; samples at the block's beginning; then samples after the next
 * line end at each step.
 */
void
preview_block(struct preview *p, const struct block *block,
    const uint8_t *text)
{
	struct at at;
	const char *from;
	size_t i, step;

	if (p == NULL || p->done)
		return;
	at.p = (const char *)text;
	at.end = at.p + block->text_len;
	take_rows(p, at);
	preview_sample(p, at);
	/* A line end in a quoted cell begins no row, though it may look so. */
	if (memchr(at.p, '"', block->text_len) != NULL)
		return;
	from = at.p;
	step = step_of(p, block);
	for (i = step; i < block->text_len; i += step) {
		at.p = memchr(from + i, '\n', block->text_len - i);
		if (at.p++ == NULL)
			return;
		preview_sample(p, at);
	}
}

/* The first values of each part count, as if all blocks had come to p. */
static void
take_part(struct preview *p, const struct preview *next, size_t part)
{
	const unsigned tries = p->tries[part] + next->tries[part];
	size_t i;

	p->tries[part] = (uint8_t)(tries < PREVIEW_TRIES ? tries :
	    PREVIEW_TRIES);
	for (i = 0; i < p->n; i++) {
		if (p->samples[i][part][0] != '\0' ||
		    next->samples[i][part][0] == '\0')
			continue;
		memcpy(p->samples[i][part], next->samples[i][part],
		    NUMBER_BYTES);
		p->missing[part]--;
	}
}

void
preview_take(struct preview *p, const struct preview *next)
{
	size_t i;

	if (p == NULL || p->done || next == NULL)
		return;
	for (i = 0; i < next->rows && p->rows < PREVIEW_ROWS; i++)
		memcpy(p->cells[p->rows++], next->cells[i],
		    sizeof(p->cells[0]));
	for (i = 0; i < PREVIEW_SAMPLES; i++)
		if (p->missing[i] > 0)
			take_part(p, next, i);
}

bool
preview_done(const struct preview *p)
{
	return p == NULL || p->done;
}

/*
 * All but the samples, with the first n rows. A missing text becomes null; a
 * missing list is an error. (json-c takes NULL for null.)
 */
static int
add_texts(const struct preview *p, size_t n, struct json_object *o)
{
	struct json_object *names = json_object_new_array();
	struct json_object *rows = json_object_new_array(), *row;
	size_t i, k;

	json_object_object_add(o, "vehicle",
	    json_object_new_string(p->vehicle));
	json_object_object_add(o, "parameters", names);
	json_object_object_add(o, "parametersTotal",
	    json_object_new_int64((int64_t)p->total));
	json_object_object_add(o, "from", json_object_new_int64(p->from_ms));
	json_object_object_add(o, "to", json_object_new_int64(p->to_ms));
	json_object_object_add(o, "rows", rows);
	if (names == NULL || rows == NULL)
		return -1;
	for (i = 0; i < p->n; i++)
		json_object_array_add(names,
		    json_object_new_string(p->names[i]));
	for (i = 0; i < n; i++) {
		if ((row = json_object_new_array()) == NULL)
			return -1;
		for (k = 0; k <= p->n; k++)
			json_object_array_add(row, json_object_new_string_len(
			    p->cells[i][k].text, (int)p->cells[i][k].len));
		json_object_array_add(rows, row);
	}
	return 0;
}

/* The samples of one column; null if there are none or room is short. */
static int
add_samples(const struct preview *p, size_t column, struct buf *b)
{
	size_t i, found = 0;
	int rc = 0;

	for (i = 0; i < PREVIEW_SAMPLES; i++)
		found += p->samples[column][i][0] != '\0';
	if (found == 0 || b->len + SAMPLES_BYTES + ENDS_BYTES > PREVIEW_BYTES)
		return buf_adds(b, "null");
	for (i = 0; i < PREVIEW_SAMPLES; i++)
		rc |= buf_addf(b, "%c%s", i == 0 ? '[' : ',',
		    p->samples[column][i][0] != '\0' ?
		    p->samples[column][i] : "null");
	return rc | buf_adds(b, "]");
}

/* add_texts() as text, less its last brace. 0, -1: no memory, too long. */
static int
write_texts(const struct preview *p, size_t n, struct buf *b)
{
	struct json_object *o = json_object_new_object();
	const char *text = NULL;
	int rc = -1;

	if (o != NULL && add_texts(p, n, o) == 0)
		text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN
		    | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text != NULL && strlen(text) <= TEXTS_BYTES)
		rc = buf_add(b, text, strlen(text) - 1);
	json_object_put(o);
	return rc;
}

int
preview_json(const struct preview *p, struct buf *b)
{
	size_t i, n;
	int rc;

	if (p == NULL || p->rows == 0)
		return 0;
	/* Fewer rows until they fit: an escape may make six bytes of one. */
	for (n = p->rows; (rc = write_texts(p, n, b)) != 0 && n > 0; n /= 2)
		;
	/* Numbers are copied as text: a double in between could change them. */
	rc |= buf_adds(b, ",\"samples\":[");
	for (i = 0; i < p->n; i++)
		rc |= (i > 0 ? buf_adds(b, ",") : 0) | add_samples(p, i, b);
	rc |= buf_adds(b, "]}");
	return rc == 0 ? 0 : -1;
}

/* This list; NULL: there is none. */
static struct json_object *
list_of(struct json_object *o, const char *name)
{
	struct json_object *list;

	return json_object_object_get_ex(o, name, &list) &&
	    json_object_is_type(list, json_type_array) ? list : NULL;
}

/* Copy the text, with quotation marks around each number of its samples. */
static int
quote_numbers(const char *text, struct buf *b)
{
	static const char begin[] = ",\"samples\":[";
	const char *p = strstr(text, begin);
	bool number = false, was;

	if (p == NULL)
		return -1;
	p += sizeof(begin) - 1;
	if (buf_add(b, text, (size_t)(p - text)) != 0)
		return -1;
	for (; *p != '\0'; p++) {
		was = number;
		number = strchr("+-.0123456789eE", *p) != NULL;
		if ((number != was && buf_adds(b, "\"") != 0) ||
		    buf_add(b, p, 1) != 0)
			return -1;
	}
	return buf_cstr(b) == NULL ? -1 : 0;
}

/* Strings become the numbers that they are the texts of. */
static void
unquote_numbers(struct json_object *column)
{
	struct json_object *value;
	const char *text;
	size_t i;

	for (i = 0; i < json_object_array_length(column); i++) {
		value = json_object_array_get_idx(column, i);
		if (!json_object_is_type(value, json_type_string))
			continue;
		text = json_object_get_string(value);
		value = is_number(text) ? json_object_new_double_s(0, text) :
		    NULL;
		if (json_object_array_put_idx(column, i, value) != 0)
			json_object_put(value);
	}
}

struct json_object *
preview_parse(const char *text)
{
	struct json_object *o = NULL, *samples, *column;
	struct buf b;
	size_t i;

	buf_init(&b, 2 * PREVIEW_BYTES);
	if (quote_numbers(text, &b) == 0)
		o = json_tokener_parse((char *)b.data);
	buf_release(&b);
	samples = list_of(o, "samples");
	for (i = 0; samples != NULL && i < json_object_array_length(samples);
	    i++) {
		column = json_object_array_get_idx(samples, i);
		if (json_object_is_type(column, json_type_array))
			unquote_numbers(column);
	}
	return o;
}

/* A column's samples: those that are missing. */
static void
join_samples(struct json_object *to, struct json_object *next)
{
	struct json_object *value;
	size_t i;

	for (i = 0; i < json_object_array_length(to); i++) {
		if (json_object_array_get_idx(to, i) != NULL)
			continue;
		value = json_object_array_get_idx(next, i);
		if (json_object_array_put_idx(to, i,
		    json_object_get(value)) != 0)
			json_object_put(value);
	}
}

/* All columns: an array each, or null. */
static void
join_columns(struct json_object *to, struct json_object *next)
{
	struct json_object *a, *b;
	size_t i;

	for (i = 0; i < json_object_array_length(to); i++) {
		a = json_object_array_get_idx(to, i);
		b = json_object_array_get_idx(next, i);
		if (!json_object_is_type(b, json_type_array))
			continue;
		if (json_object_is_type(a, json_type_array))
			join_samples(a, b);
		else if (json_object_array_put_idx(to, i,
		    json_object_get(b)) != 0)
			json_object_put(b);
	}
}

static bool
same_vehicle(struct json_object *a, struct json_object *b)
{
	struct json_object *x, *y;

	return json_object_object_get_ex(a, "vehicle", &x) &&
	    json_object_object_get_ex(b, "vehicle", &y) &&
	    json_object_equal(x, y);
}

void
preview_join(struct json_object *to, struct json_object *next)
{
	struct json_object *rows = list_of(to, "rows"), *row;
	struct json_object *more = list_of(next, "rows");
	size_t i;

	if (!same_vehicle(to, next) || rows == NULL || more == NULL ||
	    list_of(to, "samples") == NULL || list_of(next, "samples") == NULL)
		return;
	for (i = 0; i < json_object_array_length(more) &&
	    json_object_array_length(rows) < PREVIEW_ROWS; i++) {
		row = json_object_get(json_object_array_get_idx(more, i));
		if (json_object_array_add(rows, row) != 0)
			json_object_put(row);
	}
	join_columns(list_of(to, "samples"), list_of(next, "samples"));
}

char *
preview_text(struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	return text != NULL && strlen(text) <= PREVIEW_BYTES ? strdup(text) :
	    NULL;
}
