/*
 * manifest.json and a fragment's facts: FORMAT.md, 5, to the byte; and what the
 * manifest, names and ZIP of 100,000 files cost.
 */
#include "worker/engine/archive/manifest.h"

#include <malloc.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/names.h"
#include "worker/engine/archive/csvfile.h"
#include "worker/engine/archive/packed.h"
#include "worker/engine/archive_types.h"
#include "worker/engine/sink.h"

#include "t/tap.h"
#define DOC_MAX 4096
#include "t/unit/doc.h"
#include "t/unit/draw.h"
#include "t/unit/inflate.h"

static char speed[] = "speed", formula[] = "=a\"\\\x1f/\n", guarded[] =
    "'=a\"\\\x1f/\n", vehicle_1[] = "vehicle_1";
static char *speed_list[] = { speed }, *two_list[] = { speed, formula },
    *two_columns[] = { speed, guarded }, *vehicle_list[] = { vehicle_1 };
static const struct names one = { speed_list, 1 }, two = { two_list, 2 },
    two_named = { two_columns, 2 }, vehicles = { vehicle_list, 1 },
    none = { NULL, 0 };

static const struct archive_spec spec = { .to_ms = 86400000, .began_ms = 5,
    .vehicles = &vehicles, .parameters = &none };

/* What is written, all of it. */
struct memory {
	struct sink sink;
	struct buf data;
};

static int
memory_write(struct sink *s, const void *data, size_t len)
{
	return buf_add(&((struct memory *)s)->data, data, len);
}

static struct memory memory = { .sink = { .write = memory_write },
    .data = { .max = (size_t)1 << 30 } };

/* The manifest's run of blocks is this text. */
static void
is_text(struct manifest *m, const char *text, const char *name)
{
	struct zip *zip = zip_new_bare(&memory.sink);

	memory.data.len = 0;
	if (m == NULL || zip == NULL)
		abort();
	is_int(manifest_write(m, zip), 0, "%s: written", name);
	ok(inflates(memory.data.data, memory.data.len, (const uint8_t *)text,
	    strlen(text)), "%s: the text", name);
	zip_free(zip);
	manifest_free(m);
}

#define HEAD_OF(UNKNOWN, SKIPPED, HEADER, KNOWN) \
	"{\n" \
	"  \"format\": 6,\n" \
	"  \"request\": {\n" \
	"    \"startDate\": \"1970-01-01T00:00:00.000Z\",\n" \
	"    \"endDate\": \"1970-01-02T00:00:00.000Z\",\n" \
	"    \"vehicles\": [\n" \
	"      \"vehicle_1\"\n" \
	"    ],\n" \
	"    \"parameters\": null,\n" \
	"    \"format\": \"csv\",\n" \
	"    \"time\": \"ms\",\n" \
	"    \"timeZone\": null,\n" \
	"    \"every\": null,\n" \
	"    \"take\": null,\n" \
	"    \"hold\": null,\n" \
	"    \"csv\": \"rfc4180\",\n" \
	"    \"header\": \"" HEADER "\",\n" \
	"    \"split\": \"none\",\n" \
	"    \"compression\": \"fast\",\n" \
	"    \"unknownVehicles\": \"" UNKNOWN "\"\n" \
	"  },\n" \
	"  \"readingBeganAt\": \"1970-01-01T00:00:00.005Z\",\n" \
	"  \"skippedVehicles\": [\n" SKIPPED "  ],\n" \
	"  \"parameters\": [\n" KNOWN "  ],\n"
#define HEAD HEAD_OF("fail", "", "name", "")

/* Two files, one without rows, and a document with something skipped. */
static void
fill(struct manifest *m)
{
	const struct csvfile_facts first = { .name = "vehicle_1.csv",
	    .columns = &one, .parameters = &one, .bytes = 11, .crc = 0x0a1b2c3d,
	    .begins = true, .run_bytes = 13, .run_crc = UINT32_MAX };
	struct csvfile_facts second = { .name = "b.csv", .columns = &two_named,
	    .parameters = &two,
	    .rows = 3, .points = 4, .bytes = 12345678901, .first_ms = -1,
	    .last_ms = 1543536000000, .duplicates = 5, .non_finite = 6,
	    .non_numeric = 7, .skipped_documents = 1, .ends = true, .run_bytes = 7 };
	struct skips skips = { { 0 } };
	static struct doc d;

	second.skipped.count[SKIP_BAD_KEY] = 2;
	second.skipped.count[SKIP_NO_VALUES] = 1;
	skips.count[SKIP_BAD_ID] = 1;
	doc_reset(&d);
	doc_int64(&d, "x", 1);
	doc_close(&d);
	is_int(manifest_file(m, vehicle_1, &first), 0, "a file");
	is_int(manifest_skipped(m, "b", "=a", d.data, d.len, &skips), 0,
	    "a document");
	is_int(manifest_file(m, "b\x7f\xc3\xa4", &second), 0,
	    "another file");
}

