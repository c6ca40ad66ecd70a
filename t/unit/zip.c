/* Archives: FORMAT.md, 4; sections are of PKWARE APPNOTE 6.3.10. */
#include "worker/engine/archive/zip.h"

#include <stdlib.h>
#include <unistd.h>

#include <zlib.h>

#include "lib/base/buf.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/deflate/deflate.h"
#include "worker/engine/sink.h"

#include "t/tap.h"

/* 2018-12-01T13:14:15.678Z, and the same for MS-DOS. */
#define T_MS INT64_C(1543670055678)
#define DOS_TIME (13 << 11 | 14 << 5 | 15 / 2)
#define DOS_DATE ((2018 - 1980) << 9 | 12 << 5 | 1)
#define FLAGS (1 << 3 | 1 << 11)

/* Counts all, keeps the first and the last bytes; fails from fail_at on. */
struct memory_sink {
	struct sink sink;
	uint64_t n;
	struct buf data;
	size_t keep;		/* bytes of the end; 0: all */
	uint64_t fail_at;
	int closed;
};

static int
memory_write(struct sink *sink, const void *data, size_t len)
{
	struct memory_sink *m = (struct memory_sink *)sink;
	size_t drop;

	if (m->fail_at > 0 && m->n + len >= m->fail_at)
		return -1;
	m->n += len;
	if (m->keep > 0 && len > m->keep) {
		m->data.len = 0;
		return buf_add(&m->data, (const char *)data + len - m->keep,
		    m->keep);
	}
	if (m->keep > 0 && m->data.len + len > 2 * m->keep) {
		drop = m->data.len + len - m->keep;
		if (drop > m->data.len)
			drop = m->data.len;
		memmove(m->data.data, m->data.data + drop,
		    m->data.len - drop);
		m->data.len -= drop;
	}
	return buf_add(&m->data, data, len);
}

static int
memory_close(struct sink *sink)
{
	((struct memory_sink *)sink)->closed++;
	return 0;
}

static void
memory_abort(struct sink *sink)
{
	((struct memory_sink *)sink)->closed++;
}

static void
memory_init(struct memory_sink *m)
{
	memset(m, 0, sizeof(*m));
	m->sink.write = memory_write;
	m->sink.close = memory_close;
	m->sink.abort = memory_abort;
	buf_init(&m->data, (size_t)1 << 30);
}

static uint32_t
le16(const uint8_t *p)
{
	return (uint32_t)(p[0] | p[1] << 8);
}

/* One file of the central directory (4.3.12). */
struct central {
	const uint8_t *p;
	uint32_t crc, extra_len, name_len;
	uint64_t size, plain, offset;	/* from the 32-bit fields or ZIP64 */
	int zip64;			/* which of them are in ZIP64: 1, 2, 4 */
	size_t len;
};

static int
central_read(const uint8_t *p, size_t len, struct central *c)
{
	const uint8_t *extra, *end;
	size_t n;

	memset(c, 0, sizeof(*c));
	if (len < 46 || le32(p) != 0x02014b50)
		return -1;
	c->p = p;
	c->crc = le32(p + 16);
	c->size = le32(p + 20);
	c->plain = le32(p + 24);
	c->name_len = le16(p + 28);
	c->extra_len = le16(p + 30);
	c->offset = le32(p + 42);
	c->len = 46 + c->name_len + c->extra_len + le16(p + 32);
	if (c->len > len)
		return -1;
	extra = p + 46 + c->name_len;
	end = extra + c->extra_len;
	if (c->extra_len == 0)
		return 0;
	/* 4.5.3: only fields that are all ones elsewhere, in this order. */
	if (le16(extra) != 1 || extra + 4 + (n = le16(extra + 2)) != end)
		return -1;
	extra += 4;
	if (c->plain == 0xffffffff && extra + 8 <= end) {
		c->plain = le64(extra);
		c->zip64 |= 1;
		extra += 8;
	}
	if (c->size == 0xffffffff && extra + 8 <= end) {
		c->size = le64(extra);
		c->zip64 |= 2;
		extra += 8;
	}
	if (c->offset == 0xffffffff && extra + 8 <= end) {
		c->offset = le64(extra);
		c->zip64 |= 4;
		extra += 8;
	}
	return extra == end ? 0 : -1;
}

/* The end of an archive (4.3.14 to 4.3.16). */
struct ending {
	int zip64;
	uint64_t entries, size, offset;
};

