/*
 * The pool: pieces in order, whatever the threads; carried documents reach those
 * that they have points in; it can be closed, or its filler end, at any moment.
 */
#include "worker/engine/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/names.h"
#include "worker/engine/carry.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/decode/unwind.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/piece.h"
#include "worker/engine/rows/csv.h"
#include "worker/engine/rows/merge.h"
#include "worker/engine/slice.h"
#include "worker/engine/source.h"

#include "t/tap.h"
#include "t/unit/doc.h"
#include "t/unit/draw.h"
#include "t/unit/inflate.h"
#include "t/unit/random.h"

#define BASE DOC_BASE
#define ROOM ((size_t)1 << 28)
#define COLUMNS 3
#define VEHICLES 3
#define DOCS_MAX 400
#define SLICES_MAX 200
#define PAD_MAX (3 << 20)	/* for slices of several pieces */

static struct doc d;
static unsigned long bad;
static char letters[] = "a\0b\0c";
static char *column_names[COLUMNS] = { letters, letters + 2, letters + 4 };
static const struct names columns = { column_names, COLUMNS };
static struct source_vehicle vehicles[VEHICLES] = {
	{ .name = "v0", .columns = &columns },
	{ .name = "v1", .columns = &columns },
	{ .name = "v2", .columns = &columns },
};
static struct slice_plan plan;
static atomic_int windows;	/* not released */
static atomic_int ahead;	/* slices that were put, not released */

/* A document as the reference has it, in the order of reading. */
struct read {
	struct source_doc doc;
	struct skips skips;
	size_t vehicle, slice;		/* of all slices */
	int64_t next_ms, last_ms;	/* after its slice, as it is carried */
};

/* What is to be put: slices of all vehicles, and their documents. */
static struct {
	struct read docs[DOCS_MAX];
	size_t ndocs;
	struct slice *slices[SLICES_MAX];
	struct {
		int64_t end_ms;
		size_t vehicle;
		bool last;
	} facts[SLICES_MAX];
	size_t n;
	size_t put_max;			/* slices, then the filler ends */
	int yields;
} x;

static void
window_release(struct source_window *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		free((void *)(uintptr_t)w->docs[i].data);
	free((void *)(uintptr_t)w->docs);
	free(w);
	atomic_fetch_sub(&windows, 1);
}

/* pad(bytes): An element of this length, next to values. */
static void
pad(size_t bytes)
{
	static const uint8_t zeros[PAD_MAX];

	doc_key(&d, 0x05, "x");
	doc_le32(&d, (uint32_t)bytes);
	doc_byte(&d, 0);
	doc_raw(&d, zeros, bytes);
}

/* A random document of this hour; usual ones have an int32 each second. */
static void
make_doc(int64_t t_ms, bool usual)
{
	char key[16];
	int i, n;

	doc_hour(&d, t_ms);
	if (usual) {
		n = (int)draw(200);
		for (i = 0; i < n; i++) {
			snprintf(key, sizeof(key), "%d", i * 1000);
			doc_int32(&d, key, i);
		}
	} else {
		doc_random(&d, 0);
	}
	doc_close(&d);
	if (draw(8) == 0)
		pad(draw(PAD_MAX));
	doc_close(&d);
}

static void
remember(size_t vehicle, size_t column, int64_t t_ms)
{
	uint8_t *copy = malloc(d.len);

	if (copy == NULL || x.ndocs == DOCS_MAX)
		abort();
	memcpy(copy, d.data, d.len);
	x.docs[x.ndocs++] = (struct read){ .doc = { column, copy, d.len,
	    t_ms }, .vehicle = vehicle, .slice = x.n };
}

/* A slice of the documents from `from` on, which are copied; or an end. */
static void
make_slice(size_t vehicle, size_t from, int64_t base_ms, int64_t begin_ms,
    int64_t end_ms)
{
	struct slice *s = slice_new(&plan, &vehicles[vehicle]);
	struct source_window *w = calloc(1, sizeof(*w));
	const size_t n = x.ndocs - from;
	struct source_doc *docs = calloc(n + 1, sizeof(*docs));
	struct window_hold *hold;
	size_t i;

	if (s == NULL || w == NULL || docs == NULL || x.n == SLICES_MAX)
		abort();
	*w = (struct source_window){ .vehicle = &vehicles[vehicle],
	    .docs = docs, .n = n, .release = window_release };
	atomic_fetch_add(&windows, 1);
	hold = window_hold(w);
	for (i = 0; i < n; i++) {
		uint8_t *copy = malloc(x.docs[from + i].doc.len);

		docs[i] = x.docs[from + i].doc;
		memcpy(copy, docs[i].data, docs[i].len);
		docs[i].data = copy;
		slice_add(s, &docs[i], hold);
	}
	slice_refer(s, hold);
	window_let_go(hold);
	s->first = x.n == 0 || x.facts[x.n - 1].vehicle != vehicle;
	s->last = end_ms == INT64_MAX;
	s->base_ms = base_ms;
	s->begin_ms = begin_ms;
	s->end_ms = end_ms;
	x.facts[x.n].end_ms = end_ms;
	x.facts[x.n].vehicle = vehicle;
	x.facts[x.n].last = s->last;
	x.slices[x.n++] = s;
}

