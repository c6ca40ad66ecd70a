/*
 * The exact path: every point's row in the run that it belongs to, whatever the
 * documents look like and however far they reach.
 */
#include "worker/engine/exact.h"

#include <stdlib.h>
#include <zlib.h>

#include "lib/base/buf.h"
#include "worker/engine/decode/points.h"
#include "worker/engine/decode/unwind.h"
#include "worker/engine/deflate/blocks.h"
#include "worker/engine/deflate/deflate.h"
#include "worker/engine/rows/csv.h"
#include "worker/engine/rows/merge.h"
#include "worker/engine/slice.h"
#include "worker/engine/source.h"

#define DOC_MAX (24 << 20)
#include "t/tap.h"
#include "t/unit/doc.h"
#include "t/unit/draw.h"
#include "t/unit/inflate.h"

#define BASE DOC_BASE
#define HOUR INT64_C(3600000)
#define ROOM ((size_t)1 << 30)
#define FOREVER (BASE + 100000 * HOUR)
#define COLUMNS 3

static struct doc d;
static struct deflater *deflater;
static unsigned long broken;	/* of what is checked at each block */

/* One exact path, the slice it gets next, and what came out of it. */
static struct {
	struct slice_plan plan;
	struct exact_out out;
	struct exact *exact;
	struct slice slice;

	struct buf csv;			/* of the last run */
	char reported[4096];		/* of the last run, by skipped() */
	int64_t begin_ms, until_ms;	/* where its rows may be */
	bool was_short;			/* a block that nothing should follow */
	uint64_t rows, points, non_finite;
	int blocks, documents;		/* calls */
	int fail_block, fail_skipped;	/* that call fails, 0: none */
	char text[16384];
} x;

/* The documents that a reference is made of, in the order of reading. */
static struct {
	struct source_doc v[1000];
	size_t n;
} all;

/* check_block(b): Against its own text, which has no LF within a cell. */
static void
check_block(const struct block *b)
{
	const char *s = (const char *)b->text, *last, *p;
	uint64_t rows = 0;

	for (p = s; (p = memchr(p, '\n', b->text_len - (size_t)(p - s))) !=
	    NULL; p++)
		rows++;
	if (rows == 0 || rows != b->rows || s[b->text_len - 1] != '\n') {
		bad_row(&broken, "%" PRIu64 " rows, not %" PRIu64, b->rows,
		    rows);
		return;
	}
	last = memrchr(s, '\n', b->text_len - 1);
	last = last == NULL ? s : last + 1;
	if (!x.plan.style.rfc3339 &&
	    (strtoll(s, NULL, 10) != b->first_ms ||
	    strtoll(last, NULL, 10) != b->last_ms))
		bad_row(&broken, "first or last time of a block");
	if (b->first_ms < x.begin_ms || b->last_ms >= x.until_ms)
		bad_row(&broken, "rows of %" PRId64 " to %" PRId64,
		    b->first_ms - BASE, b->last_ms - BASE);
	x.begin_ms = b->last_ms + 1;
	if (x.was_short)
		bad_row(&broken, "a block after one that was not full");
	x.was_short = b->text_len < BLOCK_BYTES;
	if ((size_t)(last - s) >= BLOCK_BYTES)
		bad_row(&broken, "a block of %zu bytes", b->text_len);
	if (b->crc != crc32(0, b->text, (uInt)b->text_len) ||
	    !inflates(b->deflated, b->deflated_len, b->text, b->text_len))
		bad_row(&broken, "the CRC of a block, or it deflated");
}

static int
on_block(void *arg, const struct blocks *blocks)
{
	struct block b;
	size_t i;

	if (arg != &x || blocks->n == 0)
		bad_row(&broken, "block(): arguments");
	if (++x.blocks == x.fail_block)
		return -1;
	for (i = 0; i < blocks->n; i++) {
		b = blocks_get(blocks, i);
		check_block(&b);
		if (buf_add(&x.csv, b.text, b.text_len) != 0)
			abort();
		x.rows += b.rows;
		x.points += b.points;
		x.non_finite += b.non_finite;
	}
	return 0;
}

/* Adds "column@_id reason:n reason:n; ", the _id from BASE, to x.reported. */
static int
on_skipped(void *arg, size_t column, const uint8_t *doc, size_t len,
    const struct skips *skips)
{
	char *to = x.reported + strlen(x.reported);
	const char *end = x.reported + sizeof(x.reported);
	int64_t t_ms;
	int i;

	if (arg != &x || !skips_any(skips))
		bad_row(&broken, "skipped(): arguments");
	if (++x.documents == x.fail_skipped)
		return -1;
	if (end - to < 300)
		return 0;
	to += snprintf(to, 100, "%zu@", column);
	if (unwind_id(doc, len, &t_ms) == 0)
		to += snprintf(to, 100, "%" PRId64, t_ms - BASE);
	else
		to += snprintf(to, 100, "?");
	for (i = 0; i < SKIP_REASONS; i++) {
		if (skips->count[i] > 0)
			to += snprintf(to, 40, " %s:%" PRIu64,
			    skip_name((enum skip)i), skips->count[i]);
	}
	snprintf(to, 3, "; ");
	return 0;
}