/* tail: the last bytes of an archive of total bytes. */
static int
ending_read(const uint8_t *tail, size_t len, uint64_t total, struct ending *e)
{
	const uint8_t *p = tail + len - 22, *q, *r;
	uint64_t at;

	memset(e, 0, sizeof(*e));
	if (len < 22 || le32(p) != 0x06054b50 || le16(p + 20) != 0 ||
	    le16(p + 4) != 0 || le16(p + 6) != 0 ||
	    le16(p + 8) != le16(p + 10))
		return -1;
	e->entries = le16(p + 10);
	e->size = le32(p + 12);
	e->offset = le32(p + 16);
	if (len < 22 + 20 || le32(p - 20) != 0x07064b50)
		return e->offset + e->size + 22 == total ? 0 : -2;
	e->zip64 = 1;
	q = p - 20;
	at = le64(q + 8);
	if (le32(q + 4) != 0 || le32(q + 16) != 1 || at > total ||
	    total - at > len)
		return -3;
	r = tail + len - (size_t)(total - at);
	if (le32(r) != 0x06064b50 || le64(r + 4) != 44 || r + 56 != q ||
	    le16(r + 14) != 45 || le32(r + 16) != 0 || le32(r + 20) != 0 ||
	    le64(r + 24) != le64(r + 32))
		return -4;
	/* Where a field of the old record suffices, both are equal. */
	if ((e->entries != 0xffff && e->entries != le64(r + 32)) ||
	    (e->size != 0xffffffff && e->size != le64(r + 40)) ||
	    (e->offset != 0xffffffff && e->offset != le64(r + 48)))
		return -5;
	e->entries = le64(r + 32);
	e->size = le64(r + 40);
	e->offset = le64(r + 48);
	return e->offset + e->size == at ? 0 : -6;
}

/* local_wrong(p, name): What is wrong with a local header (4.3.7). */
static const char *
local_wrong(const uint8_t *p, const char *name)
{
	if (le32(p) != 0x04034b50)
		return "signature";
	if (le16(p + 4) != 20)
		return "version";
	if (le16(p + 6) != FLAGS)
		return "flags";
	if (le16(p + 8) != 8)
		return "method";
	if (le16(p + 10) != DOS_TIME || le16(p + 12) != DOS_DATE)
		return "time";
	if (le32(p + 14) != 0 || le32(p + 18) != 0 || le32(p + 22) != 0)
		return "CRC and sizes";
	if (le16(p + 26) != strlen(name) || le16(p + 28) != 0)
		return "lengths";
	if (memcmp(p + 30, name, strlen(name)) != 0)
		return "name";
	return NULL;
}

/* inflate_raw(in, len, out, size): Inflated length of one raw stream. */
static int64_t
inflate_raw(const uint8_t *in, size_t len, uint8_t *out, size_t size)
{
	z_stream z;
	int rc;

	memset(&z, 0, sizeof(z));
	if (inflateInit2(&z, -15) != Z_OK)
		abort();
	z.next_in = (uint8_t *)(uintptr_t)in;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = (uInt)size;
	rc = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	return rc == Z_STREAM_END && z.avail_in == 0 ? (int64_t)z.total_out :
	    -1;
}

/* Text like that of a CSV, or noise. */
static void
fill(uint8_t *p, size_t n, int noise)
{
	uint64_t x = 88172645463325252 + n;
	size_t i;

	for (i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = noise ? (uint8_t)x : (uint8_t)"0123456789,\n"[x % 12];
	}
}

