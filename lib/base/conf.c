/*
 * The configuration: one table of keys, which reading, defaults, limits and
 * --keys all follow. Every fault is reported, not only the first. Knows which
 * keys there are, and nothing of what they do.
 */
#include "lib/base/conf.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "lib/base/baseurl.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/base/trim.h"

#define SECRET_MAX 1024
#define CONF_LINE_BYTES 8192

/*
 * ADDRESS: of servers, for their libraries; ORIGIN and BASE: of lib/base/baseurl.h, the
 * second with a path.
 */
enum key_type { TEXT, NUMBER, YESNO, CHOICE, SECRET, ADDRESS, ORIGIN, BASE };
enum key_user { BOTH, API, WORKER };

struct key {
	const char *name;
	enum key_type type;
	enum key_user user;
	size_t offset;
	const char *fallback;	/* the default; NULL: required, "": optional */
	int64_t min, max;
	const char *choices;	/* a space after each */
};

#define AT(member) offsetof(struct conf, member)
#define ACCOUNT(prefix, user) \
	{ prefix "mongodb_user", TEXT, user, AT(mongodb_user), NULL, 0, 0, NULL }, \
	{ prefix "mongodb_password_file", SECRET, user, AT(mongodb_password), NULL, 0, 0, NULL }, \
	{ prefix "amqp_user", TEXT, user, AT(amqp_user), NULL, 0, 0, NULL }, \
	{ prefix "amqp_password_file", SECRET, user, AT(amqp_password), NULL, 0, 0, NULL }, \
	{ prefix "s3_credentials", CHOICE, user, AT(s3_credentials), "keys", 0, 0, \
	    "keys file container instance web-identity " }, \
	{ prefix "s3_access_key", TEXT, user, AT(s3_access_key), "", 0, 0, NULL }, \
	{ prefix "s3_secret_file", SECRET, user, AT(s3_secret), "", 0, 0, NULL }, \
	{ prefix "s3_credentials_file", TEXT, user, AT(s3_credentials_file), "", 0, 0, NULL }, \
	{ prefix "s3_profile", TEXT, user, AT(s3_profile), "default", 0, 0, NULL }, \
	{ prefix "log", TEXT, user, AT(log), "-", 0, 0, NULL }