/* begin(n, from_ms, to_ms, memory_max): A new one of n columns. */
static void
begin(size_t n, int64_t from_ms, int64_t to_ms, size_t memory_max)
{
	memset(&x, 0, sizeof(x));
	x.plan.n = n;
	x.plan.from_ms = from_ms;
	x.plan.to_ms = to_ms;
	x.plan.memory_max = memory_max;
	x.out.block = on_block;
	x.out.skipped = on_skipped;
	x.out.arg = &x;
	x.until_ms = from_ms - HOUR;
	buf_init(&x.csv, ROOM);
	slice_init(&x.slice);
	slice_begin(&x.slice, &x.plan, BASE);
	if ((x.exact = exact_new(&x.plan, &x.out, deflater)) == NULL)
		abort();
}

static void
end(void)
{
	exact_free(x.exact);
	slice_release(&x.slice);
	buf_release(&x.csv);
}

/* add(column, t_ms): Add d, from a copy that is then freed. */
static int
add(size_t column, int64_t t_ms)
{
	struct source_doc doc = { column, NULL, d.len, t_ms };
	uint8_t *copy = malloc(d.len);
	int rc;

	if (copy == NULL)
		abort();
	memcpy(copy, d.data, d.len);
	doc.data = copy;
	rc = slice_add(&x.slice, &doc);
	memset(copy, 0xee, d.len);
	free(copy);
	return rc;
}

/* hour(column, at, points): Add a document of BASE + at, see doc_put(). */
static int
hour(size_t column, int64_t at, const char *points)
{
	doc_hour(&d, BASE + at);
	doc_put(&d, points);
	doc_hour_end(&d);
	return add(column, BASE + at);
}

/* x.csv as "time:cells time:cells", times from BASE. */
static const char *
render(void)
{
	char *p, *save = NULL, *cells;
	size_t n = 0;

	x.text[0] = '\0';
	if (x.csv.len > sizeof(x.text) - 100)
		return "long";
	for (p = strtok_r(buf_cstr(&x.csv), "\n", &save); p != NULL;
	    p = strtok_r(NULL, "\n", &save))
		n += (size_t)snprintf(x.text + n, sizeof(x.text) - n,
		    "%s%" PRId64 ":%s", n > 0 ? " " : "",
		    (int64_t)strtoll(p, &cells, 10) - BASE,
		    strchr(p, ',') + 1);
	return x.text;
}

static enum exact_result
run_raw(const struct slice *s, int64_t until_ms)
{
	enum exact_result rc;

	x.csv.len = 0;
	x.reported[0] = '\0';
	x.was_short = false;
	x.begin_ms = x.until_ms;
	x.until_ms = until_ms;
	rc = exact_run(x.exact, s, until_ms);
	/* What is kept must be a copy. */
	if (x.slice.docs.len > 0)
		memset(x.slice.docs.data, 0xee, x.slice.docs.len);
	if (x.slice.n > 0)
		memset(x.slice.v, 0xee, x.slice.n * sizeof(*x.slice.v));
	slice_begin(&x.slice, &x.plan, until_ms);
	return rc;
}

static const char *
outcome(enum exact_result rc)
{
	return rc == EXACT_TOO_LARGE ? "too large" : rc == EXACT_FAILED ?
	    "failed" : render();
}

/* run(until): With what was added; until, as all times here, from BASE. */
static const char *
run(int64_t until)
{
	x.slice.end_ms = BASE + until;
	return outcome(run_raw(&x.slice, BASE + until));
}

static const char *
run_without(int64_t until)
{
	return outcome(run_raw(NULL, BASE + until));
}

/* next_is(at, name): exact_next(), from BASE; INT64_MAX: none. */
static void
next_is(int64_t at, const char *name)
{
	is_int(exact_next(x.exact), at == INT64_MAX ? at : BASE + at,
	    "next: %s", name);
}

static void
test_hour(void)
{
	exact_free(NULL);
	begin(3, BASE - HOUR, FOREVER, ROOM);
	next_is(INT64_MAX, "none from the beginning");
	is_str(run_without(0), "", "no slice");
	is_str(run(HOUR), "", "a slice without documents");
	is_int(x.blocks + x.documents, 0, "no callback is called");
	hour(0, HOUR, "5=i1 7=i3 6=i2"), hour(2, HOUR, "7=sx 1=sy");
	is_str(run(2 * HOUR), "3600001:,,y 3600005:1,, 3600006:2,, "
	    "3600007:3,,x", "two columns, ordered");
	is_int((int64_t)x.out.duplicates, 0, "no duplicates");
	is_str(x.reported, "", "no skips");
	is_int(x.blocks, 1, "one call");
	next_is(INT64_MAX, "none");
	is_str(run(3 * HOUR), "", "the hour before is forgotten");
	hour(1, 3 * HOUR, "1=i1 x=i5 3599999=i2");
	is_str(run(4 * HOUR), "10800001:,1, 14399999:,2,", "the next");
	is_str(x.reported, "1@10800000 bad_key:1; ", "its skips");
	/* hours that hold little share a slice */
	hour(0, 4 * HOUR, "9=i1 8=i2"), hour(1, 4 * HOUR, "8=dnan");
	hour(0, 5 * HOUR, "2=b1 1=b0"), hour(2, 6 * HOUR, "0=D15 3599999=l-1");
	is_str(run(7 * HOUR), "14400008:2,, 14400009:1,, 18000001:false,, "
	    "18000002:true,, 21600000:,,15 25199999:,,-1",
	    "three hours in one slice");
	is_int((int64_t)x.rows, 12, "rows of all");
	is_int((int64_t)x.points, 14, "points of all");
	is_int((int64_t)x.non_finite, 1, "not finite");
	end();
}