static void
test_deflate(void)
{
	static const size_t sizes[] = { 0, 1, 2, 100, 65535, 65536, 65537,
	    1000000, 0, 3000000 };
	enum { TOTAL = 5000000 };
	uint8_t *in = malloc(TOTAL), *out = malloc(TOTAL);
	struct deflater *d;
	struct buf run, again;
	size_t i, at, full;
	int level, noise;

	if (in == NULL || out == NULL)
		abort();
	deflater_free(NULL);
	for (level = DEFLATE_FAST; level <= DEFLATE_SMALL; level++) {
		const char *name = level == DEFLATE_FAST ? "fast" : "small";

		if ((d = deflater_new((enum deflate_level)level)) == NULL)
			abort();
		for (noise = 0; noise < 2; noise++) {
			fill(in, TOTAL, noise);
			buf_init(&run, 1 << 30);
			buf_init(&again, 1 << 30);
			for (at = i = 0; i < 10; i++) {
				if (deflate_block(d, in + at, sizes[i], &run)
				    != 0)
					abort();
				at += sizes[i];
			}
			buf_add(&run, DEFLATE_END, DEFLATE_END_LEN);
			memset(out, 0, TOTAL);
			ok(inflate_raw(run.data, run.len, out, TOTAL) ==
			    (int64_t)at && memcmp(in, out, at) == 0,
			    "%s, %s: ten runs are one stream", name,
			    noise ? "noise" : "text");
			ok(noise || run.len < at * 6 / 10,
			    "%s: %zu bytes from %zu", name, run.len, at);
			ok(!noise || run.len < at + at / 100 + 1000,
			    "%s: noise grows by little: %zu from %zu", name,
			    run.len, at);
			for (at = i = 0; i < 10; i++) {
				if (deflate_block(d, in + at, sizes[i],
				    &again) != 0)
					abort();
				at += sizes[i];
			}
			ok(again.len == run.len - 2 && memcmp(again.data,
			    run.data, again.len) == 0,
			    "%s, %s: the same bytes, the same run", name,
			    noise ? "noise" : "text");
			buf_release(&again);
			/* Each run is independent of what came before it. */
			deflate_block(d, in, 100000, &again);
			full = again.len;
			deflate_block(d, in + 50000, 100000, &again);
			again.len -= full;
			memmove(again.data, again.data + full, again.len);
			buf_add(&again, DEFLATE_END, DEFLATE_END_LEN);
			ok(inflate_raw(again.data, again.len, out, TOTAL) ==
			    100000 && memcmp(out, in + 50000, 100000) == 0,
			    "%s, %s: a run refers to nothing before it", name,
			    noise ? "noise" : "text");
			buf_release(&again);
			buf_release(&run);
		}
		fill(in, TOTAL, 1);
		buf_init(&run, 1000);
		ok(deflate_block(d, in, 100000, &run) == -1 && run.len <= 1000,
		    "%s: out's ceiling", name);
		buf_release(&run);
		buf_init(&run, 1 << 20);
		ok(deflate_block(d, in, 1000, &run) == 0, "%s: of use after "
		    "that", name);
		buf_add(&run, DEFLATE_END, DEFLATE_END_LEN);
		ok(inflate_raw(run.data, run.len, out, TOTAL) == 1000 &&
		    memcmp(out, in, 1000) == 0, "%s: and right", name);
		buf_release(&run);
		deflater_free(d);
	}
	free(in);
	free(out);
}

