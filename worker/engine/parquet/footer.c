/*
 * The footer of a file (FileMetaData of parquet.thrift): schema, row groups, metadata.
 * Knows no values.
 */
#include "worker/engine/parquet/file_impl.h"

#include <string.h>

#include "worker/engine/archive_types.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/parquet/page.h"
#include "worker/engine/parquet/thrift.h"

/* As in parquet.thrift. */
enum { TYPE_INT64 = 2, TYPE_DOUBLE = 5, TYPE_BYTE_ARRAY = 6 };
enum { REQUIRED = 0, OPTIONAL = 1 };
enum { CONVERTED_UTF8 = 0, CONVERTED_TIMESTAMP_MILLIS = 9 };
enum { CODEC_ZSTD = 6 };

#define VERSION 2
#define WRITER "telemetry-export version " ARCHIVE_FORMAT_TEXT

/* Schema: the root, then all columns. */
static void
put_column(struct thrift *t, const char *name, int type, int repetition)
{
	thrift_item(t);
	thrift_int32(t, 1, type);
	thrift_int32(t, 3, repetition);
	thrift_text(t, 4, name);
	if (type == TYPE_INT64) {
		thrift_int32(t, 6, CONVERTED_TIMESTAMP_MILLIS);
		thrift_open(t, 10);
		thrift_open(t, 8);
		thrift_bool(t, 1, true);
		thrift_open(t, 2);
		thrift_open(t, 1);
		thrift_close(t);
		thrift_close(t);
		thrift_close(t);
		thrift_close(t);
	} else if (type == TYPE_BYTE_ARRAY) {
		thrift_int32(t, 6, CONVERTED_UTF8);
		thrift_open(t, 10);
		thrift_open(t, 1);
		thrift_close(t);
		thrift_close(t);
	}
	thrift_close(t);
}

static void
put_schema(struct thrift *t, const struct parquet_file *f)
{
	size_t i, k = 0;

	thrift_list(t, 2, THRIFT_STRUCT, f->all.n + 2);
	thrift_item(t);
	thrift_text(t, 4, "schema");
	thrift_int32(t, 5, (int32_t)f->all.n + 1);
	thrift_close(t);
	put_column(t, "time", TYPE_INT64, REQUIRED);
	for (i = 0; i < f->columns->n; i++) {
		put_column(t, f->all.v[k++], TYPE_DOUBLE, OPTIONAL);
		if (f->texts[i])
			put_column(t, f->all.v[k++], TYPE_BYTE_ARRAY, OPTIONAL);
	}
}

static void
put_encodings(struct thrift *t, const struct parquet_chunk *c)
{
	if (c->column == 0) {
		thrift_list(t, 2, THRIFT_INT32, 1);
		thrift_item_int32(t, PARQUET_DELTA_BINARY_PACKED);
		return;
	}
	thrift_list(t, 2, THRIFT_INT32, c->dictionary_bytes > 0 ? 3 : 2);
	thrift_item_int32(t, PARQUET_PLAIN);
	thrift_item_int32(t, PARQUET_RLE);
	if (c->dictionary_bytes > 0)
		thrift_item_int32(t, PARQUET_RLE_DICTIONARY);
}

static void
put_plain(struct thrift *t, int16_t id, uint64_t v)
{
	uint8_t bytes[8];

	put_le64(bytes, v);
	thrift_bytes(t, id, bytes, sizeof(bytes));
}

static void
put_statistics(struct thrift *t, const struct parquet_chunk *c)
{
	thrift_open(t, 12);
	thrift_int64(t, 3, (int64_t)c->nulls);
	if (c->ranged) {
		put_plain(t, 5, c->max);
		put_plain(t, 6, c->min);
	}
	thrift_close(t);
}

static void
put_chunk(struct thrift *t, const struct parquet_chunk *c, const char *name,
    uint64_t rows, uint64_t at)
{
	thrift_item(t);
	thrift_int64(t, 2, (int64_t)at);
	thrift_open(t, 3);
	thrift_int32(t, 1, c->column == 0 ? TYPE_INT64 : c->text ?
	    TYPE_BYTE_ARRAY : TYPE_DOUBLE);
	put_encodings(t, c);
	thrift_list(t, 3, THRIFT_BYTES, 1);
	thrift_item_text(t, name);
	thrift_int32(t, 4, CODEC_ZSTD);
	thrift_int64(t, 5, (int64_t)rows);
	thrift_int64(t, 6, (int64_t)c->plain_bytes);
	thrift_int64(t, 7, (int64_t)c->bytes);
	thrift_int64(t, 9, (int64_t)(at + c->dictionary_bytes));
	if (c->dictionary_bytes > 0)
		thrift_int64(t, 11, (int64_t)at);
	put_statistics(t, c);
	thrift_close(t);
	thrift_close(t);
}

