#include "lib/base/conf.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/tap.h"

#define BASE_API \
	"api_mongodb_user = au\n" \
	"api_mongodb_password_file = secret-1\n" \
	"api_amqp_user = aq\n" \
	"api_amqp_password_file = secret-2\n" \
	"api_s3_access_key = AK\n" \
	"api_s3_secret_file = secret-3\n"
#define BASE_WORKER \
	"worker_mongodb_user = wu\n" \
	"worker_mongodb_password_file = secret-4\n" \
	"worker_amqp_user = wq\n" \
	"worker_amqp_password_file = secret-5\n" \
	"worker_s3_access_key = WK\n" \
	"worker_s3_secret_file = secret-6\n"
#define BASE_PLACES \
	"mongodb_uri = mongodb://127.0.0.1:27017/?replicaSet=exports\n" \
	"amqp_uri = amqp://127.0.0.1:5672/exports\n" \
	"s3_endpoint = http://127.0.0.1:8333\n" \
	"s3_bucket = exports\n"
#define BASE BASE_PLACES BASE_API BASE_WORKER

static char folder[] = "/tmp/export-conf.XXXXXX";
/* What conf_load() logged. */
static char logged[65536];

static void
put_file(const char *name, const char *text, mode_t mode)
{
	FILE *f;

	unlink(name);
	if ((f = fopen(name, "we")) == NULL || fputs(text, f) == EOF ||
	    fclose(f) != 0 || chmod(name, mode) != 0)
		abort();
}

/* Load what is in name, with stderr going to logged. */
static int
load(const char *name, enum conf_role role, struct conf *conf)
{
	int kept, to, faults;
	ssize_t n;

	fflush(stderr);
	if ((kept = dup(2)) == -1 || (to = open("log", O_RDWR | O_CREAT |
	    O_TRUNC | O_CLOEXEC, 0600)) == -1 || dup2(to, 2) == -1)
		abort();
	faults = conf_load(name, role, conf);
	fflush(stderr);
	dup2(kept, 2);
	close(kept);
	n = pread(to, logged, sizeof(logged) - 1, 0);
	logged[n > 0 ? n : 0] = '\0';
	close(to);
	return faults;
}

