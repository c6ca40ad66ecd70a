/* What the preview shows of rows, of noise, and when there is too much. */
#include "worker/engine/archive/preview.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "lib/base/buf.h"
#include "worker/engine/deflate/blocks.h"

#include "t/tap.h"
#include "t/unit/draw.h"

static const char *const columns[] = { "speed", "note", "on" };

/* What p shows; the caller frees it. NULL: nothing. */
static struct json_object *
shown(const struct preview *p, size_t *len)
{
	struct json_object *o = NULL;
	struct buf b;

	buf_init(&b, PREVIEW_BYTES);
	is_int(preview_json(p, &b), 0, "it is written");
	*len = b.len;
	if (b.len > 0)
		o = json_tokener_parse(buf_cstr(&b));
	buf_release(&b);
	return o;
}

static struct json_object *
member(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, name, &v);
	return v;
}

static void
add(struct preview *p, const char *text)
{
	const struct block block = { .text_len = strlen(text),
	    .last_ms = 1119 };

	preview_block(p, &block, (const uint8_t *)text);
}

static const char *
cell(struct json_object *o, size_t row, size_t column)
{
	return json_object_get_string(json_object_array_get_idx(
	    json_object_array_get_idx(member(o, "rows"), row), column));
}

static struct json_object *
sample(struct json_object *o, size_t column, size_t part)
{
	return json_object_array_get_idx(json_object_array_get_idx(
	    member(o, "samples"), column), part);
}

static void
test_small(void)
{
	struct preview *p = preview_new(1000, 1000 + PREVIEW_SAMPLES);
	struct json_object *o;
	size_t len;

	is_int(preview_vehicle(p, "empty", columns, 1), 0, "a vehicle");
	ok(shown(p, &len) == NULL && len == 0, "without rows: nothing");
	preview_vehicle(p, "v\"1", columns, 3);
	add(p, "1000,2.5,\"a,\"\"b\"\"\n1010,7\",\n"
	    "1001,,7,true\n"
	    "1001,1e+21,,false\n"
	    "1002,,,\n");
	add(p, "1119,-0.5,x,\n");
	preview_vehicle(p, "another", columns, 1);
	add(p, "1002,9\n");
	o = shown(p, &len);
	is_str(json_object_get_string(member(o, "vehicle")), "v\"1",
	    "the first vehicle that has rows");
	is_int(json_object_get_int64(member(o, "parametersTotal")), 3,
	    "its parameters");
	is_int(json_object_get_int64(member(o, "from")), 1000, "the range");
	is_int((int64_t)json_object_array_length(member(o, "rows")), 5,
	    "its rows, of both blocks, and not the next vehicle's");
	is_str(cell(o, 0, 2), "a,\"b\"\n1010,7", "a quoted cell");
	is_str(cell(o, 1, 1), "", "an empty one");
	is_str(cell(o, 4, 0), "1119", "a time");
	is_str(json_object_get_string(sample(o, 0, 0)), "2.5", "a number");
	is_str(json_object_get_string(sample(o, 0, 1)), "1e+21",
	    "the first of its part of the range");
	is_str(json_object_get_string(sample(o, 2, 1)), "1", "true is 1");
	is_str(json_object_get_string(sample(o, 1, 1)), "7",
	    "a string that is a number without quotes");
	ok(sample(o, 0, 10) == NULL, "a line within a cell is no row");
	is_str(json_object_get_string(sample(o, 0, PREVIEW_SAMPLES - 1)),
	    "-0.5", "the last part");
	json_object_put(o);
	preview_free(p);
}

/* A block of n rows, one a second, with values in alternate columns. */
static struct buf
long_block(int n, int rfc3339)
{
	struct buf b;
	int i;

	buf_init(&b, 1 << 26);
	for (i = 0; i < n; i++) {
		if (rfc3339)
			buf_addf(&b, "1970-01-01T%02d:%02d:%02d.000Z",
			    i / 3600, i / 60 % 60, i % 60);
		else
			buf_addf(&b, "%d000", i);
		buf_addf(&b, i % 2 ? ",%d,,\r\n" : ",,,%d\r\n", i);
	}
	return b;
}

