/* What the preview shows: rows, bins, files; of noise, of too much, of fragments. */
#include "worker/engine/archive/preview.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "lib/base/buf.h"
#include "worker/engine/deflate/blocks.h"

#include "t/tap.h"
#include "t/unit/draw.h"

#define RANGE INT64_C(240000)

static const char *const columns[] = { "speed", "note", "on" };

/* Its JSON, or "": nothing; the caller frees it. */
static char *
text_of(const struct preview *p, int (*write)(const struct preview *, struct buf *))
{
	struct buf b;
	char *text;

	buf_init(&b, 16 * PREVIEW_BYTES);
	if (write(p, &b) != 0 || (text = strdup(buf_cstr(&b))) == NULL)
		abort();
	buf_release(&b);
	return text;
}

static struct json_object *
shown(const struct preview *p, size_t *len)
{
	char *text = text_of(p, preview_json);
	struct json_object *o = text[0] == '\0' ? NULL : json_tokener_parse(text);

	*len = strlen(text);
	free(text);
	return o;
}

static struct json_object *
member(struct json_object *o, const char *name)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, name, &v);
	return v;
}

static struct json_object *
item(struct json_object *o, size_t i)
{
	return json_object_array_get_idx(o, i);
}

static struct preview_part *
part_of(size_t n, const char *text)
{
	struct preview_part *p = preview_part_new(0, RANGE, n, 0, RANGE);
	const struct block block = { .text_len = strlen(text) };

	if (p == NULL)
		abort();
	preview_part_block(p, &block, (const uint8_t *)text, ',');
	return p;
}

static void
take(struct preview *p, struct preview_part *part)
{
	preview_take(p, part);
	preview_part_free(part);
}

static void
test_small(void)
{
	struct preview *p = preview_new(0, RANGE);
	struct json_object *o, *v, *bins;
	struct preview_part *part;
	size_t len;

	is_int(preview_vehicle(p, "empty", columns, 1), 0, "a vehicle");
	preview_file(p, "empty.csv", "empty", 0);
	ok(shown(p, &len) == NULL && len == 0, "without rows: nothing");
	preview_vehicle(p, "v\"1", columns, 3);
	part = part_of(3, "1000,2.5,\"a,\"\"b\"\"\n1010,7\",\n1001,,7,true\n");
	bins_add(&part->bins, 0, 1000, 2.5);
	bins_add(&part->bins, 0, 239999, -0.5);
	take(p, part);
	part = part_of(3, "1119,-0.5,x,\r\n");
	bins_add(&part->bins, 0, 1119, 1e21);
	bins_add(&part->bins, 0, 239000, 0.25);
	take(p, part);
	preview_take(p, NULL);
	preview_file(p, "v_1.csv", "v\"1", 3);
	preview_vehicle(p, "another", columns, 1);
	o = shown(p, &len);
	is_str(json_object_to_json_string_ext(member(o, "files"), JSON_C_TO_STRING_PLAIN),
	    "[{\"name\":\"empty.csv\",\"vehicle\":\"empty\",\"rows\":0},"
	    "{\"name\":\"v_1.csv\",\"vehicle\":\"v\\\"1\",\"rows\":3}]", "files");
	is_int(json_object_get_int64(member(o, "filesTotal")), 2, "how many");
	is_int(json_object_get_int64(member(o, "to")), RANGE, "the range");
	is_int((int64_t)json_object_array_length(member(o, "vehicles")), 1,
	    "only the vehicle that has rows");
	v = item(member(o, "vehicles"), 0);
	is_str(json_object_get_string(member(v, "vehicle")), "v\"1", "its name");
	is_int(json_object_get_int64(member(v, "parametersTotal")), 3, "its columns");
	is_str(json_object_to_json_string_ext(member(v, "rows"), JSON_C_TO_STRING_PLAIN),
	    "[[\"1000\",\"2.5\",\"a,\\\"b\\\"\\n1010,7\",\"\"],[\"1001\",\"\",\"7\","
	    "\"true\"],[\"1119\",\"-0.5\",\"x\",\"\"]]", "its rows, of both parts");
	bins = member(v, "bins");
	is_str(json_object_to_json_string_ext(item(bins, 0), JSON_C_TO_STRING_PLAIN),
	    "[[1,2,2.5,1e+21,null],[239,2,-0.5,0.25,-0.25]]", "its bins, of both");
	ok(json_object_array_length(bins) == 3 && item(bins, 1) == NULL,
	    "null: no numbers");
	json_object_put(o);
	preview_free(p);
}

/* Which vehicles are shown of so many, each with this number of columns. */
static size_t
vehicles_of(size_t n, size_t ncolumns, bool *done)
{
	static const char *const names[PREVIEW_SERIES + 1] = {
		"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
		"n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y" };
	struct preview *p = preview_new(0, RANGE);
	size_t i;

	for (i = 0; i < n; i++) {
		preview_vehicle(p, names[i], names, ncolumns);
		take(p, part_of(ncolumns, "1,1\n"));
	}
	*done = preview_done(p);
	preview_shown(p, &i);
	preview_free(p);
	return i;
}