#define COUNT(name, fallback, min, max) \
	{ #name, NUMBER, BOTH, AT(name), fallback, min, max, NULL }

static const struct key keys[] = {
	{ "mongodb_uri", ADDRESS, BOTH, AT(mongodb_uri), NULL, 0, 0, NULL },
	{ "amqp_uri", ADDRESS, BOTH, AT(amqp_uri), NULL, 0, 0, NULL },
	{ "s3_endpoint", ORIGIN, BOTH, AT(s3_endpoint), NULL, 0, 0, NULL },
	{ "s3_public_endpoint", ORIGIN, BOTH, AT(s3_public_endpoint), "", 0, 0, NULL },
	{ "s3_region", TEXT, BOTH, AT(s3_region), "us-east-1", 0, 0, NULL },
	{ "s3_bucket", TEXT, BOTH, AT(s3_bucket), NULL, 0, 0, NULL },
	{ "s3_path_style", YESNO, BOTH, AT(s3_path_style), "yes", 0, 0, NULL },
	{ "s3_sse", CHOICE, BOTH, AT(s3_sse), "", 0, 0, "AES256 aws:kms " },
	{ "s3_kms_key", TEXT, BOTH, AT(s3_kms_key), "", 0, 0, NULL },
	{ "s3_storage_class", TEXT, BOTH, AT(s3_storage_class), "", 0, 0, NULL },
	{ "s3_delete", YESNO, BOTH, AT(s3_delete), "no", 0, 0, NULL },
	{ "public_url", BASE, BOTH, AT(public_url), "", 0, 0, NULL },
	{ "vehicle_prefix", TEXT, BOTH, AT(vehicle_prefix), "vehicle_", 0, 0, NULL },
	{ "tls_ca_file", TEXT, BOTH, AT(tls_ca_file), "", 0, 0, NULL },
	ACCOUNT("api_", API),
	{ "api_counters_file", TEXT, API, AT(counters), "", 0, 0, NULL },
	ACCOUNT("worker_", WORKER),
	COUNT(range_max_days, "3660", 1, 47500),
	COUNT(vehicles_max, "1000", 1, 10000),
	COUNT(parameters_max, "100", 1, 1000),
	COUNT(documents_max, "10000000", 1, INT64_C(1) << 40),
	{ "owners", CHOICE, BOTH, AT(owners), "open", 0, 0, "open listed " },
	COUNT(owner_jobs_max, "1000", 1, 100000),
	COUNT(owner_jobs_per_hour, "0", 0, 100000),
	COUNT(owner_bytes_kept, "0", 0, INT64_C(1) << 50),
	COUNT(owner_records_max, "10000", 0, 1000000),
	COUNT(queue_max, "10000", 1, 100000),
	COUNT(link_ttl_s, "300", 1, 604800),
	COUNT(retention_days, "7", 1, 3650),
	COUNT(records_days, "90", 1, 24000),
	COUNT(lease_ms, "60000", 1000, 3600000),
	COUNT(renew_ms, "10000", 100, 600000),
	COUNT(idle_ms, "15000", 100, 600000),
	COUNT(stall_ms, "120000", 1000, 3600000),
	COUNT(grace_ms, "100000", 0, 3600000),
	COUNT(patience_ms, "900000", 1000, 86400000),
	COUNT(backoff_ms, "30000", 1, 3600000),
	COUNT(backoff_max_ms, "900000", 1, 86400000),
	COUNT(max_attempts, "8", 1, 1000),
	COUNT(catalogue_s, "900", 1, 86400),
	COUNT(metrics_s, "15", 1, 120),
	{ "read_preference", CHOICE, BOTH, AT(read_preference),
	    "secondaryPreferred", 0, 0, "primary primaryPreferred secondary "
	    "secondaryPreferred nearest " },
	{ "read_concern", CHOICE, BOTH, AT(read_concern), "majority", 0, 0,
	    "local available majority " },
	{ "pace", YESNO, BOTH, AT(pace), "yes", 0, 0, NULL },
	COUNT(read_bytes_s, "0", 0, INT64_C(1) << 40),
	COUNT(read_documents_s, "0", 0, INT64_C(1) << 40),
	COUNT(total_read_bytes_s, "0", 0, INT64_C(1) << 40),
	COUNT(total_read_documents_s, "0", 0, INT64_C(1) << 40),
	COUNT(threads, "0", 0, 64),
	COUNT(batch_documents, "24", 1, 1000),
	COUNT(memory_max_bytes, "104857600", 67108864, INT64_C(1) << 36),
	COUNT(readers, "8", 1, 32),
	COUNT(csv_split_bytes, "4278190080", 65536, INT64_C(4278190080)),
	COUNT(part_bytes, "5242880", 5242880, 1073741824),
	COUNT(senders, "4", 1, 16),
	COUNT(split_documents, "20000", 0, INT64_C(1) << 40),
};
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

/* Keys that went, and what to set in their place. */
static const struct {
	const char *name, *successor;
} gone[] = {
	{ "slice_max_bytes", "memory_max_bytes" },
};
#define NGONE (sizeof(gone) / sizeof(gone[0]))

static bool
role_uses(enum conf_role role, const struct key *key)
{
	return key->user == BOTH || (key->user == API) == (role == CONF_API);
}

static int
set_text(char **to, const char *value)
{
	free(*to);
	*to = strdup(value);
	return *to == NULL ? -1 : 0;
}

/* Read the first line of a secret file that nobody but its owner may read. */
static int
set_secret(char **to, const char *path, int line)
{
	char text[SECRET_MAX + 2];
	struct stat st;
	FILE *f;
	int rc = -1;

	if ((f = fopen(path, "re")) == NULL || fstat(fileno(f), &st) != 0) {
		log_msg(LOG_ERROR, "conf", "line %d: %s: %s", line, path,
		    strerror(errno));
		goto out;
	}
	if ((st.st_mode & 077) != 0) {
		log_msg(LOG_ERROR, "conf", "line %d: %s: others may read this "
		    "secret: chmod 0400 it", line, path);
		goto out;
	}
	if (fgets(text, sizeof(text), f) == NULL)
		text[0] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if (text[0] == '\0' || strlen(text) > SECRET_MAX) {
		log_msg(LOG_ERROR, "conf", "line %d: %s: no secret of 1 to %d "
		    "bytes in its first line", line, path, SECRET_MAX);
		goto out;
	}
	rc = set_text(to, text);
out:
	OPENSSL_cleanse(text, sizeof(text));
	if (f != NULL)
		fclose(f);
	return rc;
}

static bool
is_choice(const char *choices, const char *value)
{
	const size_t len = strlen(value);

	for (; *choices != '\0'; choices += strcspn(choices, " ") + 1)
		if (strcspn(choices, " ") == len &&
		    strncmp(choices, value, len) == 0)
			return true;
	return false;
}

/*
 * An address is logged, so it holds no account. Wherever the @ is: a password may have
 * a / that should have been written %2F. The value itself is not printed.
 */
static int
set_address(char **to, const struct key *key, const char *value, int line)
{
	if (strchr(value, '@') == NULL)
		return set_text(to, value);
	log_msg(LOG_ERROR, "conf", "line %d: %s has an @: user and password do "
	    "not belong in an address, they have keys and files of their own",
	    line, key->name);
	return -1;
}

static int
set_base(char **to, const struct key *key, const char *value, int line)
{
	const char *fault;
	char *text;

	if (strchr(value, '@') != NULL)
		return set_address(to, key, value, line);
	if ((fault = baseurl_normalise(value, key->type == BASE, &text)) != NULL) {
		log_msg(LOG_ERROR, "conf", "line %d: %s is http://HOST[:PORT]%s or "
		    "https://..., not '%s': %s", line, key->name,
		    key->type == BASE ? "[/PATH]" : "", value, fault);
		return -1;
	}
	free(*to);
	*to = text;
	return 0;
}

/* Store a value; returns 0, or 1 with the fault logged. */
static int
set_key(struct conf *conf, const struct key *key, const char *value, int line)
{
	void *to = (char *)conf + key->offset;

	switch (key->type) {
	case TEXT:
		return set_text(to, value) != 0;
	case ADDRESS:
		return set_address(to, key, value, line) != 0;
	case ORIGIN:
	case BASE:
		return set_base(to, key, value, line) != 0;
	case SECRET:
		return set_secret(to, value, line) != 0;
	case YESNO:
		if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0) {
			*(int64_t *)to = value[0] == 'y';
			return 0;
		}
		log_msg(LOG_ERROR, "conf", "line %d: %s is yes or no, not '%s'",
		    line, key->name, value);
		return 1;
	case CHOICE:
		if (is_choice(key->choices, value))
			return set_text(to, value) != 0;
		log_msg(LOG_ERROR, "conf", "line %d: %s is one of %snot '%s'",
		    line, key->name, key->choices, value);
		return 1;
	case NUMBER:
		if (num_parse(value, key->min, key->max, to) == 0)
			return 0;
		log_msg(LOG_ERROR, "conf", "line %d: %s is a number from %lld "
		    "to %lld, not '%s'", line, key->name, (long long)key->min,
		    (long long)key->max, value);
		return 1;
	}
	return 1;
}