/* Slices of one to three hours, each with documents of them. */
static void
make_vehicle(size_t vehicle)
{
	int64_t base_ms = BASE, begin_ms = INT64_MIN, end_ms, t_ms;
	const int hours = (int)draw(10);
	size_t from, c, h, k;

	while (base_ms < BASE + hours * HOUR_MS) {
		const bool usual = draw(3) == 0;

		from = x.ndocs;
		end_ms = base_ms + (int64_t)(1 + draw(3)) * HOUR_MS;
		for (h = 0; base_ms + (int64_t)h * HOUR_MS < end_ms; h++) {
			for (c = 0; c < COLUMNS; c++) {
				t_ms = base_ms + (int64_t)h * HOUR_MS;
				for (k = draw(3); k > 0; k--) {
					make_doc(t_ms, usual);
					remember(vehicle, c, t_ms);
					t_ms += (int64_t)draw(1000);
				}
			}
		}
		if (x.ndocs > from) {
			make_slice(vehicle, from, base_ms, begin_ms, end_ms);
			begin_ms = end_ms;
		}
		base_ms = end_ms + (int64_t)draw(3) * HOUR_MS;
	}
	make_slice(vehicle, x.ndocs, begin_ms, begin_ms, INT64_MAX);
}

/* What is skipped of each document, and how far it is carried. */
static void
reach_all(void)
{
	struct read *r;
	int64_t after;

	for (r = x.docs; r < x.docs + x.ndocs; r++) {
		after = x.facts[r->slice].end_ms;
		unwind_reach(r->doc.data, r->doc.len, after > plan.from_ms ?
		    after : plan.from_ms, &r->skips, &r->next_ms, &r->last_ms);
		if (r->next_ms >= plan.to_ms)
			r->last_ms = INT64_MIN;
	}
}

static void
make(void)
{
	size_t v;

	memset(&x, 0, sizeof(x));
	memset(&plan, 0, sizeof(plan));
	plan.from_ms = BASE + (draw(3) ? 0 : (int64_t)draw(3 * HOUR_MS));
	plan.to_ms = BASE + (int64_t)(draw(3) ? 1000 : 5) * HOUR_MS;
	plan.exact = draw(4) == 0;
	atomic_init(&plan.previewed, draw(2));
	for (v = 0; v < VEHICLES; v++)
		make_vehicle(v);
	reach_all();
	x.put_max = SIZE_MAX;
	x.yields = (int)draw(3);
}

static void
forget(void)
{
	while (x.ndocs > 0)
		free((void *)(uintptr_t)x.docs[--x.ndocs].doc.data);
}

static void *
fill(void *arg)
{
	struct pool *pool = arg;
	size_t i;
	int rc = 0;

	for (i = 0; i < x.n && i < x.put_max && rc == 0; i++) {
		atomic_fetch_add(&ahead, 1);
		rc = pool_put(pool, x.slices[i]);
		if (x.yields > 1)
			sched_yield();
	}
	pool_end(pool);
	for (; i < x.n; i++)
		slice_free(x.slices[i]);
	return NULL;
}

