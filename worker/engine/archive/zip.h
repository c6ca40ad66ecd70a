#ifndef WORKER_ENGINE_ARCHIVE_ZIP_H
#define WORKER_ENGINE_ARCHIVE_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink;
struct zip;

/*
 * The most bytes of an entry, plain or deflated (DEFLATE_END included), that fit
 * the 32-bit form.
 */
#define ZIP_ENTRY_MAX UINT64_C(0xfffffffe)
/* Longest name of an entry that zip_name() makes. */
#define ZIP_NAME_MAX 120

/*
 * A ZIP archive written front to back, never seeking (PKWARE APPNOTE 6.3.10):
 * deflated entries with signed 32-bit data descriptors (general-purpose bit 3),
 * names in UTF-8 (bit 11), ZIP64 in the central directory and end records only,
 * and only where needed. All nine readers that were tried open this form.
 * Unless it says otherwise a function returns 0, or -1 after an error that the
 * sink logged, or that is logged here.
 */

/*
 * zip_new(sink, t_ms): All entries are dated t_ms (Unix ms, from 1980 on).
 * zip_new_bare(sink): Only the entries' runs of blocks go to the sink, one
 * after the other, without headers: a fragment of an archive made elsewhere.
 * NULL: no memory, not logged.
 */
struct zip *zip_new(struct sink *sink, int64_t t_ms);
struct zip *zip_new_bare(struct sink *sink);
void zip_free(struct zip *z);

/*
 * zip_limit(z, entry_max): For tests: less than ZIP_ENTRY_MAX.
 * zip_entry_max(z): That limit.
 */
void zip_limit(struct zip *z, uint64_t entry_max);
uint64_t zip_entry_max(const struct zip *z);

/*
 * zip_name(z, stem, ext, name):
 * Make a name that no entry has, ignoring case: stem, cut and cleaned to
 * [A-Za-z0-9._-] with no leading dot; if taken, "-2", "-3", ...; then ext, of
 * at most 11 bytes.
 * zip_reserve(z, name): Keep a name that zip_name() made from others, whether an
 * entry is to have it or not.
 */
void zip_name(struct zip *z, const char *stem, const char *ext,
    char name[ZIP_NAME_MAX + 1]);
int zip_reserve(struct zip *z, const char *name);

/*
 * zip_begin(z, name): Start an entry, with a name that zip_name() made or that
 * is none of those; no entry is open.
 */
int zip_begin(struct zip *z, const char *name);

/*
 * zip_add(z, deflated, len, crc, plain_len):
 * Append a run of blocks, as deflate_block() makes them, to the open entry; crc
 * is the CRC-32 of the plain_len bytes that it inflates to. An error where
 * zip_fits() says no.
 * zip_fits(z, len, plain_len): Whether the open entry stays within
 * ZIP_ENTRY_MAX, plain and deflated, with that and its end.
 */
int zip_add(struct zip *z, const void *deflated, size_t len, uint32_t crc,
    size_t plain_len);
bool zip_fits(const struct zip *z, size_t len, size_t plain_len);

/* zip_end(z, crc): End the entry; *crc (may be NULL): of its plain bytes. */
int zip_end(struct zip *z, uint32_t *crc);

/* zip_entry_deflated(z): Deflated bytes of the open entry so far. */
uint64_t zip_entry_deflated(const struct zip *z);

/* zip_entry_check(z): Their CRC-32; z is bare. */
uint32_t zip_entry_check(const struct zip *z);

/* zip_finish(z): Write the central directory. The sink stays open. */
int zip_finish(struct zip *z);

#endif
