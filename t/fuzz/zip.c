/*
 * An archive of runs as the worker makes it, read back by a reader written for
 * this: from the end record to the central directory to each entry, every byte
 * accounted for; each run inflates by itself, and all of them to the text.
 * The input is flags, the entries, a time and where the sink fails, then for
 * each entry its name and its runs. After its end come zeros.
 */
#include "worker/engine/archive/zip.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <zlib.h>

#include "lib/base/buf.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/deflate/deflate.h"
#include "worker/engine/sink.h"

#include "t/fuzz/fuzz.h"

#define INPUT_MAX 8192
#define ENTRIES_MAX 6
#define RUNS_MAX 4
/* All texts: more than a window and the longest stored block. */
#define PLAIN_MAX ((size_t)1 << 17)
/* With what runs and records add when nothing can be compressed. */
#define ARCHIVE_MAX (3 * PLAIN_MAX)
#define STEM_BYTES 128
/* Where zip.c cuts a stem. */
#define STEM_CUT 100

struct how {
	enum deflate_level level;
	bool twice;
};

struct given {
	char stem[STEM_BYTES];
	const char *ext;
	char name[ZIP_NAME_MAX + 1];
	const uint8_t *text;
	size_t len;
	uint64_t deflated;
};

struct memory {
	struct sink sink;
	struct buf data;
	size_t fail_at;
	bool failed;
};

static uint8_t plain[PLAIN_MAX];
static size_t plain_len;

static uint32_t
le16(const uint8_t *p)
{
	return (uint32_t)(p[0] | p[1] << 8);
}

static int
memory_write(struct sink *sink, const void *data, size_t len)
{
	struct memory *m = (struct memory *)sink;

	/* Nothing is written after an error. */
	CHECK(!m->failed);
	m->failed = len > m->fail_at - m->data.len;
	if (m->failed)
		return -1;
	CHECK(buf_add(&m->data, data, len) == 0);
	return 0;
}

/* zip.h leaves both to its caller. */
static int
memory_close(struct sink *sink)
{
	(void)sink;
	abort();
}

static void
memory_abort(struct sink *sink)
{
	(void)sink;
	abort();
}

/* take_len(in): Up to PLAIN_MAX, but seldom much: long runs are slow. */
static size_t
take_len(struct input *in)
{
	uint8_t shift = take(in) % 64;
	size_t len = take(in);

	return shift > 54 ? (len << (shift - 54)) + take(in) : len;
}

/*
 * Bytes of the input; a pattern, repeated or twice and far apart; or bytes from
 * a seed.
 */
static size_t
take_run(struct input *in, uint8_t *to, size_t max)
{
	uint8_t pattern[16], kind = take(in) % 5;
	size_t len = kind == 0 ? take(in) : take_len(in), i, n, period;
	uint32_t x = 0;

	if (len > max)
		len = max;
	if (kind == 0) {
		for (i = 0; i < len; i++)
			to[i] = take(in);
	} else if (kind == 1 || kind == 4) {
		n = 1 + take(in) % sizeof(pattern);
		/* The second condition is gcc -O3's, which does not see the first one's bound. */
		for (i = 0; i < n && i < sizeof(pattern); i++)
			pattern[i] = take(in);
		period = kind == 1 ? n : n + len;
		if (kind == 4)
			len = period + n < max ? period + n : max;
		for (i = 0; i < len; i++)
			to[i] = i % period < n ? pattern[i % period] : 'x';
	} else {
		x = 0x9e3779b9u * (take(in) + 1u);
		for (i = 0; i < len; i++) {
			x = x * 1664525u + 1013904223u;
			/* Like rows of numbers, or incompressible. */
			to[i] = kind == 2 ? (uint8_t)(x >> 24) :
			    (uint8_t)"0123456789.,-\n15"[x >> 28];
		}
	}
	return len;
}

static z_stream inflater;
static uint8_t inflated[PLAIN_MAX + 1];