/* An archive of entries of 0, 1 and 3 runs, byte by byte. */
static void
test_form(void)
{
	static const struct {
		const char *name;
		size_t runs;
		const char *text[3];
	} entries[] = {
		{ "empty.csv", 0, { NULL } },
		{ "a.csv", 1, { "time,speed\n1,2\n" } },
		{ "manifest.json", 3, { "{}", "", "\n{}" } },
	};
	struct deflater *d = deflater_new(DEFLATE_FAST);
	struct memory_sink m;
	struct central c;
	struct ending e;
	struct buf run;
	uint8_t out[256];
	const uint8_t *p, *end, *local;
	uint32_t crcs[3], crc;
	uint64_t deflated[3];
	size_t i, k, n, starts[3];
	struct zip *z;
	int rc = 0;

	memory_init(&m);
	if ((z = zip_new(&m.sink, T_MS)) == NULL || d == NULL)
		abort();
	buf_init(&run, 1 << 20);
	for (i = 0; i < 3; i++) {
		starts[i] = m.n;
		rc |= zip_begin(z, entries[i].name);
		is_int((int64_t)zip_entry_deflated(z), 0, "%s: begun",
		    entries[i].name);
		for (k = n = 0; k < entries[i].runs; k++) {
			const char *text = entries[i].text[k];

			run.len = 0;
			deflate_block(d, text, strlen(text), &run);
			rc |= zip_add(z, run.data, run.len, (uint32_t)crc32(0,
			    (const Bytef *)text, (uInt)strlen(text)),
			    strlen(text));
			n += run.len;
			is_int((int64_t)zip_entry_deflated(z), (int64_t)n,
			    "%s: deflated so far", entries[i].name);
		}
		deflated[i] = n;
		rc |= zip_end(z, i == 0 ? NULL : &crcs[i]);
	}
	rc |= zip_finish(z);
	is_int(rc, 0, "all calls");
	is_int(m.closed, 0, "the sink is not closed");
	zip_free(z);
	zip_free(NULL);
	crcs[0] = 0;

	is_int(ending_read(m.data.data, m.data.len, m.n, &e), 0,
	    "the end record");
	ok(!e.zip64 && e.entries == 3, "no ZIP64, three entries");
	p = m.data.data + e.offset;
	end = p + e.size;
	for (i = 0; i < 3; i++) {
		const char *name = entries[i].name;
		char plain[64] = "";

		for (k = 0; k < entries[i].runs; k++)
			strcat(plain, entries[i].text[k]);
		crc = (uint32_t)crc32(0, (const Bytef *)plain,
		    (uInt)strlen(plain));
		if (!ok(central_read(p, (size_t)(end - p), &c) == 0,
		    "%s: central header", name))
			break;
		ok(le16(p + 6) == 20 && le16(p + 8) == FLAGS &&
		    le16(p + 10) == 8 && le16(p + 12) == DOS_TIME &&
		    le16(p + 14) == DOS_DATE, "%s: version, flags, method, "
		    "time", name);
		ok(c.extra_len == 0 && le16(p + 32) == 0 && le16(p + 34) == 0,
		    "%s: no extra field, no comment, disk 0", name);
		is_mem(p + 46, c.name_len, name, strlen(name), "%s: name",
		    name);
		is_int(c.crc, crc, "%s: CRC", name);
		if (i > 0)
			is_int(crcs[i], crc, "%s: zip_end's CRC", name);
		is_int((int64_t)c.plain, (int64_t)strlen(plain), "%s: size",
		    name);
		is_int((int64_t)c.size, (int64_t)deflated[i] + 2,
		    "%s: deflated, with the empty final block", name);
		is_int((int64_t)c.offset, (int64_t)starts[i], "%s: offset",
		    name);
		local = m.data.data + c.offset;
		is_str(local_wrong(local, name), NULL, "%s: local header",
		    name);
		local += 30 + strlen(name);
		ok(inflate_raw(local, c.size, out, sizeof(out)) ==
		    (int64_t)strlen(plain) && memcmp(out, plain,
		    strlen(plain)) == 0, "%s: content", name);
		local += c.size;
		ok(le32(local) == 0x08074b50 && le32(local + 4) == crc &&
		    le32(local + 8) == c.size && le32(local + 12) == c.plain,
		    "%s: signed 32-bit data descriptor", name);
		local += 16;
		ok(local == m.data.data + (i < 2 ? starts[i + 1] : e.offset),
		    "%s: the next follows at once", name);
		p += c.len;
	}
	ok(p == end, "the central directory ends there");
	buf_release(&m.data);
	buf_release(&run);
	deflater_free(d);
}

static void
test_time(void)
{
	static const struct {
		int64_t t_ms;
		uint32_t date, time;
	} rows[] = {
		{ 0, 1 << 5 | 1, 0 },
		{ INT64_C(315532799999), 1 << 5 | 1, 0 },
		{ INT64_C(315532800000), 1 << 5 | 1, 0 },
		{ INT64_C(315532802000), 1 << 5 | 1, 1 },
		{ INT64_C(315619199999), 1 << 5 | 1, 23 << 11 | 59 << 5 | 29 },
		{ INT64_C(951782400000), 20 << 9 | 2 << 5 | 29, 0 },
		{ INT64_C(4102444800000), 120 << 9 | 1 << 5 | 1, 0 },
	};
	struct memory_sink m;
	struct zip *z;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memory_init(&m);
		if ((z = zip_new(&m.sink, rows[i].t_ms)) == NULL)
			abort();
		zip_begin(z, "a");
		zip_end(z, NULL);
		ok(m.n >= 31 && le16(m.data.data + 12) == rows[i].date &&
		    le16(m.data.data + 10) == rows[i].time,
		    "time stamp of %" PRId64, rows[i].t_ms);
		zip_free(z);
		buf_release(&m.data);
	}
}

