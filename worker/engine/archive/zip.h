#ifndef WORKER_ENGINE_ARCHIVE_ZIP_H
#define WORKER_ENGINE_ARCHIVE_ZIP_H

#include <stddef.h>
#include <stdint.h>

struct sink;
struct zip;

/* Above this an entry's bytes, plain or deflated, do not fit the 32-bit form. */
#define ZIP_ENTRY_MAX UINT64_C(0xfffffffe)
/* Longest name of an entry that zip_name() makes. */
#define ZIP_NAME_MAX 100

/*
 * A ZIP archive written front to back (PKWARE APPNOTE 6.3.10): deflate entries
 * with signed 32-bit data descriptors (general-purpose bit 3), names in UTF-8
 * (bit 11), ZIP64 in the central directory and end records only, only where
 * needed. No reader that was tried refuses this form.
 */

/*
 * zip_new(sink, t_ms): The time stamp of all entries is t_ms (from 1980 on).
 * zip_new_bare(sink): Of each entry the runs of blocks alone go to the sink, one
 * entry behind the other, for an archive that is put together elsewhere.
 */
struct zip *zip_new(struct sink *sink, int64_t t_ms);
struct zip *zip_new_bare(struct sink *sink);
void zip_free(struct zip *z);

/*
 * zip_name(z, stem, ext, name):
 * A name for an entry that no other has, in whatever case: stem cleaned to
 * [A-Za-z0-9._-], no leading dot, "-2", "-3", ... added when taken, then ext.
 */
void zip_name(const struct zip *z, const char *stem, const char *ext,
    char name[ZIP_NAME_MAX + 1]);

/* zip_begin(z, name): Start an entry. zip_*: 0, -1 after a logged sink error. */
int zip_begin(struct zip *z, const char *name);

/*
 * zip_add(z, deflated, len, crc, plain_len):
 * Add a run of blocks as deflate_block() makes them; crc is the CRC-32 of the
 * plain_len bytes that they stand for. The caller keeps the entry's sums, plain
 * and deflated, within ZIP_ENTRY_MAX.
 */
int zip_add(struct zip *z, const void *deflated, size_t len, uint32_t crc,
    size_t plain_len);

/* zip_end(z, crc): End the entry; *crc (may be NULL) is that of all its bytes. */
int zip_end(struct zip *z, uint32_t *crc);

/* zip_entry_deflated(z): Deflated bytes of the open entry so far. */
uint64_t zip_entry_deflated(const struct zip *z);

/* zip_entry_check(z): Their CRC-32, where z is bare. */
uint32_t zip_entry_check(const struct zip *z);

/* zip_finish(z): Write the central directory. The sink is not closed. */
int zip_finish(struct zip *z);

#endif
