/*
 * The feeder: the same documents in any windows become the same slices, and each
 * window is released once, wherever it ends.
 */
#include "worker/engine/feeder.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/names.h"
#include "worker/engine/carry.h"
#include "worker/engine/piece.h"
#include "worker/engine/pool.h"
#include "worker/engine/slice.h"
#include "worker/engine/source.h"

#include "t/tap.h"
#include "t/unit/doc.h"
#include "t/unit/draw.h"

#define VEHICLES 4
#define HOURS 60
#define DOCS_MAX 2000
#define WINDOWS_MAX 2000
#define SLICES_MAX 2000
#define COLUMNS 4

static struct doc d;
static char letters[] = "a\0b\0c\0d";
static char *column_names[COLUMNS] = { letters, letters + 2, letters + 4,
    letters + 6 };
static const struct names columns = { column_names, COLUMNS };

/* A document without points: its id is its _id. */
struct told {
	size_t column, len;
	int64_t t_ms, id;
};

/* The documents of each vehicle: column by column, by time. */
static struct {
	struct told v[DOCS_MAX];
	size_t n;
} fleet[VEHICLES];

/* A vehicle is freed with its last window. */
struct vehicle {
	struct source_vehicle v;
	char name[24];
	size_t windows;		/* not released */
	bool closed;		/* its last window is made */
};

struct window {
	struct source_window w;
	struct vehicle *vehicle;
	struct source_doc docs[];
};

static struct {
	struct source source;
	struct window *v[WINDOWS_MAX];
	size_t n, next;
	size_t fail_at;		/* that call of next() fails */
	int released[WINDOWS_MAX];
} x;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int stray;		/* releases of what is no window */

/* A slice, as the taker saw it or as it is to be. */
struct seen {
	char vehicle[24];
	bool first, last;
	int64_t base_ms, begin_ms, end_ms;
	size_t at, n, bytes;	/* its documents: ids[at], ... */
};

struct sequence {
	struct seen v[SLICES_MAX];
	size_t n;
	int64_t ids[VEHICLES * DOCS_MAX];
	size_t nids;
};

static struct sequence got, want;

static void
window_release(struct source_window *w)
{
	struct window *window = (struct window *)w;
	struct vehicle *v = window->vehicle;
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < x.n && x.v[i] != window; i++)
		;
	if (i == x.n)
		stray++;
	else
		x.released[i]++;
	if (i < x.n && x.released[i] == 1) {
		for (i = 0; i < w->n; i++)
			free((void *)(uintptr_t)w->docs[i].data);
		if (--v->windows == 0 && v->closed)
			free(v);
	}
	pthread_mutex_unlock(&lock);
}

/* A document of this length, of at least 40 bytes. */
static const uint8_t *
make_doc(const struct told *t)
{
	static const uint8_t zeros[100000];
	uint8_t *copy;

	doc_reset(&d);
	doc_int64(&d, "_id", t->id);
	doc_doc(&d, "values"), doc_close(&d);
	doc_key(&d, 0x05, "x");
	doc_le32(&d, (uint32_t)(t->len - d.len - 6));
	doc_byte(&d, 0);
	doc_raw(&d, zeros, t->len - d.len - 1);
	doc_close(&d);
	if (d.len != t->len || (copy = malloc(d.len)) == NULL)
		abort();
	memcpy(copy, d.data, d.len);
	return copy;
}

static int64_t
id_of(const struct source_doc *doc)
{
	int64_t id;

	memcpy(&id, doc->data + 9, sizeof(id));
	return id;
}

/*
 * Random documents: hours that are full, that hold little, or nothing; around
 * 1970 and the ends of days.
 */
