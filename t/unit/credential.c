/* Credentials in AWS's three texts, and the endpoints that may hand them out. */
#include "lib/servers/credential.h"

#include <stdlib.h>

#include "t/tap.h"
#include "lib/servers/credential_http.h"

#define KEYS "aws_access_key_id = AK\naws_secret_access_key = SK\n"
#define END 1543622400000	/* 2018-12-01T00:00:00Z */

static void
check(const char *wrong, const struct credential *c, const char *expected,
    int64_t expires_ms, const char *name)
{
	static const struct credential empty;
	char got[sizeof(*c)];

	if (expected[0] == '!') {
		ok(wrong != NULL && strstr(wrong, expected + 1) != NULL,
		    "%s: refused: %s", name, expected + 1);
		ok(memcmp(c, &empty, sizeof(*c)) == 0, "%s: nothing is left", name);
		return;
	}
	snprintf(got, sizeof(got), "%s %s %s", c->access, c->secret, c->token);
	is_str(wrong, NULL, "%s: taken", name);
	is_str(got, expected, "%s: access, secret, token", name);
	is_int(c->expires_ms, expires_ms, "%s: end", name);
}

static const struct {
	const char *name, *text, *profile, *expected;
	int64_t expires_ms;
} inis[] = {
	{ "a profile", "[default]\n" KEYS, "default", "AK SK ", CREDENTIAL_FOREVER },
	{ "by name", "[default]\naws_access_key_id=no\n[ex]\n" KEYS
	    "aws_session_token = T/+==\n[z]\naws_session_token=no\n", "ex",
	    "AK SK T/+==", CREDENTIAL_FOREVER },
	{ "space, case, comments, the last line open", "# c\r\n; c\r\n\r\n[ ex ] # c\r\n"
	    "AWS_Access_Key_ID\t=\t AK \r\n  indented = of the line above\r\n"
	    "region = eu\r\naws_secret_access_key=S=K", "ex", "AK S=K ",
	    CREDENTIAL_FOREVER },
	{ "a profile in two parts", "[a]\naws_access_key_id=no\n[b]\n[a]\n" KEYS, "a",
	    "AK SK ", CREDENTIAL_FOREVER },
	{ "an end", "[a]\n" KEYS "expiration = 2018-12-01T00:00:00Z\n", "a", "AK SK ",
	    END },
	{ "as aws-mfa writes it", "[a]\n" KEYS "expiration = 2018-12-01 00:00:00\n",
	    "a", "AK SK ", END },
	{ "as saml2aws writes it", "[a]\n" KEYS
	    "x_security_token_expires = 2018-12-01T01:00:00+01:00\n", "a", "AK SK ",
	    END },
	{ "no profile", "[default]\n" KEYS, "ex", "!no such profile", 0 },
	{ "no section", KEYS, "default", "!no such profile", 0 },
	{ "empty", "", "default", "!empty", 0 },
	{ "no access key", "[a]\naws_secret_access_key = SK\n", "a", "!no access key", 0 },
	{ "no secret", "[a]\naws_access_key_id = AK\naws_secret_access_key =\n", "a",
	    "!no secret", 0 },
	{ "an end that is none", "[a]\n" KEYS "expiration = soon\n", "a",
	    "!expiration", 0 },
	{ "a space in a secret", "[a]\naws_access_key_id = AK\n"
	    "aws_secret_access_key = S K\n", "a", "!secret access key is too long, or", 0 },
	{ "no KEY = VALUE", "[a]\nnonsense\n", "a", "!neither", 0 },
	{ "an open section", "[a\n", "a", "!no ]", 0 },
};

static const struct {
	const char *name, *text, *expected;
	int64_t expires_ms;
} jsons[] = {
	{ "a container's", "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S\\/K\","
	    "\"Token\":\"T\",\"Expiration\":\"2018-12-01T00:00:00Z\"}", "AK S/K T", END },
	{ "an instance's", "{\n \"Code\" : \"Success\", \"Type\" : \"AWS-HMAC\","
	    "\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"SK\",\"Token\":\"T\","
	    "\"Expiration\":\"2018-12-01T00:00:00Z\"}\n", "AK SK T", END },
	{ "without a session", "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"SK\"}",
	    "AK SK ", CREDENTIAL_FOREVER },
	{ "another Code", "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}", "!Code", 0 },
	{ "a line in a token", "{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"SK\","
	    "\"Token\":\"T\\r\\nx: y\"}", "!session token", 0 },
	{ "no access key", "{\"SecretAccessKey\":\"SK\"}", "!no access key", 0 },
	{ "a number", "{\"AccessKeyId\":1,\"SecretAccessKey\":\"SK\"}",
	    "!no access key", 0 },
	{ "no secret", "{\"AccessKeyId\":\"AK\"}", "!no secret", 0 },
	{ "a list", "[]", "!JSON", 0 },
	{ "nothing", "", "!JSON", 0 },
	{ "a page", "<html>", "!JSON", 0 },
};

#define STS_HEAD "<AssumeRoleWithWebIdentityResponse xmlns=" \
	"\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult>" \
	"<Audience>a</Audience><Credentials>"
#define STS_TAIL "</Credentials></AssumeRoleWithWebIdentityResult>" \
	"</AssumeRoleWithWebIdentityResponse>"