static int
lines_logged(void)
{
	const char *p;
	int n = 0;

	for (p = logged; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	return n;
}

/* load_text(text, role): The number of faults of a file that holds text. */
static int
load_text(const char *text, enum conf_role role)
{
	struct conf conf;
	int faults;

	put_file("export.conf", text, 0644);
	faults = load("export.conf", role, &conf);
	conf_release(&conf);
	return faults;
}

static void
test_presets(void)
{
	static const struct {
		const char *name;
		size_t offset;
		int64_t value;
	} rows[] = {
#define ROW(name, value) { #name, offsetof(struct conf, name), value }
		ROW(s3_path_style, 1), ROW(s3_delete, 0),
		ROW(owner_records_max, 10000), ROW(owner_bytes_kept, 0),
		ROW(range_max_days, 3660),
		ROW(vehicles_max, 1000), ROW(parameters_max, 100),
		ROW(link_ttl_s, 300), ROW(retention_days, 7),
		ROW(lease_ms, 60000), ROW(renew_ms, 10000),
		ROW(idle_ms, 15000), ROW(stall_ms, 120000),
		ROW(grace_ms, 100000), ROW(patience_ms, 900000),
		ROW(backoff_ms, 30000),
		ROW(backoff_max_ms, 900000), ROW(max_attempts, 8),
		ROW(batch_documents, 24), ROW(memory_max_bytes, 104857600),
		ROW(readers, 8),
		ROW(csv_split_bytes, 4278190080), ROW(part_bytes, 5242880),
		ROW(senders, 4),
	};
	struct conf c;
	size_t i;

	put_file("export.conf", BASE, 0644);
	is_int(load("export.conf", CONF_API, &c), 0, "the least that works");
	is_str(logged, "", "and nothing is logged");
	is_str(c.mongodb_uri, "mongodb://127.0.0.1:27017/?replicaSet=exports",
	    "a value may hold =");
	is_str(c.amqp_uri, "amqp://127.0.0.1:5672/exports", "amqp_uri");
	is_str(c.s3_endpoint, "http://127.0.0.1:8333", "s3_endpoint");
	is_str(c.s3_public_endpoint, "http://127.0.0.1:8333",
	    "s3_public_endpoint is s3_endpoint");
	is_str(c.s3_region, "us-east-1", "s3_region");
	is_str(c.s3_bucket, "exports", "s3_bucket");
	is_str(c.public_url, NULL, "public_url is left out");
	is_str(c.vehicle_prefix, "vehicle_", "vehicle_prefix");
	is_str(c.log, "-", "log");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_int(*(int64_t *)((char *)&c + rows[i].offset),
		    rows[i].value, "%s", rows[i].name);
	is_str(c.mongodb_user, "au", "api: mongodb_user");
	is_str(c.mongodb_password, "text one", "api: mongodb_password");
	is_str(c.amqp_user, "aq", "api: amqp_user");
	is_str(c.amqp_password, "text two", "api: amqp_password");
	is_str(c.s3_access_key, "AK", "api: s3_access_key");
	is_str(c.s3_secret, "text/3+=", "api: s3_secret");
	conf_release(&c);
	ok(c.mongodb_uri == NULL && c.mongodb_password == NULL &&
	    c.s3_secret == NULL && c.log == NULL, "conf_release: no strings");
	conf_release(&c);

	is_int(load("export.conf", CONF_WORKER, &c), 0, "as the worker");
	is_str(c.mongodb_user, "wu", "worker: mongodb_user");
	is_str(c.mongodb_password, "text 4", "worker: mongodb_password");
	is_str(c.amqp_user, "wq", "worker: amqp_user");
	is_str(c.amqp_password, "text 5", "worker: amqp_password");
	is_str(c.s3_access_key, "WK", "worker: s3_access_key");
	is_str(c.s3_secret, "text 6", "worker: s3_secret");
	conf_release(&c);
}

/* Each role needs only its own account, and opens only its own secrets. */
static void
test_roles(void)
{
	struct conf c;

	is_int(load_text(BASE_PLACES BASE_API, CONF_API), 0,
	    "the API without the worker's account");
	is_int(load_text(BASE_PLACES BASE_WORKER, CONF_WORKER), 0,
	    "the worker without the API's account");
	is_int(load_text(BASE_PLACES BASE_API, CONF_WORKER), 6,
	    "the worker with the API's account");
	is_int(lines_logged(), 6, "six faults, six lines");
	ok(strstr(logged, "worker_s3_secret_file") != NULL &&
	    strstr(logged, "worker_mongodb_user") != NULL, "named");
	put_file("export.conf", BASE "api_log = api.log\nworker_log = w.log\n",
	    0644);
	chmod("secret-4", 0);
	unlink("secret-5");
	put_file("secret-6", "open to all\n", 0644);
	is_int(load("export.conf", CONF_API, &c), 0,
	    "the API ignores the worker's secrets");
	is_str(c.log, "api.log", "api_log");
	conf_release(&c);
	put_file("secret-4", "text 4\n", 0400);
	put_file("secret-5", "text 5\n", 0400);
	put_file("secret-6", "text 6\n", 0400);
	is_int(load("export.conf", CONF_WORKER, &c), 0, "all again");
	is_str(c.log, "w.log", "worker_log");
	conf_release(&c);
}

static void
test_form(void)
{
	struct conf c;

	put_file("export.conf", "# a comment\n\n   # another\n \t \n"
	    "\t s3_region\t=\teu-west-1 \t\r\n"
	    "vehicle_prefix=v\n"
	    "tls_ca_file = /etc/a = b # no comment\n"
	    "public_url = HTTPS://X.Example:443/Telemetry/\n"
	    "s3_path_style = no\n"
	    "s3_public_endpoint = https://s3.example//\n"
	    BASE "range_max_days=47500", 0644);
	is_int(load("export.conf", CONF_API, &c), 0, "spaces, comments, CRLF, "
	    "no LF at the end");
	is_str(c.s3_region, "eu-west-1", "a value without its spaces");
	is_str(c.vehicle_prefix, "v", "no spaces at all");
	is_str(c.tls_ca_file, "/etc/a = b # no comment", "= and # in a value");
	is_str(c.public_url, "https://x.example/Telemetry", "public_url");
	is_int(c.s3_path_style, 0, "no");
	is_str(c.s3_public_endpoint, "https://s3.example",
	    "s3_public_endpoint");
	is_int(c.range_max_days, 47500, "the last line");
	conf_release(&c);
	is_int(load("none.conf", CONF_API, &c), 1, "no such file");
	ok(strstr(logged, "none.conf") != NULL, "named");
	conf_release(&c);
	ok(load(".", CONF_API, &c) > 0, "a folder");
	conf_release(&c);
	is_int(load_text("", CONF_API), 10, "an empty file: all are missing");
	is_int(lines_logged(), 10, "a line for each");
	ok(strstr(logged, "mongodb_uri") != NULL &&
	    strstr(logged, "amqp_uri") != NULL &&
	    strstr(logged, "s3_endpoint") != NULL &&
	    strstr(logged, "s3_bucket") != NULL &&
	    strstr(logged, "api_mongodb_user") != NULL &&
	    strstr(logged, "api_s3_secret_file") != NULL, "named");
}

/* One bad line after a good file: one fault, which is named. */
static void
test_faults(void)
{
	static const struct {
		const char *line;
		const char *named[2];
	} rows[] = {
		{ "colour = blue", { "colour", "line 17" } },
		{ "mongodb_url = x", { "mongodb_url", "line 17" } },
		{ "Lease_ms = 60000", { "Lease_ms", "line 17" } },
		{ "lease_ms", { "line 17", NULL } },
		{ "just text", { "line 17", NULL } },
		{ "= 3", { "line 17", NULL } },
		{ "lease_ms =", { "lease_ms", "line 17" } },
		{ "public_url =", { "public_url", "line 17" } },
		{ "public_url = https://x/?y", { "public_url", "line 17: " } },
		{ "public_url = x.example", { "no http", "[/PATH]" } },
		{ "s3_public_endpoint = https://h/path", { "a path", "line 17" } },
		{ "s3_public_endpoint = s3://h", { "no http", "line 17" } },
		{ "s3_bucket = other", { "s3_bucket", "line 17" } },
		{ "s3_bucket = exports", { "s3_bucket", "line 17" } },
		{ "lease_ms = 60000\nlease_ms = 60000", { "lease_ms",
		    "line 18" } },
		{ "worker_amqp_user = x", { "worker_amqp_user", "line 17" } },
		{ "s3_path_style = maybe", { "s3_path_style", "line 17" } },
		{ "s3_path_style = 1", { "s3_path_style", "line 17" } },
		{ "s3_path_style = YES", { "s3_path_style", "line 17" } },
		{ "lease_ms = soon", { "lease_ms", "line 17" } },
		{ "lease_ms = 60s", { "lease_ms", "line 17" } },
		{ "lease_ms = 6e4", { "lease_ms", "line 17" } },
		{ "lease_ms = +60000", { "lease_ms", "line 17" } },
		{ "lease_ms = 60000 # comment", { "lease_ms", "line 17" } },
		{ "lease_ms = 0", { "lease_ms", "line 17" } },
		{ "lease_ms = -60000", { "lease_ms", "line 17" } },
		{ "lease_ms = 99999999999999999999", { "lease_ms",
		    "line 17" } },
		{ "link_ttl_s = 0", { "link_ttl_s", "line 17" } },
		{ "link_ttl_s = 604801", { "link_ttl_s", "line 17" } },
		{ "csv_split_bytes = 4294967296", { "csv_split_bytes",
		    "line 17" } },
		{ "part_bytes = 5242879", { "part_bytes", "line 17" } },
		{ "range_max_days = 0", { "range_max_days", "line 17" } },
		{ "max_attempts = 0", { "max_attempts", "line 17" } },
		/* what two keys say together */
		{ "renew_ms = 60000", { "renew_ms", "lease_ms" } },
		{ "renew_ms = 30001", { "renew_ms", "lease_ms" } },
		{ "lease_ms = 19999", { "renew_ms", "lease_ms" } },
		{ "backoff_ms = 900001", { "backoff_ms", "backoff_max_ms" } },
		{ "s3_kms_key = k", { "s3_kms_key", "s3_sse = aws:kms" } },
		{ "s3_sse = AES256\ns3_kms_key = k", { "s3_kms_key", NULL } },
		{ "s3_sse = aes256", { "s3_sse", "AES256 aws:kms" } },
	};
	char text[4096];
	size_t i;
	int n, k;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "%s%s\n", BASE, rows[i].line);
		n = load_text(text, CONF_API);
		is_int(n, 1, "one fault: %s", rows[i].line);
		for (k = 0; k < 2 && rows[i].named[k] != NULL; k++)
			ok(strstr(logged, rows[i].named[k]) != NULL,
			    "%s: names %s", rows[i].line, rows[i].named[k]);
		if (lines_logged() != 1)
			diag("logged: %s", logged);
	}
	is_int(load_text(BASE "renew_ms = 30000\n", CONF_API), 0,
	    "renew_ms is half of lease_ms");
	is_int(load_text(BASE "link_ttl_s = 604800\n", CONF_API), 0,
	    "a link of a week");
}

