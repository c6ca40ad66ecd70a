/*
 * A piece: which are made on the fast path, what is found of those that are not,
 * and that rows which are made a second time are previewed once.
 */
#include "worker/engine/piece.h"

#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/names.h"
#include "worker/engine/archive/preview.h"
#include "worker/engine/carry.h"
#include "worker/engine/decode/unwind.h"
#include "worker/engine/slice.h"
#include "worker/engine/source.h"

#define DOC_MAX (12 << 20)
#include "t/tap.h"
#include "t/unit/doc.h"
#include "t/unit/inflate.h"

#define BASE DOC_BASE
#define COLUMNS 2

static struct doc d;
static char letters[] = "a\0b";
static char *column_names[COLUMNS] = { letters, letters + 2 };
static const struct names columns = { column_names, COLUMNS };
static struct source_vehicle vehicle = { .name = "v", .columns = &columns };
static struct slice_plan plan;
static struct scratch *scratch;
static struct slice *slice;
static struct source_window window;
static struct window_hold *hold;
static struct piece piece;
static void *copies[64];
static size_t ncopies;
static char text[4096];

static void
window_release(struct source_window *w)
{
	(void)w;
	while (ncopies > 0)
		free(copies[--ncopies]);
}

/* begin(from, to): A slice of the hour at BASE; the plan's range from BASE. */
static void
begin(int64_t from, int64_t to)
{
	memset(&plan, 0, sizeof(plan));
	plan.from_ms = BASE + from;
	plan.to_ms = BASE + to;
	atomic_init(&plan.previewed, true);
	window.release = window_release;
	hold = window_hold(&window);
	slice = slice_new(&plan, &vehicle);
	slice->begin_ms = INT64_MIN;
	slice->base_ms = BASE;
	slice->end_ms = BASE + HOUR_MS;
	slice->pieces = 1;
}

static void
end(void)
{
	piece_end(&piece);
	slice_free(slice);
	window_let_go(hold);
}

/* add(column): d is a document of the slice. */
static void
add(size_t column)
{
	struct source_doc doc = { column, NULL, d.len, BASE };

	copies[ncopies++] = memcpy(malloc(d.len), d.data, d.len);
	doc.data = copies[ncopies - 1];
	if (slice_add(slice, &doc, hold) != 0)
		abort();
}

static void
hour(size_t column, const char *points)
{
	doc_hour(&d, BASE);
	doc_put(&d, points);
	doc_hour_end(&d);
	add(column);
}

/* What a piece deflates to, each line from BASE; "time:cells time:cells". */
static const char *
rows(void)
{
	static uint8_t out[1 << 16];
	z_stream z = { 0 };
	char *p, *save = NULL;
	size_t n = 0;

	text[0] = '\0';
	if (piece.result != PIECE_MADE)
		return piece.result == PIECE_TOO_LARGE ? "too large" :
		    "no memory";
	if (inflateInit2(&z, -15) != Z_OK)
		abort();
	z.next_in = piece.blocks.deflated.data;
	z.avail_in = (uInt)piece.blocks.deflated.len;
	z.next_out = out;
	z.avail_out = sizeof(out) - 1;
	inflate(&z, Z_SYNC_FLUSH);
	out[z.total_out] = '\0';
	inflateEnd(&z);
	for (p = strtok_r((char *)out, "\n", &save); p != NULL &&
	    n < sizeof(text) - 200; p = strtok_r(NULL, "\n", &save))
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "%s%" PRId64 ":%.100s", n > 0 ? " " : "",
		    (int64_t)strtoll(p, NULL, 10) - BASE,
		    strchr(p, ',') + 1);
	return text;
}

/* run(index, from): Read this piece. "unusual", or its rows. */
static const char *
run(size_t index, int64_t from)
{
	piece_end(&piece);
	piece_begin(&piece, slice, index, from == INT64_MIN ? from :
	    BASE + from);
	piece_read(&piece, scratch);
	return piece.unusual ? "unusual" : rows();
}