/* Of up to max bytes, from nothing before. */
static void
inflate_begin(const uint8_t *in, size_t len, size_t max)
{
	static bool opened;

	if (!opened)
		CHECK(inflateInit2(&inflater, -15) == Z_OK);
	opened = true;
	CHECK(inflateReset(&inflater) == Z_OK);
	inflater.next_in = (Bytef *)(uintptr_t)in;
	inflater.avail_in = (uInt)len;
	inflater.next_out = inflated;
	inflater.avail_out = (uInt)max;
}

/* By itself, to the last bit, and more blocks may follow. */
static void
check_run(const uint8_t *run, size_t run_len, const uint8_t *text, size_t len)
{
	int rc;

	inflate_begin(run, run_len, len + 1);
	rc = inflate(&inflater, Z_SYNC_FLUSH);
	CHECK(rc == Z_OK || rc == Z_BUF_ERROR);
	CHECK(inflater.avail_in == 0 && inflater.total_out == len);
	/* The bits left of the last byte, and 64 in a final block. */
	CHECK((inflater.data_type & 127) == 0);
	CHECK(memcmp(inflated, text, len) == 0);
}

/*
 * deflate_run(how, text, len, out):
 * Append the run to out; a new deflater makes the same. From a copy of the
 * exact size, so that ASan sees one byte read too many.
 */
static void
deflate_run(struct how how, const uint8_t *text, size_t len, struct buf *out)
{
	static struct deflater *deflaters[2];
	static struct buf again = { .max = ARCHIVE_MAX };
	struct deflater **d = &deflaters[how.level], *fresh;
	const size_t before = out->len;
	uint8_t *exact = malloc(len > 0 ? len : 1);

	if (*d == NULL)
		*d = deflater_new(how.level);
	CHECK(exact != NULL && *d != NULL);
	memcpy(exact, text, len);
	CHECK(deflate_block(*d, exact, len, out) == 0);
	check_run(out->data + before, out->len - before, text, len);
	if (how.twice) {
		CHECK((fresh = deflater_new(how.level)) != NULL);
		again.len = 0;
		CHECK(deflate_block(fresh, exact, len, &again) == 0);
		CHECK(again.len == out->len - before);
		CHECK(memcmp(again.data, out->data + before, again.len) == 0);
		deflater_free(fresh);
	}
	free(exact);
}

/* A new stem, or the previous one with its case inverted. */
static void
take_name(struct input *in, struct given *v, const struct given *before)
{
	static const char *const exts[] = { ".csv", ".json", "" };
	uint8_t kind = take(in);
	size_t i, len = kind % STEM_BYTES;

	v->ext = exts[take(in) % 3];
	if (kind >= STEM_BYTES && before != NULL) {
		for (i = 0; before->stem[i] != '\0'; i++)
			v->stem[i] = isalpha((unsigned char)before->stem[i]) ?
			    before->stem[i] ^ 0x20 : before->stem[i];
		return;
	}
	/* A NUL ends it. */
	for (i = 0; i < len; i++)
		v->stem[i] = (char)take(in);
	v->stem[len] = '\0';
}

static bool
is_taken(const struct given *v, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcasecmp(v[i].name, name) == 0)
			return true;
	return false;
}

/* The name of v[n] is clean, and the first that is free. */
static void
check_name(const struct given *v, size_t n)
{
	char clean[STEM_CUT + 1] = "", expected[2 * ZIP_NAME_MAX];
	const char *stem = v[n].stem, *name = v[n].name;
	int i, c;

	CHECK(strnlen(name, ZIP_NAME_MAX + 1) <= ZIP_NAME_MAX);
	CHECK(!is_taken(v, n, name));
	for (i = 0; name[i] != '\0'; i++)
		CHECK(strchr("._-", name[i]) != NULL ||
		    (isalnum((unsigned char)name[i]) && !(name[i] & 0x80)));
	CHECK(name[0] != '.' || stem[0] == '\0');
	for (i = 0; i < STEM_CUT && (c = (unsigned char)stem[i]) != 0; i++)
		clean[i] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '-' || c == '_' ||
		    (c == '.' && i > 0) ? (char)c : '_';
	snprintf(expected, sizeof(expected), "%s%s", clean, v[n].ext);
	for (i = 2; is_taken(v, n, expected); i++)
		snprintf(expected, sizeof(expected), "%s-%d%s", clean, i,
		    v[n].ext);
	CHECK(strcmp(name, expected) == 0);
}

