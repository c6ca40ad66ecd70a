/*
 * The ZIP container, by APPNOTE 6.3.10; section numbers below are its. Writes
 * to a sink and never seeks, so sizes and CRC follow the data. Knows neither
 * CSV nor the manifest; callers bring their bytes deflated.
 */
#include "worker/engine/archive/zip.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "lib/base/log.h"
#include "lib/base/nameset.h"
#include "lib/base/timestamp.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/deflate/deflate.h"
#include "worker/engine/sink.h"

#define LOCAL_SIGNATURE		0x04034b50u
#define DESCRIPTOR_SIGNATURE	0x08074b50u
#define CENTRAL_SIGNATURE	0x02014b50u
#define END64_SIGNATURE		0x06064b50u
#define LOCATOR64_SIGNATURE	0x07064b50u
#define END_SIGNATURE		0x06054b50u
#define ZIP64_EXTRA		0x0001

/* Versions needed to extract (4.4.3): 2.0 and 4.5. */
#define VERSION_DEFLATE		20
#define VERSION_ZIP64		45
#define FLAGS			0x0808	/* data descriptor, UTF-8 names */
#define METHOD_DEFLATE		8
#define MADE_BY_UNIX		(3 << 8 | VERSION_ZIP64)
#define MODE_0644		(0100644u << 16)

/* What the central directory needs of an entry: there may be 100,000. */
struct entry {
	uint64_t offset;	/* of its local header */
	uint32_t name;		/* where it is in the set of names */
	uint32_t deflated, plain;	/* bytes */
	uint32_t crc;		/* of the plain bytes */
};

struct zip {
	struct sink *sink;
	uint16_t dos_time, dos_date;
	uint64_t offset;	/* bytes written so far */
	struct nameset names;
	struct entry *entries;
	size_t n, cap;		/* the last one may be open */
	uint64_t entry_max;
	uint32_t check;		/* CRC-32 of the open one's deflated bytes */
	bool open, bare;
};

/* All integers are little-endian (4.4.1.1). */
static void
put16(uint8_t **p, uint32_t v)
{
	*(*p)++ = (uint8_t)v;
	*(*p)++ = (uint8_t)(v >> 8);
}

static void
put32(uint8_t **p, uint64_t v)
{
	put16(p, (uint32_t)v);
	put16(p, (uint32_t)(v >> 16));
}

static void
put64(uint8_t **p, uint64_t v)
{
	put32(p, v);
	put32(p, v >> 32);
}

/* A field of 32 bits: all ones where ZIP64 has the value. */
static uint32_t
least32(uint64_t v)
{
	return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

static int
zip_write(struct zip *z, const void *data, size_t len)
{
	if (z->sink->write(z->sink, data, len) != 0)
		return -1;
	z->offset += len;
	return 0;
}

/* MS-DOS date and time (4.4.6): steps of two seconds, 1980 to 2107. */
static void
set_time(struct zip *z, int64_t t_ms)
{
	char at[TIMESTAMP_SIZE];
	int y, mo, d, h, mi, s;

	timestamp_format(t_ms, at);
	if (sscanf(at, "%4d-%2d-%2dT%2d:%2d:%2d", &y, &mo, &d, &h, &mi,
	    &s) != 6 || y < 1980 || y > 2107) {
		/* Midnight of 1980-01-01. */
		z->dos_date = 1 << 5 | 1;
		return;
	}
	z->dos_date = (uint16_t)((y - 1980) << 9 | mo << 5 | d);
	z->dos_time = (uint16_t)(h << 11 | mi << 5 | s / 2);
}

struct zip *
zip_new(struct sink *sink, int64_t t_ms)
{
	struct zip *z;

	if ((z = calloc(1, sizeof(*z))) == NULL)
		return NULL;
	z->sink = sink;
	z->entry_max = ZIP_ENTRY_MAX;
	nameset_init(&z->names);
	set_time(z, t_ms);
	return z;
}

struct zip *
zip_new_bare(struct sink *sink)
{
	struct zip *z = zip_new(sink, 0);

	if (z != NULL)
		z->bare = true;
	return z;
}

void
zip_free(struct zip *z)
{
	if (z == NULL)
		return;
	nameset_release(&z->names);
	free(z->entries);
	free(z);
}

void
zip_limit(struct zip *z, uint64_t entry_max)
{
	z->entry_max = entry_max;
}

uint64_t
zip_entry_max(const struct zip *z)
{
	return z->entry_max;
}

void
zip_name(struct zip *z, const char *stem, const char *ext,
    char name[ZIP_NAME_MAX + 1])
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789._-";
	char clean[ZIP_NAME_MAX - 19];
	size_t i;

	/* Cut first: there has to be room for a number and ext. */
	snprintf(clean, sizeof(clean), "%s", stem);
	for (i = 0; clean[i] != '\0'; i++)
		if (strchr(good, clean[i]) == NULL)
			clean[i] = '_';
	if (clean[0] == '.')
		clean[0] = '_';
	nameset_next(&z->names, clean, "-", ext, name, ZIP_NAME_MAX + 1);
}