/* A file that is not a configuration is refused, and does not fill the memory. */
static void
test_ceiling(void)
{
	static char text[1 << 15];
	const size_t len = strlen(BASE "tls_ca_file = ");
	struct conf c;

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, BASE "tls_ca_file = ", len);
	text[len + 8178] = '\n';
	text[len + 8179] = '\0';
	is_int(load_text(text, CONF_API), 0, "a line of 8192 bytes");
	text[len + 8178] = 'x';
	text[len + 8179] = '\n';
	text[len + 8180] = '\0';
	is_int(load_text(text, CONF_API), 1, "one of 8193 bytes");
	ok(strstr(logged, "line 17: longer than 8192 bytes") != NULL, "named");
	ok(load("/dev/zero", CONF_API, &c) > 0, "/dev/zero");
	ok(strstr(logged, "line 1: ") != NULL, "named");
	conf_release(&c);
}

/* A password in an address is refused where it stands, and not printed. */
static void
test_accounts(void)
{
	static const struct {
		const char *key, *value;
	} rows[] = {
		{ "mongodb_uri", "mongodb://user:hunter2@a:1,b:2/?replicaSet=x" },
		{ "mongodb_uri", "mongodb://user@a/" },
		{ "amqp_uri", "amqp://worker:hunter2@127.0.0.1:5672/exports" },
		{ "amqp_uri", "amqp://worker:hunter2/@127.0.0.1:5672/exports" },
		{ "s3_endpoint", "http://key:hunter2@127.0.0.1:1" },
		{ "s3_public_endpoint", "https://key:hunter2@s3.example" },
		{ "public_url", "https://anna:hunter2@export.example" },
	};
	char text[4096], line[256], *at;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(line, sizeof(line), "%s = ", rows[i].key);
		snprintf(text, sizeof(text), "%s", BASE);
		/* In place of the good one, if there is one. */
		if ((at = strstr(text, line)) == text || (at != NULL && at[-1] == '\n'))
			at[0] = '#';
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s\n",
		    line, rows[i].value);
		/* A required key that is refused is not missing as well. */
		is_int(load_text(text, CONF_API), 1, "refused: %s%s", line, rows[i].value);
		ok(strstr(logged, rows[i].key) != NULL && strstr(logged, "line 17: ") != NULL,
		    "named");
		ok(strstr(logged, "hunter2") == NULL, "and not printed");
	}
}