static int
write_entry(struct zip *z, struct input *in, struct how how,
    struct given *v)
{
	static struct buf deflated = { .max = ARCHIVE_MAX };
	size_t runs, len, before;
	uint32_t crc;
	int rc;

	if (zip_begin(z, v->name) != 0)
		return -1;
	CHECK(zip_entry_deflated(z) == 0);
	v->text = plain + plain_len;
	deflated.len = 0;
	for (runs = take(in) % (RUNS_MAX + 1); runs > 0; runs--) {
		const uint8_t *text = plain + plain_len;

		len = take_run(in, plain + plain_len, PLAIN_MAX - plain_len);
		plain_len += len;
		before = deflated.len;
		deflate_run(how, text, len, &deflated);
		rc = zip_add(z, deflated.data + before, deflated.len - before,
		    (uint32_t)crc32(0, text, (uInt)len), len);
		v->len += len;
		v->deflated = deflated.len;
		if (rc != 0)
			return -1;
		CHECK(zip_entry_deflated(z) == v->deflated);
	}
	if (zip_end(z, &crc) != 0)
		return -1;
	v->deflated += DEFLATE_END_LEN;
	CHECK(crc == (uint32_t)crc32(0, v->text, (uInt)v->len));
	return 0;
}

static int
write_archive(struct zip *z, struct input *in, struct how how,
    struct given *v, size_t n)
{
	size_t i;

	plain_len = 0;
	for (i = 0; i < n; i++) {
		take_name(in, &v[i], i > 0 ? &v[i - 1] : NULL);
		memset(v[i].name, '!', sizeof(v[i].name));
		zip_name(z, v[i].stem, v[i].ext, v[i].name);
		check_name(v, i);
		if (write_entry(z, in, how, &v[i]) != 0)
			return -1;
	}
	return zip_finish(z);
}

/* From here on by APPNOTE 6.3.10; nothing is read outside. */
static const uint8_t *
part(const struct buf *b, size_t at, size_t len)
{
	CHECK(at <= b->len && len <= b->len - at);
	return b->data + at;
}

/* 4.4.6: date and time, in steps of 2 s; 1980 where a year does not fit. */
static uint32_t
dos_time(int64_t t_ms)
{
	time_t t = (time_t)(t_ms / 1000);
	struct tm tm;

	if (t_ms < INT64_C(315532800000) || t_ms >= INT64_C(4354819200000) ||
	    gmtime_r(&t, &tm) == NULL)
		return (1u << 5 | 1) << 16;
	return (uint32_t)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 |
	    tm.tm_mday) << 16 |
	    (uint32_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2);
}

/* What local and central headers have in common, from the version needed. */
static void
check_common(const uint8_t *p, const struct given *v, uint32_t time,
    bool central)
{
	const uint32_t crc = (uint32_t)crc32(0, v->text, (uInt)v->len);

	CHECK(le16(p) == 20 && le16(p + 2) == (1 << 3 | 1 << 11));
	CHECK(le16(p + 4) == Z_DEFLATED && le32(p + 6) == time);
	CHECK(le32(p + 10) == (central ? crc : 0));
	CHECK(le32(p + 14) == (central ? v->deflated : 0));
	CHECK(le32(p + 18) == (central ? v->len : 0));
	CHECK(le16(p + 22) == strlen(v->name) && le16(p + 24) == 0);
}