/* All rows of a vehicle, as text, in one pass. */
static void
reference(size_t vehicle, struct buf *csv, uint64_t *duplicates)
{
	struct budget budget = { 0, ROOM };
	struct points ps[COLUMNS];
	struct series series[COLUMNS];
	const struct point *cells[COLUMNS];
	struct merge merge = { series, cells, COLUMNS };
	uint64_t non_finite = 0;
	struct skips skips;
	const struct read *r;
	int64_t t_ms;
	size_t i;

	for (i = 0; i < COLUMNS; i++)
		points_init(&ps[i], &budget);
	for (r = x.docs; r < x.docs + x.ndocs; r++)
		if (r->vehicle == vehicle && unwind_document(r->doc.data,
		    r->doc.len, plan.from_ms, plan.to_ms, &ps[r->doc.column],
		    &skips) != 0)
			abort();
	for (*duplicates = i = 0; i < COLUMNS; i++) {
		if (points_sort(&ps[i]) != 0)
			abort();
		*duplicates += points_dedupe(&ps[i]);
		series[i] = (struct series){ ps[i].v, ps[i].n };
	}
	csv->len = 0;
	while (merge_next(&merge, &t_ms) == 0)
		if (csv_row(csv, &plan.style, t_ms, cells, COLUMNS,
		    &non_finite) != 0)
			abort();
	for (i = 0; i < COLUMNS; i++)
		points_release(&ps[i]);
}

/* The skips of a slice: those of its documents that have any, in order. */
static const char *
check_skips(const struct slice *s, size_t slice)
{
	const struct read *r;
	size_t k = 0, doc = 0;

	for (r = x.docs; r < x.docs + x.ndocs; r++) {
		if (r->slice != slice)
			continue;
		if (skips_any(&r->skips) && (k == s->nskips ||
		    s->skips[k].doc != doc || memcmp(&s->skips[k++].skips,
		    &r->skips, sizeof(r->skips)) != 0))
			return "other skips";
		doc++;
	}
	return k == s->nskips ? NULL : "more skips";
}

/* What a piece gets of earlier slices: all that may have points in it. */
static const char *
check_carried(const struct piece *p, size_t slice)
{
	const struct read *r;
	size_t k = 0;

	for (r = x.docs; r < x.docs + x.ndocs; r++) {
		if (r->slice >= slice || r->vehicle !=
		    x.facts[slice].vehicle || r->next_ms >= p->to_ms ||
		    r->last_ms < p->from_ms)
			continue;
		if (k == p->ncarried || p->carried[k]->len != r->doc.len ||
		    p->carried[k]->column != r->doc.column ||
		    memcmp(p->carried[k]->data, r->doc.data, r->doc.len) != 0)
			return "another document is carried";
		k++;
	}
	if (k != p->ncarried)
		return "more documents are carried";
	return k > 0 && !p->unusual ? "carried, and usual" : NULL;
}

/* Bytes that are carried on after this slice. */
static size_t
carried_bytes(size_t slice)
{
	const struct read *r;
	size_t bytes = 0;

	for (r = x.docs; r < x.docs + x.ndocs && r->slice <= slice; r++)
		if (r->vehicle == x.facts[slice].vehicle &&
		    !x.facts[slice].last && r->last_ms >= x.facts[slice].end_ms)
			bytes += r->doc.len;
	return bytes;
}

/* What the taker has so far. */
struct taken {
	size_t slice;		/* the next */
	size_t index;		/* of the next piece */
	int64_t from_ms;	/* where it begins */
	struct buf deflated;	/* of the vehicle */
	uint64_t duplicates, pieces, exact, carried;
};

/* check_order(p, t): It is the next; NULL: it is. */
static const char *
check_order(const struct piece *p, struct taken *t)
{
	if (t->slice >= x.n || p->slice != x.slices[t->slice])
		return "another slice";
	if (p->index != t->index || p->index >= p->slice->pieces)
		return "another piece";
	if (p->index == 0)
		t->from_ms = p->slice->begin_ms;
	if (p->from_ms != t->from_ms || p->to_ms < p->from_ms ||
	    (p->index + 1 == p->slice->pieces) != (p->to_ms ==
	    p->slice->end_ms && p->index + 1 == p->slice->pieces))
		return "pieces do not tile the slice";
	return NULL;
}

static void
check_vehicle(struct taken *t, size_t vehicle)
{
	struct buf csv;
	uint64_t duplicates;

	buf_init(&csv, ROOM);
	reference(vehicle, &csv, &duplicates);
	if (!inflates(t->deflated.data, t->deflated.len, csv.data, csv.len))
		bad_row(&bad, "vehicle %zu: other rows", vehicle);
	if (t->duplicates != duplicates)
		bad_row(&bad, "vehicle %zu: %" PRIu64 " duplicates, not %"
		    PRIu64, vehicle, t->duplicates, duplicates);
	buf_release(&csv);
	t->deflated.len = 0;
	t->duplicates = 0;
}

