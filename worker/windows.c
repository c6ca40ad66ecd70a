/*
 * The arithmetic of windows. Knows no server and no queue.
 */
#include "worker/windows.h"

#include <string.h>

#include "lib/base/timestamp.h"

/* Hours before the range: documents reach an hour far, and hold (lib/jobs/spec.h) as far. */
#define EARLY_HOURS 2
/* While nothing is known, a day of five columns is a window. */
#define UNKNOWN_COLUMNS 5
/* A column that had nothing may have something. */
#define LEAST_HOUR_BYTES 256.0
#define LEAST_FETCH_BYTES 4096.0
/* The server ends a reply at 16 MB by itself. */
#define REPLY_DOCUMENTS 1000
/* What is known falls by this part of the difference. */
#define FALLS 8
#define MARGIN 1.25

void
sizes_init(struct sizes *s)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
}

void
sizes_release(struct sizes *s)
{
	pthread_mutex_destroy(&s->lock);
}

/* FNV-1a; never 0. */
static uint64_t
hash_of(const char *name)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return h | 1;
}

struct size
size_unknown(void)
{
	return (struct size){ -1, -1 };
}

struct size
sizes_get(struct sizes *s, const char *name)
{
	const uint64_t hash = hash_of(name);
	const size_t at = (size_t)(hash >> 1) % SIZES;
	struct size size = size_unknown();

	pthread_mutex_lock(&s->lock);
	if (s->v[at].hash == hash)
		size = s->v[at].size;
	pthread_mutex_unlock(&s->lock);
	return size;
}

static double
learned(double known, double seen)
{
	if (seen < 0)
		return known;
	return seen >= known ? seen : known - (known - seen) / FALLS;
}

void
sizes_learn(struct sizes *s, const char *name, const struct size *size)
{
	const uint64_t hash = hash_of(name);
	const size_t at = (size_t)(hash >> 1) % SIZES;

	pthread_mutex_lock(&s->lock);
	if (s->v[at].hash != hash) {
		s->v[at].hash = hash;
		s->v[at].size = size_unknown();
	}
	s->v[at].size.hour_bytes = learned(s->v[at].size.hour_bytes,
	    size->hour_bytes);
	s->v[at].size.document_bytes = learned(s->v[at].size.document_bytes,
	    size->document_bytes);
	pthread_mutex_unlock(&s->lock);
}

struct size
size_of(uint64_t documents, uint64_t bytes, int64_t hours)
{
	return (struct size){ (double)bytes / (double)hours,
	    documents > 0 ? (double)bytes / (double)documents : -1 };
}

int64_t
window_hours(const struct size *v, size_t n, size_t target, size_t most)
{
	const int64_t day = n <= UNKNOWN_COLUMNS ? DAY_HOURS :
	    DAY_HOURS * UNKNOWN_COLUMNS / (int64_t)n;
	double largest = LEAST_HOUR_BYTES, all = 0, hours;
	size_t i, known = 0;

	for (i = 0; i < n; i++) {
		if (v[i].hour_bytes < 0)
			continue;
		known++;
		all += v[i].hour_bytes;
		if (v[i].hour_bytes > largest)
			largest = v[i].hour_bytes;
	}
	if (n > 0 && known == 0)
		return day > 1 ? day : 1;
	/* Those that are unknown are taken for as large as the others. */
	if (known > 0)
		all = all / (double)known * (double)n;
	hours = (double)target / largest;
	if (all > 0 && (double)most / all < hours)
		hours = (double)most / all;
	if (known < n && hours > (double)DAY_HOURS)
		hours = DAY_HOURS;
	if (hours < 1)
		return 1;
	return hours >= DAY_HOURS ? (int64_t)hours / DAY_HOURS * DAY_HOURS :
	    (int64_t)hours;
}

int64_t
window_end(int64_t from, int64_t hours, int64_t end)
{
	int64_t to = from + hours;

	/* The first one may begin some hours early, and then has these, too. */
	if (hours % DAY_HOURS == 0 && to % DAY_HOURS != 0) {
		to -= to % DAY_HOURS;
		if (to <= from + EARLY_HOURS)
			to += DAY_HOURS;
	}
	return to < end ? to : end;
}

size_t
fetch_bytes(const struct size *size, double average, int64_t hours)
{
	double bytes;

	if (size->hour_bytes >= 0)
		bytes = size->hour_bytes * (double)hours;
	else if (average >= 0)
		bytes = average * (double)hours;
	else
		return FETCH_UNKNOWN;
	bytes *= MARGIN;
	return (size_t)(bytes < LEAST_FETCH_BYTES ? LEAST_FETCH_BYTES : bytes);
}

int64_t
fetch_batch(double document_bytes)
{
	double n = REPLY_DOCUMENTS;

	if (document_bytes > REPLY_BYTES / REPLY_DOCUMENTS)
		n = REPLY_BYTES / document_bytes;
	return n < 1 ? 1 : (int64_t)n;
}
