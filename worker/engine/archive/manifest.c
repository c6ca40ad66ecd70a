/*
 * The JSON that describes an archive: its request, its files, and what was
 * skipped (FORMAT.md, 5). It writes down what others computed, in the order of
 * the format. Knows no rows, and of the ZIP only its own entry, the last.
 */
#include "worker/engine/archive/manifest.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/duration.h"
#include "lib/base/log.h"
#include "lib/base/names.h"
#include "lib/base/timestamp.h"
#include "worker/engine/archive/csvfile.h"
#include "worker/engine/archive/idtext.h"
#include "worker/engine/archive/jsontext.h"
#include "worker/engine/archive/packed.h"
#include "worker/engine/archive_types.h"
#include "worker/engine/decode/document.h"

/* Ceiling of a fragment's facts, and of the text of one file. */
#define TEXT_MAX ((size_t)1 << 30)
/* The list of skipped documents: in an object, in a list. */
#define SKIPPED_DEPTH 2

struct manifest {
	struct packed *packed;	/* of a manifest; NULL: facts */
	struct buf text;	/* not packed yet; of facts, all of it */
	struct jsontext json;	/* writes to text */
	struct buf skipped;	/* the list, to be added at the end */
	struct jsontext list;	/* writes to skipped */
	unsigned listed;
	uint64_t skipped_total;
	bool in_vehicle;	/* of facts: the last run is not its last one */
	bool ended;
};

static int
manifest_no_memory(void)
{
	log_msg(LOG_ERROR, "manifest", "out of memory");
	return -1;
}

/* After a step: pack what was written. Returns 0, -1: no memory, logged. */
static int
manifest_flush(struct manifest *m)
{
	if (m->json.failed)
		return manifest_no_memory();
	if (m->packed == NULL)
		return 0;
	if (packed_add(m->packed, m->text.data, m->text.len) != 0)
		return manifest_no_memory();
	m->text.len = 0;
	return 0;
}

static void
put_time(struct jsontext *j, const char *name, int64_t t_ms)
{
	char text[TIMESTAMP_SIZE];

	timestamp_format(t_ms, text);
	jsontext_text(j, name, text);
}

/* null where there is none. */
static void
put_text(struct jsontext *j, const char *name, const char *text)
{
	if (text != NULL)
		jsontext_text(j, name, text);
	else
		jsontext_null(j, name);
}

static void
put_names(struct jsontext *j, const char *name, const struct names *names)
{
	size_t i;

	jsontext_open(j, name, '[');
	for (i = 0; i < names->n; i++)
		jsontext_text(j, NULL, names->v[i]);
	jsontext_close(j, ']');
}

/* A list of the request: null, not [], when it was not given. */
static void
put_list(struct jsontext *j, const char *name, const struct names *list)
{
	if (list->n > 0)
		put_names(j, name, list);
	else
		jsontext_null(j, name);
}

static const char *
time_word(const struct archive_spec *spec)
{
	if (spec->local)
		return "local";
	return spec->rfc3339 ? "rfc3339" : "ms";
}

static const char *
csv_word(const struct archive_spec *spec)
{
	if (spec->semicolon)
		return "excel-semicolon";
	return spec->excel ? "excel" : "rfc4180";
}

static void
put_duration(struct jsontext *j, const char *name, int64_t ms)
{
	char text[DURATION_SIZE];

	duration_text(ms, text);
	jsontext_text(j, name, text);
}

static void
put_steps(struct jsontext *j, const struct archive_spec *spec)
{
	static const char *const takes[] = { "last", "first", "mean", "min", "max" };

	if (spec->every_ms == 0) {
		jsontext_null(j, "every");
		jsontext_null(j, "take");
		jsontext_null(j, "hold");
		return;
	}
	put_duration(j, "every", spec->every_ms);
	jsontext_text(j, "take", takes[spec->take]);
	put_duration(j, "hold", spec->hold_ms);
}

static void
put_request(struct jsontext *j, const char *name, const struct archive_spec *spec)
{
	static const char *const splits[] = { "none", "day", "month" };

	jsontext_open(j, name, '{');
	put_time(j, "startDate", spec->from_ms);
	put_time(j, "endDate", spec->to_ms);
	put_list(j, "vehicles", spec->vehicles);
	put_list(j, "parameters", spec->parameters);
	jsontext_text(j, "format", spec->parquet ? "parquet" : "csv");
	put_text(j, "time", spec->parquet ? NULL : time_word(spec));
	put_text(j, "timeZone", spec->zone_name);
	put_steps(j, spec);
	put_text(j, "csv", spec->parquet ? NULL : csv_word(spec));
	jsontext_text(j, "header", spec->header_unit ? "unit" : "name");
	jsontext_text(j, "split", splits[spec->split]);
	jsontext_text(j, "compression", spec->small ? "small" : "fast");
	jsontext_text(j, "unknownVehicles", spec->skip_unknown ? "skip" : "fail");
	jsontext_close(j, '}');
}