/* The slice's skips, "document reason:n", and what is carried on. */
static const char *
found(void)
{
	static char list[4096];
	size_t i, n = 0;
	int k;

	list[0] = '\0';
	for (i = 0; i < slice->nskips; i++) {
		n += (size_t)snprintf(list + n, 100, "%zu", slice->skips[i].doc);
		for (k = 0; k < SKIP_REASONS; k++)
			if (slice->skips[i].skips.count[k] > 0)
				n += (size_t)snprintf(list + n, 100,
				    " %s:%" PRIu64, skip_name((enum skip)k),
				    slice->skips[i].skips.count[k]);
		n += (size_t)snprintf(list + n, 10, "; ");
	}
	for (i = 0; i < slice->ncarry; i++)
		n += (size_t)snprintf(list + n, 100, "column %zu: %" PRId64
		    " to %" PRId64 "; ", slice->carry[i]->column,
		    slice->carry[i]->next_ms - BASE,
		    slice->carry[i]->last_ms - BASE);
	return list;
}

static void
test_usual(void)
{
	begin(0, 100 * HOUR_MS);
	is_str(run(0, INT64_MIN), "", "no documents, no rows");
	is_int(piece.unusual, 0, "is usual");
	hour(0, "5=i1 3599999=i2"), hour(1, "5=d1.5");
	is_str(run(0, INT64_MIN), "5:1,1.5 3599999:2,", "the fast path");
	is_str(found(), "", "nothing is skipped or carried on");
	ok(piece.preview == NULL, "no preview: it is over");
	slice->pieces = 2;
	is_str(run(0, INT64_MIN), "5:1,1.5", "its first half");
	is_str(run(1, HOUR_MS / 2), "3599999:2,", "its second");
	plan.exact = true;
	is_str(run(1, HOUR_MS / 2), "unusual", "told to be exact");
	is_str(found(), "", "nothing is found by the second");
	piece_exact(&piece, scratch);
	is_str(rows(), "3599999:2,", "the same rows");
	plan.exact = false;
	slice->pieces = 1;
	plan.from_ms = BASE + 6;
	is_str(run(0, INT64_MIN), "3599999:2,", "after the range's beginning");
	plan.from_ms = BASE, plan.to_ms = BASE + 5;
	is_str(run(0, INT64_MIN), "", "before its end");
	end();
}

static void
test_unusual(void)
{
	begin(0, 3 * HOUR_MS);
	hour(0, "1=i1 2=i2");
	hour(0, "x=i1 1=n 5=i1 3600000=i2 7200000=i3");
	hour(1, "3600001=i4 3=i1"), hour(1, "10800000=i1 4=i2");
	hour(1, "10799999=i1 20000000=i2 4=i3");
	doc_of(&d, "_id=sx values{ 1=i1 }"), add(1);
	is_str(run(0, INT64_MIN), "unusual", "unusual documents");
	is_str(found(), "1 bad_key:1 bad_type:1; 5 bad_id:1; "
	    "column 0: 3600000 to 7200000; column 1: 3600001 to 3600001; "
	    "column 1: 10799999 to 20000000; ",
	    "what is skipped, and carried on, in their order");
	ok(slice->carry[0]->len == slice->docs[1].len && memcmp(
	    slice->carry[0]->data, slice->docs[1].data, slice->docs[1].len) ==
	    0, "as it is");
	piece_exact(&piece, scratch);
	is_str(rows(), "1:1, 2:2, 3:,1 4:,3 5:1,", "its rows");
	is_int((int64_t)piece.duplicates, 1, "a duplicate");
	end();
	/* the plan's beginning is after the slice's end */
	begin(2 * HOUR_MS, 3 * HOUR_MS);
	hour(0, "1=i1 3600000=i2"), hour(1, "2=i1 7200005=i2 7200001=i3");
	run(0, INT64_MIN);
	is_str(found(), "column 1: 7200001 to 7200005; ",
	    "only with points in the range");
	end();
}

/* Carried documents precede the slice's own, which win. */
static void
test_carried(void)
{
	struct source_doc doc = { 0, NULL, 0, BASE - HOUR_MS };

	begin(0, 3 * HOUR_MS);
	hour(0, "7=i9"), hour(1, "8=i8");
	is_str(run(0, INT64_MIN), "7:9, 8:,8", "without");
	doc_hour(&d, BASE - HOUR_MS);
	doc_put(&d, "3600007=i1 3600006=i2 5=i3 9000000=i4");
	doc_hour_end(&d);
	doc.data = d.data;
	doc.len = d.len;
	piece.carried = malloc(sizeof(struct carried *));
	piece.carried[0] = carried_new(&doc, BASE + 6, BASE + 5400000);
	piece.ncarried = 1;
	piece_exact(&piece, scratch);
	is_str(rows(), "6:2, 7:9, 8:,8", "with one from the hour before");
	is_int((int64_t)piece.duplicates, 1, "which loses");
	end();
}

