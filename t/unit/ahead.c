/* worker/ahead: what is read next, how much at a time, and what is handed out. */
#include "worker/ahead.h"

#include <stdlib.h>
#include <string.h>

#include "t/tap.h"

#define MIB ((size_t)1 << 20)
#define FROM (24 * 17000)

static struct sizes sizes;
static struct names vehicles, parameters;
static struct ahead *a;

static void
nothing(void *arg)
{
	(void)arg;
}

static void
begin(int n, const char *const *columns, int64_t hours, size_t memory_max)
{
	struct ahead_spec spec = { .vehicles = &vehicles,
	    .parameters = &parameters, .from = FROM, .to = FROM + hours,
	    .from_ms = FROM * INT64_C(3600000),
	    .memory_max = memory_max, .ahead_max = memory_max,
	    .window_bytes = 3 * MIB / 2,
	    .sizes = &sizes, .lock = nothing, .unlock = nothing };
	char name[32];
	int i;

	sizes_init(&sizes);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "vehicle_%d", i);
		names_add(&vehicles, name, strlen(name));
	}
	for (; *columns != NULL; columns++)
		names_add(&parameters, *columns, strlen(*columns));
	a = ahead_new(&spec);
}

static void
end(void)
{
	ahead_free(a);
	names_release(&vehicles);
	names_release(&parameters);
	sizes_release(&sizes);
}

static void
list(const struct ahead_job *job)
{
	struct names found = { 0 };
	size_t i;

	for (i = 0; i < parameters.n; i++)
		names_add(&found, parameters.v[i], strlen(parameters.v[i]));
	ahead_listed(a, job->vehicle, &found);
}

/* Documents of `each` bytes, one an hour, into a column. */
static int
fill(const struct ahead_job *job, size_t each)
{
	static uint8_t data[8 << 20];
	bool no_memory;
	uint8_t *at;
	int64_t h;

	/* Of documents without a time there are none. */
	if (job->column == parameters.n)
		return ahead_read(a, job, false);
	for (h = job->window->from; h < job->window->to; h++) {
		ahead_saw(job, each);
		if ((at = ahead_room(a, job, each, &no_memory)) == NULL)
			return ahead_read(a, job, true);
		memcpy(at, data, each);
		ahead_add(job, &(struct source_doc){ job->column, at, each,
		    h * 3600000 });
	}
	return ahead_read(a, job, false);
}

static void
test_order(void)
{
	static const char *const columns[] = { "b", "a", NULL };
	struct ahead_job jobs[16];
	struct source_window *w;
	int i, n;

	begin(3, columns, 24, 512 * MIB);
	is_int(ahead_job(a, true, &jobs[0]), 0, "a job");
	ok(jobs[0].window == NULL, "the first vehicle is listed");
	is_int(ahead_job(a, true, &jobs[1]), 0, "a job");
	ok(jobs[1].window == NULL && jobs[1].vehicle != jobs[0].vehicle,
	    "the second meanwhile");
	is_int(ahead_next(a, &w), 1, "nothing to hand out yet");
	list(&jobs[1]);
	list(&jobs[0]);
	for (n = 0; n < 6; n++)
		ahead_job(a, true, &jobs[n]);
	ok(strcmp(jobs[0].vehicle->v.name, "vehicle_0") == 0 &&
	    jobs[0].column == 0 && jobs[1].column == 1 &&
	    strcmp(jobs[3].vehicle->v.name, "vehicle_1") == 0,
	    "column by column, vehicle by vehicle, side by side");
	is_int((int64_t)jobs[2].column, 2, "and what has no time");
	for (i = 5; i >= 1; i--)
		is_int(fill(&jobs[i], 60000), 0, "read");
	is_int(ahead_next(a, &w), 1, "the first vehicle is not there yet");
	fill(&jobs[0], 60000);
	is_int(ahead_next(a, &w), 0, "now it is");
	is_str(w->vehicle->name, "vehicle_0", "in order");
	is_int((int64_t)w->n, 48, "all its documents");
	is_int((int64_t)w->bytes, 48 * 60000, "and bytes");
	ok(w->last && !w->part, "its last window");
	w->release(w);
	is_int(ahead_next(a, &w), 0, "the second");
	w->release(w);
	is_int(ahead_next(a, &w), 1, "the third is still to be read");
	is_int((int64_t)ahead_total(a), 96, "documents so far");
	ahead_job(a, true, &jobs[0]);
	list(&jobs[0]);
	while (ahead_job(a, true, &jobs[0]) == 0)
		fill(&jobs[0], 10);
	is_int(ahead_next(a, &w), 0, "the third");
	w->release(w);
	is_int(ahead_next(a, &w), 2, "the end");
	end();
}