static void
test_text(void)
{
	struct manifest *m = manifest_new(&spec);
	static const struct archive_parameter known[] = {
		{ "odo", NULL, NULL, -1 },
		{ "speed", "km/h", NULL, 0 },
		{ "t", "\xc2\xb0" "C", "a \"t\"", 2 },
	};
	struct archive_spec skipping, knowing;

	is_text(m, HEAD
	    "  \"files\": [\n"
	    "  ],\n"
	    "  \"skippedDocuments\": [\n"
	    "  ],\n"
	    "  \"skippedDocumentsTotal\": 0\n"
	    "}", "no files");
	skipping = spec;
	skipping.skip_unknown = true;
	skipping.skipped = &two;
	is_text(manifest_new(&skipping), HEAD_OF("skip",
	    "    \"speed\",\n"
	    "    \"=a\\\"\\\\\\u001f/\\n\"\n", "name", "")
	    "  \"files\": [\n"
	    "  ],\n"
	    "  \"skippedDocuments\": [\n"
	    "  ],\n"
	    "  \"skippedDocumentsTotal\": 0\n"
	    "}", "vehicles that were skipped");
	knowing = spec;
	knowing.header_unit = true;
	knowing.known = known;
	knowing.nknown = 3;
	is_text(manifest_new(&knowing), HEAD_OF("fail", "", "unit",
	    "    {\n"
	    "      \"name\": \"odo\",\n"
	    "      \"unit\": null,\n"
	    "      \"label\": null,\n"
	    "      \"decimals\": null\n"
	    "    },\n"
	    "    {\n"
	    "      \"name\": \"speed\",\n"
	    "      \"unit\": \"km/h\",\n"
	    "      \"label\": null,\n"
	    "      \"decimals\": 0\n"
	    "    },\n"
	    "    {\n"
	    "      \"name\": \"t\",\n"
	    "      \"unit\": \"\xc2\xb0" "C\",\n"
	    "      \"label\": \"a \\\"t\\\"\",\n"
	    "      \"decimals\": 2\n"
	    "    }\n")
	    "  \"files\": [\n"
	    "  ],\n"
	    "  \"skippedDocuments\": [\n"
	    "  ],\n"
	    "  \"skippedDocumentsTotal\": 0\n"
	    "}", "what is known of parameters");
	if ((m = manifest_new(&spec)) == NULL)
		abort();
	fill(m);
	is_text(m, HEAD
	    "  \"files\": [\n"
	    "    {\n"
	    "      \"name\": \"vehicle_1.csv\",\n"
	    "      \"vehicle\": \"vehicle_1\",\n"
	    "      \"period\": null,\n"
	    "      \"emptyPeriods\": [\n"
	    "      ],\n"
	    "      \"columns\": [\n"
	    "        \"speed\"\n"
	    "      ],\n"
	    "      \"parameters\": [\n"
	    "        \"speed\"\n"
	    "      ],\n"
	    "      \"rows\": 0,\n"
	    "      \"points\": 0,\n"
	    "      \"firstTime\": null,\n"
	    "      \"lastTime\": null,\n"
	    "      \"bytes\": 11,\n"
	    "      \"crc32\": \"0a1b2c3d\",\n"
	    "      \"duplicates\": 0,\n"
	    "      \"nonFinite\": 0,\n"
	    "      \"nonNumeric\": 0,\n"
	    "      \"skipped\": {\n"
	    "      },\n"
	    "      \"skippedDocuments\": 0\n"
	    "    },\n"
	    "    {\n"
	    "      \"name\": \"b.csv\",\n"
	    "      \"vehicle\": \"b\x7f\xc3\xa4\",\n"
	    "      \"period\": null,\n"
	    "      \"emptyPeriods\": [\n"
	    "      ],\n"
	    "      \"columns\": [\n"
	    "        \"speed\",\n"
	    "        \"'=a\\\"\\\\\\u001f/\\n\"\n"
	    "      ],\n"
	    "      \"parameters\": [\n"
	    "        \"speed\",\n"
	    "        \"=a\\\"\\\\\\u001f/\\n\"\n"
	    "      ],\n"
	    "      \"rows\": 3,\n"
	    "      \"points\": 4,\n"
	    "      \"firstTime\": -1,\n"
	    "      \"lastTime\": 1543536000000,\n"
	    "      \"bytes\": 12345678901,\n"
	    "      \"crc32\": \"00000000\",\n"
	    "      \"duplicates\": 5,\n"
	    "      \"nonFinite\": 6,\n"
	    "      \"nonNumeric\": 7,\n"
	    "      \"skipped\": {\n"
	    "        \"bad_key\": 2,\n"
	    "        \"no_values\": 1\n"
	    "      },\n"
	    "      \"skippedDocuments\": 1\n"
	    "    }\n"
	    "  ],\n"
	    "  \"skippedDocuments\": [\n"
	    "    {\n"
	    "      \"vehicle\": \"b\",\n"
	    "      \"parameter\": \"=a\",\n"
	    "      \"_id\": null,\n"
	    "      \"reasons\": {\n"
	    "        \"bad_id\": 1\n"
	    "      }\n"
	    "    }\n"
	    "  ],\n"
	    "  \"skippedDocumentsTotal\": 1\n"
	    "}", "two files");
}