static void
test_names(void)
{
	static const struct {
		const char *stem, *ext, *expected;
	} rows[] = {
		{ "vehicle_001", ".csv", "vehicle_001.csv" },
		{ "manifest", ".json", "manifest.json" },
		{ "manifest", ".csv", "manifest.csv" },
		{ "A-z.0_9", ".csv", "A-z.0_9.csv" },
		/* cleaned */
		{ "a/b", ".csv", "a_b.csv" },
		{ "..", ".csv", "_..csv" },
		{ "../../etc/passwd", ".csv", "_._.._etc_passwd.csv" },
		{ ".hidden", ".csv", "_hidden.csv" },
		{ "a\\b:c*d?e\"f<g>h|i", ".csv", "a_b_c_d_e_f_g_h_i.csv" },
		{ "a b\tc\nd", ".csv", "a_b_c_d.csv" },
		{ "M\xc3\xbcnchen", ".csv", "M__nchen.csv" },
		{ "\xff\x7f\x01", ".csv", "___.csv" },
		/* taken, ignoring case */
		{ "vehicle_001", ".csv", "vehicle_001-2.csv" },
		{ "VEHICLE_001", ".csv", "VEHICLE_001-3.csv" },
		{ "Vehicle_001", ".csv", "Vehicle_001-4.csv" },
		{ "vehicle_001-2", ".csv", "vehicle_001-2-2.csv" },
		{ "a?b", ".csv", "a_b-2.csv" },
		{ "x-2", ".csv", "x-2.csv" },
		{ "x", ".csv", "x.csv" },
		{ "x", ".csv", "x-3.csv" },
		{ "X-3", ".csv", "X-3-2.csv" },
		{ "vehicle_001", ".json", "vehicle_001.json" },
		{ "a.csv", "", "a.csv" },
		{ "a", ".csv", "a-2.csv" },
	};
	char name[ZIP_NAME_MAX + 2], stem[301], first[ZIP_NAME_MAX + 1];
	char many[12][ZIP_NAME_MAX + 1];
	struct memory_sink m;
	struct zip *z;
	size_t i, k;
	int good = 1;

	memory_init(&m);
	if ((z = zip_new(&m.sink, T_MS)) == NULL)
		abort();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		name[ZIP_NAME_MAX + 1] = '!';
		zip_name(z, rows[i].stem, rows[i].ext, name);
		is_str(name, rows[i].expected, "name of %s", rows[i].stem);
		zip_begin(z, name);
		zip_end(z, NULL);
	}
	/* long ones are cut, and stay unique */
	memset(stem, 'v', 300);
	stem[300] = '\0';
	zip_name(z, stem, ".csv", first);
	ok(strlen(first) <= ZIP_NAME_MAX && strlen(first) > 60 &&
	    strcmp(first + strlen(first) - 4, ".csv") == 0,
	    "a stem of 300 bytes: %s", first);
	zip_begin(z, first);
	zip_end(z, NULL);
	for (i = 0; i < 12; i++) {
		stem[299] = (char)('a' + i);
		zip_name(z, stem, ".csv", many[i]);
		good &= strlen(many[i]) <= ZIP_NAME_MAX &&
		    strcmp(many[i] + strlen(many[i]) - 4, ".csv") == 0 &&
		    strcmp(many[i], first) != 0;
		for (k = 0; k < i; k++)
			good &= strcmp(many[i], many[k]) != 0;
		zip_begin(z, many[i]);
		zip_end(z, NULL);
	}
	ok(good, "12 stems that differ after 299 bytes: %s", many[11]);
	for (i = 85; i <= 105; i++) {
		memset(stem, 'l', i);
		stem[i] = '\0';
		for (k = 0; k < 12; k++) {
			zip_name(z, stem, "-part10.csv", name);
			good &= strlen(name) <= ZIP_NAME_MAX &&
			    strlen(name) > 11 && strcmp(name + strlen(name) -
			    11, "-part10.csv") == 0;
			zip_begin(z, name);
			zip_end(z, NULL);
		}
	}
	ok(good && name[ZIP_NAME_MAX + 1] == '!', "stems around the limit");
	good = zip_finish(z) == 0;
	ok(good, "finished");
	/* no name is used twice */
	{
		struct central c;
		struct ending e;
		const uint8_t *p, *end;
		char (*all)[ZIP_NAME_MAX + 1];
		size_t n = 0;

		ending_read(m.data.data, m.data.len, m.n, &e);
		if ((all = calloc(e.entries, sizeof(*all))) == NULL)
			abort();
		p = m.data.data + e.offset;
		end = p + e.size;
		for (; central_read(p, (size_t)(end - p), &c) == 0;
		    p += c.len) {
			memcpy(all[n], p + 46, c.name_len);
			for (k = 0; k < n && strcasecmp(all[k], all[n]) != 0;
			    k++)
				;
			good &= k == n;
			n++;
		}
		ok(good && n == e.entries && n > 250, "%zu names, none twice",
		    n);
		free(all);
	}
	zip_free(z);
	buf_release(&m.data);
}

