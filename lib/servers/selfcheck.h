#ifndef LIB_SERVERS_SELFCHECK_H
#define LIB_SERVERS_SELFCHECK_H

#include <stdio.h>

#include "lib/base/conf.h"

/*
 * selfcheck_run(conf, role, to):
 * What --check does: reach each server as the program would, and see whether it
 * has the rights that the program needs and none of those that it must not have.
 * What is tried leaves nothing behind: S3 uploads are aborted, what is removed or
 * got has a key that is nobody's, the queue gives a message back. A line a
 * finding goes to `to`. Returns how many are wrong.
 */
int selfcheck_run(const struct conf *conf, enum conf_role role, FILE *to);

#endif