/* Points after the hour come in the run that they belong to. */
static void
test_carry(void)
{
	begin(2, BASE, FOREVER, ROOM);
	hour(0, 0, "5=i1 3600000=slate 3599999=i2 7200005=slater 10800000=i3 "
	    "3600001=D42");
	hour(1, 0, "7200005=i44");
	is_str(run(HOUR), "5:1, 3599999:2,", "the hour's own");
	next_is(HOUR, "the earliest carried");
	hour(1, HOUR, "7=i8");
	is_str(run(2 * HOUR), "3600000:late, 3600001:42, 3600007:,8",
	    "carried, with their text, next to what is read");
	next_is(7200005, "the next carried");
	is_str(run(3 * HOUR), "7200005:later,44", "carried twice, by itself");
	next_is(3 * HOUR, "the last carried");
	is_str(run_without(3 * HOUR), "", "nothing is due");
	next_is(3 * HOUR, "still");
	is_str(run_without(4 * HOUR), "10800000:3,", "its hour's first ms");
	next_is(INT64_MAX, "none");
	/* levels, and a document entirely after its hour */
	hour(0, 4 * HOUR, "7200000( 5=sfar 1000=snever ) 3600000( 0=i1 )");
	hour(1, 4 * HOUR + 5, "3599995=i2 7200000=i3");
	is_str(run(5 * HOUR), "", "all of an hour lies beyond it");
	next_is(5 * HOUR, "the earliest of two documents");
	is_str(run(6 * HOUR), "18000000:1,2", "at the hour's first ms");
	hour(1, 6 * HOUR, "5=i9");
	is_str(run(7 * HOUR), "21600005:far,9 21601000:never,",
	    "the later document wins");
	is_int((int64_t)x.out.duplicates, 1, "over one of the same ms");
	next_is(INT64_MAX, "none");
	end();
}

/* Days between points, and runs that end in an hour. */
static void
test_gaps(void)
{
	begin(1, BASE, FOREVER, ROOM);
	hour(0, 0, "9999999999=i5 5=i1 0864000000=i3 86400000=i2 "
	    "8640000000( 0=i4 )");
	is_str(run(HOUR), "5:1", "the first");
	next_is(86400000, "in a day");
	is_str(run_without(23 * HOUR), "", "not yet");
	is_str(run_without(86400000), "", "until is not in the run");
	next_is(86400000, "still in a day");
	is_str(run_without(86400001), "86400000:2", "a ms later it is");
	next_is(864000000, "in ten days");
	hour(0, 240 * HOUR, "1=i8 0=i9");
	is_str(run(241 * HOUR), "864000000:9 864000001:8", "after ten days");
	is_int((int64_t)x.out.duplicates, 1, "a duplicate");
	next_is(INT64_C(8640000000), "in a hundred days");
	is_str(outcome(run_raw(NULL, INT64_MAX)),
	    "8640000000:4 9999999999:5", "all that is left");
	next_is(INT64_MAX, "none");
	end();
	/* 30,000 hours; each path of two keys of 10 digits */
	begin(1, BASE, FOREVER, ROOM);
	hour(0, 0, "9999999999( 9999999999( 9999999999=i2 ) 0=i1 )");
	is_str(run(HOUR), "", "years ahead");
	next_is(INT64_C(9999999999), "the first");
	is_str(run_without(9000 * HOUR), "9999999999:1 29999999997:2",
	    "both, a run later");
	end();
	/* on both sides of 1970 */
	begin(1, -HOUR, FOREVER, ROOM);
	hour(0, -BASE - HOUR - 1, "0=i1 1=i2 3600000=i3 3600001=i4");
	hour(0, -BASE - 1, "2=i5 0=i6");
	is_str(run(-BASE), "-1543539600000:2 -1543536000001:6",
	    "before 1970");
	next_is(-BASE, "in 1970");
	is_str(run_without(-BASE + HOUR), "-1543536000000:4 -1543535999999:5",
	    "in 1970");
	end();
	/* runs that do not end with an hour */
	begin(1, BASE, FOREVER, ROOM);
	hour(0, 0, "5=i1 10=i2 15=i3 3600005=i4");
	is_str(run(10), "5:1", "until 10 ms");
	next_is(10, "10 ms");
	is_str(run_without(11), "10:2", "until 11 ms");
	is_str(run_without(3600005), "15:3", "until an hour and 5 ms");
	is_str(run_without(3600006), "3600005:4", "until 6 ms");
	end();
}

