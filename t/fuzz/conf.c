/*
 * export.conf, any bytes, read for both programs: there is a fault, or all is
 * there that has to be, and what two keys say goes together. SECRET is the name
 * of a file that is fit to be a secret's.
 */
#include "lib/base/conf.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"

#include "t/fuzz/fuzz.h"

#define CONF_FD 200
#define SECRET_FD 201
#define PATH(fd) "/proc/self/fd/" STRING(fd)
#define STRING(x) STRING_OF(x)
#define STRING_OF(x) #x

/* A file in memory, empty, by this number. */
static void
open_as(int fd, mode_t mode)
{
	int made = memfd_create("fuzz", 0);

	CHECK(made >= 0 && dup2(made, fd) == fd && fchmod(fd, mode) == 0);
	close(made);
}

static void
set_up(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	open_as(CONF_FD, 0600);
	open_as(SECRET_FD, 0400);
	CHECK(write(SECRET_FD, "secret\n", 7) == 7);
	CHECK(log_open("/dev/null") == 0);
}

/* The bytes, with the name of the secret's file wherever it says SECRET. */
static void
put_file(const char *at, size_t len)
{
	const char *end = at + len, *p;

	CHECK(ftruncate(CONF_FD, 0) == 0 && lseek(CONF_FD, 0, SEEK_SET) == 0);
	while ((p = memmem(at, (size_t)(end - at), "SECRET", 6)) != NULL) {
		CHECK(write(CONF_FD, at, (size_t)(p - at)) == p - at);
		CHECK(write(CONF_FD, PATH(SECRET_FD),
		    strlen(PATH(SECRET_FD))) > 0);
		at = p + 6;
	}
	CHECK(write(CONF_FD, at, (size_t)(end - at)) == end - at);
}

static void
check(const struct conf *c)
{
	const char *const given[] = { c->mongodb_uri, c->amqp_uri,
	    c->s3_endpoint, c->s3_public_endpoint, c->s3_region, c->s3_bucket,
	    c->vehicle_prefix, c->mongodb_user, c->mongodb_password,
	    c->amqp_user, c->amqp_password, c->s3_credentials, c->s3_profile };
	size_t i;

	for (i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		CHECK(given[i] != NULL && given[i][0] != '\0');
	CHECK(strcmp(c->mongodb_password, "secret") == 0);
	CHECK(strcmp(c->s3_credentials, "keys") != 0 ||
	    (c->s3_access_key != NULL && strcmp(c->s3_secret, "secret") == 0));
	CHECK(strcmp(c->s3_credentials, "file") != 0 ||
	    c->s3_credentials_file != NULL);
	CHECK(c->renew_ms > 0 && 2 * c->renew_ms <= c->lease_ms);
	CHECK(c->backoff_ms <= c->backoff_max_ms);
	CHECK(c->part_bytes >= 5242880 && c->csv_split_bytes >= 65536);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum conf_role roles[] = { CONF_API, CONF_WORKER };
	struct conf conf;
	size_t i;

	set_up();
	put_file((const char *)data, len);
	for (i = 0; i < 2; i++) {
		if (conf_load(PATH(CONF_FD), roles[i], &conf) == 0)
			check(&conf);
		conf_release(&conf);
	}
	return 0;
}