static size_t
find_key(const char *name)
{
	size_t i;

	for (i = 0; i < NKEYS && strcmp(keys[i].name, name) != 0; i++)
		;
	return i;
}

static void
log_unknown(const char *name, int line)
{
	size_t i;

	for (i = 0; i < NGONE && strcmp(gone[i].name, name) != 0; i++)
		;
	if (i < NGONE)
		log_msg(LOG_ERROR, "conf", "line %d: there is no %s any more: "
		    "set %s", line, name, gone[i].successor);
	else
		log_msg(LOG_ERROR, "conf", "line %d: unknown key '%s'", line,
		    name);
}

/* One line of the file; seen[] holds the line each key was set on, 0: none. */
static int
take_line(struct conf *conf, enum conf_role role, char *text, int line,
    int *seen)
{
	char *name = trim(text), *value = strchr(text, '=');
	size_t i;

	if (name[0] == '\0' || name[0] == '#')
		return 0;
	if (value == NULL) {
		log_msg(LOG_ERROR, "conf", "line %d: not KEY = value", line);
		return 1;
	}
	*value++ = '\0';
	name = trim(name);
	value = trim(value);
	if ((i = find_key(name)) == NKEYS) {
		log_unknown(name, line);
		return 1;
	}
	if (seen[i] != 0) {
		log_msg(LOG_ERROR, "conf", "line %d: %s was set on line %d",
		    line, name, seen[i]);
		return 1;
	}
	seen[i] = line;
	if (value[0] == '\0') {
		log_msg(LOG_ERROR, "conf", "line %d: %s has no value", line,
		    name);
		return 1;
	}
	/* The other program's accounts are in the file, too, but not read. */
	return role_uses(role, &keys[i]) ?
	    set_key(conf, &keys[i], value, line) : 0;
}

static int
set_defaults(struct conf *conf, enum conf_role role, const int *seen)
{
	int faults = 0;
	size_t i;

	for (i = 0; i < NKEYS; i++) {
		if (seen[i] != 0 || !role_uses(role, &keys[i]))
			continue;
		if (keys[i].fallback == NULL) {
			log_msg(LOG_ERROR, "conf", "%s is missing",
			    keys[i].name);
			faults++;
		} else if (keys[i].fallback[0] != '\0') {
			faults += set_key(conf, &keys[i], keys[i].fallback, 0);
		}
	}
	return faults;
}