/* many(n): An archive of n empty entries. */
static void
many(size_t n, int zip64)
{
	char path[] = "/tmp/export-zip.XXXXXX", command[512], name[32];
	struct memory_sink m;
	struct central c;
	struct ending e;
	const uint8_t *p, *end;
	struct zip *z;
	size_t i;
	int fd, rc = 0;

	memory_init(&m);
	if ((z = zip_new(&m.sink, T_MS)) == NULL)
		abort();
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		rc |= zip_begin(z, name);
		rc |= zip_end(z, NULL);
	}
	rc |= zip_finish(z);
	zip_free(z);
	is_int(rc, 0, "%zu entries: written", n);
	is_int(ending_read(m.data.data, m.data.len, m.n, &e), 0,
	    "%zu entries: end records", n);
	is_int(e.zip64, zip64, "%zu entries: ZIP64 records", n);
	is_int((int64_t)e.entries, (int64_t)n, "%zu entries: counted", n);
	p = m.data.data + e.offset;
	end = p + e.size;
	for (i = 0; central_read(p, (size_t)(end - p), &c) == 0; i++) {
		if (c.extra_len != 0)
			break;
		p += c.len;
	}
	ok(i == n && p == end, "%zu entries: no ZIP64 in the directory", n);
	if ((fd = mkstemp(path)) != -1) {
		FILE *f = fdopen(fd, "wb");

		if (f == NULL || fwrite(m.data.data, 1, m.data.len, f) !=
		    m.data.len || fclose(f) != 0)
			abort();
		snprintf(command, sizeof(command), "/usr/bin/python3 -c 'impor"
		    "t sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert "
		    "len(z.namelist()) == %zu and z.read(\"%zu\") == b\"\"' "
		    "%s 1>&2", n, n - 1, path);
		is_int(system(command), 0, "%zu entries: Python opens it", n);
		unlink(path);
	}
	buf_release(&m.data);
}

/* Above 4 GiB, of which only the end is kept; three entries are checked. */
static void
test_huge(void)
{
	enum { CHUNK = 1 << 24 };
	static const uint64_t sizes[] = { UINT64_C(3) << 30,
	    ZIP_ENTRY_MAX - DEFLATE_END_LEN, 5, UINT64_C(1) << 20 };
	static const uint64_t plain[] = { ZIP_ENTRY_MAX, ZIP_ENTRY_MAX, 7, 9 };
	uint8_t *chunk = calloc(1, CHUNK);
	uint64_t starts[4], left, rest;
	struct memory_sink m;
	struct central c;
	struct ending e;
	const uint8_t *p, *end;
	char name[32];
	struct zip *z;
	size_t i;
	int rc = 0;

	if (chunk == NULL)
		abort();
	memory_init(&m);
	m.keep = 1 << 16;
	if ((z = zip_new(&m.sink, T_MS)) == NULL)
		abort();
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "huge%zu.csv", i);
		starts[i] = m.n;
		rc |= zip_begin(z, name);
		if (m.n - starts[i] != 30 + strlen(name) || m.data.len < 39)
			rc = -9;
		is_str(local_wrong(m.data.data + m.data.len - 30 -
		    strlen(name), name), NULL, "%s: local header, at %" PRIu64,
		    name, starts[i]);
		rest = plain[i];
		for (left = sizes[i]; left > 0; ) {
			size_t n = left < CHUNK ? (size_t)left : CHUNK;
			uint64_t part = left == n ? rest : rest / 2;

			rc |= zip_add(z, chunk, n, 0, (size_t)part);
			rest -= part;
			left -= n;
		}
		ok(zip_entry_deflated(z) == sizes[i], "%s: deflated", name);
		rc |= zip_end(z, NULL);
		p = m.data.data + m.data.len - 16;
		ok(le32(p) == 0x08074b50 && le32(p + 8) == sizes[i] +
		    DEFLATE_END_LEN && le32(p + 12) == plain[i],
		    "%s: data descriptor of 32 bits", name);
	}
	rc |= zip_finish(z);
	is_int(rc, 0, "7 GiB: written");
	zip_free(z);
	is_int(ending_read(m.data.data, m.data.len, m.n, &e), 0,
	    "7 GiB: end records");
	ok(e.zip64 && e.entries == 4 && e.offset + e.size < m.n,
	    "7 GiB: ZIP64");
	p = m.data.data + m.data.len - (size_t)(m.n - e.offset);
	end = p + e.size;
	for (i = 0; i < 4; i++) {
		int far = starts[i] >= 0xffffffff;

		if (!ok(central_read(p, (size_t)(end - p), &c) == 0,
		    "7 GiB: central header %zu", i))
			break;
		ok(c.offset == starts[i] && c.size == sizes[i] +
		    DEFLATE_END_LEN && c.plain == plain[i],
		    "7 GiB: %zu: offset and sizes", i);
		is_int(c.zip64, far ? 4 : 0,
		    "7 GiB: %zu: ZIP64 only for the offset, where needed", i);
		ok(c.extra_len == (far ? 12u : 0u) && le16(p + 6) ==
		    (far ? 45u : 20u), "7 GiB: %zu: extra field and version",
		    i);
		p += c.len;
	}
	ok(p == end, "7 GiB: the directory ends there");
	buf_release(&m.data);
	free(chunk);
}

