/*
 * The reader of TZif (RFC 9636): moments at which a zone's offset changed, and the rule
 * for those after the last one. The file is the system's, but every length and index is
 * checked all the same. Names of offsets, and which are summer time, are passed over.
 */
#include "lib/base/tzif.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/timestamp.h"
#include "lib/base/tzrule.h"
#include "lib/base/zone.h"

#define HEADER_BYTES 44
#define TYPE_BYTES 6
/* Ceilings of the counts in a header; files of 2025 have up to 240 changes. */
#define TIMES_MAX 2000
#define TYPES_MAX 256
#define CHARS_MAX 4096
/* Before the universe, says RFC 9636, 3.2. */
#define AT_MIN_S (-(INT64_C(1) << 59))
#define YEARS_MAX (ZONE_CHANGES_MAX / 2)

/* A block of data: counts of the header, and where each part is. */
struct block {
	uint32_t ut, standard, leaps, times, types, chars;
	const uint8_t *at, *type_of, *type;
	size_t bytes;
};

/* What is being filled, and how far. */
struct filling {
	struct zone *zone;
	int64_t from_s, to_s;	/* a change up to from_s gives the first offset */
};

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t
be64(const uint8_t *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* The header at data, and the block after it, whose times have time_bytes each. */
static int
read_block(const uint8_t *data, size_t len, size_t time_bytes, struct block *b)
{
	if (len < HEADER_BYTES || memcmp(data, "TZif", 4) != 0 || data[4] < '2')
		return -1;
	b->ut = be32(data + 20);
	b->standard = be32(data + 24);
	b->leaps = be32(data + 28);
	b->times = be32(data + 32);
	b->types = be32(data + 36);
	b->chars = be32(data + 40);
	if (b->times > TIMES_MAX || b->types > TYPES_MAX || b->chars > CHARS_MAX ||
	    b->leaps > TIMES_MAX || b->standard > TYPES_MAX || b->ut > TYPES_MAX)
		return -1;
	b->bytes = HEADER_BYTES + b->times * (time_bytes + 1) + b->types * TYPE_BYTES +
	    b->chars + b->leaps * (time_bytes + 4) + b->standard + b->ut;
	if (b->bytes > len)
		return -1;
	b->at = data + HEADER_BYTES;
	b->type_of = b->at + b->times * time_bytes;
	b->type = b->type_of + b->times;
	return 0;
}

/* The offset of a type; -1: there is none, or it is no offset. */
static int
offset_of(const struct block *b, uint32_t type, int32_t *offset_s)
{
	if (type >= b->types)
		return -1;
	*offset_s = (int32_t)be32(b->type + (size_t)type * TYPE_BYTES);
	return *offset_s < ZONE_OFFSET_MIN_S || *offset_s > ZONE_OFFSET_MAX_S ? -1 : 0;
}

/*
 * Changes come in ascending order; of two at one moment the later counts. One that
 * changes nothing is left out.
 */
static int
fill(struct filling *f, int64_t at_s, int32_t offset_s)
{
	struct zone *z = f->zone;

	if (at_s <= f->from_s) {
		z->first_s = offset_s;
		return 0;
	}
	if (z->n > 0 && z->v[z->n - 1].at_s == at_s)
		z->n--;
	if (at_s >= f->to_s || offset_s == (z->n > 0 ? z->v[z->n - 1].offset_s : z->first_s))
		return 0;
	return zone_add(z, at_s, offset_s);
}

/* The changes of the file; *last_s is the last one's moment. */
static int
fill_times(struct filling *f, const struct block *b, int64_t *last_s)
{
	int64_t at_s;
	int32_t offset_s;
	size_t i;

	/* Before the first one the first type holds. */
	if (offset_of(b, 0, &offset_s) != 0)
		return -1;
	f->zone->first_s = offset_s;
	*last_s = AT_MIN_S - 1;
	for (i = 0; i < b->times; i++, *last_s = at_s) {
		at_s = be64(b->at + 8 * i);
		if (at_s <= *last_s || offset_of(b, b->type_of[i], &offset_s) != 0 ||
		    fill(f, at_s, offset_s) != 0)
			return -1;
	}
	return 0;
}

/*
 * A rule's changes, in order: of each year the end before the beginning, which is how
 * two of one moment stay. There are few, and they are in order but for two each.
 */
static void
sort_changes(struct zone_change *v, size_t n)
{
	struct zone_change one;
	size_t i, k;

	for (i = 1; i < n; i++) {
		one = v[i];
		for (k = i; k > 0 && v[k - 1].at_s > one.at_s; k--)
			v[k] = v[k - 1];
		v[k] = one;
	}
}

/* A year more at each end: it decides what holds in the first and last days. */
static int
fill_years(struct filling *f, const struct tzrule *rule, int64_t last_s)
{
	const int64_t begin_s = last_s > f->from_s ? last_s : f->from_s;
	const int first = timestamp_year(begin_s * 1000) - 1;
	const int years = timestamp_year(f->to_s * 1000) + 2 - first;
	struct zone_change *v;
	size_t i, n = 2 * (size_t)years;
	int rc = 0;

	if (years < 1 || years > YEARS_MAX || (v = calloc(n, sizeof(*v))) == NULL)
		return -1;
	for (i = 0; i < n; i += 2)
		tzrule_year(rule, first + (int)(i / 2), &v[i]);
	sort_changes(v, n);
	for (i = 0; i < n && rc == 0; i++)
		if (v[i].at_s > last_s)
			rc = fill(f, v[i].at_s, v[i].offset_s);
	free(v);
	return rc;
}

/* After the last change of the file: a line with a TZ string, which may be empty. */
static int
fill_rule(struct filling *f, const uint8_t *data, size_t len, int64_t last_s)
{
	const uint8_t *end;
	struct tzrule rule;

	if (len < 2 || data[0] != '\n' ||
	    (end = memchr(data + 1, '\n', len - 1)) == NULL)
		return -1;
	if (end == data + 1 || last_s >= f->to_s)
		return 0;
	if (tzrule_parse((const char *)data + 1, (size_t)(end - data) - 1, &rule) != 0)
		return -1;
	if (rule.changes)
		return fill_years(f, &rule, last_s);
	/* The last change has led to it already; without one it is all there is. */
	return last_s < AT_MIN_S ? fill(f, last_s, rule.standard_s) : 0;
}

int
tzif_zone(const uint8_t *data, size_t len, int64_t from_ms, int64_t to_ms,
    struct zone *zone)
{
	struct filling f = { .zone = zone };
	struct block b;
	int64_t last_s;
	size_t skip;

	/* The first block, of 32 bits, is for readers of version 1. */
	if (len > TZIF_BYTES_MAX || read_block(data, len, 4, &b) != 0)
		return -1;
	skip = b.bytes;
	if (read_block(data + skip, len - skip, 8, &b) != 0 || b.leaps > 0)
		return -1;
	f.from_s = from_ms / 1000 - (from_ms % 1000 < 0);
	f.to_s = to_ms / 1000 + (to_ms % 1000 > 0);
	return fill_times(&f, &b, &last_s) != 0 || fill_rule(&f,
	    data + skip + b.bytes, len - skip - b.bytes, last_s) != 0 ? -1 : 0;
}
