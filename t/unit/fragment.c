/*
 * A fragment becomes the same archive as if its files had been made there; and
 * facts that are wrong, or do not fit the bytes, are no archive.
 */
#include "worker/engine/archive/fragment.h"

#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/names.h"
#include "worker/engine/archive/csvfile.h"
#include "worker/engine/archive/manifest.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/sink.h"

#include "t/tap.h"

static char speed[] = "speed", upper[] = "Speed", v1[] = "vehicle_1";
static char *list[] = { speed, upper }, *vehicle_list[] = { v1 };
static const struct names parameters = { list, 2 },
    vehicles = { vehicle_list, 1 }, none = { NULL, 0 };
static const struct archive_spec spec = { .to_ms = 86400000,
    .vehicles = &vehicles, .parameters = &none };

struct memory {
	struct sink sink;
	struct buf data;
};

static int
memory_write(struct sink *s, const void *data, size_t len)
{
	return buf_add(&((struct memory *)s)->data, data, len);
}

static struct memory fragment, whole, again;

static void
memory_clear(struct memory *m)
{
	m->sink.write = memory_write;
	m->data.max = (size_t)1 << 24;
	m->data.len = 0;
}

static int
memory_read(void *arg, uint64_t at, size_t len, struct buf *to)
{
	(void)arg;
	to->len = 0;
	return buf_add(to, fragment.data.data + at, len);
}

struct taker {
	struct manifest *manifest;
	const char *vehicle;
};

static int
file_done(void *arg, const struct csvfile_facts *facts)
{
	const struct taker *t = arg;

	return manifest_file(t->manifest, t->vehicle, facts);
}

/* Rows enough for several parts. */
static int
add_rows(struct csvfile *w, struct deflater *d, size_t n)
{
	struct buf deflated;
	char text[64];
	size_t i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++) {
		struct block b = { .points = 1 };
		int len = snprintf(text, sizeof(text), "%zu,%zu,\n", i, i * i);

		buf_init(&deflated, 1 << 16);
		rc = block_seal(&b, (const uint8_t *)text, (size_t)len,
		    &deflated, d);
		b.deflated = deflated.data;
		block_row(&b, (int64_t)i);
		if (rc == 0)
			rc = csvfile_block(w, &b);
		buf_release(&deflated);
	}
	return rc;
}

/* Known where the archive is made, not where the fragment was. */
static const struct archive_parameter known[] = {
	{ "speed", "km/h", "how fast", 1 },
};

/* Three vehicles, two of which have the same name in the archive. */
static void
make(struct zip *zip, struct manifest *m, bool runs)
{
	static const char *const names[] = { "v", "a b", "a?b" };
	const struct csvfile_options options = { .level = DEFLATE_FAST,
	    .split_bytes = 60, .runs = runs, .units = { known, runs ? 0 : 1 } };
	const struct skips skips = { { 0, 1 } };
	struct deflater *d = deflater_new(options.level);
	struct csvfile *w;
	size_t i;

	if (zip == NULL || m == NULL || d == NULL)
		abort();
	for (i = 0; i < 3; i++) {
		struct taker t = { m, names[i] };

		w = csvfile_open(zip, &options, d, names[i], &parameters,
		    file_done, &t);
		if (w == NULL || add_rows(w, d, 10 * i) != 0)
			abort();
		csvfile_facts(w)->skipped = skips;
		csvfile_facts(w)->skipped_documents = 1;
		if (manifest_skipped(m, names[i], upper, NULL, 0,
		    &skips) != 0 || csvfile_close(w) != 0)
			abort();
		csvfile_free(w);
	}
	deflater_free(d);
}

/* The fragment's facts; the caller frees them. */
static char *
make_fragment(void)
{
	struct manifest *m = manifest_new_facts();
	struct zip *zip;
	char *facts;

	memory_clear(&fragment);
	zip = zip_new_bare(&fragment.sink);
	make(zip, m, true);
	facts = strdup(manifest_facts(m, NULL));
	manifest_free(m);
	zip_free(zip);
	return facts;
}

