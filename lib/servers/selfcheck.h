#ifndef LIB_SERVERS_SELFCHECK_H
#define LIB_SERVERS_SELFCHECK_H

#include <stdio.h>

#include "lib/base/conf.h"

/*
 * selfcheck_run(conf, role, to):
 * --check: reach each server as the program would, and find out whether it
 * grants the rights that the program needs and none that it must not have. The
 * trials leave nothing: S3 uploads are aborted, objects are read and removed by
 * a key that nobody uses, a message is returned. Writes a line for each
 * finding; returns how many are wrong.
 */
int selfcheck_run(const struct conf *conf, enum conf_role role, FILE *to);

#endif
