#ifndef LIB_SERVERS_CREDENTIAL_SOURCE_H
#define LIB_SERVERS_CREDENTIAL_SOURCE_H

#include "lib/base/conf.h"
#include "lib/servers/credential_file.h"

struct credential;

/*
 * Where credentials come from: conf's s3_credentials (scripts/export.conf.5 describes
 * them), with the variables of the environment that AWS's SDKs have.
 *
 * source_check(conf, why): Whether it is configured so that it could work. Returns 0,
 * -1 with the reason, which an operator has to remove. Makes no request.
 * source_fetch(conf, role, c, why): Get what it has now, within 10 s. role names the
 * session. Returns 0 with *c, -1 with the reason, *c empty. Neither reason holds a
 * secret.
 */
int source_check(const struct conf *conf, char why[CREDENTIAL_WHY_SIZE]);
int source_fetch(const struct conf *conf, enum conf_role role,
    struct credential *c, char why[CREDENTIAL_WHY_SIZE]);

#endif