/* Totals of a row group, which the chunks at the end belong to as well. */
static void
put_totals(struct thrift *t, const struct parquet_file *f, const struct group *g,
    size_t i)
{
	uint64_t bytes = 0, plain_bytes = 0;
	size_t k;

	for (k = 0; k <= f->all.n; k++) {
		bytes += f->listed[k].c.bytes;
		plain_bytes += f->listed[k].c.plain_bytes;
	}
	thrift_int64(t, 2, (int64_t)plain_bytes);
	thrift_int64(t, 3, (int64_t)g->rows);
	thrift_list(t, 4, THRIFT_STRUCT, 1);
	thrift_item(t);
	thrift_int32(t, 1, 0);
	thrift_bool(t, 2, false);
	thrift_bool(t, 3, false);
	thrift_close(t);
	thrift_int64(t, 5, (int64_t)g->at);
	thrift_int64(t, 6, (int64_t)bytes);
	if (i <= INT16_MAX)
		thrift_int16(t, 7, (int16_t)i);
}

static int
put_groups(struct thrift *t, struct parquet_file *f)
{
	const struct nulls *nulls = f->nulls;
	struct listed *v;
	size_t i, k;

	thrift_list(t, 4, THRIFT_STRUCT, f->n);
	for (i = 0; i < f->n; i++) {
		parquet_list_chunks(f, &f->groups[i]);
		thrift_item(t);
		thrift_list(t, 1, THRIFT_STRUCT, f->all.n + 1);
		for (k = 0; k <= f->all.n; k++) {
			v = &f->listed[k];
			if (v->c.bytes == 0) {
				v->at = nulls->at;
				v->c.bytes = nulls->bytes;
				v->c.plain_bytes = nulls++->plain_bytes;
			}
			put_chunk(t, &v->c, k == 0 ? "time" : f->all.v[k - 1],
			    f->groups[i].rows, v->at);
		}
		put_totals(t, f, &f->groups[i], i);
		thrift_close(t);
		if (t->failed || parquet_flush(f, false) != 0)
			return -1;
	}
	return 0;
}

static void
put_key(struct thrift *t, const char *key, const char *value)
{
	thrift_item(t);
	thrift_text(t, 1, key);
	thrift_text(t, 2, value);
	thrift_close(t);
}

static void
put_about(struct thrift *t, const struct parquet_file *f)
{
	size_t i;

	thrift_list(t, 5, THRIFT_STRUCT, 4);
	put_key(t, "telemetry.format", ARCHIVE_FORMAT_TEXT);
	put_key(t, "telemetry.vehicle", f->vehicle);
	put_key(t, "telemetry.request", f->about->request);
	put_key(t, "telemetry.parameters", f->about->parameters);
	thrift_text(t, 6, WRITER);
	/* Each column's values have the order of their type, or the range counts for none. */
	thrift_list(t, 7, THRIFT_STRUCT, f->all.n + 1);
	for (i = 0; i <= f->all.n; i++) {
		thrift_item(t);
		thrift_open(t, 1);
		thrift_close(t);
		thrift_close(t);
	}
	thrift_close(t);
}

int
parquet_footer(struct parquet_file *f)
{
	const uint64_t begin = f->at;
	struct thrift t;
	uint8_t len[4];

	thrift_init(&t, &f->out);
	thrift_int32(&t, 1, VERSION);
	put_schema(&t, f);
	thrift_int64(&t, 3, (int64_t)f->rows);
	if (put_groups(&t, f) != 0)
		return -1;
	put_about(&t, f);
	if (t.failed)
		return -1;
	put_le32(len, (uint32_t)(f->at + f->out.len - begin));
	return buf_add(&f->out, len, sizeof(len)) != 0 ||
	    buf_adds(&f->out, PARQUET_MAGIC) != 0 ? -1 : parquet_flush(f, true);
}