static void
put_known(struct jsontext *j, const char *name, const struct archive_spec *spec)
{
	const struct archive_parameter *known = spec->known;
	size_t i;

	jsontext_open(j, name, '[');
	for (i = 0; i < spec->nknown; i++) {
		jsontext_open(j, NULL, '{');
		jsontext_text(j, "name", known[i].name);
		put_text(j, "unit", known[i].unit);
		put_text(j, "label", known[i].label);
		if (known[i].decimals >= 0)
			jsontext_int(j, "decimals", known[i].decimals);
		else
			jsontext_null(j, "decimals");
		jsontext_close(j, '}');
	}
	jsontext_close(j, ']');
}

static char *
text_of(const struct archive_spec *spec, void (*put)(struct jsontext *j,
    const char *name, const struct archive_spec *spec))
{
	struct jsontext j;
	char *text = NULL;
	struct buf b;

	buf_init(&b, TEXT_MAX);
	jsontext_init(&j, &b, false, 0);
	put(&j, NULL, spec);
	if (!j.failed)
		text = strndup((char *)b.data, b.len);
	buf_release(&b);
	return text;
}

char *
manifest_request(const struct archive_spec *spec)
{
	return text_of(spec, put_request);
}

char *
manifest_parameters(const struct archive_spec *spec)
{
	return text_of(spec, put_known);
}

/* Without a spec, of a fragment: it has no request. */
static struct manifest *
new_manifest(const struct archive_spec *spec)
{
	struct manifest *m;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		goto nomem;
	buf_init(&m->text, TEXT_MAX);
	buf_init(&m->skipped, TEXT_MAX);
	jsontext_init(&m->json, &m->text, spec != NULL, 0);
	jsontext_init(&m->list, &m->skipped, spec != NULL, SKIPPED_DEPTH);
	if (spec != NULL && (m->packed = packed_new()) == NULL)
		goto nomem;
	jsontext_open(&m->json, NULL, '{');
	if (spec != NULL) {
		jsontext_int(&m->json, "format", ARCHIVE_FORMAT);
		put_request(&m->json, "request", spec);
		put_time(&m->json, "readingBeganAt", spec->began_ms);
		put_names(&m->json, "skippedVehicles", spec->skipped != NULL ?
		    spec->skipped : &(struct names){ 0 });
		put_known(&m->json, "parameters", spec);
	}
	jsontext_open(&m->json, "files", '[');
	if (manifest_flush(m) != 0)
		goto fail;
	return m;
nomem:
	manifest_no_memory();
fail:
	manifest_free(m);
	return NULL;
}

struct manifest *
manifest_new(const struct archive_spec *spec)
{
	return new_manifest(spec);
}

struct manifest *
manifest_new_facts(void)
{
	return new_manifest(NULL);
}

void
manifest_free(struct manifest *m)
{
	if (m == NULL)
		return;
	packed_free(m->packed);
	buf_release(&m->text);
	buf_release(&m->skipped);
	free(m);
}

/* Only the reasons that occurred: {} when nothing was skipped. */
static void
put_skips(struct jsontext *j, const char *name, const struct skips *skips)
{
	int i;

	jsontext_open(j, name, '{');
	for (i = 0; i < SKIP_REASONS; i++)
		if (skips->count[i] != 0)
			jsontext_int(j, skip_name(i),
			    (int64_t)skips->count[i]);
	jsontext_close(j, '}');
}

static void
put_row_time(struct jsontext *j, const char *name,
    const struct csvfile_facts *f, int64_t t_ms)
{
	if (f->rows > 0)
		jsontext_int(j, name, t_ms);
	else
		jsontext_null(j, name);
}

static void
put_facts(struct jsontext *j, const struct csvfile_facts *f)
{
	char crc[9];

	snprintf(crc, sizeof(crc), "%08x", f->crc);
	jsontext_int(j, "rows", (int64_t)f->rows);
	jsontext_int(j, "points", (int64_t)f->points);
	put_row_time(j, "firstTime", f, f->first_ms);
	put_row_time(j, "lastTime", f, f->last_ms);
	jsontext_int(j, "bytes", (int64_t)f->bytes);
	jsontext_text(j, "crc32", crc);
	jsontext_int(j, "duplicates", (int64_t)f->duplicates);
	jsontext_int(j, "nonFinite", (int64_t)f->non_finite);
	jsontext_int(j, "nonNumeric", (int64_t)f->non_numeric);
	put_skips(j, "skipped", &f->skipped);
	jsontext_int(j, "skippedDocuments", (int64_t)f->skipped_documents);
}

/* What a fragment's run has in addition: see facts.c. */
static void
put_run(struct jsontext *j, const struct csvfile_facts *f)
{
	jsontext_int(j, "runBytes", (int64_t)f->run_bytes);
	jsontext_int(j, "runCrc32", f->run_crc);
	if (f->run_about > 0)
		jsontext_int(j, "runAbout", (int64_t)f->run_about);
	jsontext_int(j, "begins", f->begins);
	jsontext_int(j, "ends", f->ends);
}

