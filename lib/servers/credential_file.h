#ifndef LIB_SERVERS_CREDENTIAL_FILE_H
#define LIB_SERVERS_CREDENTIAL_FILE_H

#include <stdbool.h>

struct buf;

/* Room for what a source of credentials says when it fails. */
#define CREDENTIAL_WHY_SIZE 512

/* credential_fail(why, fmt, ...): Say why; returns -1. */
int credential_fail(char why[CREDENTIAL_WHY_SIZE], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * credential_read(path, own, b, why):
 * Append all of a file to b, up to its ceiling; own: it is refused where others than
 * its owner may have access. Returns 0, -1 with the reason.
 * credential_release(b): Wipe it, then buf_release().
 */
int credential_read(const char *path, bool own, struct buf *b,
    char why[CREDENTIAL_WHY_SIZE]);
void credential_release(struct buf *b);

#endif
