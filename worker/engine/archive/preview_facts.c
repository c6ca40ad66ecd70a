/*
 * A fragment's preview on its way to the archive's: exact, where preview_json() has
 * rounded sums. It comes from another worker, so nothing in it is trusted.
 */
#include "worker/engine/archive/preview.h"

#include <string.h>

#include <json-c/json.h>

#include "lib/base/buf.h"
#include "worker/engine/archive/jsontext.h"

/*
 * A bin: its index, n, the bits of min and max, ints, milli below 1,000, whole as high *
 * 2^32 + low, part from 0 to below 2^62, large.
 */
enum { BIN_INDEX, BIN_N, BIN_MIN, BIN_MAX, BIN_WHOLES, BIN_MILLI, BIN_HIGH, BIN_LOW,
    BIN_PART, BIN_LARGE, BIN_MEMBERS };
#define LOW_BITS 32
#define LOW_MASK (((bin_int)1 << LOW_BITS) - 1)
#define PART_MASK (((bin_int)1 << BIN_PART_BITS) - 1)
/* Of numbers below BIN_SUM_BELOW, one for each ms of centuries. */
#define HIGH_MAX (INT64_C(1) << 62)

static int64_t
bits_of(double d)
{
	int64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	return bits;
}

static double
double_of(int64_t bits)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

static void
put_bin(struct jsontext *j, int i, const struct bin *bin)
{
	const bin_int whole = bin->whole + (bin->part >> BIN_PART_BITS);
	const bin_int usual = (bin_int)bin->ints * 1000 + bin->milli;
	const int64_t v[BIN_MEMBERS] = { i, (int64_t)bin->n, bits_of(bin->min),
	    bits_of(bin->max), (int64_t)(usual / 1000), (int64_t)(usual % 1000),
	    (int64_t)(whole >> LOW_BITS),
	    (int64_t)(whole & LOW_MASK), (int64_t)(bin->part & PART_MASK),
	    bin->large };
	int k;

	jsontext_open(j, NULL, '[');
	for (k = 0; k < BIN_MEMBERS; k++)
		jsontext_int(j, NULL, v[k]);
	jsontext_close(j, ']');
}

static void
put_series(struct jsontext *j, const struct bins *bins, size_t column)
{
	const struct bin *bin;
	int i;

	jsontext_open(j, NULL, '[');
	for (i = 0; i < BINS; i++)
		if ((bin = bins_at(bins, column, i)) != NULL && bin->n > 0)
			put_bin(j, i, bin);
	jsontext_close(j, ']');
}

static void
put_vehicle(struct jsontext *j, const struct preview_vehicle *v)
{
	const struct preview_part *part = v->part;
	size_t i, k;

	jsontext_open(j, NULL, '{');
	jsontext_text(j, "vehicle", v->name);
	jsontext_int(j, "total", (int64_t)v->total);
	jsontext_open(j, "columns", '[');
	for (i = 0; i < part->columns; i++)
		jsontext_text(j, NULL, v->columns[i]);
	jsontext_close(j, ']');
	jsontext_open(j, "rows", '[');
	for (i = 0; i < part->rows; i++) {
		jsontext_open(j, NULL, '[');
		for (k = 0; k <= part->columns; k++)
			jsontext_string(j, NULL, part->cells[i][k].text,
			    part->cells[i][k].len);
		jsontext_close(j, ']');
	}
	jsontext_close(j, ']');
	jsontext_open(j, "bins", '[');
	for (i = 0; i < part->columns; i++)
		put_series(j, &part->bins, i);
	jsontext_close(j, ']');
	jsontext_close(j, '}');
}

int
preview_facts(const struct preview *p, struct buf *b)
{
	const struct preview_vehicle *v;
	struct jsontext j;
	size_t i, n;

	if (p == NULL || (v = preview_shown(p, &n), n) == 0)
		return 0;
	jsontext_init(&j, b, false, 0);
	jsontext_open(&j, NULL, '{');
	jsontext_open(&j, "shown", '[');
	for (i = 0; i < n; i++)
		put_vehicle(&j, &v[i]);
	jsontext_close(&j, ']');
	/* One that had no room, here, had rows: none is to be shown after it. */
	jsontext_int(&j, "done", preview_done(p));
	jsontext_close(&j, '}');
	return j.failed ? -1 : 0;
}

/* This member, of this type; NULL: there is none. */
static struct json_object *
member(struct json_object *o, const char *name, enum json_type type)
{
	struct json_object *v;

	return json_object_is_type(o, json_type_object) &&
	    json_object_object_get_ex(o, name, &v) &&
	    json_object_is_type(v, type) ? v : NULL;
}

/* The items of a list of strings; -1: it is none, or has not n of them. */
static int
take_strings(struct json_object *list, size_t n, const char **v)
{
	struct json_object *item;
	size_t i;

	if (!json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) != n)
		return -1;
	for (i = 0; i < n; i++) {
		item = json_object_array_get_idx(list, i);
		if (!json_object_is_type(item, json_type_string))
			return -1;
		v[i] = json_object_get_string(item);
	}
	return 0;
}

static int
take_row(struct preview_part *part, struct json_object *list)
{
	const char *v[PREVIEW_CELLS];
	struct preview_cell *cell;
	size_t i;

	if (part->rows == PREVIEW_ROWS ||
	    take_strings(list, part->columns + 1, v) != 0)
		return -1;
	for (i = 0; i <= part->columns; i++) {
		cell = &part->cells[part->rows][i];
		/* A NUL may be in it. */
		cell->len = (size_t)json_object_get_string_len(
		    json_object_array_get_idx(list, i));
		if (cell->len > PREVIEW_CELL_BYTES)
			return -1;
		memcpy(cell->text, v[i], cell->len + 1);
	}
	part->rows++;
	return 0;
}

