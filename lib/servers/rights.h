#ifndef LIB_SERVERS_RIGHTS_H
#define LIB_SERVERS_RIGHTS_H

#include <stddef.h>

#include "lib/base/conf.h"

struct _mongoc_client_t;

/* What of MongoDB's rights is wrong with a program's user; bits. */
#define RIGHTS_LACKING 1
#define RIGHTS_EXCESS 2		/* more than it needs: a mistake grows large */

/*
 * rights_mongo(client, role, text, size):
 * Hold the privileges that the primary says the user has (connectionStatus)
 * against those that scripts/provision gives. Returns RIGHTS_* bits, 0 when all
 * is as it should be, -1 after a logged error; text names what is wrong, cut to
 * size.
 */
int rights_mongo(struct _mongoc_client_t *client, enum conf_role role,
    char *text, size_t size);

#endif