/* The plan's own limits. */
static void
test_plan(void)
{
	begin(2, BASE + 100, BASE + 2 * HOUR + 50, ROOM);
	hour(0, -3599900, "0=i1 3599999=i2 3600000=i3 7199900=i4 10799950=i6 "
	    "10799949=i5");
	is_str(run(0), "", "before from");
	hour(0, 0, "99=i1"), hour(1, 0, "98=i2 101=i3 7200050=i4");
	is_str(run(HOUR), "100:3, 101:,3", "from on");
	next_is(HOUR, "one in the range");
	hour(1, HOUR, "3600050=i5 3600049=i6 x=i1 7200000=i1");
	is_str(run(2 * HOUR), "3600000:4,", "in it");
	is_str(x.reported, "1@3600000 bad_key:1; ", "a skip");
	next_is(2 * HOUR + 49, "before to");
	hour(0, 2 * HOUR, "50=i7 100=i8 x=i1");
	hour(1, 2 * HOUR + 100, "50=i7 100=i8 x=i1 y=i1");
	is_str(run(3 * HOUR), "7200049:5,6", "up to to");
	is_str(x.reported, "0@7200000 bad_key:1; 1@7200100 bad_key:2; ",
	    "skips wherever the points lie");
	next_is(INT64_MAX, "none beyond to");
	is_str(outcome(run_raw(NULL, INT64_MAX)), "", "nor a row");
	is_int((int64_t)(x.out.duplicates + x.rows), 4, "rows of all");
	end();
	/* a document without points left is not kept: it would not fit */
	begin(1, BASE + HOUR / 2, BASE + HOUR, 150);
	hour(0, -1799999, "0=i1 5=i2 x=i1"), hour(0, -1799998, "1000=i1");
	is_str(run(0), "", "documents before from");
	is_str(x.reported, "0@-1799999 bad_key:1; ", "a skip of theirs");
	hour(0, 0, "1800000=i1 1799999=i2 3599999=i3 3600000=i4 7200000=i5");
	is_str(run(HOUR), "1800000:1 3599999:3", "from and to in one hour");
	next_is(INT64_MAX, "none");
	end();
	/* from cuts an hour; the document is from the hour before */
	begin(1, BASE + HOUR / 2, BASE + 2 * HOUR, ROOM);
	hour(0, -1000, "0=i1 1001=i2"), hour(0, -900, "900=i3 1800900=i4");
	is_str(run(0), "", "before from");
	is_str(run_without(HOUR), "1800000:4", "from from on");
	next_is(INT64_MAX, "none");
	end();
}

static void
test_style(void)
{
	static const char expected[] = "2018-11-30T00:59:59.999Z,1,\r\n"
	    "2018-11-30T01:00:00.000Z,,\"a,b\"\r\n";

	begin(2, BASE, FOREVER, ROOM);
	x.plan.style = (struct csv_style){ true, true };
	hour(0, HOUR - 1, "0=i1"), hour(1, HOUR, "0=sa,b");
	is_int(run_raw(&x.slice, BASE + 2 * HOUR), EXACT_DONE, "done");
	is_mem(x.csv.data, x.csv.len, expected, sizeof(expected) - 1,
	    "RFC 3339 and CRLF");
	end();
}

/* The later document wins, also over what was carried. */
static void
test_duplicates(void)
{
	begin(1, BASE, FOREVER, ROOM);
	hour(0, 0, "5=i1 5=i2 05=i3 6=i4");
	is_str(run(HOUR), "5:3 6:4", "in one document: the later place");
	is_int((int64_t)x.out.duplicates, 2, "two lost");
	x.out.duplicates = 0;
	hour(0, HOUR, "5=i1 6=sold 7=i2");
	hour(0, HOUR + 1, "5=snew 4=i8 3=i9");
	hour(0, HOUR + 2, "1=i10 100=sx");
	is_str(run(2 * HOUR), "3600003:10 3600004:9 3600005:8 3600006:new "
	    "3600007:2 3600102:x", "across documents: the later document");
	is_int((int64_t)x.out.duplicates, 2, "two lost");
	x.out.duplicates = 0;
	hour(0, 2 * HOUR, "3600005=sa 3600006=sb 7200000=sc");
	hour(0, 2 * HOUR + 1, "3600004=sd 7200001=sx");
	is_str(run(3 * HOUR), "", "nothing in this hour");
	is_int((int64_t)x.out.duplicates, 0, "nothing lost yet");
	hour(0, 3 * HOUR, "6=se 7=sf 3600001=sg");
	is_str(run(4 * HOUR), "10800005:d 10800006:e 10800007:f",
	    "the newly read wins over the carried");
	is_int((int64_t)x.out.duplicates, 2, "the carried are lost");
	hour(0, 4 * HOUR, "0=sh");
	is_str(run(5 * HOUR), "14400000:h 14400001:g 14400002:x",
	    "of three documents the last");
	is_int((int64_t)x.out.duplicates, 3, "each loser counted once");
	/* Columns are independent; of four copies all but the last lose. */
	end();
	begin(2, BASE, FOREVER, ROOM);
	hour(0, 0, "7=i1 3600007=i1"), hour(0, 1, "6=i2 3600006=i2");
	hour(0, 2, "5=i3 3600005=i3"), hour(0, 3, "4=i4 3600004=i4");
	hour(1, 0, "7=i5 3600007=i5");
	is_str(run(HOUR), "7:4,5", "four documents of one ms");
	is_int((int64_t)x.out.duplicates, 3, "three lost");
	is_str(run(2 * HOUR), "3600007:4,5", "and an hour later");
	is_int((int64_t)x.out.duplicates, 6, "three more");
	/* levels in the worst order */
	hour(0, 2 * HOUR, "2000( 20( 2=i8 1=i7 ) 10( 2=i6 1=i5 ) ) 1000( "
	    "1020( 2=i4 1=i3 ) 10( 2=i2 1=i1 ) ) 3000=i9");
	is_str(run(3 * HOUR), "7201011:1, 7201012:2, 7202011:5, 7202012:6, "
	    "7202021:7, 7202022:8, 7203000:9,", "shuffled levels");
	is_int((int64_t)x.out.duplicates, 8, "the later path wins");
	end();
}