static void
test_facts(void)
{
	struct manifest *m = manifest_new_facts();

	if (m == NULL)
		abort();
	fill(m);
	is_str(manifest_facts(m, NULL), "{\"files\":["
	    "{\"vehicle\":\"vehicle_1\",\"columns\":[\"speed\"],\"parameters\":["
	    "\"speed\"],\"rows\":0,\"points\":0,\"firstTime\":null,"
	    "\"lastTime\":null,\"bytes\":11,\"crc32\":\"0a1b2c3d\","
	    "\"duplicates\":0,\"nonFinite\":0,\"nonNumeric\":0,\"skipped\":{},"
	    "\"skippedDocuments\":0,\"runBytes\":13,\"runCrc32\":"
	    "4294967295,\"begins\":1,\"ends\":0},{\"rows\":3,\"points\":4,"
	    "\"firstTime\":-1,\"lastTime\":1543536000000,\"bytes\":12345678901,"
	    "\"crc32\":\"00000000\",\"duplicates\":5,\"nonFinite\":6,\"nonNumeric\":7,"
	    "\"skipped\":{\"bad_key\":2,\"no_values\":1},\"skippedDocuments\":1,"
	    "\"runBytes\":7,\"runCrc32\":0,\"begins\":0,\"ends\":1}],\"skippedDocuments\":[{"
	    "\"vehicle\":\"b\",\"parameter\":\"=a\",\"_id\":null,\"reasons\":{"
	    "\"bad_id\":1}}],\"skippedDocumentsTotal\":1,\"preview\":\"\"}", "facts");
	ok(manifest_facts(m, NULL) == manifest_facts(m, NULL), "the same text again");
	manifest_free(m);
	manifest_free(NULL);
}

/* The list's item of a document: only its _id. */
static void
id_row(const struct doc *d, const char *expected, const char *name)
{
	struct manifest *m = manifest_new_facts();
	const struct skips skips = { { 1 } };
	const char *text, *at;

	if (m == NULL || manifest_skipped(m, "v", "p", d->data, d->len,
	    &skips) != 0 || (text = manifest_facts(m, NULL)) == NULL ||
	    (at = strstr(text, "\"_id\":")) == NULL)
		abort();
	ok(strncmp(at + 6, expected, strlen(expected)) == 0 &&
	    strncmp(at + 6 + strlen(expected), ",\"reasons\"", 10) == 0,
	    "_id: %s: %.120s", name, at + 6);
	manifest_free(m);
}

static struct doc doc;

static void
double_row(double value, const char *expected)
{
	doc_reset(&doc);
	doc_double(&doc, "_id", value);
	doc_close(&doc);
	id_row(&doc, expected, "a double");
}