static void
make_fleet(void)
{
	static int64_t id;
	const int64_t base = ((int64_t)draw(3) - 1) * 5 * DAY_MS +
	    (int64_t)draw(24) * HOUR_MS;
	uint64_t kind[HOURS];
	size_t v, c, h, k;
	int64_t t_ms;

	for (v = 0; v < VEHICLES; v++) {
		fleet[v].n = 0;
		for (h = 0; h < HOURS; h++)
			kind[h] = draw(v == 0 ? 5 : 3);
		for (c = 0; c < COLUMNS && draw(8) > 0; c++) {
			for (h = 0; h < HOURS; h++) {
				t_ms = base + (int64_t)h * HOUR_MS;
				for (k = kind[h] == 0 ? 0 : draw(3); k > 0; k--) {
					t_ms += (int64_t)draw(HOUR_MS / 3);
					fleet[v].v[fleet[v].n++] =
					    (struct told){ c, 50 + draw(kind[h]
					    == 1 ? 100 : 60000), t_ms, ++id };
				}
			}
		}
	}
}

static int
told_compare(const void *a, const void *b)
{
	const struct told *s = a, *t = b;
	const int64_t m = slice_hour(s->t_ms), n = slice_hour(t->t_ms);

	if (m != n)
		return m < n ? -1 : 1;
	if (s->column != t->column)
		return s->column < t->column ? -1 : 1;
	return s->id < t->id ? -1 : s->id > t->id;
}

static int64_t
day_number(int64_t t_ms)
{
	return (t_ms + 1000 * DAY_MS) / DAY_MS;
}

static struct seen *
want_slice(size_t vehicle, bool first, int64_t base_ms, int64_t begin_ms,
    int64_t end_ms)
{
	struct seen *s = &want.v[want.n++];

	*s = (struct seen){ .first = first, .last = end_ms == INT64_MAX,
	    .base_ms = base_ms, .begin_ms = begin_ms, .end_ms = end_ms,
	    .at = want.nids };
	snprintf(s->vehicle, sizeof(s->vehicle), "v%zu", vehicle);
	return s;
}

/* The rows of days without documents go into a slice without documents. */
static void
want_vehicle(size_t vehicle)
{
	static struct told v[DOCS_MAX];
	const size_t n = fleet[vehicle].n;
	int64_t begin_ms = INT64_MIN, hour_ms;
	struct seen *s = NULL;
	bool first = true;
	size_t i;

	memcpy(v, fleet[vehicle].v, n * sizeof(v[0]));
	qsort(v, n, sizeof(v[0]), told_compare);
	for (i = 0; i <= n; i++) {
		hour_ms = i < n ? slice_hour(v[i].t_ms) : 0;
		if (s != NULL && (i == n || (hour_ms >= s->end_ms &&
		    (s->bytes >= SLICE_MIN_BYTES ||
		    day_number(hour_ms) != day_number(s->base_ms))))) {
			begin_ms = s->end_ms;
			s = NULL;
		}
		if (s == NULL && i < n && begin_ms != INT64_MIN &&
		    day_number(begin_ms) < day_number(hour_ms)) {
			want_slice(vehicle, false, begin_ms, begin_ms,
			    (day_number(hour_ms) - 1000) * DAY_MS);
			begin_ms = want.v[want.n - 1].end_ms;
		}
		if (s == NULL) {
			s = want_slice(vehicle, first, i < n ? hour_ms :
			    begin_ms, begin_ms, INT64_MAX);
			first = false;
		}
		if (i == n)
			return;
		s->last = false;
		s->end_ms = hour_ms + HOUR_MS;
		s->n++;
		s->bytes += v[i].len;
		want.ids[want.nids++] = v[i].id;
	}
}

/* Any order of columns, or of all of them, that keeps each column's. */
static void
shuffle(struct source_doc *docs, size_t n)
{
	const uint64_t way = draw(3);
	struct source_doc t;
	size_t i, k;

	for (k = 0; way > 0 && k < n * (way == 1 ? n : 4); k++) {
		i = 1 + (way == 1 ? k % n : draw(n));
		if (i >= n || (way == 1 && docs[i].column >
		    docs[i - 1].column) || docs[i].column ==
		    docs[i - 1].column)
			continue;
		t = docs[i];
		docs[i] = docs[i - 1];
		docs[i - 1] = t;
	}
}