/* take(p, t): Check a piece. Whether it was made. */
static bool
take(const struct piece *p, struct taken *t)
{
	const char *wrong = check_order(p, t);
	size_t i;

	if (wrong == NULL && p->result != PIECE_MADE)
		return false;
	if (wrong == NULL)
		wrong = check_carried(p, t->slice);
	if (wrong == NULL && p->index == 0)
		wrong = check_skips(p->slice, t->slice);
	if (wrong != NULL) {
		bad_row(&bad, "slice %zu piece %zu: %s", t->slice, p->index,
		    wrong);
		return true;
	}
	for (i = 0; i < p->blocks.n; i++) {
		const struct block b = blocks_get(&p->blocks, i);

		if (b.first_ms < p->from_ms || b.last_ms >= p->to_ms)
			bad_row(&bad, "slice %zu piece %zu: rows of elsewhere",
			    t->slice, p->index);
		if (buf_add(&t->deflated, b.deflated, b.deflated_len) != 0)
			abort();
	}
	if ((p->preview != NULL) && atomic_load(&plan.previewed))
		bad_row(&bad, "a preview, though it is over");
	t->duplicates += p->duplicates;
	t->pieces++;
	t->exact += p->unusual;
	t->carried += p->ncarried > 0;
	return true;
}

static void
advance(const struct piece *p, struct taken *t)
{
	t->from_ms = p->to_ms;
	if (++t->index < p->slice->pieces)
		return;
	if (p->slice->last)
		check_vehicle(t, x.facts[t->slice].vehicle);
	t->index = 0;
	t->slice++;
}

/*
 * run(pool, stop_at, t): Take pieces up to that one, and then close. Returns
 * whether all were made.
 */
static bool
run(struct pool *pool, size_t stop_at, struct taken *t)
{
	const struct piece *p;
	pthread_t filler;
	bool made = true, last;
	size_t n;
	int most = 0, now;

	memset(t, 0, sizeof(*t));
	buf_init(&t->deflated, ROOM);
	atomic_store(&ahead, 0);
	if (pthread_create(&filler, NULL, fill, pool) != 0)
		abort();
	for (n = 0; n < stop_at && made && (p = pool_oldest(pool)) != NULL;
	    n++) {
		now = atomic_load(&ahead);
		most = now > most ? now : most;
		made = take(p, t);
		last = p->index + 1 == p->slice->pieces;
		if (made)
			advance(p, t);
		if (x.yields > 0)
			sched_yield();
		pool_release(pool);
		if (last)
			atomic_fetch_sub(&ahead, 1);
	}
	pool_close(pool);
	pthread_join(filler, NULL);
	pool_reset(pool);
	buf_release(&t->deflated);
	forget();
	if (atomic_load(&windows) != 0)
		bad_row(&bad, "%d windows are not released",
		    atomic_load(&windows));
	if (most > 70)
		bad_row(&bad, "%d slices at once", most);
	return made;
}

static void
test_order(void)
{
	static const int threads[] = { 1, 2, 3, 8 };
	uint64_t pieces = 0, exact = 0, carried = 0, further = 0;
	struct taken t;
	struct pool *pool;
	size_t i, slices;
	int round;

	for (i = 0; i < 4; i++) {
		pool = pool_new(threads[i], DEFLATE_FAST, ROOM);
		for (round = 0; round < 30; round++) {
			make();
			slices = x.n;
			if (!run(pool, SIZE_MAX, &t) || t.slice != slices)
				bad_row(&bad, "%d threads: %zu of %zu slices",
				    threads[i], t.slice, slices);
			pieces += t.pieces;
			further += t.pieces - t.slice;
			exact += t.exact;
			carried += t.carried;
		}
		pool_free(pool);
		is_int((int64_t)bad, 0, "%d threads", threads[i]);
	}
	ok(pieces > 800 && exact > pieces / 4 && exact < pieces * 9 / 10 &&
	    carried > 100 && further > 100, "%" PRIu64 " pieces, %" PRIu64
	    " exact, %" PRIu64 " carried, %" PRIu64 " not their slice's first",
	    pieces, exact, carried, further);
}