/* Once per document, in the order of reading, whatever windows it is in. */
static void
test_skips(void)
{
	begin(3, BASE, FOREVER, ROOM);
	hour(0, 1800000, "x=i1 5=i1 3600000=i2 7200000=i3");
	hour(0, 1900000, "1=i1");
	hour(0, 2000000, "1=t1 2=n x=i1 5000000=i4");
	hour(1, 0, "0{ } 1=i1 3600000=i2");
	hour(1, 5, "1=s\xff 2=s\xc3\xa4");
	doc_of(&d, "_id=sx values{ 1=i1 }"), add(1, BASE + 6);
	doc_of(&d, "_id=l@7 values=i1"), add(1, BASE + 7);
	hour(2, 1, "1=i1"), d.data[d.len - 1] = 1, add(2, BASE + 1);
	hour(2, 3500000, "=i1 3600000=i7");
	is_str(run(HOUR), "1:,1, 2:,,1 7:,\xc3\xa4, 1800005:1,, "
	    "1900001:1,,", "rows of an hour with all of it");
	is_str(x.reported, "0@1800000 bad_key:1; 0@2000000 bad_key:1 bad_type:2; "
	    "1@0 no_values:1; 1@5 bad_utf8:1; 1@? bad_id:1; 1@7 no_values:1; "
	    "2@? bad_bson:1; 2@3500000 bad_key:1; ", "in the order of reading");
	is_str(run(2 * HOUR), "3600000:,2, 5400000:2,, 7000000:4,, "
	    "7100000:,,7", "rows of the next");
	is_str(x.reported, "", "reported once");
	hour(0, 2 * HOUR, "y=i1");
	is_str(run(3 * HOUR), "9000000:3,,", "rows of the third");
	is_str(x.reported, "0@7200000 bad_key:1; ", "a new one");
	is_int(x.documents, 9, "nine documents reported");
	/* several hours in a slice: hour by hour */
	hour(0, 3 * HOUR + 9, "a=i1 1=i1 3600000=i2 7200000=i3");
	hour(1, 3 * HOUR + 5, "b=i1 3600000=i1");
	hour(0, 4 * HOUR + 7, "c=i1 10=i2"), hour(2, 4 * HOUR + 1, "d=i1");
	hour(0, 5 * HOUR + 3, "e=i1"), hour(1, 5 * HOUR, "f=i1 3600000=i1");
	run(6 * HOUR);
	is_str(x.reported, "0@10800009 bad_key:1; 1@10800005 bad_key:1; "
	    "0@14400007 bad_key:1; 2@14400001 bad_key:1; "
	    "0@18000003 bad_key:1; 1@18000000 bad_key:1; ", "hour by hour");
	is_str(run(7 * HOUR), "21600000:,1,", "carried after them");
	is_str(x.reported, "", "and reported before");
	end();
}

/* Many hours, each reaching into later ones, against a simple model. */
static void
test_model(void)
{
	enum { HOURS = 24, SPAN = 200 };
	static int value[HOURS * SPAN * 4];
	uint64_t r = 88172645463325252, points = 0, kept = 0;
	unsigned long bad = 0;
	char key[16], *p;
	int h, i, k, n = 0;

	/* An hour has SPAN possible times. */
	begin(1, BASE, FOREVER, ROOM);
	for (h = 0; h < HOURS + 4; h++) {
		for (i = 0; i < 3 && h < HOURS; i++) {
			doc_hour(&d, BASE + (h * SPAN + i) * HOUR / SPAN);
			for (k = 0; k < 100; k++) {
				int place;

				r ^= r << 13;
				r ^= r >> 7;
				r ^= r << 17;
				place = (int)(r % (3 * SPAN));
				snprintf(key, sizeof(key), "%d",
				    place * (int)(HOUR / SPAN));
				doc_int32(&d, key, ++n);
				/* In a document the later of one key wins. */
				value[h * SPAN + i + place] = n;
				points++;
			}
			doc_hour_end(&d);
			if (add(0, BASE + (h * SPAN + i) * HOUR / SPAN) != 0)
				bad_row(&bad, "hour %d: add", h);
		}
		if (run_raw(&x.slice, BASE + (h + 1) * HOUR) != EXACT_DONE)
			bad_row(&bad, "hour %d: run", h);
		p = buf_cstr(&x.csv);
		for (i = h * SPAN; i < (h + 1) * SPAN; i++) {
			if (value[i] == 0)
				continue;
			if (strtoll(p, &p, 10) != BASE + i * (HOUR / SPAN) ||
			    *p++ != ',' || strtol(p, &p, 10) != value[i] ||
			    *p++ != '\n') {
				bad_row(&bad, "hour %d: place %d", h, i);
				break;
			}
			kept++;
		}
		if (*p != '\0')
			bad_row(&bad, "hour %d: more than there is", h);
	}
	is_int((int64_t)bad, 0, "24 hours that reach into each other");
	is_int((int64_t)(x.out.duplicates + kept), (int64_t)points,
	    "each point is a row's or counted");
	ok(kept > HOURS * SPAN / 2 && kept == x.rows && kept == x.points,
	    "%" PRIu64 " rows", kept);
	next_is(INT64_MAX, "none");
	end();
}

/* remember(column, t_ms): d is in the reference and in the slice. */
static void
remember(size_t column, int64_t t_ms)
{
	uint8_t *copy = malloc(d.len);

	if (copy == NULL || all.n == sizeof(all.v) / sizeof(all.v[0]) ||
	    add(column, t_ms) != 0)
		abort();
	memcpy(copy, d.data, d.len);
	all.v[all.n++] = (struct source_doc){ column, copy, d.len, t_ms };
}