/* What is read ahead fits; the oldest window goes on all the same. */
static void
test_budget(void)
{
	static const char *const columns[] = { "speed", NULL };
	struct ahead_job jobs[64];
	struct source_window *w;
	int n = 0;

	begin(1, columns, 24 * 60, 20 * MIB);
	ahead_job(a, true, &jobs[0]);
	list(&jobs[0]);
	is_int(ahead_job(a, true, &jobs[n++]), 0, "a window of unknown size");
	is_int(ahead_job(a, true, &jobs[n]), 1, "no second one fits");
	is_int(fill(&jobs[0], 60000), 0, "it takes 1.4 MB");
	while (ahead_job(a, true, &jobs[n]) == 0)
		n++;
	ok(n >= 5 && n <= 8, "20 MiB: %d windows, and their replies", n);
	while (n-- > 1)
		fill(&jobs[n], 60000);
	while (ahead_job(a, true, &jobs[0]) == 0)
		fill(&jobs[0], 60000);
	is_int(ahead_next(a, &w), 0, "one is handed out");
	is_int(ahead_job(a, true, &jobs[0]), 1, "and still counts");
	w->release(w);
	is_int(ahead_job(a, true, &jobs[0]), 0, "until it is given back");
	ahead_read(a, &jobs[0], false);
	end();
}

/* Data that begin suddenly: a window that grew too large is read again. */
static void
test_over(void)
{
	static const char *const columns[] = { "speed", "soc", NULL };
	struct ahead_job job;
	struct source_window *w = NULL;
	int64_t at = FROM;
	int windows = 0, good = 1, rc;

	begin(1, columns, 24 * 40, 16 * MIB);
	ahead_job(a, true, &job);
	list(&job);
	while ((rc = ahead_next(a, &w)) != 2) {
		if (rc == 0) {
			struct ahead_window *x = (struct ahead_window *)w;

			good &= x->from == at && w->bytes <= 8 * MIB;
			at = x->to;
			windows++;
			w->release(w);
			continue;
		}
		if (ahead_job(a, true, &job) == 0)
			good &= fill(&job, job.window->from < FROM + 24 * 30 ?
			    0 : 300000) == 0;
	}
	ok(good && at == FROM + 24 * 40, "each hour once, none too large: "
	    "%d windows", windows);
	is_int((int64_t)ahead_total(a), 24 * 40 * 2, "documents are counted once");
	end();
}

/* An hour that is too large is read in parts, down to a millisecond. */
static void
test_parts(void)
{
	static const char *const columns[] = { "speed", NULL };
	struct ahead_job job, odd;
	struct source_window *w;
	int rc = 0, n = 0;

	begin(1, columns, 1, 8 * MIB);
	ahead_job(a, true, &job);
	list(&job);
	ahead_job(a, true, &job);
	fill(&job, 5 * MIB);
	is_int(ahead_job(a, true, &job), 0, "again");
	ok(job.window->w.part && job.window->part_from_ms == INT64_MIN &&
	    job.window->part_to_ms == FROM * INT64_C(3600000) + 1800000,
	    "the first half of the hour");
	fill(&job, MIB);
	ahead_job(a, true, &odd);
	fill(&odd, 0);
	is_int(ahead_next(a, &w), 0, "handed out");
	ok(w->part && !w->last && w->end_ms == job.window->part_to_ms, "as a part");
	w->release(w);
	ahead_job(a, true, &job);
	ok(job.window->w.part && job.window->part_to_ms == INT64_MAX,
	    "the second one has the rest");
	while (rc == 0 && n++ < 64) {
		rc = fill(&job, 5 * MIB);
		if (rc == 0)
			ahead_job(a, true, &job);
	}
	is_int(rc, 1, "a millisecond that is too large ends it, after %d parts", n);
	end();
}

/* Columns that are no collections, vehicles that have none. */
static void
test_missing(void)
{
	static const char *const columns[] = { "speed", "soc", "view", NULL };
	struct names found = { 0 };
	struct ahead_job job;
	struct source_window *w;

	begin(2, columns, 24, 16 * MIB);
	ahead_job(a, true, &job);
	names_add(&found, "soc", 3);
	ahead_listed(a, job.vehicle, &found);
	ahead_job(a, true, &job);
	is_int((int64_t)job.column, 1, "only what is there is read");
	fill(&job, 100);
	ahead_job(a, true, &job);
	fill(&job, 100);
	is_int(ahead_next(a, &w), 0, "and is all of the window");
	is_int((int64_t)w->vehicle->columns->n, 3, "which has all columns");
	w->release(w);
	ahead_job(a, true, &job);
	ahead_listed(a, job.vehicle, &found);
	is_int(ahead_job(a, true, &job), 1, "a vehicle with nothing to read");
	is_int(ahead_next(a, &w), 0, "has a window");
	ok(w->last && w->n == 0, "without documents");
	w->release(w);
	end();
}

int
main(void)
{
	test_order();
	test_budget();
	test_over();
	test_parts();
	test_missing();
	return done_testing();
}
