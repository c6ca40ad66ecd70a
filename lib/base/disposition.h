#ifndef LIB_BASE_DISPOSITION_H
#define LIB_BASE_DISPOSITION_H

#include <stdint.h>

/* Room for the header of a name of up to 100 bytes, and its NUL. */
#define DISPOSITION_SIZE 640

/*
 * disposition(name, from_ms, to_ms, text):
 * The header Content-Disposition (RFC 6266) of a download that is called by a name
 * and the days, UTC, of the range [from_ms, to_ms), to_ms > from_ms:
 *	attachment; filename="autumn-fleet_2026-09-30_2026-11-29.zip"
 * The name in lower case, with ASCII letters and digits; each run of anything else
 * becomes one dash, but none at its ends. "export" where nothing remains, or name is
 * NULL. A name with other letters follows, with these (RFC 8187): filename*=UTF-8''...
 * name is UTF-8; what does not fit, or is not UTF-8, is cut off.
 */
void disposition(const char *name, int64_t from_ms, int64_t to_ms,
    char text[DISPOSITION_SIZE]);

#endif
