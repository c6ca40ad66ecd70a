/*
 * Holds the credentials for S3 and renews them in time. Knows when to ask; what is asked
 * is the business of credential_source.
 */
#include "lib/servers/credentials.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/backoff.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/ticker.h"
#include "lib/base/timestamp.h"
#include "lib/servers/credential_source.h"

/* Where nothing says when they end. */
#define ENDLESS_MS (15 * 60 * 1000)
#define RENEW_MIN_MS 1000
#define RENEW_MAX_MS (60 * 60 * 1000)
#define BACKOFF_MS 500
#define BACKOFF_MAX_MS 30000
#define END_SIZE (sizeof("until ") + TIMESTAMP_SIZE)

/* By which a file that has changed is told from what was read. */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec modified, changed;
};

static struct {
	pthread_mutex_t lock;
	const struct conf *conf;	/* NULL: not started */
	enum conf_role role;
	struct ticker *ticker;
	struct credential now;		/* access "": none */
	struct stamp stamp;
	int64_t failures;		/* in a row */
	bool mourned;			/* it was said that they have ended */
} held = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
is_kind(const char *name)
{
	return strcmp(held.conf->s3_credentials, name) == 0;
}

/* Whether they may be used now; the lock is held. */
static bool
is_alive(void)
{
	return held.now.access[0] != '\0' && held.now.expires_ms > clock_real_ms();
}

static const char *
end_of(const struct credential *c, char text[END_SIZE])
{
	if (c->expires_ms == CREDENTIAL_FOREVER)
		return "no end";
	memcpy(text, "until ", 6);
	timestamp_format(c->expires_ms, text + 6);
	return text;
}

/* Keep what was fetched; the lock is held. */
static void
take(const struct credential *fresh)
{
	char end[END_SIZE];
	const bool same = strcmp(fresh->access, held.now.access) == 0 &&
	    fresh->expires_ms == held.now.expires_ms;

	/* Keys of the configuration are no event. */
	if ((!same || held.failures > 0) && !is_kind("keys"))
		log_msg(LOG_INFO, "credentials", "%s: access key %s, %s",
		    held.conf->s3_credentials, fresh->access, end_of(fresh, end));
	held.now = *fresh;
	held.failures = 0;
	held.mourned = false;
}

/* Say that there are no new ones; the lock is held. */
static void
miss(const char *why)
{
	char end[END_SIZE];

	held.failures++;
	if (is_alive())
		log_msg(LOG_WARN, "credentials", "%s: no new ones; the old ones are "
		    "used, %s: %s", held.conf->s3_credentials,
		    end_of(&held.now, end), why);
	else
		log_msg(LOG_ERROR, "credentials", "%s: there are none for S3: %s",
		    held.conf->s3_credentials, why);
}

/* How long to wait for the next look at what c came from. */
static int64_t
renew_ms(const struct credential *c)
{
	const int64_t half = c->expires_ms == CREDENTIAL_FOREVER ? ENDLESS_MS :
	    (c->expires_ms - clock_real_ms()) / 2;

	return half < RENEW_MIN_MS ? RENEW_MIN_MS :
	    half > RENEW_MAX_MS ? RENEW_MAX_MS : half;
}

/* The ticker's: fetch without the lock, then exchange. */
static int
renew(void *unused)
{
	char why[CREDENTIAL_WHY_SIZE] = "";
	struct credential fresh;
	int64_t wait_ms;
	int rc;

	(void)unused;
	rc = source_fetch(held.conf, held.role, &fresh, why);
	if (rc == 0 && fresh.expires_ms <= clock_real_ms()) {
		snprintf(why, sizeof(why), "what was handed out has ended already");
		rc = -1;
	}
	pthread_mutex_lock(&held.lock);
	if (rc == 0)
		take(&fresh);
	else
		miss(why);
	wait_ms = rc == 0 ? renew_ms(&fresh) :
	    backoff_draw_ms(BACKOFF_MS, BACKOFF_MAX_MS, held.failures);
	pthread_mutex_unlock(&held.lock);
	credential_wipe(&fresh);
	return (int)wait_ms;
}

/* A file that is not there is one that has changed, too. */
static void
look(struct stamp *stamp)
{
	struct stat st;

	memset(stamp, 0, sizeof(*stamp));
	if (stat(held.conf->s3_credentials_file, &st) != 0)
		return;
	stamp->dev = st.st_dev;
	stamp->ino = st.st_ino;
	stamp->size = st.st_size;
	stamp->modified = st.st_mtim;
	stamp->changed = st.st_ctim;
}

/* Read the file, if it is another one than last time; the lock is held. */
static void
read_again(void)
{
	char why[CREDENTIAL_WHY_SIZE];
	struct credential fresh;
	struct stamp stamp;

	/* The stamp first: a change while it is read is seen the next time. */
	look(&stamp);
	if (memcmp(&stamp, &held.stamp, sizeof(stamp)) == 0)
		return;
	held.stamp = stamp;
	if (source_fetch(held.conf, held.role, &fresh, why) == 0)
		take(&fresh);
	else
		miss(why);
	credential_wipe(&fresh);
}

static int
start_renewing(void)
{
	/* The first ones here: --check and the first requests wait for them. */
	const int wait_ms = renew(NULL);

	if (is_kind("keys"))
		return 0;
	if ((held.ticker = ticker_start(wait_ms, renew, NULL, NULL)) != NULL)
		return 0;
	log_msg(LOG_ERROR, "credentials", "no thread: %s", strerror(errno));
	return -1;
}

int
credentials_start(const struct conf *conf, enum conf_role role)
{
	char why[CREDENTIAL_WHY_SIZE];

	if (source_check(conf, why) != 0) {
		log_msg(LOG_ERROR, "credentials", "%s_s3_credentials = %s: %s",
		    role == CONF_API ? "api" : "worker", conf->s3_credentials, why);
		return -1;
	}
	held.conf = conf;
	held.role = role;
	if (!is_kind("file"))
		return start_renewing();
	pthread_mutex_lock(&held.lock);
	read_again();
	pthread_mutex_unlock(&held.lock);
	return 0;
}

void
credentials_stop(void)
{
	ticker_stop(held.ticker);
	held.ticker = NULL;
	held.conf = NULL;
	memset(&held.stamp, 0, sizeof(held.stamp));
	held.failures = 0;
	credential_wipe(&held.now);
}

/* The lock is held. No thread says it of a file. */
static void
mourn(void)
{
	char end[END_SIZE];

	if (held.mourned || held.now.access[0] == '\0')
		return;
	held.mourned = true;
	log_msg(LOG_ERROR, "credentials", "file: there are none for S3: access key %s was "
	    "good %s, and the file has no others", held.now.access,
	    end_of(&held.now, end));
}

int
credentials_get(struct credential *c)
{
	bool alive;

	pthread_mutex_lock(&held.lock);
	if (held.conf != NULL && is_kind("file"))
		read_again();
	if ((alive = is_alive()))
		*c = held.now;
	else if (held.conf != NULL && is_kind("file"))
		mourn();
	pthread_mutex_unlock(&held.lock);
	return alive ? 0 : -1;
}

int
credentials_describe(char *text, size_t size)
{
	char end[END_SIZE];
	struct credential c;

	if (credentials_get(&c) != 0)
		return -1;
	snprintf(text, size, "signs by %s: access key %s, %s, %s",
	    held.conf->s3_credentials, c.access, c.token[0] != '\0' ? "a session" :
	    "no session", end_of(&c, end));
	credential_wipe(&c);
	return 0;
}