/*
 * Days of a vehicle that goes on at to_ms: a document that is not of the last
 * hour, which the next fragment reads, too, must not reach it.
 */
static void
test_goes_on(void)
{
	begin(0, 100 * HOUR_MS);
	vehicle.goes_on = true;
	vehicle.to_ms = BASE + 2 * HOUR_MS;
	hour(0, "5=i1 7199999=i2");
	run(0, INT64_MIN);
	is_int(piece.result, PIECE_MADE, "up to the end");
	is_str(found(), "column 0: 7199999 to 7199999; ", "is carried on");
	hour(0, "5=i1 7200000=i2");
	run(0, INT64_MIN);
	is_int(piece.result, PIECE_REACHES, "to the end");
	end();
	begin(0, 100 * HOUR_MS);
	vehicle.to_ms = BASE + HOUR_MS;
	doc_hour(&d, BASE + 1), doc_put(&d, "5=i1 7200000=i2"), doc_hour_end(&d);
	add(0);
	slice->docs[0].t_ms = BASE + 1;
	run(0, INT64_MIN);
	is_int(piece.result, PIECE_MADE, "of the last hour");
	is_str(found(), "", "for the next fragment");
	piece_exact(&piece, scratch);
	is_str(rows(), "6:1,", "its own rows");
	end();
	begin(0, 100 * HOUR_MS);
	vehicle.goes_on = false, vehicle.continues = true;
	vehicle.from_ms = BASE + HOUR_MS;
	hour(0, "5=i1 3600007=i2 x=i1"), hour(0, "6=i1 y=i1");
	is_str(run(0, INT64_MIN), "unusual", "the hour before");
	is_str(found(), "column 0: 3600007 to 3600007; ",
	    "is carried on, its skips do not count");
	piece_exact(&piece, scratch);
	is_str(rows(), "", "and has no rows");
	vehicle.continues = false;
	end();
}

/*
 * Rows of 300,000 bytes, a block each, and one of a number, before an ms that has more
 * points than fit at first: all of it is made twice.
 */
static void
test_again(void)
{
	static char large[300000];
	struct preview *p = preview_new(BASE, BASE + HOUR_MS);
	char key[8], *json;
	struct buf b;
	int i, n = 0;

	begin(0, HOUR_MS);
	atomic_store(&plan.previewed, false);
	memset(large, 'x', sizeof(large) - 1);
	doc_hour(&d, BASE);
	for (i = 1; i <= 3; i++) {
		snprintf(key, sizeof(key), "%d", i);
		doc_string(&d, key, large);
	}
	doc_int32(&d, "4", 7);
	for (i = 0; i < 400000; i++)
		doc_int32(&d, "1800007", i);
	doc_hour_end(&d);
	add(0);
	is_str(run(0, INT64_MIN), "unusual", "many points of one ms");
	piece_exact(&piece, scratch);
	is_int((int64_t)piece.blocks.n, 4, "four blocks");
	is_int((int64_t)piece.duplicates, 399999, "duplicates count once");
	ok(piece.preview != NULL, "a preview");
	is_int((int64_t)bins_at(&piece.preview->bins, 0, 0)->n, 1,
	    "a number before them counts once");
	/* 1,800,007 ms of an hour */
	is_int((int64_t)bins_at(&piece.preview->bins, 0, BINS / 2)->n, 1,
	    "so does the one that won");
	preview_vehicle(p, "v", (const char *const *)column_names, COLUMNS);
	preview_take(p, piece.preview);
	buf_init(&b, PREVIEW_BYTES);
	if (preview_json(p, &b) != 0)
		abort();
	for (json = buf_cstr(&b); (json = strstr(json, "[\"15435")) != NULL;
	    json++)
		n++;
	is_int(n, 5, "of each row once");
	buf_release(&b);
	preview_free(p);
	end();
}

int
main(void)
{
	if ((scratch = scratch_new(DEFLATE_FAST)) == NULL)
		abort();
	scratch_free(NULL);
	piece_init(&piece);
	test_usual();
	test_unusual();
	test_carried();
	test_goes_on();
	test_again();
	piece_release(&piece);
	scratch_free(scratch);
	return done_testing();
}