/* edge(before): A second entry begins at this offset; the directory follows. */
static void
edge(uint64_t start, int far)
{
	enum { CHUNK = 1 << 24 };
	uint8_t *chunk = calloc(1, CHUNK);
	struct memory_sink m;
	struct central c;
	struct ending e;
	const uint8_t *p;
	uint64_t left;
	struct zip *z;
	int rc = 0;

	if (chunk == NULL)
		abort();
	memory_init(&m);
	m.keep = 1 << 16;
	if ((z = zip_new(&m.sink, T_MS)) == NULL)
		abort();
	rc |= zip_begin(z, "a");
	for (left = start - 31 - DEFLATE_END_LEN - 16; left > 0; ) {
		size_t n = left < CHUNK ? (size_t)left : CHUNK;

		rc |= zip_add(z, chunk, n, 0, 1);
		left -= n;
	}
	rc |= zip_end(z, NULL);
	ok(m.n == start, "an entry begins at 0x%" PRIx64, start);
	rc |= zip_begin(z, "b") | zip_end(z, NULL) | zip_finish(z);
	zip_free(z);
	is_int(rc | ending_read(m.data.data, m.data.len, m.n, &e), 0,
	    "0x%" PRIx64 ": written, end records", start);
	p = m.data.data + m.data.len - (size_t)(m.n - e.offset);
	ok(central_read(p, 46 + 1, &c) == 0 && central_read(p + c.len,
	    (size_t)e.size - c.len, &c) == 0 && c.offset == start &&
	    c.zip64 == (far ? 4 : 0), "0x%" PRIx64 ": ZIP64 or not", start);
	is_int(e.zip64, e.offset >= 0xffffffff, "0x%" PRIx64
	    ": end record as its own offset asks", start);
	buf_release(&m.data);
	free(chunk);
}

/* The sink fails at each byte: a call reports it, and none crashes. */
static void
test_failure(void)
{
	unsigned long bad = 0;
	struct memory_sink m;
	uint64_t at, all = 1000;
	struct zip *z;
	int rc;

	for (at = 0; at <= all; at++) {
		memory_init(&m);
		m.fail_at = at;
		if ((z = zip_new(&m.sink, T_MS)) == NULL)
			abort();
		rc = zip_begin(z, "a.csv");
		if (rc == 0)
			rc = zip_add(z, "\0\0\0\xff\xff", 5, 0, 0);
		if (rc == 0)
			rc = zip_end(z, NULL);
		if (rc == 0)
			rc = zip_finish(z);
		if (at == 0)
			all = m.n;
		if (rc != (at == 0 ? 0 : -1))
			bad_row(&bad, "at %" PRIu64 ": %d", at, rc);
		if (m.closed != 0)
			bad_row(&bad, "at %" PRIu64 ": closed", at);
		zip_free(z);
		buf_release(&m.data);
	}
	ok(bad == 0 && all > 100, "a sink that fails at each of %" PRIu64
	    " bytes", all);
	memory_init(&m);
	z = zip_new(&m.sink, T_MS);
	ok(zip_finish(z) == 0 && m.n == 22, "no entries: only the end record");
	zip_free(z);
	buf_release(&m.data);
}

