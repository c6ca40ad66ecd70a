#ifndef LIB_SERVERS_CREDENTIAL_H
#define LIB_SERVERS_CREDENTIAL_H

#include <stddef.h>
#include <stdint.h>

/* Most bytes of each; a session token is four to five times shorter as a rule. */
#define CREDENTIAL_ACCESS_MAX 128
#define CREDENTIAL_SECRET_MAX 251
#define CREDENTIAL_TOKEN_MAX 4096
/* expires_ms of what does not end. */
#define CREDENTIAL_FOREVER INT64_MAX

/* What signs a request. All three texts are printable ASCII without spaces. */
struct credential {
	char access[CREDENTIAL_ACCESS_MAX + 1];
	char secret[CREDENTIAL_SECRET_MAX + 1];
	char token[CREDENTIAL_TOKEN_MAX + 1];	/* of the session; "": none */
	int64_t expires_ms;			/* Unix */
};

/*
 * The texts in which others hand out credentials; pure. Each returns NULL with *c
 * filled, else a phrase for a log line, which holds nothing of the text, and *c
 * is empty.
 *
 * credential_ini(text, len, profile, c): A file in AWS's format for shared
 * credentials, its section [profile]: aws_access_key_id, aws_secret_access_key,
 * aws_session_token and, as tools add it, expiration (also aws_expiration,
 * aws_credential_expiration, x_security_token_expires). In a profile that comes
 * more than once the last value of a key counts.
 * credential_json(text, len, c): The reply of a container's endpoint or of the
 * metadata service: AccessKeyId, SecretAccessKey, Token, Expiration.
 * credential_sts(text, len, c): The reply to AssumeRoleWithWebIdentity.
 */
const char *credential_ini(const char *text, size_t len, const char *profile,
    struct credential *c);
const char *credential_json(const char *text, size_t len, struct credential *c);
const char *credential_sts(const char *text, size_t len, struct credential *c);

/* credential_set(c, access, secret): These two, without a session or an end. As above. */
const char *credential_set(struct credential *c, const char *access,
    const char *secret);

/* credential_wipe(c): Leave nothing in memory. */
void credential_wipe(struct credential *c);

#endif
