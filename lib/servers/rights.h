#ifndef LIB_SERVERS_RIGHTS_H
#define LIB_SERVERS_RIGHTS_H

#include <stddef.h>

#include "lib/base/conf.h"

struct _mongoc_client_t;

/* What is wrong with the rights of a program's MongoDB user; bits. */
#define RIGHTS_MISSING 1
#define RIGHTS_EXCESS 2		/* more than needed, which would make a mistake costlier */

/*
 * rights_mongo(client, role, text, size):
 * Compare the privileges that the primary reports of the user
 * (connectionStatus) with those that scripts/provision grants. Returns RIGHTS_*
 * bits, 0 when they are the same, -1 after a logged error; text names what is
 * wrong, cut to size.
 */
int rights_mongo(struct _mongoc_client_t *client, enum conf_role role,
    char *text, size_t size);

#endif