/* What each source of credentials needs, named where it is missing. */
static void
test_credentials(void)
{
	static const struct {
		const char *text;
		int faults;
		const char *logged;
	} rows[] = {
		{ "", 2, "api_s3_secret_file is missing: with api_s3_credentials = keys" },
		{ "api_s3_access_key = AK\n", 1, "api_s3_secret_file is missing" },
		{ "api_s3_credentials = keys\n", 2, "api_s3_access_key is missing" },
		{ "api_s3_credentials = file\n", 1, "api_s3_credentials_file is missing: "
		    "with api_s3_credentials = file" },
		{ "api_s3_credentials = file\napi_s3_credentials_file = /x\n", 0, "" },
		{ "api_s3_credentials = container\n", 0, "" },
		{ "api_s3_credentials = instance\n", 0, "" },
		{ "api_s3_credentials = web-identity\n", 0, "" },
		{ "api_s3_credentials = role\n", 1, "container instance web-identity" },
	};
	char text[1024];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), BASE_PLACES BASE_WORKER
		    "api_mongodb_user = au\n"
		    "api_mongodb_password_file = secret-1\n"
		    "api_amqp_user = aq\n"
		    "api_amqp_password_file = secret-2\n%s", rows[i].text);
		is_int(load_text(text, CONF_API), rows[i].faults,
		    "credentials %zu: faults", i);
		ok(strstr(logged, rows[i].logged) != NULL, "credentials %zu: %s", i,
		    rows[i].logged);
	}
}