static void
test_samples(int rfc3339)
{
	const int n = 43200;
	struct preview *p = preview_new(0, INT64_C(86400000));
	struct buf b = long_block(n, rfc3339);
	const struct block block = { .text_len = b.len,
	    .last_ms = n * INT64_C(1000) };
	struct json_object *o, *s;
	size_t i, c, len, wrong = 0;
	int64_t v;

	preview_vehicle(p, "v", columns, 3);
	preview_block(p, &block, b.data);
	o = shown(p, &len);
	is_int((int64_t)json_object_array_length(member(o, "rows")),
	    PREVIEW_ROWS, "PREVIEW_ROWS rows");
	for (c = 0; c < 3; c += 2) {
		for (i = 0; i < PREVIEW_SAMPLES; i++) {
			s = sample(o, c, i);
			v = json_object_get_int64(s);
			/* Half of the range has data, 720 rows in each part. */
			wrong += (s == NULL) != (i >= PREVIEW_SAMPLES / 2);
			if (s != NULL)
				wrong += v / 720 != (int64_t)i ||
				    v % 2 != (c == 0);
		}
	}
	is_int((int64_t)wrong, 0, "a value for each part that has data, of "
	    "that part");
	ok(json_object_array_get_idx(member(o, "samples"), 1) == NULL,
	    "none for a column without numbers");
	json_object_put(o);
	buf_release(&b);
	preview_free(p);
}

static void
test_short(void)
{
	struct preview *p = preview_new(0, INT64_C(86400000));
	struct json_object *o;
	struct block block = { .first_ms = 0, .last_ms = 86399000 };
	size_t len, i, found = 0;
	struct buf b;

	/* A row a minute for a day: many parts of the range in a small block. */
	buf_init(&b, 1 << 20);
	for (i = 0; i < 1440; i++)
		buf_addf(&b, "%zu,1\n", i * 60000);
	block.text_len = b.len;
	preview_vehicle(p, "v", columns, 1);
	preview_block(p, &block, b.data);
	o = shown(p, &len);
	for (i = 0; i < PREVIEW_SAMPLES; i++)
		found += sample(o, 0, i) != NULL;
	is_int((int64_t)found, PREVIEW_SAMPLES, "each part of a short file");
	json_object_put(o);
	buf_release(&b);
	preview_free(p);
}

