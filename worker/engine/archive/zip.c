/*
 * The ZIP container, by APPNOTE 6.3.10; section numbers below are its. Writes
 * to a sink and never seeks, so sizes and CRC follow the data. Knows neither
 * CSV nor the manifest; callers bring their bytes deflated.
 */
#include "worker/engine/archive/zip.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <zlib.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
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

/* What the central directory needs of an entry. */
struct entry {
	char name[ZIP_NAME_MAX + 1];
	uint64_t offset;	/* of its local header */
	uint64_t deflated, plain;
	uint32_t crc;		/* of the plain bytes */
	uint32_t check;		/* CRC-32 of the deflated bytes, if bare */
};

struct zip {
	struct sink *sink;
	uint16_t dos_time, dos_date;
	uint64_t offset;	/* bytes written so far */
	struct entry *entries;
	size_t n, cap;		/* the last one may be open */
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
	free(z->entries);
	free(z);
}

static bool
name_taken(const struct zip *z, const char *name)
{
	size_t i;

	for (i = 0; i < z->n; i++)
		if (strcasecmp(z->entries[i].name, name) == 0)
			return true;
	return false;
}

void
zip_name(const struct zip *z, const char *stem, const char *ext,
    char name[ZIP_NAME_MAX + 1])
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789._-";
	char clean[ZIP_NAME_MAX - 19];
	size_t i;
	int n;

	/* Cut first: there has to be room for a number and ext. */
	snprintf(clean, sizeof(clean), "%s", stem);
	for (i = 0; clean[i] != '\0'; i++)
		if (strchr(good, clean[i]) == NULL)
			clean[i] = '_';
	if (clean[0] == '.')
		clean[0] = '_';
	snprintf(name, ZIP_NAME_MAX + 1, "%s%s", clean, ext);
	for (n = 2; name_taken(z, name); n++)
		snprintf(name, ZIP_NAME_MAX + 1, "%s-%d%s", clean, n, ext);
}

/* Fill in entries[n], for the caller to count. NULL: no memory, logged. */
static struct entry *
new_entry(struct zip *z, const char *name)
{
	struct entry *e;

	if (z->n == z->cap) {
		size_t cap = z->cap ? z->cap * 2 : 16;

		e = realloc(z->entries, cap * sizeof(*e));
		if (e == NULL) {
			log_msg(LOG_ERROR, "zip", "out of memory");
			return NULL;
		}
		z->entries = e;
		z->cap = cap;
	}
	e = &z->entries[z->n];
	memset(e, 0, sizeof(*e));
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->offset = z->offset;
	e->crc = (uint32_t)crc32(0, NULL, 0);
	return e;
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
	if (new_entry(z, name) == NULL ||
	    (!z->bare && write_local(z, name) != 0))
		return -1;
	z->n++;
	z->open = true;
	return 0;
}

int
zip_add(struct zip *z, const void *deflated, size_t len, uint32_t crc,
    size_t plain_len)
{
	struct entry *e = &z->entries[z->n - 1];

	assert(z->open && e->deflated + len <= ZIP_ENTRY_MAX &&
	    e->plain + plain_len <= ZIP_ENTRY_MAX);
	if (zip_write(z, deflated, len) != 0)
		return -1;
	e->deflated += len;
	if (z->bare)
		e->check = block_crc(e->check, deflated, len);
	e->plain += plain_len;
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
	return z->entries[z->n - 1].check;
}

/*
 * End the deflated data with an empty final block, then the data descriptor
 * (4.3.9), with its signature and sizes of 32 bits.
 */
static int
write_descriptor(struct zip *z)
{
	const struct entry *e = &z->entries[z->n - 1];
	uint8_t tail[16], *p = tail;

	if (zip_add(z, DEFLATE_END, DEFLATE_END_LEN, (uint32_t)crc32(0, NULL,
	    0), 0) != 0)
		return -1;
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
	const size_t name_len = strlen(e->name);

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
	memcpy(p, e->name, name_len);
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