static const struct {
	const char *name, *text, *expected;
	int64_t expires_ms;
} replies[] = {
	{ "a reply", STS_HEAD "<SessionToken>T/+==</SessionToken><SecretAccessKey>SK"
	    "</SecretAccessKey><Expiration>2018-12-01T00:00:00Z</Expiration><AccessKeyId>"
	    "AK</AccessKeyId>" STS_TAIL, "AK SK T/+==", END },
	{ "no session", STS_HEAD "<SecretAccessKey>SK</SecretAccessKey><Expiration>"
	    "2018-12-01T00:00:00Z</Expiration><AccessKeyId>AK</AccessKeyId>" STS_TAIL,
	    "!SessionToken", 0 },
	{ "no end", STS_HEAD "<SecretAccessKey>SK</SecretAccessKey><SessionToken>T"
	    "</SessionToken><AccessKeyId>AK</AccessKeyId>" STS_TAIL, "!Expiration", 0 },
	{ "an error", "<ErrorResponse><Error><Code>ExpiredToken</Code></Error>"
	    "</ErrorResponse>", "!no Credentials", 0 },
	{ "nothing", "", "!no Credentials", 0 },
};

static const struct {
	const char *url;
	const char *wrong;	/* a part of it; NULL: taken */
} urls[] = {
	{ "http://127.0.0.1:1/x", NULL },
	{ "http://127.9.9.9/", NULL },
	{ "http://localhost:1234/x?y=1", NULL },
	{ "http://[::1]/", NULL },
	{ "http://169.254.170.2/v2/x", NULL },
	{ "http://169.254.170.23/v1/credentials", NULL },
	{ "http://[fd00:ec2::23]/v1/credentials", NULL },
	{ "http://169.254.169.254", NULL },
	{ "https://sts.eu-central-1.amazonaws.com/", NULL },
	{ "https://example.org/x", NULL },
	{ "http://example.org/x", "https" },
	{ "http://localhost.example.org/", "https" },
	{ "http://127.0.0.1.example.org/", "https" },
	{ "http://169.254.170.24/", "https" },
	{ "http://128.0.0.1/", "https" },
	{ "http://[fd00:ec2::24]/", "https" },
	{ "http://localhost@example.org/", "user" },
	{ "https://a:b@example.org/", "user" },
	{ "ftp://127.0.0.1/", "http" },
	{ "file:///etc/passwd", "http" },
	{ "/v2/x", "http" },
	{ "", "http" },
};

/* Each text at its ceiling, and one byte above it. */
static void
test_ceilings(void)
{
	static char access[CREDENTIAL_ACCESS_MAX + 2], secret[CREDENTIAL_SECRET_MAX + 2];
	static char token[CREDENTIAL_TOKEN_MAX + 2], text[16384];
	struct credential c;
	size_t i;

	memset(access, 'a', sizeof(access) - 2);
	memset(secret, 's', sizeof(secret) - 2);
	memset(token, 't', sizeof(token) - 2);
	for (i = 0; i < 4; i++) {
		access[CREDENTIAL_ACCESS_MAX] = i == 1 ? 'a' : '\0';
		secret[CREDENTIAL_SECRET_MAX] = i == 2 ? 's' : '\0';
		token[CREDENTIAL_TOKEN_MAX] = i == 3 ? 't' : '\0';
		snprintf(text, sizeof(text), "[a]\naws_access_key_id=%s\n"
		    "aws_secret_access_key=%s\naws_session_token=%s\n", access,
		    secret, token);
		ok((credential_ini(text, strlen(text), "a", &c) == NULL) == (i == 0),
		    "INI: ceilings, %zu", i);
		ok(i != 0 || strcmp(c.token, token) == 0, "INI: whole, %zu", i);
		snprintf(text, sizeof(text), "{\"AccessKeyId\":\"%s\","
		    "\"SecretAccessKey\":\"%s\",\"Token\":\"%s\"}", access, secret,
		    token);
		ok((credential_json(text, strlen(text), &c) == NULL) == (i == 0),
		    "JSON: ceilings, %zu", i);
		snprintf(text, sizeof(text), STS_HEAD "<AccessKeyId>%s</AccessKeyId>"
		    "<SecretAccessKey>%s</SecretAccessKey><SessionToken>%s"
		    "</SessionToken><Expiration>2018-12-01T00:00:00Z</Expiration>"
		    STS_TAIL, access, secret, token);
		ok((credential_sts(text, strlen(text), &c) == NULL) == (i == 0),
		    "XML: ceilings, %zu", i);
	}
	memset(text, 'x', sizeof(text));
	memcpy(text, "[a]\n", 4);
	ok(credential_ini(text, 4 + 8193, "a", &c) != NULL, "INI: a line too long");
	ok(credential_ini("[a]\0\n", 5, "a", &c) != NULL, "INI: a NUL");
}

int
main(void)
{
	struct credential c;
	const char *wrong;
	size_t i;

	for (i = 0; i < sizeof(inis) / sizeof(inis[0]); i++) {
		wrong = credential_ini(inis[i].text, strlen(inis[i].text),
		    inis[i].profile, &c);
		check(wrong, &c, inis[i].expected, inis[i].expires_ms, inis[i].name);
	}
	for (i = 0; i < sizeof(jsons) / sizeof(jsons[0]); i++) {
		wrong = credential_json(jsons[i].text, strlen(jsons[i].text), &c);
		check(wrong, &c, jsons[i].expected, jsons[i].expires_ms, jsons[i].name);
	}
	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		wrong = credential_sts(replies[i].text, strlen(replies[i].text), &c);
		check(wrong, &c, replies[i].expected, replies[i].expires_ms,
		    replies[i].name);
	}
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		wrong = credential_http_wrong(urls[i].url);
		ok(urls[i].wrong == NULL ? wrong == NULL : wrong != NULL &&
		    strstr(wrong, urls[i].wrong) != NULL, "URL: %s", urls[i].url);
	}
	test_ceilings();
	return done_testing();
}