/* All of them at once. */
static void
test_together(void)
{
	is_int(load_text("mongodb_uri = mongodb://x/\n"
	    "s3_endpoint = http://x\n"
	    "s3_bucket = b\n"
	    "s3_bucket = b\n"
	    "colour = blue\n"
	    "nonsense\n"
	    "lease_ms = 5\n"
	    "link_ttl_s = 0\n"
	    "s3_path_style = perhaps\n"
	    "s3_region =\n"
	    "api_mongodb_user = a\n"
	    "api_mongodb_password_file = no-such-file\n"
	    "api_amqp_user = a\n"
	    "api_amqp_password_file = secret-2\n"
	    "api_s3_secret_file = secret-3\n", CONF_API), 10,
	    "ten faults in one file");
	is_int(lines_logged(), 10, "ten lines");
	ok(strstr(logged, "amqp_uri") != NULL, "missing: amqp_uri");
	ok(strstr(logged, "api_s3_access_key") != NULL,
	    "missing: api_s3_access_key");
	ok(strstr(logged, "line 4") != NULL, "duplicate: line 4");
	ok(strstr(logged, "colour") != NULL && strstr(logged, "line 5") !=
	    NULL, "unknown: colour");
	ok(strstr(logged, "line 6") != NULL, "no KEY = value: line 6");
	ok(strstr(logged, "line 7") != NULL, "out of range: line 7");
	ok(strstr(logged, "line 8") != NULL, "out of range: line 8");
	ok(strstr(logged, "line 9") != NULL, "neither yes nor no: line 9");
	ok(strstr(logged, "line 10") != NULL, "empty: line 10");
	ok(strstr(logged, "no-such-file") != NULL, "secret: no-such-file");
	test_credentials();
	is_int(load_text(BASE "colour = blue\nrenew_ms = 30001\n"
	    "backoff_ms = 900001\n", CONF_API), 3,
	    "faults of keys together, in addition to another");
	/* A line is not cut into two. */
	{
		static char text[3 * 4096];
		size_t n;

		n = (size_t)snprintf(text, sizeof(text), "%s# ", BASE);
		memset(text + n, 'x', 5000);
		strcpy(text + n + 5000, "\n");
		is_int(load_text(text, CONF_API), 0, "a comment of 5,000 "
		    "bytes");
		n = (size_t)snprintf(text, sizeof(text), "%scolour = ", BASE);
		memset(text + n, 'x', 5000);
		strcpy(text + n + 5000, "\n");
		is_int(load_text(text, CONF_API), 1, "an unknown key with "
		    "5,000 bytes is one fault");
	}
	is_int(load_text(BASE "slice_max_bytes = 268435456\n", CONF_WORKER), 1,
	    "a key that went is a fault");
	ok(strstr(logged, "set memory_max_bytes") != NULL,
	    "which names its successor");
}

