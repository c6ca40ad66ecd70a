#ifndef LIB_SERVERS_TRIALS_H
#define LIB_SERVERS_TRIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/conf.h"

struct _mongoc_client_t;

/*
 * trials_version(client, text, size):
 * The primary's version, with a note where it is one that this program was not run on;
 * cut to size. 0, -1: it does not say, and text has why.
 */
int trials_version(struct _mongoc_client_t *client, char *text, size_t size);

/*
 * trials_run(client, role, take, arg):
 * Send the primary what the program would, each kind of command, stage, operator and
 * option once, so that what a newer MongoDB refuses is known at once. Nothing is
 * changed: each reads or writes documents that do not exist, and what is inserted has
 * an _id that no server stores. take() gets a line for each group of them: whether all
 * were taken, and which they are, with the server's own words where one was refused.
 * After a server that does not answer the rest are not sent.
 */
void trials_run(struct _mongoc_client_t *client, enum conf_role role,
    void (*take)(void *arg, bool good, const char *text), void *arg);

#endif