/* A slice of more pieces than the pool holds, closed at any of them. */
static void
test_large(void)
{
	struct pool *pool = pool_new(1, DEFLATE_FAST, ROOM);
	struct taken t;
	uint64_t most = 0;
	int round;
	size_t i;

	for (round = 0; round < 20; round++) {
		memset(&x, 0, sizeof(x));
		plan.from_ms = BASE;
		plan.to_ms = BASE + 1000 * HOUR_MS;
		x.put_max = SIZE_MAX;
		x.yields = round % 3;
		for (i = 0; i < 8; i++) {
			doc_hour(&d, BASE + (int64_t)i);
			doc_put(&d, "1=i1 1800000=i2 3599000=i3");
			doc_close(&d), pad(PAD_MAX - 1), doc_close(&d);
			remember(0, 0, BASE + (int64_t)i);
		}
		make_slice(0, 0, BASE, INT64_MIN, BASE + HOUR_MS);
		make_slice(0, x.ndocs, BASE + HOUR_MS, BASE + HOUR_MS,
		    INT64_MAX);
		reach_all();
		if (!run(pool, round % 2 ? draw(14) : SIZE_MAX, &t))
			bad_row(&bad, "%d: not made", round);
		most = t.pieces > most ? t.pieces : most;
	}
	is_int((int64_t)bad, 0, "a slice of many pieces");
	is_int((int64_t)most, 14, "13 of them, and one of the end");
	pool_free(pool);
}

/* Closed at any piece, or the filler ends at any slice; and as new again. */
static void
test_ends(void)
{
	struct pool *pool = pool_new(2, DEFLATE_FAST, ROOM);
	struct taken t;
	size_t slices;
	int round;

	for (round = 0; round < 100; round++) {
		make();
		slices = x.n;
		if (round % 3 == 1)
			x.put_max = draw(slices + 1);
		if (!run(pool, round % 3 == 0 ? draw(2 * slices) : SIZE_MAX,
		    &t))
			bad_row(&bad, "%d: not made", round);
		if (round % 3 > 0 && t.slice != (round % 3 == 1 ? x.put_max :
		    slices))
			bad_row(&bad, "%d: %zu slices", round, t.slice);
	}
	is_int((int64_t)bad, 0, "it ends anywhere, and then is as new");
	pool_free(pool);
	pool_free(NULL);
}

/* What is carried on exceeds its limit, after which slice. */
static void
test_too_large(void)
{
	unsigned large = 0, fitted = 0;
	struct pool *pool;
	struct taken t;
	size_t max, i, at, slices;
	bool made;
	int round;

	for (round = 0; round < 100; round++) {
		make();
		slices = x.n;
		for (max = i = 0; i < slices; i++)
			if (carried_bytes(i) > max && (round % 2 || draw(2)))
				max = carried_bytes(i);
		max -= max > 0 && draw(2);
		for (at = 0; at < slices && carried_bytes(at) <= max; at++)
			;
		pool = pool_new(2, DEFLATE_FAST, max);
		i = at < slices ? x.slices[at]->n : 0;
		made = run(pool, SIZE_MAX, &t);
		if (made != (at == slices) || t.slice != at ||
		    (at < slices && i == 0))
			bad_row(&bad, "%zu bytes: too large at slice %zu, not "
			    "%zu", max, t.slice, at);
		large += !made;
		fitted += made;
		pool_free(pool);
	}
	is_int((int64_t)bad, 0, "too large, to the byte");
	ok(large > 20 && fitted > 15, "%u too large, %u not", large, fitted);
}

/* What one vehicle carries on does not count for the next. */
static void
test_vehicles(void)
{
	struct pool *pool;
	struct taken t;
	size_t v, from, len;

	memset(&x, 0, sizeof(x));
	memset(&plan, 0, sizeof(plan));
	plan.from_ms = BASE;
	plan.to_ms = BASE + 1000 * HOUR_MS;
	x.put_max = SIZE_MAX;
	for (v = 0; v < VEHICLES; v++) {
		from = x.ndocs;
		doc_hour(&d, BASE), doc_put(&d, "1=i1 360000000=i2");
		doc_hour_end(&d), remember(v, 0, BASE);
		make_slice(v, from, BASE, INT64_MIN, BASE + HOUR_MS);
		make_slice(v, x.ndocs, BASE + HOUR_MS, BASE + HOUR_MS,
		    INT64_MAX);
	}
	len = d.len;
	reach_all();
	pool = pool_new(2, DEFLATE_FAST, len);
	ok(run(pool, SIZE_MAX, &t), "three vehicles, memory for one document");
	is_int((int64_t)t.slice, 6, "all slices");
	is_int((int64_t)t.carried, 3, "carried into the ends of three");
	pool_free(pool);
}

int
main(void)
{
	draw_from(29);
	test_vehicles();
	test_order();
	test_large();
	test_ends();
	test_too_large();
	return done_testing();
}