int
zip_reserve(struct zip *z, const char *name)
{
	uint32_t at;

	if (nameset_add(&z->names, name, &at) == 0)
		return 0;
	log_msg(LOG_ERROR, "zip", "out of memory");
	return -1;
}

/* Fill in entries[n], for the caller to count. Returns 0, -1: no memory. */
static int
new_entry(struct zip *z, const char *name)
{
	struct entry *e;

	if (z->n == z->cap) {
		size_t cap = z->cap ? z->cap * 2 : 16;

		e = realloc(z->entries, cap * sizeof(*e));
		if (e == NULL)
			return -1;
		z->entries = e;
		z->cap = cap;
	}
	e = &z->entries[z->n];
	memset(e, 0, sizeof(*e));
	e->offset = z->offset;
	e->crc = (uint32_t)crc32(0, NULL, 0);
	z->check = 0;
	return nameset_add(&z->names, name, &e->name);
}

/* The local header (4.3.7). CRC and sizes come in the data descriptor. */
static int
write_local(struct zip *z, const char *name)
{
	uint8_t head[30 + ZIP_NAME_MAX], *p = head;

	put32(&p, LOCAL_SIGNATURE);
	put16(&p, VERSION_DEFLATE);
	put16(&p, FLAGS);
	put16(&p, METHOD_DEFLATE);
	put16(&p, z->dos_time);
	put16(&p, z->dos_date);
	put32(&p, 0);				/* CRC-32 */
	put32(&p, 0);				/* compressed size */
	put32(&p, 0);				/* uncompressed size */
	put16(&p, (uint32_t)strlen(name));
	put16(&p, 0);				/* no extra field */
	memcpy(p, name, strlen(name));
	p += strlen(name);
	return zip_write(z, head, (size_t)(p - head));
}

int
zip_begin(struct zip *z, const char *name)
{
	assert(!z->open && strlen(name) <= ZIP_NAME_MAX);
	if (new_entry(z, name) != 0) {
		log_msg(LOG_ERROR, "zip", "out of memory");
		return -1;
	}
	if (!z->bare && write_local(z, name) != 0)
		return -1;
	z->n++;
	z->open = true;
	return 0;
}

/* What ends the stream has to fit, too; also in a bare archive's copy. */
bool
zip_fits(const struct zip *z, size_t len, size_t plain_len)
{
	const struct entry *e = &z->entries[z->n - 1];

	return z->entry_max >= DEFLATE_END_LEN + e->deflated &&
	    len <= z->entry_max - DEFLATE_END_LEN - e->deflated &&
	    z->entry_max >= e->plain && plain_len <= z->entry_max - e->plain;
}

int
zip_add(struct zip *z, const void *deflated, size_t len, uint32_t crc,
    size_t plain_len)
{
	struct entry *e = &z->entries[z->n - 1];

	assert(z->open);
	if (!zip_fits(z, len, plain_len)) {
		log_msg(LOG_ERROR, "zip", "%s needs more than %" PRIu64
		    " bytes", nameset_get(&z->names, e->name), z->entry_max);
		return -1;
	}
	if (zip_write(z, deflated, len) != 0)
		return -1;
	e->deflated += (uint32_t)len;
	if (z->bare)
		z->check = block_crc(z->check, deflated, len);
	e->plain += (uint32_t)plain_len;
	/* Blocks are checked where they are made; here only their CRCs join. */
	e->crc = (uint32_t)crc32_combine(e->crc, crc, (z_off_t)plain_len);
	return 0;
}

uint64_t
zip_entry_deflated(const struct zip *z)
{
	return z->entries[z->n - 1].deflated;
}

uint32_t
zip_entry_check(const struct zip *z)
{
	return z->check;
}

/*
 * End the deflated data with an empty final block, then the data descriptor
 * (4.3.9), with its signature and sizes of 32 bits.
 */