/* A bare archive's runs, added to another in pieces, are as if made there. */
static void
test_bare(void)
{
	static const char *const names[] = { "a.csv", "b.csv" };
	struct deflater *d = deflater_new(DEFLATE_FAST);
	struct memory_sink whole, bare, again;
	struct zip *w, *b, *z;
	uint64_t run, at = 0;
	uint32_t crc, crcs[2];
	size_t i, k, n, plain[2] = { 0, 0 };
	uint64_t runs[2];
	char text[64];
	struct buf out;
	int rc = 0;

	memory_init(&whole);
	memory_init(&bare);
	memory_init(&again);
	buf_init(&out, 1 << 20);
	w = zip_new(&whole.sink, T_MS);
	b = zip_new_bare(&bare.sink);
	z = zip_new(&again.sink, T_MS);
	if (d == NULL || w == NULL || b == NULL || z == NULL)
		abort();
	for (i = 0; i < 2; i++) {
		rc |= zip_begin(w, names[i]) | zip_begin(b, names[i]);
		for (k = 0; k < 5; k++) {
			n = (size_t)snprintf(text, sizeof(text),
			    "%zu,%zu\n%zu,,\n", i, k, k * 7919);
			out.len = 0;
			deflate_block(d, text, n, &out);
			crc = (uint32_t)crc32(0, (const Bytef *)text, (uInt)n);
			rc |= zip_add(w, out.data, out.len, crc, n) |
			    zip_add(b, out.data, out.len, crc, n);
			plain[i] += n;
		}
		rc |= zip_end(w, NULL) | zip_end(b, &crcs[i]);
		runs[i] = zip_entry_deflated(b);
		is_int(zip_entry_check(b), (int64_t)crc32(0, bare.data.data + at,
		    (uInt)runs[i]), "%s: checksum of the run", names[i]);
		at += runs[i];
	}
	is_int((int64_t)bare.n, (int64_t)at, "bare: the runs and nothing else");
	for (at = 0, i = 0; i < 2; i++) {
		rc |= zip_begin(z, names[i]);
		for (run = runs[i]; run > 0; run -= n, at += n) {
			n = run < 7 ? (size_t)run : 7;
			rc |= zip_add(z, bare.data.data + at, n,
			    n == run ? crcs[i] : 0, n == run ? plain[i] : 0);
		}
		rc |= zip_end(z, NULL);
	}
	rc |= zip_finish(w) | zip_finish(z);
	is_int(rc, 0, "bare: no error");
	ok(whole.n == again.n && memcmp(whole.data.data, again.data.data,
	    whole.n) == 0, "put together again it is the same archive");
	zip_free(w);
	zip_free(b);
	zip_free(z);
	deflater_free(d);
	buf_release(&out);
	buf_release(&whole.data);
	buf_release(&bare.data);
	buf_release(&again.data);
}

/* An entry is never larger than the limit: an error, and nothing is written. */
static void
test_limit(void)
{
	static const uint8_t bytes[64];
	static const struct {
		size_t len, plain;
		bool fits;
	} rows[] = {
		{ 0, 0, true }, { 28, 34, true }, { 29, 0, false },
		{ 0, 35, false }, { 28, 35, false }, { 1, 1, true },
		{ SIZE_MAX, 0, false }, { 0, SIZE_MAX, false },
	};
	struct memory_sink m;
	struct zip *z;
	uint64_t before;
	size_t i;

	for (i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t r = i / 2;

		memory_init(&m);
		z = i % 2 ? zip_new_bare(&m.sink) : zip_new(&m.sink, T_MS);
		if (z == NULL)
			abort();
		zip_limit(z, 100);
		is_int(zip_begin(z, "a.csv"), 0, "limit %zu: begun", i);
		is_int(zip_add(z, bytes, 64, 0, 60), 0, "limit %zu: added", i);
		/* Less 64 and the 2 of the end; less 60. */
		zip_limit(z, 94);
		ok(zip_fits(z, rows[r].len, rows[r].plain) == rows[r].fits,
		    "limit %zu: fits", i);
		before = m.n;
		is_int(zip_add(z, bytes, rows[r].len, 0, rows[r].plain),
		    rows[r].fits ? 0 : -1, "limit %zu: another %zu, %zu", i,
		    rows[r].len, rows[r].plain);
		ok(rows[r].fits || m.n == before, "limit %zu: nothing written",
		    i);
		zip_limit(z, 10);
		ok(!zip_fits(z, 0, 0), "limit %zu: below what is there", i);
		zip_free(z);
		buf_release(&m.data);
	}
}

int
main(void)
{
	test_limit();
	test_deflate();
	test_form();
	test_bare();
	test_time();
	test_names();
	many(65534, 0);
	many(65535, 1);
	many(65537, 1);
	test_huge();
	edge(0xfffffffe, 0);
	edge(0xffffffff, 1);
	edge(UINT64_C(0x100000000), 1);
	test_failure();
	return done_testing();
}