static void
test_ceilings(void)
{
	struct preview *p;
	struct json_object *o;
	bool done;
	size_t len;
	int i;

	is_int((int64_t)vehicles_of(4, 6, &done), 4, "four of six columns");
	ok(!done, "more rows of the last may follow");
	is_int((int64_t)vehicles_of(5, 1, &done), 4, "four of any");
	ok(done, "then no more");
	is_int((int64_t)vehicles_of(4, 7, &done), 3, "three of seven columns");
	is_int((int64_t)vehicles_of(4, 25, &done), 2, "two wide ones");
	p = preview_new(0, RANGE);
	preview_vehicle(p, "v", columns, 1);
	take(p, part_of(1, "1,1\n"));
	for (i = 0; i < PREVIEW_FILES + 5; i++)
		preview_file(p, "f.csv", "v", 7);
	o = shown(p, &len);
	is_int((int64_t)json_object_array_length(member(o, "files")), PREVIEW_FILES,
	    "the first files");
	is_int(json_object_get_int64(member(o, "filesTotal")), PREVIEW_FILES + 5,
	    "and how many there are");
	json_object_put(o);
	preview_free(p);
}

/* The longest of everything. */
static void
test_large(void)
{
	char name[256], *rows;
	const char *names[PREVIEW_COLUMNS];
	struct preview *p = preview_new(0, RANGE);
	struct preview_part *part;
	struct json_object *o, *v;
	struct buf b;
	size_t len, left = 0, c;
	int i, k;

	memset(name, '\x01', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (c = 0; c < PREVIEW_COLUMNS; c++)
		names[c] = name;
	buf_init(&b, 1 << 24);
	for (i = 0; i < 40; i++) {
		buf_addf(&b, "%d", i);
		for (c = 0; c < PREVIEW_COLUMNS; c++)
			buf_addf(&b, ",\"\x01\x02%061d\xc3\xa9\"", i);
		buf_adds(&b, "\n");
	}
	rows = buf_cstr(&b);
	for (i = 0; i < 3; i++) {
		preview_vehicle(p, name, names, PREVIEW_COLUMNS);
		part = part_of(PREVIEW_COLUMNS, rows);
		for (c = 0; c < PREVIEW_COLUMNS; c++)
			for (k = 0; k < BINS; k++)
				bins_add(&part->bins, c, k * 1000,
				    -1.2345678901234567e-10 * (k + 1));
		take(p, part);
	}
	for (i = 0; i < 200; i++)
		preview_file(p, name, name, UINT32_MAX);
	o = shown(p, &len);
	ok(o != NULL && len <= PREVIEW_BYTES, "never too long: %zu", len);
	is_int((int64_t)json_object_array_length(member(o, "vehicles")), 2, "two vehicles");
	v = item(member(o, "vehicles"), 0);
	ok(json_object_array_length(member(v, "rows")) < PREVIEW_ROWS, "fewer rows");
	v = item(member(o, "vehicles"), 1);
	for (c = 0; c < PREVIEW_COLUMNS; c++)
		left += item(member(v, "bins"), c) == NULL;
	ok(left > 0 && left < PREVIEW_COLUMNS && item(member(v, "bins"), 0) != NULL,
	    "the last columns have no bins: %zu", left);
	buf_release(&b);
	json_object_put(o);
	preview_free(p);
}

/* Any bytes: none is read past the end, and the result is JSON. */
static void
test_noise(void)
{
	static const char letters[] = "0123456789,,,\n\n\"\"\r-.eT:Zt\\\xc3\x01";
	struct json_object *o;
	struct preview_part *part;
	struct preview *p;
	size_t i, len, bad = 0;
	uint8_t *text;
	int round;

	draw_from(7);
	for (round = 0; round < 1000; round++) {
		const size_t size = draw(3000), n = draw(4);
		struct block block = { .text_len = size };

		text = malloc(size ? size : 1);
		for (i = 0; i < size; i++)
			text[i] = (uint8_t)letters[draw(sizeof(letters) -
			    (size_t)(round % 2 ? 1 : 5))];
		p = preview_new(0, RANGE);
		preview_vehicle(p, "v", columns, n);
		part = part_of(n, "");
		preview_part_block(part, &block, text, ',');
		take(p, part);
		o = shown(p, &len);
		bad += (o == NULL) != (len == 0);
		json_object_put(o);
		preview_free(p);
		free(text);
	}
	is_int((int64_t)bad, 0, "1,000 texts of noise");
	is_int(preview_vehicle(NULL, "v", columns, 1), 0, "no preview is no error");
	is_int(preview_file(NULL, "v", "v", 1) + preview_join(NULL, "x"), 0, "nor here");
	ok(preview_done(NULL), "it is done");
	preview_take(NULL, NULL);
	ok(shown(NULL, &len) == NULL, "and shows nothing");
}

/* Random rows and numbers of some vehicles, by way of one preview and of many. */
static void
test_fragments(void)
{
	static const char *const names[PREVIEW_COLUMNS] = { "a", "b", "c", "d", "e", "f",
		"g", "h", "i", "j", "k", "l" };
	struct preview *one, *all, *fragment;
	struct preview_part *part, *again;
	char *a, *b, *facts, row[64];
	size_t bad = 0, v, wide[6];
	int round, k, n;

	draw_from(9);
	for (round = 0; round < 200; round++) {
		one = preview_new(0, RANGE);
		all = preview_new(0, RANGE);
		fragment = preview_new(0, RANGE);
		/* All fit together, or not. */
		n = draw(2) ? 6 : PREVIEW_COLUMNS;
		for (v = 0; v < 6; v++)
			wide[v] = 1 + draw((uint64_t)n);
		for (v = 0; v < 6; v++) {
			preview_vehicle(one, names[v], names, wide[v]);
			preview_vehicle(fragment, names[v], names, wide[v]);
			for (n = (int)draw(6); n > 0; n--) {
				snprintf(row, sizeof(row), "%d,%d\n", n, round);
				part = part_of(wide[v], draw(3) ? row : "");
				again = part_of(wide[v], "");
				for (k = (int)draw(50); k > 0 && part->rows > 0; k--)
					bins_add(&part->bins, draw(wide[v]),
					    (int64_t)draw(RANGE),
					    ldexp((double)draw(1 << 30) - 5e8,
					    (int)draw(50) - 25));
				preview_part_take(again, part);
				take(one, part);
				take(fragment, again);
				if (draw(4) != 0)
					continue;
				/* The vehicle goes on in the next. */
				facts = text_of(fragment, preview_facts);
				bad += preview_join(all, facts) != 0;
				free(facts);
				preview_free(fragment);
				fragment = preview_new(0, RANGE);
				preview_vehicle(fragment, names[v], names, wide[v]);
			}
		}
		facts = text_of(fragment, preview_facts);
		preview_join(all, facts);
		a = text_of(one, preview_json);
		b = text_of(all, preview_json);
		bad += strcmp(a, b) != 0;
		free(a), free(b), free(facts);
		preview_free(one), preview_free(all), preview_free(fragment);
	}
	is_int((int64_t)bad, 0, "200 archives of fragments have the preview of one");
}

/* Facts that are none leave no preview. */
static void
test_bad_facts(void)
{
#define VEHICLE(columns, rows, bins) "{\"shown\":[{\"vehicle\":\"v\",\"total\":1," \
	"\"columns\":[" columns "],\"rows\":[" rows "],\"bins\":[" bins "]}]}"
	static const struct { const char *text; bool good; } rows[] = {
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]", "[[0,1,0,0,0,0,0,0,0,0]]"), true },
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]", "[]"), true },
		{ "", true },
		{ "{\"vehicle\":\"v\",\"samples\":[]}", false },
		{ "{", false }, { "[]", false }, { "{\"shown\":[1]}", false },
		{ VEHICLE("", "[\"1\",\"2\"]", "[]"), false },
		{ VEHICLE("1", "[\"1\",\"2\"]", "[]"), false },
		{ VEHICLE("\"c\"", "", "[]"), false },
		{ VEHICLE("\"c\"", "[\"1\"]", "[]"), false },
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]", ""), false },
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]", "[[0,1,0,0,0,0,0,0,0]]"), false },
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]", "[[240,1,0,0,0,0,0,0,0,0]]"), false },
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]", "[[-1,1,0,0,0,0,0,0,0,0]]"), false },
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]", "[[0,0,0,0,0,0,0,0,0,0]]"), false },
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]", "[[0,1,0,0,0,0,0,0,-1,0]]"), false },
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]", "[[0,1,0,0,0,0,0,4294967296,0,0]]"), false },
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]", "[[0,1,0,0,0,0,0,0,0,2]]"), false },
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]", "[[0,1,0,0,0,1000,0,0,0,0]]"), false },
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]", "[[0,1,0,-4616189618054758400,0,0,0,0,0,0]]"),
		    false },
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]", "[[0,1,0,9218868437227405312,0,0,0,0,0,0]]"),
		    false },
		{ VEHICLE("\"c\"", "[\"1\",\"2\"]",
		    "[[0,1,0,0,0,0,0,0,0,0],[0,1,0,0,0,0,0,0,0,0]]"),
		    false },
	};
	struct preview *p;
	size_t i, len;
	struct json_object *o;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		p = preview_new(0, RANGE);
		preview_vehicle(p, "u", columns, 1);
		take(p, part_of(1, "1,1\n"));
		is_int(preview_join(p, rows[i].text), 0, "facts %zu", i);
		o = shown(p, &len);
		ok((o != NULL) == rows[i].good, "facts %zu: %s", i,
		    rows[i].good ? "a preview" : "none");
		json_object_put(o);
		preview_free(p);
	}
}

int
main(void)
{
	test_small();
	test_ceilings();
	test_large();
	test_noise();
	test_fragments();
	test_bad_facts();
	return done_testing();
}