static int
write_descriptor(struct zip *z)
{
	struct entry *e = &z->entries[z->n - 1];
	uint8_t tail[16], *p = tail;

	if (zip_write(z, DEFLATE_END, DEFLATE_END_LEN) != 0)
		return -1;
	e->deflated += DEFLATE_END_LEN;
	put32(&p, DESCRIPTOR_SIGNATURE);
	put32(&p, e->crc);
	put32(&p, e->deflated);
	put32(&p, e->plain);
	return zip_write(z, tail, (size_t)(p - tail));
}

int
zip_end(struct zip *z, uint32_t *crc)
{
	if (!z->bare && write_descriptor(z) != 0)
		return -1;
	if (crc != NULL)
		*crc = z->entries[z->n - 1].crc;
	z->open = false;
	return 0;
}

/*
 * An entry's header in the central directory (4.3.12). Entries stay below 4
 * GiB, so only the offset can need ZIP64 (4.5.3).
 */
static int
write_central(struct zip *z, const struct entry *e)
{
	uint8_t head[46 + ZIP_NAME_MAX + 12], *p = head;
	const bool zip64 = e->offset >= UINT32_MAX;
	const char *name = nameset_get(&z->names, e->name);
	const size_t name_len = strlen(name);

	put32(&p, CENTRAL_SIGNATURE);
	put16(&p, MADE_BY_UNIX);
	put16(&p, zip64 ? VERSION_ZIP64 : VERSION_DEFLATE);
	put16(&p, FLAGS);
	put16(&p, METHOD_DEFLATE);
	put16(&p, z->dos_time);
	put16(&p, z->dos_date);
	put32(&p, e->crc);
	put32(&p, e->deflated);
	put32(&p, e->plain);
	put16(&p, (uint32_t)name_len);
	put16(&p, zip64 ? 12 : 0);		/* extra field's length */
	put16(&p, 0);				/* no comment */
	put16(&p, 0);				/* disk number */
	put16(&p, 0);				/* internal attributes */
	put32(&p, MODE_0644);
	put32(&p, least32(e->offset));
	memcpy(p, name, name_len);
	p += name_len;
	if (zip64) {
		put16(&p, ZIP64_EXTRA);
		put16(&p, 8);
		put64(&p, e->offset);
	}
	return zip_write(z, head, (size_t)(p - head));
}

/*
 * The ZIP64 end record (4.3.14) and its locator (4.3.15); at and size are of
 * the central directory.
 */
static int
write_end64(struct zip *z, uint64_t at, uint64_t size)
{
	uint8_t tail[56 + 20], *p = tail;
	const uint64_t end64 = z->offset;

	put32(&p, END64_SIGNATURE);
	put64(&p, 44);				/* of the record, from here */
	put16(&p, MADE_BY_UNIX);
	put16(&p, VERSION_ZIP64);
	put32(&p, 0);				/* disk number */
	put32(&p, 0);				/* disk of the directory */
	put64(&p, z->n);			/* entries on this disk */
	put64(&p, z->n);			/* entries of all */
	put64(&p, size);
	put64(&p, at);
	put32(&p, LOCATOR64_SIGNATURE);
	put32(&p, 0);				/* disk of the end record */
	put64(&p, end64);
	put32(&p, 1);				/* number of disks */
	return zip_write(z, tail, (size_t)(p - tail));
}

/*
 * Write the central directory: the headers of all entries, the ZIP64 end record
 * if a field of the old one overflows, then the old one (4.3.16), which is
 * always there and is where readers begin.
 */
int
zip_finish(struct zip *z)
{
	uint8_t tail[22], *p = tail;
	const uint64_t at = z->offset;
	uint64_t size;
	size_t i;
	uint32_t n;

	assert(!z->open);
	for (i = 0; i < z->n; i++)
		if (write_central(z, &z->entries[i]) != 0)
			return -1;
	size = z->offset - at;
	if ((z->n >= UINT16_MAX || at >= UINT32_MAX || size >= UINT32_MAX) &&
	    write_end64(z, at, size) != 0)
		return -1;
	n = z->n < UINT16_MAX ? (uint32_t)z->n : UINT16_MAX;
	put32(&p, END_SIGNATURE);
	put16(&p, 0);				/* disk number */
	put16(&p, 0);				/* disk of the directory */
	put16(&p, n);				/* entries on this disk */
	put16(&p, n);				/* entries of all */
	put32(&p, least32(size));
	put32(&p, least32(at));
	put16(&p, 0);				/* no comment */
	return zip_write(z, tail, (size_t)(p - tail));
}
