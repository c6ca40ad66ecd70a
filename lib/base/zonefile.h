#ifndef LIB_BASE_ZONEFILE_H
#define LIB_BASE_ZONEFILE_H

#include <stdint.h>

struct zone;

/* Where the system has its time zone database (Debian's tzdata). */
#define ZONEFILE_FOLDER "/usr/share/zoneinfo"

enum zonefile_result {
	ZONEFILE_OK,
	ZONEFILE_UNKNOWN,	/* no IANA name, or the database does not have it */
	ZONEFILE_FAILED		/* its file cannot be read, or no memory; logged */
};

/*
 * zonefile_read(name, from_ms, to_ms, zone):
 * The offsets of a zone over this time, as tzif_zone() gives them; zone was zeroed and
 * is released by the caller in any case.
 */
enum zonefile_result zonefile_read(const char *name, int64_t from_ms,
    int64_t to_ms, struct zone *zone);

#endif