/* A window of the documents in [from_ms, to_ms). */
static void
make_window(struct vehicle *v, size_t vehicle, int64_t from_ms, int64_t to_ms,
    bool last)
{
	struct window *w = calloc(1, sizeof(*w) + (fleet[vehicle].n + 1) *
	    sizeof(w->docs[0]));
	const struct told *t;
	size_t i;

	if (w == NULL || x.n == WINDOWS_MAX)
		abort();
	w->vehicle = v;
	for (i = 0; i < fleet[vehicle].n; i++) {
		t = &fleet[vehicle].v[i];
		if (t->t_ms < from_ms || t->t_ms >= to_ms)
			continue;
		w->docs[w->w.n++] = (struct source_doc){ t->column,
		    make_doc(t), t->len, t->t_ms };
		w->w.bytes += t->len;
	}
	if (w->w.n > 1)
		shuffle(w->docs, w->w.n);
	w->w.vehicle = &v->v;
	w->w.docs = w->docs;
	w->w.last = last;
	w->w.release = window_release;
	v->windows++;
	v->closed = last;
	x.released[x.n] = 0;
	x.v[x.n++] = w;
}

/* Windows of random lengths: of an hour, of a few, of all; some of nothing. */
static void
make_windows(size_t vehicles)
{
	const uint64_t most = 1 + draw(draw(2) ? 4 : 100);
	int64_t at, next;
	struct vehicle *v;
	size_t i;

	for (i = 0; i < vehicles; i++) {
		if ((v = calloc(1, sizeof(*v))) == NULL)
			abort();
		snprintf(v->name, sizeof(v->name), "v%zu", i);
		v->v = (struct source_vehicle){ .name = v->name,
	    .columns = &columns };
		for (at = -10 * DAY_MS; at < 10 * DAY_MS; at = next) {
			next = at + HOUR_MS * (int64_t)(1 + draw(most));
			if (draw(30) == 0)
				next = 10 * DAY_MS;
			if (draw(50) == 0 && next < 10 * DAY_MS)
				make_window(v, i, at, at, false);
			if (next >= 10 * DAY_MS && draw(2))
				make_window(v, i, at, next, false), at = next;
			make_window(v, i, at, next, next >= 10 * DAY_MS);
		}
	}
}

static int
windows_next(struct source *s, struct source_window **w)
{
	(void)s;
	if (x.next == x.fail_at)
		return -1;
	if (x.next == x.n)
		return 1;
	*w = &x.v[x.next++]->w;
	return 0;
}

/* windows_end(name): Each that was taken was released, once; then free all. */
static unsigned long
windows_wrong(void)
{
	unsigned long wrong = 0;
	size_t i;

	for (i = 0; i < x.n; i++)
		wrong += x.released[i] != (i < x.next);
	for (i = x.next; i < x.n; i++)
		window_release(&x.v[i]->w);
	for (i = 0; i < x.n; i++)
		free(x.v[i]);
	x.n = x.next = 0;
	x.fail_at = SIZE_MAX;
	return wrong + (unsigned long)stray;
}

struct feeding {
	struct slice_plan *plan;
	struct pool *pool;
	enum archive_result result;
};

static void *
feed(void *arg)
{
	struct feeding *f = arg;

	f->result = feeder_run(&x.source, f->plan, f->pool);
	return NULL;
}

static void
see(const struct slice *s)
{
	struct seen *to = &got.v[got.n++];
	size_t i;

	*to = (struct seen){ .first = s->first, .last = s->last,
	    .base_ms = s->base_ms, .begin_ms = s->begin_ms,
	    .end_ms = s->end_ms, .at = got.nids, .n = s->n,
	    .bytes = s->bytes };
	snprintf(to->vehicle, sizeof(to->vehicle), "%s", s->vehicle->name);
	for (i = 0; i < s->n; i++)
		got.ids[got.nids++] = id_of(&s->docs[i]);
}