static void
string_row(const char *text, size_t len, const char *expected)
{
	doc_reset(&doc);
	doc_bytes(&doc, "_id", text, len);
	doc_close(&doc);
	id_row(&doc, expected, "a string");
}

static void
raw_row(int type, const void *value, size_t len, const char *expected)
{
	doc_reset(&doc);
	doc_key(&doc, type, "_id");
	doc_raw(&doc, value, len);
	doc_close(&doc);
	id_row(&doc, expected, "a value");
}

static void
test_ids(void)
{
	char text[128], quoted[128];

	double_row(7, "7");
	double_row(0.1, "\"0.1\"");
	double_row(-1e300, "\"-1e+300\"");
	double_row((double)__builtin_nan(""), "\"NaN\"");
	double_row((double)__builtin_inf(), "\"Infinity\"");
	string_row("a\0\"b", 4, "\"a\\u0000\\\"b\"");
	string_row("", 0, "\"\"");
	string_row("\xff", 1, "\"BSON type 2\"");
	memset(text, 'x', sizeof(text));
	snprintf(quoted, sizeof(quoted), "\"%.100s\"", text);
	string_row(text, 100, quoted);
	string_row(text, 101, "\"BSON type 2\"");
	raw_row(0x07, "\xf0\1\2\3\4\5\6\7\x8\x9\xa\xff", 12,
	    "\"f00102030405060708090aff\"");
	raw_row(0x08, "\1", 1, "\"BSON type 8\"");
	raw_row(0xff, "", 0, "\"BSON type 255\"");
	raw_row(0x13, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x7c", 16, "\"NaN\"");
	raw_row(0x13, "\x96\0\0\0\0\0\0\0\0\0\0\0\0\0\x3c\x30", 16,
	    "\"1.50\"");
	doc_reset(&doc);
	doc_int64(&doc, "id", 7);
	doc_close(&doc);
	id_row(&doc, "null", "none");
	doc.len--;
	id_row(&doc, "null", "bad BSON");
}

/* 1,000 are listed, also of those that come in a fragment's list. */
static void
test_listed(void)
{
	const struct skips skips = { { 1 } };
	const struct manifest_skip skip = { .vehicle = "v", .parameter = "p",
	    .reasons = &skips };
	struct manifest *m = manifest_new_facts();
	const char *text, *at;
	int i, listed = 0, rc = 0;

	if (m == NULL)
		abort();
	for (i = 0; i < 600; i++)
		rc |= manifest_skipped(m, "v", "p", NULL, 0, &skips);
	for (i = 0; i < 300; i++)
		rc |= manifest_list_skip(m, &skip);
	manifest_count_skips(m, 5000);
	for (i = 0; i < 600; i++)
		rc |= manifest_skipped(m, "v", "p", NULL, 0, &skips);
	is_int(rc, 0, "1,500 documents");
	if ((text = manifest_facts(m, NULL)) == NULL)
		abort();
	for (at = text; (at = strstr(at, "\"_id\"")) != NULL; at++)
		listed++;
	is_int(listed, MANIFEST_SKIPPED_MAX, "1,000 are listed");
	ok(strstr(text, "\"skippedDocumentsTotal\":6200,") != NULL,
	    "all are counted: %s", strrchr(text, ']'));
	manifest_free(m);
}

/* The same text in pieces of any size gives the same bytes. */
static void
test_packed(void)
{
	enum { LEN = 1000000 };
	static uint8_t text[LEN];
	struct memory first = memory, again = memory;
	struct memory *to;
	struct packed *p;
	struct zip *zip;
	size_t i, n, at;
	int rc = 0;

	memset(&first.data, 0, sizeof(first.data));
	buf_init(&first.data, (size_t)1 << 30);
	buf_init(&again.data, (size_t)1 << 30);
	draw_from(5);
	for (i = 0; i < LEN; i++)
		text[i] = (uint8_t)(i < LEN / 2 ? draw_bits() :
		    (uint64_t)"0123456789,\n"[draw_bits() % 12]);
	for (i = 0; i < 2; i++) {
		to = i == 0 ? &first : &again;
		zip = zip_new_bare(&to->sink);
		if ((p = packed_new()) == NULL || zip == NULL)
			abort();
		for (at = 0; at < LEN; at += n) {
			n = i == 0 ? LEN : 1 + draw_bits() % 50000;
			if (n > LEN - at)
				n = LEN - at;
			rc |= packed_add(p, text + at, n);
		}
		rc |= packed_end(p) | zip_begin(zip, "a") |
		    packed_write(p, zip) | zip_end(zip, NULL);
		packed_free(p);
		zip_free(zip);
	}
	packed_free(NULL);
	is_int(rc, 0, "packed twice");
	ok(inflates(first.data.data, first.data.len, text, LEN),
	    "%zu bytes inflate to the text", first.data.len);
	is_mem(again.data.data, again.data.len, first.data.data,
	    first.data.len, "in pieces: the same bytes");
	buf_release(&first.data);
	buf_release(&again.data);
}

