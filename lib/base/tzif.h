#ifndef LIB_BASE_TZIF_H
#define LIB_BASE_TZIF_H

#include <stddef.h>
#include <stdint.h>

struct zone;

/* The largest file read; those of 2025 have up to 4 KiB. */
#define TZIF_BYTES_MAX 65536

/*
 * tzif_zone(data, len, from_ms, to_ms, zone):
 * Read a file of the time zone database (TZif, RFC 9636, of version 2 or later) into
 * the table of zone, which was zeroed and is released by the caller in any case: the
 * offset at from_ms, and the changes from there up to to_ms, a later moment before
 * year 10000. Leap seconds are refused, as Unix time has none. Pure. Returns 0, -1: it
 * is no such file, the zone has more changes than ZONE_CHANGES_MAX, or no memory.
 */
int tzif_zone(const uint8_t *data, size_t len, int64_t from_ms, int64_t to_ms,
    struct zone *zone);

#endif
