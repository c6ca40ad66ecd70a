/*
 * Any text as a fragment's facts: taken or not, nothing else. What is taken is
 * written again as facts, and those are read as the same. The bytes that belong
 * to them are all zeros, as many as the runs that the text names, if few.
 */
#include "worker/engine/archive/facts.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/names.h"
#include "worker/engine/archive/fragment.h"
#include "worker/engine/archive/preview.h"
#include "worker/engine/sink.h"

#include "t/fuzz/fuzz.h"

#define SIZE_MAX_HERE 100000

static int
drop(struct sink *s, const void *data, size_t len)
{
	(void)s;
	(void)data;
	(void)len;
	return 0;
}

static int
zeros(void *arg, uint64_t at, size_t len, struct buf *to)
{
	(void)arg;
	(void)at;
	to->len = 0;
	CHECK(buf_reserve(to, len) != NULL);
	memset(to->data, 0, len);
	to->len = len;
	return 0;
}

/*
 * The facts of these facts, and the bytes of all runs; NULL: not taken. The
 * caller frees them.
 */
static char *
written(const char *text, uint64_t *bytes)
{
	struct facts *facts = facts_open(text);
	struct manifest *m = manifest_new_facts();
	struct facts_file file;
	struct manifest_skip skip;
	const char *preview;
	char *again = NULL;
	uint64_t total;
	int rc;

	CHECK(facts != NULL && m != NULL);
	*bytes = 0;
	while ((rc = facts_file(facts, &file)) == 0) {
		CHECK((file.csv.rows > 0) == (file.csv.bytes > 0));
		CHECK(file.csv.bytes <= ZIP_ENTRY_MAX);
		CHECK(file.csv.run_bytes < ZIP_ENTRY_MAX);
		CHECK(file.csv.columns->n == file.csv.parameters->n);
		*bytes += file.csv.run_bytes;
		CHECK(manifest_file(m, file.vehicle, &file.csv) == 0);
	}
	while (rc > 0 && (rc = facts_skip(facts, &skip)) == 0) {
		CHECK(manifest_list_skip(m, &skip) == 0);
		rc = 1;
	}
	if (rc > 0 && facts_end(facts, &total, &preview) == 0) {
		manifest_count_skips(m, total);
		again = strdup(manifest_facts(m, preview));
		CHECK(again != NULL);
	}
	facts_free(facts);
	manifest_free(m);
	return again;
}

/* Into an archive: an error or not. */
static void
take_fragment(const char *text, uint64_t size)
{
	const struct names none = { NULL, 0 };
	const struct archive_spec spec = { .vehicles = &none,
	    .parameters = &none };
	const struct archive_fragment f = { .name = "f", .facts = text,
	    .size = size < SIZE_MAX_HERE ? size : SIZE_MAX_HERE, .step = 1000,
	    .read = zeros };
	struct sink sink = { .write = drop };
	const struct csvfile_options options = { .level = DEFLATE_FAST,
	    .split_bytes = 1000 };
	struct zip *zip = zip_new(&sink, 0);
	struct manifest *m = manifest_new(&spec);
	struct preview *p = preview_new(0, 1000);
	struct fragments *fs = fragments_new(zip, m, p, &options);
	struct buf b;

	CHECK(zip != NULL && m != NULL && p != NULL && fs != NULL);
	if (fragments_take(fs, &f) == ARCHIVE_OK && fragments_whole(fs))
		CHECK(manifest_write(m, zip) == 0 && zip_finish(zip) == 0);
	buf_init(&b, 2 * PREVIEW_BYTES);
	CHECK(preview_json(p, &b) == 0 && b.len <= PREVIEW_BYTES);
	buf_release(&b);
	preview_free(p);
	fragments_free(fs);
	manifest_free(m);
	zip_free(zip);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1), *first, *again;
	uint64_t bytes, same;

	CHECK(text != NULL);
	memcpy(text, data, len);
	text[len] = '\0';
	if ((first = written(text, &bytes)) != NULL) {
		again = written(first, &same);
		CHECK(again != NULL && same == bytes);
		CHECK(strcmp(first, again) == 0);
		free(again);
	}
	take_fragment(text, bytes);
	free(first);
	free(text);
	return 0;
}