static void
put_period(struct jsontext *j, const struct csvfile_facts *f)
{
	int i;

	put_text(j, "period", f->period[0] != '\0' ? f->period : NULL);
	jsontext_open(j, "emptyPeriods", '[');
	for (i = 0; i < f->nempty; i++) {
		jsontext_open(j, NULL, '[');
		jsontext_text(j, NULL, f->empty[i].first);
		jsontext_text(j, NULL, f->empty[i].last);
		jsontext_close(j, ']');
	}
	jsontext_close(j, ']');
}

int
manifest_file(struct manifest *m, const char *vehicle,
    const struct csvfile_facts *facts)
{
	struct jsontext *j = &m->json;

	jsontext_open(j, NULL, '{');
	if (m->packed != NULL)
		jsontext_text(j, "name", facts->name);
	/* A vehicle's later runs are not named again. */
	if (!m->in_vehicle) {
		jsontext_text(j, "vehicle", vehicle);
		if (m->packed != NULL)
			put_period(j, facts);
		put_names(j, "columns", facts->columns);
		put_names(j, "parameters", facts->parameters);
	}
	put_facts(j, facts);
	if (m->packed == NULL) {
		put_run(j, facts);
		m->in_vehicle = !facts->ends;
	}
	jsontext_close(j, '}');
	return manifest_flush(m);
}

static void
put_id(struct jsontext *j, const struct manifest_skip *skip)
{
	if (skip->id == MANIFEST_ID_TIME)
		jsontext_int(j, "_id", skip->t_ms);
	else if (skip->id == MANIFEST_ID_TEXT)
		jsontext_string(j, "_id", skip->text, skip->text_len);
	else
		jsontext_null(j, "_id");
}

/* Fragments come in the order of reading, so the first 1,000 are right. */
int
manifest_list_skip(struct manifest *m, const struct manifest_skip *skip)
{
	struct jsontext *j = &m->list;

	if (m->listed >= MANIFEST_SKIPPED_MAX)
		return 0;
	m->listed++;
	jsontext_open(j, NULL, '{');
	jsontext_text(j, "vehicle", skip->vehicle);
	jsontext_text(j, "parameter", skip->parameter);
	put_id(j, skip);
	put_skips(j, "reasons", skip->reasons);
	jsontext_close(j, '}');
	return j->failed ? manifest_no_memory() : 0;
}

void
manifest_count_skips(struct manifest *m, uint64_t n)
{
	m->skipped_total += n;
}

/* _id in ms if usable, else its text; none if missing or not BSON. */
static void
find_id(struct manifest_skip *skip, const uint8_t *doc, size_t len,
    char text[ID_TEXT_MAX + 1])
{
	const uint8_t *at;
	struct element e;

	if (unwind_id(doc, len, &skip->t_ms) == 0) {
		skip->id = MANIFEST_ID_TIME;
		return;
	}
	if (!document_valid(doc, len))
		return;
	for (at = document_first(doc); document_next(&at, &e) == 0; ) {
		if (strcmp(e.key, "_id") != 0)
			continue;
		skip->id = MANIFEST_ID_TEXT;
		skip->text = text;
		skip->text_len = id_text(&e, text);
		return;
	}
}

int
manifest_skipped(struct manifest *m, const char *vehicle,
    const char *parameter, const uint8_t *doc, size_t len,
    const struct skips *skips)
{
	struct manifest_skip skip = { .vehicle = vehicle,
	    .parameter = parameter, .reasons = skips };
	char text[ID_TEXT_MAX + 1];

	m->skipped_total++;
	if (m->listed >= MANIFEST_SKIPPED_MAX)
		return 0;
	find_id(&skip, doc, len, text);
	return manifest_list_skip(m, &skip);
}

/* What comes after the files. */
static int
manifest_end(struct manifest *m, const char *preview)
{
	struct jsontext *j = &m->json;

	if (m->ended)
		return 0;
	m->ended = true;
	jsontext_close(j, ']');
	jsontext_open(j, "skippedDocuments", '[');
	jsontext_items(j, m->skipped.data, m->skipped.len);
	jsontext_close(j, ']');
	jsontext_int(j, "skippedDocumentsTotal", (int64_t)m->skipped_total);
	if (m->packed == NULL)
		jsontext_text(j, "preview", preview != NULL ? preview : "");
	jsontext_close(j, '}');
	if (manifest_flush(m) != 0)
		return -1;
	return m->packed == NULL || packed_end(m->packed) == 0 ? 0 :
	    manifest_no_memory();
}

int
manifest_write(struct manifest *m, struct zip *zip)
{
	if (manifest_end(m, NULL) != 0 || zip_begin(zip, "manifest.json") != 0 ||
	    packed_write(m->packed, zip) != 0)
		return -1;
	return zip_end(zip, NULL);
}

const char *
manifest_facts(struct manifest *m, const char *preview)
{
	const char *text;

	if (manifest_end(m, preview) != 0)
		return NULL;
	if ((text = buf_cstr(&m->text)) == NULL)
		manifest_no_memory();
	return text;
}