static void
forget(void)
{
	while (all.n > 0)
		free((void *)(uintptr_t)all.v[--all.n].data);
}

/*
 * reference(csv, reported, duplicates): All rows of what was remembered, and
 * the skips as on_skipped() writes them, in one pass.
 */
static void
reference(struct buf *csv, uint64_t *duplicates)
{
	struct budget budget = { 0, ROOM };
	struct points columns[COLUMNS];
	struct series series[COLUMNS];
	const struct point *cells[COLUMNS];
	struct merge merge = { series, cells, x.plan.n };
	struct skips skips;
	uint64_t non_finite = 0;
	int64_t t_ms;
	size_t i;

	for (i = 0; i < x.plan.n; i++)
		points_init(&columns[i], &budget);
	x.reported[0] = '\0';
	*duplicates = 0;
	for (i = 0; i < all.n; i++) {
		const struct source_doc *s = &all.v[i];

		if (unwind_document(s->data, s->len, x.plan.from_ms, x.plan.to_ms,
		    &columns[s->column], &skips) != 0)
			abort();
		if (skips_any(&skips))
			on_skipped(&x, s->column, s->data, s->len, &skips);
	}
	for (i = 0; i < x.plan.n; i++) {
		if (points_sort(&columns[i]) != 0)
			abort();
		*duplicates += points_dedupe(&columns[i]);
		series[i].v = columns[i].v;
		series[i].n = columns[i].n;
	}
	buf_init(csv, ROOM);
	while (merge_next(&merge, &t_ms) == 0) {
		if (csv_row(csv, &x.plan.style, t_ms, cells, x.plan.n,
		    &non_finite) != 0)
			abort();
	}
	for (i = 0; i < x.plan.n; i++)
		points_release(&columns[i]);
}

/* Elements of a level in any order, some of them to be skipped. */
static void
put_random(int depth)
{
	/* around the key and a number; the first seven are points */
	static const struct {
		const char *before, *between, *after;
	} leaves[] = {
		{ "", "=i", "" }, { "", "=l-", "" }, { "", "=d0.", "" },
		{ "", "=s", "" }, { "", "=b1 0=i", "" }, { "", "=D", "" },
		{ "0", "=i", "" }, { "x", "=i", "" }, { "", "=t", "" },
		{ "", "{ a=i", " }" }, { "", "=dnan n=i", "" },
		{ "", "=s\xff", "" },
	}, *leaf;
	char spec[64];
	uint64_t n, far;
	int key;

	for (n = draw(12); n > 0; n--) {
		/* mostly in the hour, sometimes hours ahead */
		far = draw(8) == 0 ? 8 * (uint64_t)HOUR : (uint64_t)HOUR;
		key = draw(3) == 0 ? (int)draw(30) : (int)draw(far);
		if (depth < 2 && draw(6) == 0) {
			snprintf(spec, sizeof(spec), "%d", key / 2);
			doc_level(&d, spec);
			put_random(depth + 1);
			doc_level_end(&d);
			continue;
		}
		leaf = &leaves[draw(draw(3) ? 7 : 12)];
		snprintf(spec, sizeof(spec), "%s%d%s%d%s", leaf->before, key,
		    leaf->between, (int)draw(1000), leaf->after);
		doc_put(&d, spec);
	}
}

/* Random documents of random hours, an hour or several in a run. */
static void
test_random(void)
{
	enum { N = 200, HOURS = 10 };
	unsigned long bad = 0;
	struct buf whole, reported, expected;
	uint64_t duplicates, rows = 0, lost = 0;
	int64_t from, t_ms;
	size_t c;
	int i, h, k, many = 0;

	draw_from(2463534242);
	for (i = 0; i < N; i++) {
		from = BASE + (draw(2) ? 0 : (int64_t)draw((uint64_t)HOUR));
		begin(1 + draw(COLUMNS), from, draw(3) ? FOREVER : from +
		    (int64_t)draw(9 * (uint64_t)HOUR), ROOM);
		x.plan.style.excel = i & 1;
		buf_init(&whole, ROOM);
		buf_init(&reported, ROOM);
		for (h = -1; h < HOURS; h++) {
			for (c = 0; c < x.plan.n; c++) {
				t_ms = BASE + h * HOUR + (int64_t)draw(100);
				for (k = (int)draw(4); k > 0; k--) {
					doc_hour(&d, t_ms);
					put_random(0);
					doc_hour_end(&d);
					remember(c, t_ms);
					t_ms += (int64_t)draw(20);
				}
			}
			/* sometimes the next hour is in this slice */
			if (draw(3) == 0)
				continue;
			if (run_raw(x.slice.n > 0 ? &x.slice : NULL, BASE +
			    (h + 1) * HOUR) != EXACT_DONE)
				bad_row(&bad, "%d: hour %d: not done", i, h);
			if (buf_add(&whole, x.csv.data, x.csv.len) != 0 ||
			    buf_adds(&reported, x.reported) != 0)
				abort();
		}
		if (run_raw(&x.slice, INT64_MAX) != EXACT_DONE ||
		    exact_next(x.exact) != INT64_MAX)
			bad_row(&bad, "%d: the end", i);
		if (buf_add(&whole, x.csv.data, x.csv.len) != 0 ||
		    buf_adds(&reported, x.reported) != 0)
			abort();
		reference(&expected, &duplicates);
		if (whole.len != expected.len || (whole.len > 0 &&
		    memcmp(whole.data, expected.data, whole.len) != 0))
			bad_row(&bad, "%d: other rows", i);
		if (x.out.duplicates != duplicates)
			bad_row(&bad, "%d: %" PRIu64 " duplicates, not %"
			    PRIu64, i, x.out.duplicates, duplicates);
		if (strcmp(buf_cstr(&reported), x.reported) != 0)
			bad_row(&bad, "%d: reported %s, not %s", i,
			    (char *)reported.data, x.reported);
		many += reported.len > 100;
		rows += x.rows;
		lost += duplicates;
		buf_release(&whole);
		buf_release(&reported);
		buf_release(&expected);
		forget();
		end();
	}
	is_int((int64_t)bad, 0, "%d random vehicles", N);
	ok(rows > 100 * N && lost > 2 * N && many > N / 2,
	    "%" PRIu64 " rows, %" PRIu64 " duplicates", rows, lost);
}

