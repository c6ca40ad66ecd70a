#ifndef LIB_SERVERS_CREDENTIALS_H
#define LIB_SERVERS_CREDENTIALS_H

#include <stddef.h>

#include "lib/base/conf.h"
#include "lib/servers/credential.h"

/*
 * The credentials with which this process signs for S3, kept up to date; one set a
 * process, safe from all threads.
 *
 * credentials_start(conf, role): Get the first ones, within seconds, and from then on
 * new ones in time, by a thread: when half of their life that is left is over, at
 * least once an hour; after a failure again after pauses of up to 30 s. A file is read
 * again as soon as it has changed; neither it nor keys need the thread. Failures are
 * logged (op=credentials), as warnings while the old ones live. Returns 0, also while
 * there are none yet; -1, logged, where the configuration or memory is at fault. conf
 * has to outlive credentials_stop(), which forgets them; a second one is fine.
 *
 * credentials_get(c): Copy the present ones; the caller wipes the copy. Returns 0, -1:
 * there are none at the moment, or they have ended.
 */
int credentials_start(const struct conf *conf, enum conf_role role);
void credentials_stop(void);
int credentials_get(struct credential *c);

/* credentials_describe(text, size): Which they are, for people; no secret. 0, -1: none. */
int credentials_describe(char *text, size_t size);

#endif