/* run(close_at): Take slices into got, close at that piece; the result. */
static enum archive_result
run(struct pool *pool, size_t close_at)
{
	static struct slice_plan plan;
	struct feeding f = { &plan, pool, ARCHIVE_OK };
	const struct piece *p;
	pthread_t thread;
	size_t n = 0;

	memset(&plan, 0, sizeof(plan));
	plan.from_ms = -100 * DAY_MS;
	plan.to_ms = 100 * DAY_MS;
	atomic_init(&plan.previewed, true);
	got.n = got.nids = 0;
	x.source = (struct source){ .next = windows_next };
	if (pthread_create(&thread, NULL, feed, &f) != 0)
		abort();
	while (n++ < close_at && (p = pool_oldest(pool)) != NULL) {
		if (p->index == 0)
			see(p->slice);
		pool_release(pool);
	}
	pool_close(pool);
	pthread_join(thread, NULL);
	pool_reset(pool);
	return f.result;
}

/* differs(n): Whether the first n slices are not those to expect. */
static const char *
differs(size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct seen *g = &got.v[i], *w = &want.v[i];

		if (i >= want.n)
			return "more slices";
		if (strcmp(g->vehicle, w->vehicle) != 0)
			return "another vehicle";
		if (g->first != w->first || g->last != w->last)
			return "first or last";
		if (g->begin_ms != w->begin_ms || g->end_ms != w->end_ms)
			return "other rows";
		if (g->n > 0 && g->base_ms != w->base_ms)
			return "another first hour";
		if (g->n != w->n || g->bytes != w->bytes || memcmp(got.ids +
		    g->at, want.ids + w->at, g->n * sizeof(got.ids[0])) != 0)
			return "other documents";
	}
	return NULL;
}

static void
want_all(size_t vehicles)
{
	size_t i;

	want.n = want.nids = 0;
	for (i = 0; i < vehicles; i++)
		want_vehicle(i);
}

static void
test_windows(struct pool *pool)
{
	unsigned long bad = 0, slices = 0, merged = 0;
	enum archive_result rc;
	const char *wrong;
	size_t vehicles, i;
	int round, again;

	draw_from(23);
	for (round = 0; round < 60; round++) {
		make_fleet();
		vehicles = draw(VEHICLES + 1);
		want_all(vehicles);
		for (again = 0; again < 4; again++) {
			make_windows(vehicles);
			if ((rc = run(pool, SIZE_MAX)) != ARCHIVE_OK)
				bad_row(&bad, "%d: %d", round, (int)rc);
			wrong = differs(got.n);
			if (wrong != NULL || got.n != want.n)
				bad_row(&bad, "%d: %zu slices, not %zu: %s",
				    round, got.n, want.n, wrong);
			if (windows_wrong() != 0)
				bad_row(&bad, "%d: windows", round);
		}
		slices += want.n;
		for (i = 0; i < want.n; i++)
			merged += !want.v[i].last && want.v[i].end_ms -
			    want.v[i].base_ms > HOUR_MS;
	}
	is_int((int64_t)bad, 0, "the same slices of any windows");
	ok(slices > 2000 && merged > 100, "%lu slices, %lu of several hours",
	    slices, merged);
}

/* The source fails, or the taker closes, anywhere. */
static void
test_ends(struct pool *pool)
{
	unsigned long bad = 0;
	enum archive_result rc;
	size_t at, all, n;
	int failed = 0, stopped = 0;

	make_fleet();
	want_all(VEHICLES);
	make_windows(VEHICLES);
	n = x.n;
	for (at = 0; at <= n; at += 1 + draw(3)) {
		if (x.n == 0)
			make_windows(VEHICLES);
		all = x.n;
		x.fail_at = at;
		rc = run(pool, SIZE_MAX);
		if (rc != (at <= all ? ARCHIVE_SOURCE_FAILED : ARCHIVE_OK))
			bad_row(&bad, "fails at %zu: %d", at, (int)rc);
		if (differs(got.n) != NULL)
			bad_row(&bad, "fails at %zu: %s", at, differs(got.n));
		failed += rc == ARCHIVE_SOURCE_FAILED;
		if (windows_wrong() != 0)
			bad_row(&bad, "fails at %zu: windows", at);
	}
	for (at = 0; at <= want.n; at += 1 + draw(3)) {
		make_windows(VEHICLES);
		rc = run(pool, at);
		if (rc != ARCHIVE_STOPPED && rc != ARCHIVE_OK)
			bad_row(&bad, "closed at %zu: %d", at, (int)rc);
		if (differs(got.n) != NULL)
			bad_row(&bad, "closed at %zu: %s", at, differs(got.n));
		stopped += rc == ARCHIVE_STOPPED;
		if (windows_wrong() != 0)
			bad_row(&bad, "closed at %zu: windows", at);
	}
	is_int((int64_t)bad, 0, "it ends anywhere, and releases all it took");
	ok(failed > 10 && stopped > 10, "%d failed, %d stopped", failed,
	    stopped);
}

