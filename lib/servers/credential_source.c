/*
 * The sources of credentials, as one table: keys and a file here, the others in
 * credential_endpoint.
 */
#include "lib/servers/credential_source.h"

#include <string.h>

#include "lib/base/buf.h"
#include "lib/servers/credential.h"
#include "lib/servers/credential_endpoint.h"

#define FILE_MAX (1024 * 1024)

/* ---- keys ---- */

static int
keys_fetch(const struct conf *conf, enum conf_role role, struct credential *c,
    char *why)
{
	const char *wrong = credential_set(c, conf->s3_access_key, conf->s3_secret);

	(void)role;
	return wrong == NULL ? 0 : credential_fail(why, "s3_access_key, s3_secret_file: %s", wrong);
}

static int
keys_check(const struct conf *conf, char *why)
{
	struct credential c;
	const int rc = keys_fetch(conf, CONF_API, &c, why);

	credential_wipe(&c);
	return rc;
}

/* ---- file ---- */

static int
file_fetch(const struct conf *conf, enum conf_role role, struct credential *c,
    char *why)
{
	const char *path = conf->s3_credentials_file, *wrong;
	struct buf b;
	int rc;

	(void)role;
	buf_init(&b, FILE_MAX);
	if ((rc = credential_read(path, true, &b, why)) == 0 && (wrong =
	    credential_ini((char *)b.data, b.len, conf->s3_profile, c)) != NULL)
		rc = credential_fail(why, "%s, profile %s: %s", path, conf->s3_profile, wrong);
	credential_release(&b);
	return rc;
}

static int
file_check(const struct conf *conf, char *why)
{
	struct credential c = { .expires_ms = 0 };
	const int rc = file_fetch(conf, CONF_API, &c, why);

	credential_wipe(&c);
	return rc;
}

/* ---- all of them ---- */

static const struct {
	const char *name;
	int (*check)(const struct conf *conf, char *why);
	int (*fetch)(const struct conf *conf, enum conf_role role,
	    struct credential *c, char *why);
} sources[] = {
	{ "keys", keys_check, keys_fetch },
	{ "file", file_check, file_fetch },
	{ "container", endpoint_container_check, endpoint_container_fetch },
	{ "instance", endpoint_instance_check, endpoint_instance_fetch },
	{ "web-identity", endpoint_web_check, endpoint_web_fetch },
};

static size_t
source_of(const struct conf *conf)
{
	size_t i = sizeof(sources) / sizeof(sources[0]) - 1;

	while (i > 0 && strcmp(conf->s3_credentials, sources[i].name) != 0)
		i--;
	return i;
}

int
source_check(const struct conf *conf, char why[CREDENTIAL_WHY_SIZE])
{
	return sources[source_of(conf)].check(conf, why);
}

int
source_fetch(const struct conf *conf, enum conf_role role, struct credential *c,
    char why[CREDENTIAL_WHY_SIZE])
{
	memset(c, 0, sizeof(*c));
	return sources[source_of(conf)].fetch(conf, role, c, why);
}