static void
test_secrets(void)
{
	static const struct {
		const char *name;
		const char *text;
		mode_t mode;
		const char *expected;	/* NULL: a fault */
	} rows[] = {
		{ "mode 0400", "s3cret\n", 0400, "s3cret" },
		{ "mode 0600", "s3cret\n", 0600, "s3cret" },
		{ "without LF", "s3cret", 0400, "s3cret" },
		{ "with CRLF", "s3cret\r\n", 0400, "s3cret" },
		{ "spaces are part of it", " a b \n", 0400, " a b " },
		{ "only the first line", "one\ntwo\n", 0400, "one" },
		{ "= and #", "a=b#c\n", 0400, "a=b#c" },
		{ "mode 0440", "s3cret\n", 0440, NULL },
		{ "mode 0404", "s3cret\n", 0404, NULL },
		{ "mode 0644", "s3cret\n", 0644, NULL },
		{ "mode 0420", "s3cret\n", 0420, NULL },
		{ "mode 0402", "s3cret\n", 0402, NULL },
		{ "mode 0410", "s3cret\n", 0410, NULL },
		{ "empty", "", 0400, NULL },
		{ "an empty line", "\n", 0400, NULL },
		{ "an empty line first", "\ns3cret\n", 0400, NULL },
	};
	static char text[4096];
	struct conf c;
	size_t i;
	int n;

	put_file("export.conf", BASE, 0644);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_file("secret-3", rows[i].text, rows[i].mode);
		n = load("export.conf", CONF_API, &c);
		is_int(n, rows[i].expected == NULL, "secret: %s: faults",
		    rows[i].name);
		if (rows[i].expected != NULL) {
			is_str(c.s3_secret, rows[i].expected, "secret: %s",
			    rows[i].name);
		} else {
			ok(strstr(logged, "secret-3") != NULL,
			    "secret: %s: the file is named", rows[i].name);
			ok(strstr(logged, "line 10") != NULL,
			    "secret: %s: its line is named", rows[i].name);
		}
		ok(strstr(logged, "s3cret") == NULL,
		    "secret: %s: not logged", rows[i].name);
		conf_release(&c);
	}
	memset(text, 's', 1024);
	put_file("secret-3", text, 0400);
	is_int(load("export.conf", CONF_API, &c), 0, "a secret of 1,024 bytes");
	ok(c.s3_secret != NULL && strlen(c.s3_secret) == 1024, "whole");
	conf_release(&c);
	memset(text, 's', 4000);
	put_file("secret-3", text, 0400);
	is_int(load("export.conf", CONF_API, &c), 1,
	    "a secret of 4,000 bytes is refused, not cut");
	conf_release(&c);
	unlink("secret-3");
	if (mkdir("secret-3", 0700) == 0) {
		is_int(load("export.conf", CONF_API, &c), 1, "a folder");
		conf_release(&c);
		rmdir("secret-3");
	}
	put_file("secret-3", "text/3+=\n", 0400);
}

int
main(void)
{
	static const char *const files[] = {
		"secret-1", "text one\n", "secret-2", "text two\n",
		"secret-3", "text/3+=\n", "secret-4", "text 4\n",
		"secret-5", "text 5\n", "secret-6", "text 6\n"
	};
	size_t i;

	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return 1;
	for (i = 0; i < 12; i += 2)
		put_file(files[i], files[i + 1], 0400);
	test_presets();
	test_roles();
	test_form();
	test_faults();
	test_ceiling();
	test_accounts();
	test_together();
	test_secrets();
	for (i = 0; i < 12; i += 2)
		unlink(files[i]);
	unlink("export.conf");
	unlink("log");
	if (chdir("/") != 0 || rmdir(folder) != 0)
		diag("%s stays", folder);
	return done_testing();
}