/* Slices and their rows, "v0 base begin-end:documents", in minutes. */
static const char *
shown(void)
{
	static char text[4096];
	size_t i, len = 0;

	text[0] = '\0';
	for (i = 0; i < got.n; i++) {
		const struct seen *s = &got.v[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s%s:%zu", i > 0 ? " " : "", s->last ? "end" : "",
		    s->n);
		if (s->begin_ms != INT64_MIN)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    " from %" PRId64, s->begin_ms / 60000);
		if (s->end_ms != INT64_MAX)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    " to %" PRId64, s->end_ms / 60000);
		len += (size_t)snprintf(text + len, sizeof(text) - len, ",");
	}
	return text;
}

/* Parts of an hour: each a slice by itself, of its own part of the rows. */
static void
test_parts(struct pool *pool)
{
	static const struct {
		int from, to, part_ends;	/* minutes; 0: no part */
	} windows[] = {
		{ 0, 60, 0 }, { 60, 120, 80 }, { 80, 80, 90 }, { 60, 120, 100 },
		{ 60, 120, 120 }, { 120, 180, 0 }, { 180, 240, 0 },
	};
	struct vehicle *v = calloc(1, sizeof(*v));
	size_t i;

	if (v == NULL)
		abort();
	snprintf(v->name, sizeof(v->name), "v0");
	v->v = (struct source_vehicle){ .name = v->name,
	    .columns = &columns };
	fleet[0].n = 0;
	for (i = 0; i < 4; i++)
		fleet[0].v[fleet[0].n++] = (struct told){ 0, 100,
		    (int64_t)i * HOUR_MS + 5, (int64_t)i };
	for (i = 0; i < 7; i++) {
		make_window(v, 0, windows[i].from * 60000,
		    windows[i].to * 60000, i == 6);
		x.v[i]->w.part = windows[i].part_ends > 0;
		x.v[i]->w.end_ms = windows[i].part_ends * 60000;
	}
	is_int(run(pool, SIZE_MAX), ARCHIVE_OK, "parts of an hour");
	is_str(shown(), ":1 to 60, :1 from 60 to 80, :1 from 80 to 100, "
	    ":1 from 100 to 120, :2 from 120 to 240, end:0 from 240,",
	    "each a slice by itself");
	is_int((int64_t)windows_wrong(), 0, "all windows are released");
}

static void
test_nothing(struct pool *pool)
{
	struct vehicle *v = calloc(1, sizeof(*v));

	is_int(run(pool, SIZE_MAX), ARCHIVE_OK, "no windows");
	is_str(shown(), "", "no slices");
	v->v = (struct source_vehicle){ .name = v->name,
	    .columns = &columns };
	fleet[0].n = 0;
	make_window(v, 0, 0, 0, false), make_window(v, 0, 0, 0, true);
	is_int(run(pool, SIZE_MAX), ARCHIVE_OK, "a vehicle without documents");
	is_str(shown(), "end:0,", "is its end only");
	ok(got.v[0].first && got.v[0].last, "which is its first, too");
	is_int((int64_t)windows_wrong(), 0, "its windows are released");
}

int
main(void)
{
	struct pool *pool;

	x.fail_at = SIZE_MAX;
	if ((pool = pool_new(3, DEFLATE_FAST, 1 << 20)) == NULL)
		abort();
	test_nothing(pool);
	test_parts(pool);
	test_windows(pool);
	test_ends(pool);
	pool_free(pool);
	return done_testing();
}