/* Runs with this much memory; returns the call that failed, 0: none. */
static int
hours(size_t memory_max, char *out, size_t size)
{
	static const char carried[] = "7200000=stext 7200001=szzzzzzzzzzzz "
	    "5=i1 4=i2 5=i3";
	const char *text = "";
	int h, rc = 0;
	size_t n = 0;

	begin(2, BASE, FOREVER, memory_max);
	for (h = 0; h < 5 && rc == 0; h++) {
		if (hour(0, h * HOUR, carried) != 0)
			rc = 1;
		else if (hour(1, h * HOUR, carried) != 0)
			rc = 2;
		else if (strcmp(text = run((h + 1) * HOUR), "too large") == 0)
			rc = 3;
		else
			n += (size_t)snprintf(out + n, size - n, "%s|", text);
	}
	end();
	return rc;
}

static void
test_memory(void)
{
	static char whole[8192], out[8192];
	unsigned long bad = 0, failures[4] = { 0 };
	size_t max, len, i;
	int rc, last = 0;

	if (hours(ROOM, whole, sizeof(whole)) != 0)
		abort();
	len = d.len;
	for (max = 0; max < 20 * len; max++) {
		rc = hours(max, out, sizeof(out));
		failures[rc]++;
		if (rc == 0 && strcmp(whole, out) != 0)
			bad_row(&bad, "memory of %zu: another result", max);
		if (rc < 3 && rc != (max < len ? 1 : max < 2 * len ? 2 : 0))
			bad_row(&bad, "memory of %zu: %d", max, rc);
		/* Two columns of the hour, and what two hours before left. */
		if (rc == 0 && max < 6 * len)
			bad_row(&bad, "memory of %zu is too little", max);
		if (rc != 0 && last == 1)
			bad_row(&bad, "memory of %zu fails, less did not", max);
		last = rc == 0;
	}
	is_int((int64_t)bad, 0, "memory ends at every place");
	ok(failures[0] >= 8 * len && failures[1] == len && failures[2] == len &&
	    failures[3] >= 4 * len, "while documents are added, in "
	    "exact_run(), and not at all");
	/* Memory of what is no longer kept is given back. */
	begin(1, BASE, FOREVER, 1000);
	for (i = 0; i < 3000; i++) {
		if (hour(0, (int64_t)i * HOUR, "5=sabcdefghijklmnopqrst x=i1 "
		    "3600006=szyxwvutsrqponmlkj 7200007=scarried") != 0 ||
		    strcmp(run((int64_t)(i + 1) * HOUR), "too large") == 0)
			break;
	}
	is_int((int64_t)i, 3000, "3,000 hours in 1,000 bytes");
	is_int((int64_t)x.rows, 3 * 3000 - 3, "with all their rows");
	is_int(x.documents, 3000, "and skips");
	end();
	/* more than memory_max only with what is kept */
	begin(1, BASE, FOREVER, 300);
	for (i = 0; i < 20; i++) {
		if (hour(0, (int64_t)i * HOUR, "5=i1 864000000=i2") != 0 ||
		    strcmp(run((int64_t)(i + 1) * HOUR), "too large") == 0)
			break;
	}
	is_int((int64_t)i, 300 / (int64_t)d.len, "as many as memory holds");
	end();
}

/* slow_hour(column): A document of 60,000 rows: four blocks. */
static void
slow_hour(size_t column)
{
	char key[16];
	int i;

	doc_hour(&d, BASE);
	for (i = 0; i < 60000; i++) {
		snprintf(key, sizeof(key), "%d", i * 60);
		doc_int32(&d, key, i % 1000);
	}
	doc_hour_end(&d);
	if (add(column, BASE) != 0)
		abort();
}