static bool
is_bin(const int64_t v[BIN_MEMBERS])
{
	const double min = double_of(v[BIN_MIN]), max = double_of(v[BIN_MAX]);

	return v[BIN_INDEX] >= 0 && v[BIN_INDEX] < BINS && v[BIN_N] > 0 &&
	    isfinite(min) && isfinite(max) && min <= max &&
	    v[BIN_WHOLES] >= -HIGH_MAX && v[BIN_WHOLES] < HIGH_MAX &&
	    v[BIN_MILLI] > -1000 && v[BIN_MILLI] < 1000 &&
	    v[BIN_HIGH] >= -HIGH_MAX && v[BIN_HIGH] < HIGH_MAX &&
	    v[BIN_LOW] >= 0 && v[BIN_LOW] <= (int64_t)LOW_MASK &&
	    v[BIN_PART] >= 0 && v[BIN_PART] <= (int64_t)PART_MASK &&
	    (v[BIN_LARGE] == 0 || v[BIN_LARGE] == 1);
}

static int
take_bin(struct preview_part *part, size_t column, struct json_object *list)
{
	int64_t v[BIN_MEMBERS];
	struct json_object *item;
	struct bin *bin;
	int k;

	if (!json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) != BIN_MEMBERS)
		return -1;
	for (k = 0; k < BIN_MEMBERS; k++) {
		item = json_object_array_get_idx(list, (size_t)k);
		if (!json_object_is_type(item, json_type_int))
			return -1;
		v[k] = json_object_get_int64(item);
	}
	if (!is_bin(v) ||
	    (bin = bins_at(&part->bins, column, (int)v[BIN_INDEX])) == NULL ||
	    bin->n > 0)
		return -1;
	*bin = (struct bin){ .n = (uint64_t)v[BIN_N], .min = double_of(v[BIN_MIN]),
	    .max = double_of(v[BIN_MAX]), .ints = v[BIN_WHOLES],
	    .milli = v[BIN_MILLI], .part = v[BIN_PART],
	    .whole = (bin_int)v[BIN_HIGH] * (LOW_MASK + 1) + v[BIN_LOW],
	    .large = v[BIN_LARGE] != 0 };
	return 0;
}

/* Rows and bins into a part that is empty. */
static int
fill_part(struct preview_part *part, struct json_object *o)
{
	struct json_object *rows = member(o, "rows", json_type_array), *series;
	struct json_object *bins = member(o, "bins", json_type_array);
	size_t i, k;

	if (rows == NULL || bins == NULL ||
	    json_object_array_length(rows) == 0 ||
	    json_object_array_length(bins) != part->columns)
		return -1;
	for (i = 0; i < json_object_array_length(rows); i++)
		if (take_row(part, json_object_array_get_idx(rows, i)) != 0)
			return -1;
	for (i = 0; i < part->columns; i++) {
		series = json_object_array_get_idx(bins, i);
		if (!json_object_is_type(series, json_type_array))
			return -1;
		for (k = 0; k < json_object_array_length(series); k++)
			if (take_bin(part, i,
			    json_object_array_get_idx(series, k)) != 0)
				return -1;
	}
	return 0;
}

/* Whether the last vehicle of p is this one, which goes on. */
static bool
goes_on(const struct preview *p, const char *name)
{
	const struct preview_vehicle *v;
	size_t n;

	v = preview_shown(p, &n);
	return n > 0 && strcmp(v[n - 1].name, name) == 0;
}

/* Returns 0, 1: it is no vehicle's, -1: no memory. */
static int
join_vehicle(struct preview *p, struct json_object *o)
{
	struct json_object *name = member(o, "vehicle", json_type_string);
	struct json_object *total = member(o, "total", json_type_int);
	const char *columns[PREVIEW_COLUMNS] = { NULL };
	struct preview_part *part;
	int64_t from_ms, to_ms;
	size_t n, shown;
	int rc = 0;

	if (name == NULL || total == NULL || json_object_get_int64(total) < 0)
		return 1;
	n = (size_t)json_object_get_int64(total);
	shown = n < PREVIEW_COLUMNS ? n : PREVIEW_COLUMNS;
	if (take_strings(member(o, "columns", json_type_array), shown,
	    columns) != 0)
		return 1;
	preview_range(p, &from_ms, &to_ms);
	part = preview_part_new(from_ms, to_ms, n, from_ms, to_ms);
	if (part == NULL)
		return -1;
	if (fill_part(part, o) != 0)
		rc = 1;
	else if (!goes_on(p, json_object_get_string(name)))
		rc = preview_vehicle(p, json_object_get_string(name), columns, n);
	if (rc == 0)
		preview_take(p, part);
	preview_part_free(part);
	return rc;
}

int
preview_join(struct preview *p, const char *text)
{
	struct json_object *o, *shown;
	size_t i;
	int rc = 0;

	if (p == NULL || text[0] == '\0')
		return 0;
	o = json_tokener_parse(text);
	if ((shown = member(o, "shown", json_type_array)) == NULL)
		preview_spoil(p);
	for (i = 0; shown != NULL && i < json_object_array_length(shown) &&
	    rc == 0; i++)
		rc = join_vehicle(p, json_object_array_get_idx(shown, i));
	if (rc > 0)
		preview_spoil(p);
	if (json_object_get_int(member(o, "done", json_type_int)) > 0)
		preview_end(p);
	json_object_put(o);
	return rc < 0 ? -1 : 0;
}