/* The archive of the fragment with these facts, into `again`. */
static enum archive_result
take(const char *facts, uint64_t size, size_t step)
{
	const struct archive_fragment f = { .name = "f", .facts = facts,
	    .size = size, .step = step, .read = memory_read };
	static const struct csvfile_options options = {
	    .level = DEFLATE_FAST, .split_bytes = 60, .units = { known, 1 } };
	struct manifest *m = manifest_new(&spec);
	enum archive_result result;
	struct fragments *fs;
	struct zip *zip;

	memory_clear(&again);
	if ((zip = zip_new(&again.sink, 0)) == NULL || m == NULL ||
	    (fs = fragments_new(zip, m, NULL, &options)) == NULL)
		abort();
	result = fragments_take(fs, &f);
	if (result == ARCHIVE_OK && !fragments_whole(fs))
		result = ARCHIVE_BAD_FRAGMENT;
	fragments_free(fs);
	if (result == ARCHIVE_OK &&
	    (manifest_write(m, zip) != 0 || zip_finish(zip) != 0))
		abort();
	manifest_free(m);
	zip_free(zip);
	return result;
}

static void
test_same(const char *facts)
{
	static const size_t steps[] = { 1, 7, 100, 1 << 20 };
	struct manifest *m = manifest_new(&spec);
	struct zip *zip;
	size_t i;

	memory_clear(&whole);
	zip = zip_new(&whole.sink, 0);
	make(zip, m, false);
	if (manifest_write(m, zip) != 0 || zip_finish(zip) != 0)
		abort();
	manifest_free(m);
	zip_free(zip);
	for (i = 0; i < 4; i++) {
		is_int(take(facts, fragment.data.len, steps[i]), ARCHIVE_OK,
		    "%zu bytes at a time", steps[i]);
		ok(again.data.len == whole.data.len &&
		    memcmp(again.data.data, whole.data.data,
		    whole.data.len) == 0, "the same archive");
	}
}

/* The facts with the first `from` replaced; the caller frees them. */
static char *
changed(const char *facts, const char *from, const char *to)
{
	const char *at = strstr(facts, from);
	char *text = NULL;

	if (at == NULL || asprintf(&text, "%.*s%s%s", (int)(at - facts), facts,
	    to, at + strlen(from)) < 0)
		abort();
	return text;
}

