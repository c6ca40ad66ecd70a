/*
 * Credentials from those who hand them out over HTTP: a container's endpoint, an
 * instance's metadata service, STS. Each call finds out what there is now; when to ask
 * again is not decided here.
 */
#include "lib/servers/credential_endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/servers/credential.h"
#include "lib/servers/credential_file.h"
#include "lib/servers/credential_http.h"
#include "lib/servers/s3xml.h"

#define TOKEN_FILE_MAX 16384
#define FORM_MAX (8 * TOKEN_FILE_MAX)
/* An endpoint next to us answers at once; STS is somewhere else. */
#define NEAR_MS 3000
#define STS_MS 10000

#define CONTAINER_BASE "http://169.254.170.2"
#define INSTANCE_BASE "http://169.254.169.254"
#define INSTANCE_ROLES "/latest/meta-data/iam/security-credentials/"
/* Only for the three requests of one fetch. */
#define INSTANCE_TTL_S "60"

/* An empty variable is one that is not set. */
static const char *
env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* A token that its issuer replaces now and then: one line, that a header may hold. */
static int
read_token(const char *variable, struct buf *b, char *why)
{
	const char *path = env(variable);
	size_t i;

	if (credential_read(path, false, b, why) != 0)
		return -1;
	while (b->len > 0 && strchr(" \t\r\n", b->data[b->len - 1]) != NULL)
		b->len--;
	if (b->len == 0)
		return credential_fail(why, "%s: empty; %s names it", path, variable);
	for (i = 0; i < b->len; i++)
		if (b->data[i] < ' ' || b->data[i] > '~')
			return credential_fail(why, "%s: not one line of ASCII", path);
	return buf_cstr(b) == NULL ? credential_fail(why, "out of memory") : 0;
}

/* Whether the variable names a file that can be read. */
static int
check_token(const char *variable, char *why)
{
	struct buf b;
	int rc;

	buf_init(&b, TOKEN_FILE_MAX);
	rc = read_token(variable, &b, why);
	credential_release(&b);
	return rc;
}

static int
check_url(const char *variable, const char *url, char *why)
{
	const char *wrong = credential_http_wrong(url);

	return wrong == NULL ? 0 : credential_fail(why, "%s cannot be used: %s", variable, wrong);
}

/* ---- replies of endpoints ---- */

/* Make the request; 0 with an answer of 200 in reply. */
static int
ask(const struct credential_call *call, struct buf *reply, char *why)
{
	char text[256] = "";
	const long status = credential_http(call, reply, text, sizeof(text));

	if (status == 0)
		return credential_fail(why, "%s: %s", call->url, text);
	if (status != 200)
		return credential_fail(why, "%s: HTTP %ld", call->url, status);
	return buf_cstr(reply) == NULL ? credential_fail(why, "out of memory") : 0;
}

/* The same for credentials in JSON. */
static int
ask_json(const struct credential_call *call, struct credential *c, char *why)
{
	const char *wrong;
	struct buf reply;
	int rc;

	buf_init(&reply, CREDENTIAL_REPLY_MAX);
	if ((rc = ask(call, &reply, why)) == 0 && (wrong =
	    credential_json((char *)reply.data, reply.len, c)) != NULL)
		rc = credential_fail(why, "%s: %s", call->url, wrong);
	credential_release(&reply);
	return rc;
}

/* ---- container: ECS, EKS Pod Identity ---- */

/* The endpoint, as the SDKs order the two variables. */
static int
container_url(char url[CREDENTIAL_URL_MAX + 1], const char **variable, char *why)
{
	const char *relative = env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	int n;

	*variable = relative != NULL ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" :
	    "AWS_CONTAINER_CREDENTIALS_FULL_URI";
	if (relative == NULL && full == NULL)
		return credential_fail(why, "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
		    "AWS_CONTAINER_CREDENTIALS_FULL_URI is in the environment");
	if (relative != NULL && relative[0] != '/')
		return credential_fail(why, "%s does not begin with /", *variable);
	n = snprintf(url, CREDENTIAL_URL_MAX + 1, "%s%s",
	    relative != NULL ? CONTAINER_BASE : "", relative != NULL ? relative : full);
	return n < 0 || n > CREDENTIAL_URL_MAX ? credential_fail(why, "%s is longer than %d bytes",
	    *variable, CREDENTIAL_URL_MAX) : 0;
}