static int
drop(struct sink *s, const void *data, size_t len)
{
	(void)s;
	(void)data;
	(void)len;
	return 0;
}

static double
cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t
heap_bytes(void)
{
	const struct mallinfo2 i = mallinfo2();

	return i.uordblks + i.hblkhd;
}

/* What csvfile_done_fn needs. */
struct one_of_many {
	struct manifest *manifest;
	const char *vehicle;
};

static int
file_done(void *arg, const struct csvfile_facts *facts)
{
	const struct one_of_many *v = arg;

	return manifest_file(v->manifest, v->vehicle, facts);
}

/*
 * n vehicles without data, as names of one shape, or all of them names that are
 * the same once cleaned. The heap's peak in *bytes; returns cpu seconds.
 */
static double
many(unsigned n, bool alike, size_t *bytes)
{
	static char soc[] = "soc", current[] = "current", odo[] = "odo",
	    voltage[] = "voltage";
	static char *list[] = { speed, soc, current, odo, voltage };
	static const struct names five = { list, 5 };
	const struct csvfile_options options = { .level = DEFLATE_FAST,
	    .split_bytes = UINT32_MAX };
	const size_t before = heap_bytes();
	const double begin = cpu_s();
	struct sink nowhere = { .write = drop };
	struct deflater *d = deflater_new(DEFLATE_FAST);
	struct zip *zip = zip_new(&nowhere, 0);
	struct manifest *m = manifest_new(&spec);
	char vehicle[32], *c;
	struct one_of_many v = { m, vehicle };
	struct csvfile *w;
	int rc = 0;
	unsigned i;

	if (d == NULL || zip == NULL || m == NULL)
		abort();
	*bytes = 0;
	for (i = 0; i < n && rc == 0; i++) {
		snprintf(vehicle, sizeof(vehicle), "vehicle_%06u", i);
		for (c = vehicle + 8; alike && *c != '\0'; c++)
			*c = "!#%&()+,;="[*c - '0'];
		w = csvfile_open(zip, &options, d, vehicle, &five, file_done,
		    &v);
		rc = w == NULL ? -1 : csvfile_close(w);
		csvfile_free(w);
		if (i % 1000 == 0 && heap_bytes() - before > *bytes)
			*bytes = heap_bytes() - before;
	}
	rc |= manifest_write(m, zip) | zip_finish(zip);
	if (heap_bytes() - before > *bytes)
		*bytes = heap_bytes() - before;
	is_int(rc, 0, "%u files", n);
	manifest_free(m);
	zip_free(zip);
	deflater_free(d);
	return cpu_s() - begin;
}

static void
test_many(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	const bool measured = false;
#else
	const bool measured = true;
#endif
	const unsigned n = measured ? 100000 : 10000;
	size_t bytes;
	double few, s;
	int alike;

	for (alike = 0; alike < 2; alike++) {
		few = many(n / 10, alike, &bytes);
		s = many(n, alike, &bytes);
		ok(s < 25 * few, "%s: ten times the files in %.1f times the cpu",
		    alike ? "one name" : "names", s / few);
		if (!measured)
			continue;
		ok(bytes <= (size_t)20 << 20, "%u files: %.1f MiB of heap, %.2f s cpu",
		    n, (double)bytes / (1 << 20), s);
	}
}

int
main(void)
{
	test_text();
	test_facts();
	test_ids();
	test_listed();
	test_packed();
	test_many();
	buf_release(&memory.data);
	return done_testing();
}
