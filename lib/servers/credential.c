/*
 * Credentials in the three texts that AWS has for them: an INI file, JSON, XML. Pure:
 * knows neither where a text comes from nor when it is wanted.
 */
#include "lib/servers/credential.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>
#include <openssl/crypto.h>

#include "lib/base/jsonstrict.h"
#include "lib/base/timestamp.h"
#include "lib/base/trim.h"
#include "lib/servers/s3xml.h"

#define LINE_BYTES 8192
#define TIME_BYTES 64

static const char no_access[] = "it has no access key";
static const char no_secret[] = "it has no secret access key";

void
credential_wipe(struct credential *c)
{
	OPENSSL_cleanse(c, sizeof(*c));
}

/* Copy a text that may go into a header; false: it may not, or is too long. */
static bool
put_text(char *to, size_t size, const char *text)
{
	const size_t len = strlen(text);
	size_t i;

	if (len >= size)
		return false;
	for (i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	memcpy(to, text, len + 1);
	return true;
}

/* RFC 3339, and as some tools write it: a space for the T, no zone for UTC. */
static bool
put_time(int64_t *to, const char *text)
{
	const size_t len = strlen(text);
	char exact[TIME_BYTES + 2];

	if (len > TIME_BYTES)
		return false;
	snprintf(exact, sizeof(exact), "%s%s", text,
	    len == strlen("2018-11-30 00:00:00") ? "Z" : "");
	if (len > 10 && exact[10] == ' ')
		exact[10] = 'T';
	return timestamp_parse(exact, strlen(exact), to) == 0;
}

/* NULL stands for what is not there. */
static const char *
fill(struct credential *c, const char *access, const char *secret,
    const char *token, const char *expiration)
{
	c->expires_ms = CREDENTIAL_FOREVER;
	if (access == NULL || access[0] == '\0')
		return no_access;
	if (secret == NULL || secret[0] == '\0')
		return no_secret;
	if (!put_text(c->access, sizeof(c->access), access))
		return "its access key is too long, or no ASCII";
	if (!put_text(c->secret, sizeof(c->secret), secret))
		return "its secret access key is too long, or no ASCII";
	if (token != NULL && !put_text(c->token, sizeof(c->token), token))
		return "its session token is too long, or no ASCII";
	if (expiration != NULL && expiration[0] != '\0' &&
	    !put_time(&c->expires_ms, expiration))
		return "its expiration is no time as RFC 3339 has it";
	return NULL;
}

/* No half of it is left for a caller to use. */
static const char *
finish(struct credential *c, const char *wrong)
{
	if (wrong != NULL)
		credential_wipe(c);
	return wrong;
}

const char *
credential_set(struct credential *c, const char *access, const char *secret)
{
	memset(c, 0, sizeof(*c));
	return finish(c, fill(c, access, secret, NULL, NULL));
}

/* ---- INI ---- */

enum field { ACCESS, SECRET, TOKEN, EXPIRATION, FIELDS };

static const struct {
	const char *name;
	enum field field;
} ini_keys[] = {
	{ "aws_access_key_id", ACCESS },
	{ "aws_secret_access_key", SECRET },
	{ "aws_session_token", TOKEN },
	{ "expiration", EXPIRATION },
	{ "aws_expiration", EXPIRATION },
	{ "aws_credential_expiration", EXPIRATION },
	{ "x_security_token_expires", EXPIRATION },
};

struct ini {
	const char *profile;
	bool inside, found;
	char values[FIELDS][CREDENTIAL_TOKEN_MAX + 2];
	char line[LINE_BYTES + 1];
};

/* [profile] begins a section; what is around the name does not count. */
static const char *
ini_section(struct ini *ini, char *line)
{
	char *end = strchr(line, ']');

	if (end == NULL)
		return "a line that begins with [ has no ]";
	*end = '\0';
	ini->inside = strcmp(trim(line + 1), ini->profile) == 0;
	ini->found = ini->found || ini->inside;
	return NULL;
}

static const char *
ini_line(struct ini *ini)
{
	char *value, *name;
	size_t i;

	/* A line that is indented belongs to the one before it: none of ours. */
	if (isspace((unsigned char)ini->line[0]) || ini->line[0] == '#' ||
	    ini->line[0] == ';' || ini->line[0] == '\0')
		return NULL;
	if (ini->line[0] == '[')
		return ini_section(ini, ini->line);
	if ((value = strchr(ini->line, '=')) == NULL)
		return "a line is neither [PROFILE] nor KEY = VALUE";
	*value++ = '\0';
	name = trim(ini->line);
	value = trim(value);
	for (i = 0; ini->inside && i < sizeof(ini_keys) / sizeof(ini_keys[0]); i++)
		/* One byte too long is still too long to fill(). */
		if (strcasecmp(name, ini_keys[i].name) == 0)
			snprintf(ini->values[ini_keys[i].field],
			    sizeof(ini->values[0]), "%s", value);
	return NULL;
}

static const char *
ini_read(struct ini *ini, const char *text, size_t len)
{
	const char *end = text + len, *wrong = NULL, *next;
	size_t n;

	if (memchr(text, '\0', len) != NULL)
		return "it is no text";
	for (; wrong == NULL && text < end; text = next) {
		n = (size_t)(end - text);
		next = memchr(text, '\n', n);
		if (next != NULL)
			n = (size_t)(next - text);
		next = text + n + (next != NULL);
		if (n > LINE_BYTES)
			return "a line is longer than 8192 bytes";
		memcpy(ini->line, text, n);
		ini->line[n] = '\0';
		wrong = ini_line(ini);
	}
	if (wrong == NULL && !ini->found)
		return "it has no such profile";
	return wrong;
}

const char *
credential_ini(const char *text, size_t len, const char *profile,
    struct credential *c)
{
	struct ini *ini = calloc(1, sizeof(*ini));
	const char *wrong = "out of memory";

	memset(c, 0, sizeof(*c));
	if (ini != NULL) {
		ini->profile = profile;
		wrong = len > 0 ? ini_read(ini, text, len) : "it is empty";
		if (wrong == NULL)
			wrong = fill(c, ini->values[ACCESS], ini->values[SECRET],
			    ini->values[TOKEN], ini->values[EXPIRATION]);
		OPENSSL_cleanse(ini, sizeof(*ini));
		free(ini);
	}
	return finish(c, wrong);
}

/* ---- JSON ---- */

static struct json_object *
json_parse(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root = NULL;
	size_t members;

	if (tokener == NULL)
		return NULL;
	if (jsonstrict_check(text, len, &members) == NULL)
		root = json_tokener_parse_ex(tokener, text, (int)len);
	json_tokener_free(tokener);
	return root;
}

/* A member's text, NULL where there is none. */
static const char *
json_text(struct json_object *o, const char *name)
{
	struct json_object *member = NULL;

	return json_object_object_get_ex(o, name, &member) &&
	    json_object_is_type(member, json_type_string) ?
	    json_object_get_string(member) : NULL;
}

const char *
credential_json(const char *text, size_t len, struct credential *c)
{
	struct json_object *o = len > 0 ? json_parse(text, len) : NULL;
	const char *code, *wrong = "the reply is no JSON object";

	memset(c, 0, sizeof(*c));
	if (o != NULL && json_object_is_type(o, json_type_object)) {
		/* Only the metadata service has it. */
		code = json_text(o, "Code");
		wrong = code != NULL && strcmp(code, "Success") != 0 ?
		    "the reply's Code is not Success" :
		    fill(c, json_text(o, "AccessKeyId"),
		    json_text(o, "SecretAccessKey"), json_text(o, "Token"),
		    json_text(o, "Expiration"));
	}
	json_object_put(o);
	return finish(c, wrong);
}

/* ---- XML ---- */

const char *
credential_sts(const char *text, size_t len, struct credential *c)
{
	char secret[CREDENTIAL_SECRET_MAX + 2] = "";
	char access[CREDENTIAL_ACCESS_MAX + 2] = "", expiration[TIME_BYTES] = "";
	char token[CREDENTIAL_TOKEN_MAX + 2] = "";
	const char *wrong;

	memset(c, 0, sizeof(*c));
	if (!s3xml_has(text, len, "Credentials"))
		return "the reply has no Credentials";
	/* Role credentials always have a session, and an end. */
	if (s3xml_text(text, len, "AccessKeyId", access, sizeof(access)) != 0)
		wrong = no_access;
	else if (s3xml_text(text, len, "SecretAccessKey", secret,
	    sizeof(secret)) != 0)
		wrong = no_secret;
	else if (s3xml_text(text, len, "SessionToken", token,
	    sizeof(token)) != 0 || token[0] == '\0')
		wrong = "the reply has no SessionToken, or it is too long";
	else if (s3xml_text(text, len, "Expiration", expiration,
	    sizeof(expiration)) != 0 || expiration[0] == '\0')
		wrong = "the reply has no Expiration";
	else
		wrong = fill(c, access, secret, token, expiration);
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(token, sizeof(token));
	return finish(c, wrong);
}
