#ifndef LIB_BASE_ZONE_H
#define LIB_BASE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A time zone's offsets from UTC over a range of time, as a table: taken once from the
 * system's database (lib/base/zonefile.h), kept as text, looked up without it.
 */

/* A zone has two changes a year, some four: over 130 years, some 500. */
#define ZONE_CHANGES_MAX 4096
/* Less than -25 h or more than 26 h is no offset (RFC 9636, 3.2). */
#define ZONE_OFFSET_MIN_S (-89999)
#define ZONE_OFFSET_MAX_S 93599
#define ZONE_NAME_MAX 64

struct zone_change {
	int64_t at_s;		/* Unix */
	int32_t offset_s;	/* local time less UTC, from then on */
};

/* Zeroed, it is UTC. Changes ascend. */
struct zone {
	int32_t first_s;	/* the offset before the first change */
	struct zone_change *v;
	size_t n, cap;
};

/*
 * zone_add(z, at_s, offset_s): Append a change. Returns 0, -1: no memory, or one too
 * many.
 * zone_release(z): Free what it owns; it is UTC again.
 */
int zone_add(struct zone *z, int64_t at_s, int32_t offset_s);
void zone_release(struct zone *z);

/* The time around a moment in which one offset holds, half-open, Unix ms. */
struct zone_span {
	int64_t from_ms, to_ms;
	int64_t offset_ms;
};

/* zone_span(z, t_ms): The one of this moment. Open ends are INT64_MIN, INT64_MAX. */
struct zone_span zone_span(const struct zone *z, int64_t t_ms);

/*
 * zone_text(z): The table as text, which the caller frees: "3600 1540688400 7200 ...",
 * the first offset, then moment and offset of each change. NULL: no memory.
 * zone_parse(text, z): Read that into z, which was zeroed and is released by the
 * caller in any case. Returns 0, -1: it is not such a text, or no memory.
 */
char *zone_text(const struct zone *z);
int zone_parse(const char *text, struct zone *z);

/*
 * zone_is_name(name): Whether it may be an IANA name, such as America/New_York: no
 * path leads out of the database with it.
 */
bool zone_is_name(const char *name);

#endif