static void
test_bad(const char *facts)
{
	static const char *const rows[][2] = {
		{ "{\"files\"", "{\"Files\"" }, { "{\"files\"", "" },
		{ "{\"files\"", " {\"files\"" }, { "[{", "[{{" },
		{ "[{", "[[{" }, { "},{", "}{" }, { "},{", "},,{" },
		{ "},{", "},1,{" }, { "}],\"skippedDocuments\":[", "}]" },
		{ "\"vehicle\":\"v\"", "\"vehicle\":1" },
		{ "\"vehicle\":\"v\"", "\"vehicle\":\"v\\u0000\"" },
		{ "\"columns\":[\"speed\",", "\"columns\":[" },
		{ "\"columns\":[\"speed\",", "\"columns\":[1," },
		{ "\"columns\":[\"speed\",", "\"columns\":[null," },
		{ "\"parameters\":[", "\"parameters\":{}, \"x\":[" },
		{ "\"rows\":0", "\"rows\":-1" },
		{ "\"rows\":0", "\"rows\":\"0\"" },
		{ "\"rows\":0", "\"rows\":1" }, { "\"points\":0", "\"p\":0" },
		{ "\"crc32\":\"", "\"crc32\":\"0" },
		{ "\"crc32\":\"", "\"crc32\":\"x" },
		{ "\"duplicates\":0", "\"duplicates\":0.5" },
		{ "\"skipped\":{\"bad_id\"", "\"skipped\":{\"bad_idea\"" },
		{ "\"skipped\":{\"bad_id\":1}", "\"skipped\":[]" },
		{ "\"begins\":1", "\"begins\":0" },
		{ "\"begins\":0", "\"begins\":1" },
		{ "\"begins\":1", "\"begins\":2" },
		{ "\"begins\":1", "\"begins\":true" },
		{ "\"begins\":1", "\"b\":1" },
		{ "\"ends\":1", "\"ends\":0" },
		{ "\"ends\":0", "\"ends\":1" },
		{ "\"ends\":1", "\"e\":1" },
		{ "\"runBytes\":", "\"runBytes\":4294967295,\"x\":" },
		{ "\"runBytes\":", "\"runBytes\":4294967293,\"x\":" },
		{ "\"bytes\":", "\"bytes\":4294967295,\"x\":" },
		{ "\"runCrc32\":", "\"runCrc32\":1" },
		{ "\"runCrc32\":", "\"runCrc32\":4294967296,\"x\":" },
		{ "\"parameter\":\"Speed\"", "\"parameter\":null" },
		{ "\"_id\":null", "\"_id\":1.5" },
		{ "\"_id\":null", "\"_id\":{}" }, { "\"_id\":null", "\"i\":1" },
		{ "\"reasons\":{\"bad_id\":1}", "\"reasons\":null" },
		{ "Total\":3", "Total\":" }, { "Total\":3", "Total\":-3" },
		{ "\"preview\":\"\"}", "\"preview\":\"\"" },
		{ "\"preview\":\"\"}", "\"preview\":\"\"}}" },
		{ "\"preview\":\"\"}", "\"preview\":1}" },
	};
	char *text;
	size_t i, cut;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text = changed(facts, rows[i][0], rows[i][1]);
		is_int(take(text, fragment.data.len, 50), ARCHIVE_BAD_FRAGMENT,
		    "%s for %s", rows[i][1], rows[i][0]);
		free(text);
	}
	for (cut = i = 0; i < strlen(facts); i++) {
		text = strndup(facts, i);
		cut += take(text, fragment.data.len, 50) ==
		    ARCHIVE_BAD_FRAGMENT;
		free(text);
	}
	is_int((int64_t)cut, (int64_t)strlen(facts), "cut anywhere");
	is_int(take(facts, fragment.data.len - 1, 50), ARCHIVE_BAD_FRAGMENT,
	    "a byte less");
	buf_add(&fragment.data, "", 1);
	is_int(take(facts, fragment.data.len, 50), ARCHIVE_BAD_FRAGMENT,
	    "a byte more");
	fragment.data.len--;
	fragment.data.data[3] ^= 1;
	is_int(take(facts, fragment.data.len, 50), ARCHIVE_BAD_FRAGMENT,
	    "another byte");
	fragment.data.data[3] ^= 1;
}

/* Members that this version does not write do not get into the manifest. */
static void
test_other_version(const char *facts)
{
	char *text = changed(facts, "\"duplicates\":0",
	    "\"sha256\":\"00\",\"duplicates\":0");

	is_int(take(text, fragment.data.len, 50), ARCHIVE_OK, "with a SHA-256");
	ok(again.data.len == whole.data.len && memcmp(again.data.data,
	    whole.data.data, whole.data.len) == 0, "the same archive");
	free(text);
}

int
main(void)
{
	char *facts = make_fragment();

	test_same(facts);
	test_bad(facts);
	test_other_version(facts);
	is_int(take("{\"files\":[],\"skippedDocuments\":[],"
	    "\"skippedDocumentsTotal\":0,\"preview\":\"\"}", 0, 1), ARCHIVE_OK, "no files");
	free(facts);
	buf_release(&fragment.data);
	buf_release(&whole.data);
	buf_release(&again.data);
	return done_testing();
}
