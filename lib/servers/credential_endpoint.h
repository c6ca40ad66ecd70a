#ifndef LIB_SERVERS_CREDENTIAL_ENDPOINT_H
#define LIB_SERVERS_CREDENTIAL_ENDPOINT_H

#include "lib/base/conf.h"

struct credential;

/*
 * The sources that are asked over HTTP, with the variables of the environment that
 * AWS's SDKs have for them (scripts/export.conf.5): the endpoint of a container (ECS,
 * EKS Pod Identity), the metadata service of an instance, version 2 only, and STS with
 * a web identity. As source_check() and source_fetch() of credential_source.h; why has
 * CREDENTIAL_WHY_SIZE bytes.
 */
int endpoint_container_check(const struct conf *conf, char *why);
int endpoint_container_fetch(const struct conf *conf, enum conf_role role,
    struct credential *c, char *why);
int endpoint_instance_check(const struct conf *conf, char *why);
int endpoint_instance_fetch(const struct conf *conf, enum conf_role role,
    struct credential *c, char *why);
int endpoint_web_check(const struct conf *conf, char *why);
int endpoint_web_fetch(const struct conf *conf, enum conf_role role,
    struct credential *c, char *why);

#endif