/* What the endpoint wants as Authorization, to b; empty: nothing. */
static int
container_token(struct buf *b, char *why)
{
	const char *token = env("AWS_CONTAINER_AUTHORIZATION_TOKEN");

	if (env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") != NULL)
		return read_token("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", b, why);
	if (token == NULL)
		return 0;
	if (strpbrk(token, "\r\n") != NULL)
		return credential_fail(why, "AWS_CONTAINER_AUTHORIZATION_TOKEN is not one line");
	return buf_adds(b, token) != 0 || buf_cstr(b) == NULL ?
	    credential_fail(why, "AWS_CONTAINER_AUTHORIZATION_TOKEN is too long") : 0;
}

int
endpoint_container_check(const struct conf *conf, char *why)
{
	char url[CREDENTIAL_URL_MAX + 1];
	const char *variable;
	struct buf token;
	int rc;

	(void)conf;
	buf_init(&token, TOKEN_FILE_MAX);
	rc = container_url(url, &variable, why) != 0 ||
	    check_url(variable, url, why) != 0 || container_token(&token, why) != 0;
	credential_release(&token);
	return rc == 0 ? 0 : -1;
}

int
endpoint_container_fetch(const struct conf *conf, enum conf_role role,
    struct credential *c, char *why)
{
	char url[CREDENTIAL_URL_MAX + 1];
	struct credential_call call = { .method = "GET", .url = url,
	    .ca_file = conf->tls_ca_file, .limit_ms = NEAR_MS };
	const char *variable;
	struct buf token;
	int rc = -1;

	(void)role;
	buf_init(&token, TOKEN_FILE_MAX);
	if (container_url(url, &variable, why) == 0 &&
	    container_token(&token, why) == 0) {
		if (token.len > 0) {
			call.header = "Authorization";
			call.value = (char *)token.data;
		}
		rc = ask_json(&call, c, why);
	}
	credential_release(&token);
	return rc;
}

/* ---- instance: the metadata service, version 2 ---- */

static const char *
instance_base(void)
{
	const char *base = env("AWS_EC2_METADATA_SERVICE_ENDPOINT");

	return base != NULL ? base : INSTANCE_BASE;
}

int
endpoint_instance_check(const struct conf *conf, char *why)
{
	(void)conf;
	return check_url("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance_base(), why);
}

/* The URL of a path of the service, without a slash too many. */
static int
instance_url(char url[CREDENTIAL_URL_MAX + 1], const char *path, const char *name,
    char *why)
{
	const char *base = instance_base();
	size_t len = strlen(base);
	int n;

	while (len > 0 && base[len - 1] == '/')
		len--;
	n = snprintf(url, CREDENTIAL_URL_MAX + 1, "%.*s%s%s", (int)len, base, path,
	    name);
	return n < 0 || n > CREDENTIAL_URL_MAX ?
	    credential_fail(why, "AWS_EC2_METADATA_SERVICE_ENDPOINT: too long a URL") : 0;
}

/* A reply of one line, which goes into the next request. */
static int
ask_line(const struct credential_call *call, struct buf *reply, const char *what,
    char *why)
{
	size_t i, n;

	if (ask(call, reply, why) != 0)
		return -1;
	n = strcspn((char *)reply->data, "\r\n");
	for (i = 0; i < n; i++)
		if (reply->data[i] <= ' ' || reply->data[i] > '~')
			n = 0;
	if (n == 0)
		return credential_fail(why, "%s: the reply is no %s", call->url, what);
	reply->data[n] = '\0';
	return 0;
}

/* Version 2: a session first, then the role, then its credentials. */
int
endpoint_instance_fetch(const struct conf *conf, enum conf_role role, struct credential *c,
    char *why)
{
	char url[CREDENTIAL_URL_MAX + 1];
	struct credential_call call = { .method = "PUT", .url = url,
	    .header = "X-aws-ec2-metadata-token-ttl-seconds",
	    .value = INSTANCE_TTL_S, .ca_file = conf->tls_ca_file,
	    .limit_ms = NEAR_MS };
	struct buf token, name;
	int rc = -1;

	(void)role;
	buf_init(&token, CREDENTIAL_REPLY_MAX);
	buf_init(&name, CREDENTIAL_REPLY_MAX);
	if (instance_url(url, "/latest/api/token", "", why) != 0 ||
	    ask_line(&call, &token, "token", why) != 0)
		goto out;
	call.method = "GET";
	call.header = "X-aws-ec2-metadata-token";
	call.value = (char *)token.data;
	if (instance_url(url, INSTANCE_ROLES, "", why) == 0 &&
	    ask_line(&call, &name, "name of a role", why) == 0 &&
	    instance_url(url, INSTANCE_ROLES, (char *)name.data, why) == 0)
		rc = ask_json(&call, c, why);
out:
	credential_release(&token);
	credential_release(&name);
	return rc;
}

/* ---- web-identity: AssumeRoleWithWebIdentity ---- */

static int
sts_url(const struct conf *conf, char url[CREDENTIAL_URL_MAX + 1], char *why)
{
	const char *own = env("AWS_ENDPOINT_URL_STS");
	int n = own != NULL ? snprintf(url, CREDENTIAL_URL_MAX + 1, "%s", own) :
	    snprintf(url, CREDENTIAL_URL_MAX + 1, "https://sts.%s.amazonaws.com%s/",
	    conf->s3_region, strncmp(conf->s3_region, "cn-", 3) == 0 ? ".cn" : "");

	return n < 0 || n > CREDENTIAL_URL_MAX ?
	    credential_fail(why, "the URL of STS is too long") :
	    check_url(own != NULL ? "AWS_ENDPOINT_URL_STS" : "s3_region", url, why);
}

int
endpoint_web_check(const struct conf *conf, char *why)
{
	char url[CREDENTIAL_URL_MAX + 1];

	if (env("AWS_ROLE_ARN") == NULL)
		return credential_fail(why, "AWS_ROLE_ARN is not in the environment");
	if (env("AWS_WEB_IDENTITY_TOKEN_FILE") == NULL)
		return credential_fail(why, "AWS_WEB_IDENTITY_TOKEN_FILE is not in the "
		    "environment");
	return sts_url(conf, url, why) != 0 ? -1 :
	    check_token("AWS_WEB_IDENTITY_TOKEN_FILE", why);
}

static int
put_form(struct buf *b, enum conf_role role, const char *token)
{
	const char *session = env("AWS_ROLE_SESSION_NAME");

	if (session == NULL)
		session = role == CONF_API ? "export-api" : "export-worker";
	return buf_adds(b, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
	    "&RoleArn=") != 0 ||
	    credential_http_escape(b, env("AWS_ROLE_ARN")) != 0 ||
	    buf_adds(b, "&RoleSessionName=") != 0 ||
	    credential_http_escape(b, session) != 0 ||
	    buf_adds(b, "&WebIdentityToken=") != 0 ||
	    credential_http_escape(b, token) != 0 || buf_cstr(b) == NULL ? -1 : 0;
}

/* Send the form and read the reply; a refusal in the words of STS. */
static int
ask_sts(const struct credential_call *call, struct credential *c, char *why)
{
	char text[256] = "", code[64], message[256];
	const char *wrong, *body;
	struct buf reply;
	long status;
	int rc = 0;

	buf_init(&reply, CREDENTIAL_REPLY_MAX);
	status = credential_http(call, &reply, text, sizeof(text));
	body = reply.data != NULL ? (char *)reply.data : "";
	if (status == 0)
		rc = credential_fail(why, "%s: %s", call->url, text);
	else if (status == 200) {
		if ((wrong = credential_sts(body, reply.len, c)) != NULL)
			rc = credential_fail(why, "%s: %s", call->url, wrong);
	} else if (s3xml_text(body, reply.len, "Code", code, sizeof(code)) == 0 &&
	    s3xml_text(body, reply.len, "Message", message, sizeof(message)) == 0)
		rc = credential_fail(why, "%s: HTTP %ld %s: %s", call->url, status, code, message);
	else
		rc = credential_fail(why, "%s: HTTP %ld", call->url, status);
	credential_release(&reply);
	return rc;
}

int
endpoint_web_fetch(const struct conf *conf, enum conf_role role, struct credential *c,
    char *why)
{
	char url[CREDENTIAL_URL_MAX + 1];
	struct credential_call call = { .method = "POST", .url = url,
	    .ca_file = conf->tls_ca_file, .limit_ms = STS_MS };
	struct buf token, form;
	int rc = -1;

	buf_init(&token, TOKEN_FILE_MAX);
	buf_init(&form, FORM_MAX);
	if (sts_url(conf, url, why) == 0 &&
	    read_token("AWS_WEB_IDENTITY_TOKEN_FILE", &token, why) == 0) {
		if (put_form(&form, role, (char *)token.data) != 0) {
			rc = credential_fail(why, "out of memory");
		} else {
			call.form = (char *)form.data;
			rc = ask_sts(&call, c, why);
		}
	}
	credential_release(&token);
	credential_release(&form);
	return rc;
}
