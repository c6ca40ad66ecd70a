/*
 * Decides when a worker looks at which vehicle for the catalogue, slowly enough
 * that nobody notices. What is looked up is telemetry.c's business, where it is
 * kept lib/jobs/catalogue_upkeep.c's.
 */
#include "worker/catalogue_refresh.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/base/timestamp.h"
#include "lib/jobs/catalogue_upkeep.h"
#include "lib/jobs/job.h"
#include "lib/jobs/totals.h"
#include "worker/spans.h"
#include "worker/telemetry.h"

/*
 * Times in catalogue_s that databases are listed, so that new ones show soon, and that
 * totals are made of what is known.
 */
#define LISTS 10
/* The rest after a step, as a multiple of the time that it took. */
#define REST 9

struct catalogue_refresh {
	const struct conf *conf;
	struct _mongoc_client_t *client;
	struct catalogue *catalogue;
	struct names stale;	/* vehicles to check */
	size_t next;		/* the next of them */
	int64_t due_ms;		/* of the next step */
	int64_t list_ms;	/* when to list again */
	struct totals *totals;	/* a pass that was begun */
	int64_t totals_ms;	/* when to begin one */
};

struct catalogue_refresh *
catalogue_refresh_new(struct _mongoc_client_t *client, const struct conf *conf)
{
	struct catalogue_refresh *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->conf = conf;
	s->client = client;
	if ((s->catalogue = catalogue_new(client, conf)) == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
catalogue_refresh_free(struct catalogue_refresh *s)
{
	if (s == NULL)
		return;
	totals_free(s->totals);
	names_release(&s->stale);
	catalogue_free(s->catalogue);
	free(s);
}

int64_t
catalogue_refresh_wait_ms(const struct catalogue_refresh *s)
{
	const int64_t next_ms = s->list_ms < s->totals_ms ? s->list_ms :
	    s->totals_ms;
	const int64_t due_ms = s->totals != NULL || s->next < s->stale.n ||
	    next_ms < s->due_ms ? s->due_ms : next_ms;
	const int64_t wait_ms = due_ms - clock_monotonic_ms();

	return wait_ms > 0 ? wait_ms : 0;
}

static struct telemetry_way
way_of(const struct catalogue_refresh *s)
{
	return (struct telemetry_way){
		.read_preference = s->conf->read_preference,
		.read_concern = s->conf->read_concern,
		.comment = "catalogue",
	};
}

/* Of lists, and of totals. */
static int64_t
every_ms(const struct catalogue_refresh *s)
{
	return s->conf->catalogue_s * 1000 / LISTS;
}

static void
refresh_list(struct catalogue_refresh *s)
{
	const struct telemetry_way way = way_of(s);
	struct names all = { 0 };

	names_release(&s->stale);
	s->next = 0;
	s->list_ms = clock_monotonic_ms() + every_ms(s);
	if (telemetry_vehicles(s->client, &way, NULL, s->conf->vehicle_prefix,
	    NULL, &all) == 0)
		catalogue_stale(s->catalogue, &all, &s->stale);
	names_release(&all);
}

/* A collection that is checked. */
struct column {
	struct catalogue_refresh *s;
	const struct telemetry_way *way;
	const char *vehicle, *name;
};

static int
count_hours(void *arg, int64_t from, int64_t to, int64_t *documents)
{
	const struct column *c = arg;
	const struct telemetry_range range = { from * HOUR_MS, to * HOUR_MS,
	    false };

	return telemetry_count(c->s->client, c->way, c->vehicle, c->name, &range,
	    documents);
}

static int
refresh_column(struct column *c, struct catalogue_parameter *p)
{
	struct catalogue_span whole;

	if (telemetry_extent(c->s->client, c->way, c->vehicle, c->name,
	    &p->documents, &p->first_ms, &p->last_ms) != 0)
		return -1;
	if (p->first_ms == JOB_NO_TIME)
		return 0;
	whole = (struct catalogue_span){ p->first_ms / HOUR_MS,
	    p->last_ms / HOUR_MS + 1, p->documents };
	return spans_find(&whole, count_hours, c, p->spans, &p->n);
}

/* Check one vehicle: each of its collections. */
static int
refresh_vehicle(struct catalogue_refresh *s, const char *vehicle)
{
	struct names columns = { 0 };
	struct catalogue_parameter *p = NULL;
	const struct telemetry_way way = way_of(s);
	int rc = -1;
	size_t i;

	if (telemetry_parameters(s->client, &way, NULL, vehicle, NULL,
	    &columns) != 0 ||
	    (p = calloc(columns.n + 1, sizeof(*p))) == NULL)
		goto out;
	for (i = 0; i < columns.n; i++) {
		struct column c = { s, &way, vehicle, columns.v[i] };

		p[i].name = columns.v[i];
		if (refresh_column(&c, &p[i]) != 0)
			goto out;
	}
	rc = catalogue_put(s->catalogue, vehicle, p, columns.n) ==
	    CATALOGUE_OK ? 0 : -1;
out:
	free(p);
	names_release(&columns);
	return rc;
}

static void
refresh_next_vehicle(struct catalogue_refresh *s)
{
	const char *vehicle = s->stale.v[s->next++];

	if (catalogue_claim(s->catalogue, vehicle) == CATALOGUE_OK &&
	    refresh_vehicle(s, vehicle) != 0)
		log_msg(LOG_WARN, "catalogue", "%s was not checked", vehicle);
}

static void
begin_totals(struct catalogue_refresh *s)
{
	s->totals_ms = clock_monotonic_ms() + every_ms(s);
	totals_begin(s->catalogue, &s->totals);
}

static void
refresh_totals(struct catalogue_refresh *s)
{
	bool more;

	if (totals_step(s->totals, &more) == CATALOGUE_OK && more)
		return;
	totals_free(s->totals);
	s->totals = NULL;
}

void
catalogue_refresh_step(struct catalogue_refresh *s)
{
	const int64_t began_ms = clock_monotonic_ms();

	if (catalogue_refresh_wait_ms(s) > 0)
		return;
	if (s->totals != NULL)
		refresh_totals(s);
	else if (s->totals_ms <= began_ms)
		begin_totals(s);
	else if (s->next < s->stale.n)
		refresh_next_vehicle(s);
	else
		refresh_list(s);
	s->due_ms = clock_monotonic_ms() +
	    (clock_monotonic_ms() - began_ms) * REST;
}