/* Keys that contradict each other; a value that was refused is 0 here. */
static int
check_together(const struct conf *conf)
{
	int faults = 0;

	if (conf->lease_ms > 0 && conf->renew_ms * 2 > conf->lease_ms) {
		log_msg(LOG_ERROR, "conf", "renew_ms has to be at most half of "
		    "lease_ms, else a lease ends before it is renewed");
		faults++;
	}
	if (conf->backoff_max_ms > 0 &&
	    conf->backoff_ms > conf->backoff_max_ms) {
		log_msg(LOG_ERROR, "conf", "backoff_ms is above backoff_max_ms");
		faults++;
	}
	if (conf->s3_kms_key != NULL && (conf->s3_sse == NULL ||
	    strcmp(conf->s3_sse, "aws:kms") != 0)) {
		log_msg(LOG_ERROR, "conf", "s3_kms_key has to have s3_sse = aws:kms");
		faults++;
	}
	return faults;
}

/* What a source of credentials needs; a key that was set and refused is reported already. */
static int
check_credentials(const struct conf *conf, enum conf_role role, const int *seen)
{
	static const struct {
		const char *source, *key;
	} needs[] = {
		{ "keys", "s3_access_key" },
		{ "keys", "s3_secret_file" },
		{ "file", "s3_credentials_file" },
	};
	const char *prefix = role == CONF_API ? "api_" : "worker_";
	char name[64];
	int faults = 0;
	size_t i;

	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", prefix, needs[i].key);
		if (conf->s3_credentials == NULL || seen[find_key(name)] != 0 ||
		    strcmp(conf->s3_credentials, needs[i].source) != 0)
			continue;
		log_msg(LOG_ERROR, "conf", "%s is missing: with %ss3_credentials = %s "
		    "it has to be set", name, prefix, needs[i].source);
		faults++;
	}
	return faults;
}

int
conf_load(const char *path, enum conf_role role, struct conf *conf)
{
	char text[CONF_LINE_BYTES + 2];
	int seen[NKEYS] = { 0 };
	int faults = 0, line = 0;
	FILE *f;

	memset(conf, 0, sizeof(*conf));
	if ((f = fopen(path, "re")) == NULL) {
		log_msg(LOG_ERROR, "conf", "%s: %s", path, strerror(errno));
		return 1;
	}
	/* The file, to its end: all faults are worth knowing at once. */
	while (fgets(text, sizeof(text), f) != NULL) {
		line++;
		if (strchr(text, '\n') == NULL && !feof(f)) {
			log_msg(LOG_ERROR, "conf", "line %d: longer than %d "
			    "bytes, or not text: the rest is not read", line,
			    CONF_LINE_BYTES);
			faults++;
			break;
		}
		faults += take_line(conf, role, text, line, seen);
	}
	if (ferror(f)) {
		log_msg(LOG_ERROR, "conf", "%s: %s", path, strerror(errno));
		faults++;
	}
	fclose(f);
	/* Then what the file left out, and what fits together. */
	faults += set_defaults(conf, role, seen);
	if (faults == 0 && conf->s3_public_endpoint == NULL)
		faults += set_text(&conf->s3_public_endpoint,
		    conf->s3_endpoint) != 0;
	return faults + check_credentials(conf, role, seen) + check_together(conf);
}

static const char *const kind_names[] = {
	[TEXT] = "text", [NUMBER] = "number", [YESNO] = "yesno",
	[CHOICE] = "choice", [SECRET] = "secret", [ADDRESS] = "text",
	[ORIGIN] = "text", [BASE] = "text",
};
static const char *const user_names[] = {
	[BOTH] = "both", [API] = "api", [WORKER] = "worker",
};

void
conf_keys(FILE *to)
{
	size_t i;

	for (i = 0; i < NKEYS; i++) {
		const struct key *key = &keys[i];
		const char *p;

		fprintf(to, "%s\t%s\t%s\t", key->name, kind_names[key->type],
		    key->fallback != NULL ? key->fallback : "");
		if (key->type == NUMBER)
			fprintf(to, "%lld\t%lld", (long long)key->min,
			    (long long)key->max);
		else
			fputc('\t', to);
		fprintf(to, "\t%s\t%s\t", user_names[key->user],
		    key->fallback == NULL ? "required" :
		    key->fallback[0] == '\0' ? "optional" : "default");
		/* A space after each becomes a comma between them. */
		for (p = key->choices; p != NULL && *p != '\0'; p++)
			if (*p != ' ')
				fputc(*p, to);
			else if (p[1] != '\0')
				fputc(',', to);
		fputc('\n', to);
	}
}

void
conf_release(struct conf *conf)
{
	size_t i;

	for (i = 0; i < NKEYS; i++) {
		char **text = (char **)((char *)conf + keys[i].offset);

		if (keys[i].type == NUMBER || keys[i].type == YESNO)
			continue;
		if (*text != NULL)
			OPENSSL_cleanse(*text, strlen(*text));
		free(*text);
		*text = NULL;
	}
}