static void
test_large(void)
{
	char name[200], *names[PREVIEW_COLUMNS + 8];
	struct preview *p = preview_new(0, 1000);
	struct json_object *o;
	struct buf b;
	size_t len;
	int i, k;

	memset(name, '\\', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (i = 0; i < PREVIEW_COLUMNS + 8; i++)
		names[i] = name;
	buf_init(&b, 1 << 24);
	for (i = 0; i < 1000; i++) {
		buf_addf(&b, "%d", i);
		for (k = 0; k < PREVIEW_COLUMNS + 8; k++)
			if (i % 2)
				buf_addf(&b, ",-1.2345678901234567e-10%d",
				    i % 9);
			else
				buf_addf(&b, ",\"\x01\x02%0*d\xc3\xa9\"", 61, k);
		buf_adds(&b, "\n");
	}
	preview_vehicle(p, "v", (const char *const *)names,
	    PREVIEW_COLUMNS + 8);
	add(p, buf_cstr(&b));
	o = shown(p, &len);
	ok(o != NULL && len <= PREVIEW_BYTES, "never too long: %zu", len);
	is_int(json_object_get_int64(member(o, "parametersTotal")),
	    PREVIEW_COLUMNS + 8, "it says how many there are");
	is_int((int64_t)json_object_array_length(member(o, "samples")),
	    PREVIEW_COLUMNS, "and shows the first");
	is_int((int64_t)strlen(cell(o, 0, 1)), 63,
	    "a cell is cut, not within a character");
	json_object_put(o);
	buf_release(&b);
	preview_free(p);
}

/* Any bytes: none is read past the end, and the result is JSON. */
static void
test_noise(void)
{
	static const char letters[] = "0123456789,,,\n\n\"\"\r-.eT:Zt\\\xc3\x01";
	struct json_object *o;
	struct preview *p;
	size_t i, bad = 0;
	uint8_t *text;
	struct buf b;
	int round;

	draw_from(7);
	for (round = 0; round < 2000; round++) {
		const size_t size = draw(9000);
		struct block block = { .text_len = size };

		text = malloc(size ? size : 1);
		for (i = 0; i < size; i++)
			text[i] = (uint8_t)letters[draw(sizeof(letters) -
			    (size_t)(round % 2 ? 1 : 5))];
		p = preview_new(0, 1 + (int64_t)draw(INT32_MAX));
		preview_vehicle(p, "v", columns, draw(4));
		preview_block(p, &block, text);
		buf_init(&b, PREVIEW_BYTES);
		if (preview_json(p, &b) != 0)
			bad++;
		else if (b.len > 0) {
			o = json_tokener_parse(buf_cstr(&b));
			bad += o == NULL;
			json_object_put(o);
		}
		buf_release(&b);
		preview_free(p);
		free(text);
	}
	is_int((int64_t)bad, 0, "2,000 texts of noise");
	is_int(preview_vehicle(NULL, "v", columns, 1), 0, "no vehicle is no error");
	preview_block(NULL, NULL, NULL);
	buf_init(&b, 10);
	is_int(preview_json(NULL, &b) + (int)b.len, 0, "and shows nothing");
}

/*
 * Rows of 1,000 ms apart in any number of blocks, and the range of them: each
 * part of it has PART_ROWS. Column c has at row i the number 3 * i + c, or, where
 * there are gaps, nothing or a text for most i.
 */
#define PART_ROWS 30
#define TAKE_ROWS (PART_ROWS * PREVIEW_SAMPLES)

static struct buf
rows_of(size_t from, size_t to, int gaps, struct block *block)
{
	struct buf b;
	size_t i, c;

	buf_init(&b, 1 << 20);
	for (i = from; i < to; i++) {
		buf_addf(&b, "%zu000", i);
		for (c = 0; c < 3; c++) {
			if (gaps && (i * 7 + c) % 11 != 0)
				buf_adds(&b, i % 5 ? "," : ",x");
			else
				buf_addf(&b, ",%zu", 3 * i + c);
		}
		buf_adds(&b, "\n");
	}
	*block = (struct block){ .text_len = b.len, .rows = to - from,
	    .first_ms = (int64_t)from * 1000,
	    .last_ms = (int64_t)(to - 1) * 1000 };
	return b;
}

static struct preview *
take_new(void)
{
	struct preview *p = preview_new(0, INT64_C(1000) * TAKE_ROWS);

	if (p == NULL || preview_vehicle(p, "v", columns, 3) != 0)
		abort();
	return p;
}

/*
 * take_all(whole, taken, step, gaps): The same blocks into whole, and piece by
 * piece, of 0 to 3 blocks, into taken. Blocks of up to 3 * step rows, pieces of a
 * multiple of PART_ROWS, if step is.
 */
static void
take_all(struct preview *whole, struct preview *taken, size_t step, int gaps)
{
	size_t i = 0, to, left = 0;
	struct preview *next = NULL;
	struct block block;
	struct buf b;

	while (i < TAKE_ROWS) {
		if (left == 0) {
			preview_take(taken, next);
			preview_free(next);
			next = preview_new(0, INT64_C(1000) * TAKE_ROWS);
			preview_columns(next, 3);
			left = draw(4);
			continue;
		}
		to = i + step * (1 + draw(3));
		b = rows_of(i, to < TAKE_ROWS ? to : TAKE_ROWS, gaps, &block);
		preview_block(whole, &block, b.data);
		preview_block(next, &block, b.data);
		buf_release(&b);
		i = to;
		left--;
	}
	preview_take(taken, next);
	preview_free(next);
}

static char *
text_of(const struct preview *p)
{
	char *text;
	struct buf b;

	buf_init(&b, PREVIEW_BYTES);
	if (preview_json(p, &b) != 0 || (text = strdup(buf_cstr(&b))) == NULL)
		abort();
	buf_release(&b);
	return text;
}

/* Each sample of a preview is of its column and its part of the range. */
static size_t
wrong_samples(const struct preview *p, size_t *found)
{
	struct json_object *s, *o;
	size_t i, c, wrong = 0;
	char *text = text_of(p);
	uint64_t v;

	if ((o = json_tokener_parse(text)) == NULL)
		abort();
	*found = 0;
	for (c = 0; c < 3; c++) {
		for (i = 0; i < PREVIEW_SAMPLES; i++) {
			if ((s = sample(o, c, i)) == NULL)
				continue;
			v = (uint64_t)json_object_get_int64(s);
			(*found)++;
			wrong += v % 3 != c || v / 3 / PART_ROWS != i;
		}
	}
	json_object_put(o);
	free(text);
	return wrong;
}

/* same_rows(a, b): The same rows, whatever the samples. */
static int
same_rows(const struct preview *a, const struct preview *b)
{
	char *x = text_of(a), *y = text_of(b);
	char *s = strstr(x, "\"samples\""), *t = strstr(y, "\"samples\"");
	const int same = s != NULL && t != NULL && s - x == t - y &&
	    memcmp(x, y, (size_t)(s - x)) == 0;

	free(x);
	free(y);
	return same;
}

/* A preview that takes over others has what it had of all their blocks. */
static void
test_take(void)
{
	unsigned long bad = 0;
	size_t found, whole_found, step;
	struct preview *whole, *taken;
	int round, gaps;
	char *a, *b;

	draw_from(11);
	for (round = 0; round < 400; round++) {
		gaps = round % 2;
		step = round % 4 < 2 ? PART_ROWS : 1 + draw(40);
		whole = take_new();
		taken = take_new();
		take_all(whole, taken, step, gaps);
		a = text_of(whole);
		b = text_of(taken);
		if (step == PART_ROWS && strcmp(a, b) != 0)
			bad_row(&bad, "%d: %s is not %s", round, b, a);
		if (!same_rows(whole, taken))
			bad_row(&bad, "%d: other rows", round);
		if (wrong_samples(whole, &whole_found) != 0 ||
		    wrong_samples(taken, &found) != 0)
			bad_row(&bad, "%d: a sample of elsewhere", round);
		if (found < whole_found || (!gaps && found !=
		    3 * PREVIEW_SAMPLES))
			bad_row(&bad, "%d: %zu samples, not %zu", round, found,
			    whole_found);
		free(a);
		free(b);
		preview_free(whole);
		preview_free(taken);
	}
	is_int((int64_t)bad, 0, "taken over piece by piece");
}

/* Without a name, without rows, begun again, and when it is over. */
static void
test_done(void)
{
	struct preview *p = preview_new(0, 1200), *next = preview_new(0, 1200);
	struct json_object *o;
	size_t len;

	ok(preview_done(NULL), "no preview is done");
	preview_columns(next, 1);
	preview_vehicle(p, "a", columns, 1);
	preview_take(p, next);
	ok(!preview_done(p), "a vehicle without rows so far");
	preview_vehicle(p, "b", columns, 2);
	ok(!preview_done(p), "a second vehicle, as the first had none");
	preview_columns(next, 2);
	add(next, "10,8,9\n");
	preview_columns(next, 2);
	add(next, "1,5,6\n");
	preview_take(p, next), preview_take(p, NULL), preview_take(NULL, next);
	ok(!preview_done(p), "more rows of it may follow");
	preview_vehicle(p, "c", columns, 3);
	ok(preview_done(p), "after its end it is done");
	preview_take(p, next);
	o = shown(p, &len);
	is_str(json_object_get_string(member(o, "vehicle")), "b",
	    "the vehicle that has rows");
	is_int((int64_t)json_object_array_length(member(o, "rows")), 1,
	    "only its rows, those since preview_columns()");
	is_str(cell(o, 0, 2), "6", "as they were");
	is_str(json_object_get_string(sample(o, 1, 0)), "6", "its samples");
	ok(sample(o, 1, 1) == NULL, "and no other");
	json_object_put(o);
	preview_free(next);
	preview_free(p);
}

int
main(void)
{
	test_small();
	test_samples(0);
	test_samples(1);
	test_short();
	test_large();
	test_noise();
	test_take();
	test_done();
	return done_testing();
}