/*
 * check_local(b, at, v, time):
 * Read the entry there without knowing its sizes. Returns where it ends.
 */
static size_t
check_local(const struct buf *b, size_t at, const struct given *v,
    uint32_t time)
{
	const size_t name_len = strlen(v->name);
	const uint8_t *p = part(b, at, 30 + name_len);

	CHECK(le32(p) == 0x04034b50);
	check_common(p + 4, v, time, false);
	CHECK(memcmp(p + 30, v->name, name_len) == 0);
	at += 30 + name_len;
	inflate_begin(part(b, at, 0), b->len - at, sizeof(inflated));
	CHECK(inflate(&inflater, Z_FINISH) == Z_STREAM_END);
	CHECK(inflater.total_in == v->deflated);
	CHECK(inflater.total_out == v->len);
	CHECK(memcmp(inflated, v->text, v->len) == 0);
	at += inflater.total_in;
	p = part(b, at, 16);
	CHECK(le32(p) == 0x08074b50 && le32(p + 8) == v->deflated);
	CHECK(le32(p + 4) == (uint32_t)crc32(0, inflated, (uInt)v->len));
	CHECK(le32(p + 12) == v->len);
	return at + 16;
}

/* From the end, where readers begin; nothing is between the parts. */
static void
check_archive(const struct buf *b, const struct given *v, size_t n,
    int64_t t_ms)
{
	const uint32_t time = dos_time(t_ms);
	const uint8_t *end, *p;
	size_t at, size, i, local = 0;

	CHECK(b->len >= 22);
	end = part(b, b->len - 22, 22);
	CHECK(le32(end) == 0x06054b50);
	CHECK(le32(end + 4) == 0 && le16(end + 20) == 0);
	CHECK(le16(end + 8) == n && le16(end + 10) == n);
	size = le32(end + 12);
	at = le32(end + 16);
	CHECK(at + size + 22 == b->len);
	for (i = 0; i < n; i++) {
		p = part(b, at, 46 + strlen(v[i].name));
		/* Made by UNIX: a regular file that all may read. */
		CHECK(le32(p) == 0x02014b50 && p[5] == 3);
		check_common(p + 6, &v[i], time, true);
		CHECK(le32(p + 32) == 0 && le16(p + 36) == 0);
		CHECK(le32(p + 38) == 0100644u << 16);
		CHECK(le32(p + 42) == local);
		CHECK(memcmp(p + 46, v[i].name, strlen(v[i].name)) == 0);
		local = check_local(b, local, &v[i], time);
		at += 46 + strlen(v[i].name);
	}
	CHECK(at == b->len - 22 && local == le32(end + 16));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, data };
	struct given v[ENTRIES_MAX];
	struct how how;
	/* Its memory is kept from one input to the next. */
	static struct memory m = {
		.sink = { memory_write, memory_close, memory_abort },
		.data = { .max = ARCHIVE_MAX }
	};
	struct zip *z;
	int64_t t_ms;
	uint8_t flags;
	size_t n;
	int rc;

	in.end += len < INPUT_MAX ? len : INPUT_MAX;
	memset(v, 0, sizeof(v));
	flags = take(&in);
	how.level = flags & 1 ? DEFLATE_SMALL : DEFLATE_FAST;
	how.twice = flags >> 2 & 1;
	n = 1 + take(&in) % ENTRIES_MAX;
	t_ms = (int64_t)take_int(&in, 8);
	m.fail_at = (size_t)take_int(&in, 2);
	if ((flags & 2) == 0)
		m.fail_at = ARCHIVE_MAX;
	m.data.len = 0;
	m.failed = false;
	if ((z = zip_new(&m.sink, t_ms)) == NULL)
		abort();
	rc = write_archive(z, &in, how, v, n);
	CHECK(rc == (m.failed ? -1 : 0));
	if (rc == 0)
		check_archive(&m.data, v, n, t_ms);
	zip_free(z);
	return 0;
}
