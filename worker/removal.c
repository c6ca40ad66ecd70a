/*
 * Removes objects that nobody may get any more. Which they are, the records say: one
 * is marked when its objects are gone, so each is tried until S3 has done it.
 */
#include "worker/removal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/base/patience.h"
#include "lib/servers/s3.h"
#include "lib/jobs/leftovers.h"
#include "worker/keys.h"

/* The sweeper has other work, and a worker that stops does not wait for long. */
#define STEP_MS 5000
/* Claims of a job whose objects are looked for: attempts that died had a key each. */
#define CLAIMS_MAX 32

/* A collection, and from where on it is looked through. */
struct place {
	struct tasks *tasks;
	char after[JOB_ID_SIZE];
};

struct removal {
	struct s3 *s3;
	struct patience patience;
	struct place jobs, units;
};

struct removal *
removal_new(const struct conf *conf, struct tasks *jobs, struct tasks *units,
    bool (*stop)(void *), void *arg)
{
	struct removal *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->patience = (struct patience){ .stop = stop, .arg = arg };
	r->jobs.tasks = jobs;
	r->units.tasks = units;
	if ((r->s3 = s3_new(conf, &r->patience)) == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void
removal_free(struct removal *r)
{
	if (r == NULL)
		return;
	s3_free(r->s3);
	free(r);
}

static int
remove_key(struct s3 *s3, const struct patience *budget, const char *key)
{
	if (s3_remove(s3, key) == 0) {
		log_fields(LOG_INFO, "removed", "key=%s", key);
		return 0;
	}
	if (clock_monotonic_ms() >= budget->until_ms)
		log_msg(LOG_WARN, "s3_remove", "S3 has not removed %s within %d s",
		    key, STEP_MS / 1000);
	return -1;
}

/* By the job's id, not by a field that the API's account may write. */
static int
remove_job(struct removal *r, const struct leftover *l)
{
	char key[KEY_SIZE];
	int64_t fence;

	for (fence = l->fence; fence > 0 && fence > l->fence - CLAIMS_MAX; fence--) {
		key_of_archive(l->id, fence, key);
		if (remove_key(r->s3, &r->patience, key) != 0)
			return -1;
	}
	return 0;
}

/* Remove what one record has left. JOBS_ERROR: it is still to be done. */
static enum jobs_result
remove_next(struct removal *r, struct place *place)
{
	struct leftover l;
	enum jobs_result rc = leftovers_next(place->tasks, place->after, &l);
	int failed;

	if (rc != JOBS_OK)
		return rc;
	failed = place == &r->jobs ? remove_job(r, &l) :
	    l.key[0] != '\0' ? remove_key(r->s3, &r->patience, l.key) : 0;
	if (failed == 0)
		return leftovers_removed(place->tasks, &l);
	/* What S3 keeps refusing must not hold up the others. */
	memcpy(place->after, l.id, sizeof(place->after));
	return JOBS_ERROR;
}

bool
removal_step(struct removal *r)
{
	struct place *places[] = { &r->jobs, &r->units };
	enum jobs_result rc = JOBS_OK;
	size_t i;

	r->patience.until_ms = clock_monotonic_ms() + STEP_MS;
	for (i = 0; i < sizeof(places) / sizeof(places[0]) && rc != JOBS_ERROR; i++) {
		/* JOBS_NONE: all are done, or another worker was faster. */
		do
			rc = remove_next(r, places[i]);
		while (rc == JOBS_OK && !patience_over(&r->patience));
		if (rc == JOBS_NONE)
			places[i]->after[0] = '\0';
	}
	return rc == JOBS_OK;
}

void
removal_once(const struct conf *conf, const char *key)
{
	const struct patience patience = {
	    .until_ms = clock_monotonic_ms() + STEP_MS };
	struct s3 *s3 = s3_new(conf, &patience);

	if (s3 == NULL)
		log_msg(LOG_ERROR, "s3_remove", "out of memory");
	else
		remove_key(s3, &patience, key);
	s3_free(s3);
}