static void
test_failures(void)
{
	int i, calls;

	begin(1, BASE, FOREVER, ROOM);
	slow_hour(0);
	is_str(run(HOUR), "long", "an hour of several blocks");
	calls = x.blocks;
	ok(calls >= 4 && x.rows == 60000 && x.points == 60000 &&
	    x.csv.len > 3 * BLOCK_BYTES, "in %d calls", calls);
	end();
	for (i = 1; i <= calls + 1; i++) {
		begin(1, BASE, FOREVER, ROOM);
		x.fail_block = i;
		slow_hour(0);
		is_str(run(HOUR), i <= calls ? "failed" : "long",
		    "block() fails at call %d", i);
		is_int(x.blocks, i < calls ? i : calls,
		    "and is not called again");
		end();
	}
	for (i = 1; i <= 4; i++) {
		begin(2, BASE, FOREVER, ROOM);
		x.fail_skipped = i;
		hour(0, 0, "x=i1 1=i1 3600000=i5"), hour(0, 1, "y=i1");
		hour(1, 0, "z=i1 1=i1 2=i2");
		is_str(run(HOUR), i <= 3 ? "failed" : "1:1,1 2:,2",
		    "skipped() fails at call %d", i);
		is_int(x.documents, i < 3 ? i : 3, "and is not called again");
		end();
	}
	/* in a later run, with documents kept */
	begin(1, BASE, FOREVER, ROOM);
	x.fail_block = 2;
	hour(0, 0, "1=i1 3600000=i2 7200000=i3");
	is_str(run(HOUR), "1:1", "the first run");
	hour(0, HOUR, "1=i1 3600000=i2");
	is_str(run(2 * HOUR), "failed", "the second fails");
	end();
}

/*
 * put_large(t_ms, first, step, leaves, sign): An hour of 3,600 levels, a second
 * each, of leaves from the ms first on, step apart; d is left open.
 */
static void
put_large(int64_t t_ms, int first, int step, int leaves, int sign)
{
	static char keys[1000][4], second[8];
	int i, s;

	for (i = 0; i < 1000; i++)
		snprintf(keys[i], sizeof(keys[i]), "%d", i);
	doc_hour(&d, t_ms);
	for (s = 0; s < 3600; s++) {
		snprintf(second, sizeof(second), "%d", s * 1000);
		doc_level(&d, second);
		for (i = 0; i < leaves; i++)
			doc_int32(&d, keys[first + i * step],
			    sign * (s * 7 + i));
		doc_level_end(&d);
	}
}

/*
 * An hour of three million points, more than 64 MiB can hold: rows, duplicates
 * and skips are the same as if they fitted.
 */
static void
test_large(void)
{
	static char reported[sizeof(x.reported)];
	struct buf expected;
	uint64_t duplicates, rows;

	begin(2, BASE, FOREVER, ROOM);
	/* In the order of reading; by time this is the last. */
	doc_hour(&d, BASE + 1800000);
	doc_put(&d, "x=i1 y=i2 0=i3 3=i4 1799999=i5 3600000=i6");
	doc_hour_end(&d), remember(0, BASE + 1800000);
	put_large(BASE, 0, 3, 330, 1);
	doc_put(&d, "x=i1"), doc_hour_end(&d), remember(1, BASE);
	put_large(BASE + 3, 0, 3, 330, -1);
	doc_put(&d, "7200000=i7 x=t1 y=t1"), doc_hour_end(&d);
	remember(1, BASE + 3);
	put_large(BASE + 4, 0, 3, 290, 1);
	doc_hour_end(&d), remember(1, BASE + 4);
	if (run_raw(&x.slice, BASE + HOUR) != EXACT_DONE)
		diag("the hour is not done");
	next_is(HOUR + 1800000, "in the next hour");
	rows = x.rows;
	memcpy(reported, x.reported, sizeof(reported));
	reference(&expected, &duplicates);
	ok(x.csv.len > 64 * BLOCK_BYTES && rows > 1500000,
	    "%" PRIu64 " rows of an hour", rows);
	ok(x.csv.len < expected.len && memcmp(x.csv.data, expected.data,
	    x.csv.len) == 0, "are those of the whole hour");
	is_str(reported, "0@1800000 bad_key:2; 1@0 bad_key:1; 1@3 bad_key:2; ",
	    "skips in the order of reading");
	/* the few points of the next hours */
	memmove(expected.data, expected.data + x.csv.len, expected.len -
	    x.csv.len);
	expected.len -= x.csv.len;
	if (run_raw(NULL, BASE + 4 * HOUR) != EXACT_DONE)
		diag("the next hours are not done");
	is_mem(x.csv.data, x.csv.len, expected.data, expected.len,
	    "what reaches into the next hours");
	is_int((int64_t)(x.rows - rows), 2, "two rows");
	is_str(x.reported, "", "skips are reported once");
	is_int((int64_t)x.out.duplicates, (int64_t)duplicates, "duplicates");
	ok(duplicates > 1000000, "more than a million");
	next_is(INT64_MAX, "none");
	buf_release(&expected);
	forget();
	end();
}

/* More points of one ms than there is room for: no window is small enough. */
static void
test_one_ms(void)
{
	int i;

	begin(1, BASE, FOREVER, ROOM);
	doc_hour(&d, BASE);
	for (i = 0; i < 2900000; i++)
		doc_int32(&d, "7", i);
	doc_hour_end(&d);
	if (add(0, BASE) != 0)
		abort();
	is_str(run(8), "too large", "2,900,000 points of one ms");
	is_int(x.blocks, 0, "no rows");
	end();
}

int
main(void)
{
	if ((deflater = deflater_new(DEFLATE_FAST)) == NULL)
		abort();
	test_hour();
	test_carry();
	test_gaps();
	test_plan();
	test_style();
	test_duplicates();
	test_skips();
	test_model();
	test_random();
	test_memory();
	test_failures();
	test_large();
	test_one_ms();
	is_int((int64_t)broken, 0, "each block of all is well");
	deflater_free(deflater);
	return done_testing();
}
