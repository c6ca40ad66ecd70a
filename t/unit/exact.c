/*
 * The exact path: of any documents, each point's row in the range that it belongs
 * to, whatever they look like and however far they reach.
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

#define DOC_MAX (24 << 20)
#include "t/tap.h"
#include "t/unit/doc.h"
#include "t/unit/draw.h"
#include "t/unit/inflate.h"
#include "t/unit/random.h"

#define BASE DOC_BASE
#define HOUR INT64_C(3600000)
#define ROOM ((size_t)1 << 30)
#define FOREVER (100000 * HOUR)
#define COLUMNS 3
#define DOCS_MAX 6000

static struct doc d;
static struct deflater *deflater;
static struct exact *exact;		/* one for all tests: it keeps no rows */
static unsigned long broken;		/* of what is checked at each block */

/* The documents, in the order of reading, and what came out of them. */
static struct {
	struct exact_doc docs[DOCS_MAX];
	size_t n, columns;
	struct csv_style style;

	struct blocks blocks;
	struct buf csv;			/* of the last run */
	int64_t begin_ms, until_ms;	/* where its rows may be */
	bool was_short;			/* a block that nothing should follow */
	uint64_t rows, points, non_finite, duplicates;	/* of the last run */
	size_t sealed;
	char text[16384];
} x;

/* check_block(b, s): Against its text s, which has no LF within a cell. */
static void
check_block(const struct block *b, const char *s)
{
	const char *last, *p;
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
	if (!x.style.rfc3339 && (strtoll(s, NULL, 10) != b->first_ms ||
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
	if (b->crc != crc32(0, (const Bytef *)s, (uInt)b->text_len))
		bad_row(&broken, "the CRC of a block");
}

/*
 * The blocks' sealed(): collects the text. A run that has to begin again has
 * no block yet.
 */
static void
on_sealed(void *arg, const struct block *b, const uint8_t *text)
{
	if (arg != &x)
		abort();
	if (x.blocks.n == 0)
		x.csv.len = x.sealed = 0;
	x.sealed++;
	if (buf_add(&x.csv, text, b->text_len) != 0)
		abort();
}

/* The blocks of the last run, against the text that was sealed. */
static void
check_blocks(void)
{
	const char *text = buf_cstr(&x.csv);
	struct block b;
	size_t i;

	if (x.blocks.n != x.sealed || x.blocks.text.len != 0)
		bad_row(&broken, "%zu blocks, %zu sealed", x.blocks.n,
		    x.sealed);
	for (i = 0; i < x.blocks.n; i++, text += b.text_len) {
		b = blocks_get(&x.blocks, i);
		check_block(&b, text);
		if (!inflates(b.deflated, b.deflated_len,
		    (const uint8_t *)text, b.text_len))
			bad_row(&broken, "a block deflated");
		x.rows += b.rows;
		x.points += b.points;
		x.non_finite += b.non_finite;
	}
	if (text != (const char *)x.csv.data + x.csv.len)
		bad_row(&broken, "text without a block");
}

static void
begin(size_t columns)
{
	memset(&x, 0, sizeof(x));
	x.columns = columns;
	blocks_init(&x.blocks);
	x.blocks.sealed = on_sealed;
	x.blocks.arg = &x;
	buf_init(&x.csv, ROOM);
}

static void
forget(void)
{
	while (x.n > 0)
		free((void *)(uintptr_t)x.docs[--x.n].data);
}

static void
end(void)
{
	forget();
	blocks_release(&x.blocks);
	buf_release(&x.csv);
}

/* add(column, next_ms): Add a copy of d, of its size, for ASan. */
static void
add(size_t column, int64_t next_ms)
{
	uint8_t *copy = malloc(d.len);

	if (copy == NULL || x.n == DOCS_MAX)
		abort();
	memcpy(copy, d.data, d.len);
	x.docs[x.n++] = (struct exact_doc){ column, copy, d.len, next_ms };
}

/* hour(column, at, points): Add a document of BASE + at, see doc_put(). */
static void
hour(size_t column, int64_t at, const char *points)
{
	doc_hour(&d, BASE + at);
	doc_put(&d, points);
	doc_hour_end(&d);
	add(column, BASE + at);
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

/* Rows of all documents in [from_ms, to_ms). */
static enum exact_result
run_raw(int64_t from_ms, int64_t to_ms)
{
	const struct exact_job job = { .docs = x.docs, .n = x.n,
	    .columns = x.columns, .from_ms = from_ms, .to_ms = to_ms,
	    .style = &x.style };
	enum exact_result rc;

	x.csv.len = x.sealed = 0;
	x.was_short = false;
	x.rows = x.points = x.non_finite = 0;
	x.duplicates = UINT64_MAX;
	x.begin_ms = from_ms;
	x.until_ms = to_ms;
	rc = exact_rows(exact, &job, &x.blocks, &x.duplicates);
	if (rc == EXACT_DONE)
		check_blocks();
	return rc;
}

/* run(from, to): From BASE, as all times here. */
static const char *
run(int64_t from, int64_t to)
{
	return run_raw(BASE + from, BASE + to) == EXACT_DONE ? render() :
	    "too large";
}

static void
test_hour(void)
{
	exact_free(NULL);
	begin(3);
	is_str(run(0, HOUR), "", "no documents");
	is_int((int64_t)(x.blocks.n + x.duplicates), 0, "no blocks");
	hour(0, HOUR, "5=i1 7=i3 6=i2"), hour(2, HOUR, "7=sx 1=sy");
	is_str(run(0, HOUR), "", "none in this hour");
	is_str(run(HOUR, 2 * HOUR), "3600001:,,y 3600005:1,, 3600006:2,, "
	    "3600007:3,,x", "two columns, ordered");
	is_int((int64_t)x.duplicates, 0, "no duplicates");
	is_int((int64_t)x.blocks.n, 1, "one block");
	is_str(run(2 * HOUR, FOREVER), "", "the hour before is not in it");
	is_str(run(HOUR, 2 * HOUR), "3600001:,,y 3600005:1,, 3600006:2,, "
	    "3600007:3,,x", "the same again");
	forget();
	hour(1, 3 * HOUR, "1=i1 x=i5 3599999=i2");
	is_str(run(3 * HOUR, 4 * HOUR), "10800001:,1, 14399999:,2,",
	    "what is skipped is no point");
	forget();
	hour(0, 4 * HOUR, "9=i1 8=i2"), hour(1, 4 * HOUR, "8=dnan");
	hour(0, 5 * HOUR, "2=b1 1=b0"), hour(2, 6 * HOUR, "0=D15 3599999=l-1");
	is_str(run(4 * HOUR, 7 * HOUR), "14400008:2,, 14400009:1,, "
	    "18000001:false,, 18000002:true,, 21600000:,,15 25199999:,,-1",
	    "three hours");
	is_int((int64_t)x.rows, 6, "rows");
	is_int((int64_t)x.points, 7, "points");
	is_int((int64_t)x.non_finite, 1, "not finite");
	end();
	begin(2);
	doc_of(&d, "_id=sx values{ 1=i1 }"), add(1, BASE);
	doc_of(&d, "_id=l@7 values=i1"), add(1, BASE + 7);
	hour(0, 1, "1=i1"), d.data[d.len - 1] = 1, add(0, BASE + 1);
	is_str(run(0, HOUR), "2:1,", "documents that are skipped whole");
	end();
}

/* Points after their hour are in the range that they belong to. */
static void
test_reach(void)
{
	begin(2);
	hour(0, 0, "5=i1 3600000=slate 3599999=i2 7200005=slater 10800000=i3 "
	    "3600001=D42");
	hour(1, 0, "7200005=i44"), hour(1, HOUR, "7=i8");
	is_str(run(0, HOUR), "5:1, 3599999:2,", "the hour's own");
	is_str(run(HOUR, 2 * HOUR), "3600000:late, 3600001:42, 3600007:,8",
	    "late, with their text, next to what is in time");
	is_str(run(2 * HOUR, 3 * HOUR), "7200005:later,44", "two hours late");
	is_str(run(3 * HOUR, 3 * HOUR), "", "an empty range");
	is_str(run(3 * HOUR, 2 * HOUR), "", "an end before its beginning");
	is_str(run(3 * HOUR, 3 * HOUR + 1), "10800000:3,", "one ms");
	is_str(run(HOUR + 1, 3 * HOUR), "3600001:42, 3600007:,8 "
	    "7200005:later,44", "from within an hour on");
	forget();
	hour(0, 4 * HOUR, "7200000( 5=sfar 1000=snever ) 3600000( 0=i1 )");
	hour(1, 4 * HOUR + 5, "3599995=i2 7200000=i3"), hour(1, 6 * HOUR, "5=i9");
	is_str(run(4 * HOUR, 5 * HOUR), "", "all of an hour lies beyond it");
	is_str(run(5 * HOUR, 6 * HOUR), "18000000:1,2",
	    "at the hour's first ms");
	is_str(run(6 * HOUR, 7 * HOUR), "21600005:far,9 21601000:never,",
	    "the later document wins");
	is_int((int64_t)x.duplicates, 1, "over one of the same ms");
	end();
}

/* Days between points, and ranges that end in an hour. */
static void
test_gaps(void)
{
	begin(1);
	hour(0, 0, "9999999999=i5 5=i1 0864000000=i3 86400000=i2 "
	    "8640000000( 0=i4 )");
	is_str(run(0, HOUR), "5:1", "the first");
	is_str(run(HOUR, 86400000), "", "the end is not in the range");
	is_str(run(HOUR, 86400001), "86400000:2", "a ms later it is");
	hour(0, 240 * HOUR, "1=i8 0=i9");
	is_str(run(86400001, 241 * HOUR), "864000000:9 864000001:8",
	    "after ten days");
	is_int((int64_t)x.duplicates, 1, "a duplicate");
	is_int((int64_t)(run_raw(BASE + 241 * HOUR, INT64_MAX) != EXACT_DONE),
	    0, "all that is left");
	is_str(render(), "8640000000:4 9999999999:5", "is two rows");
	forget();
	/* 30,000 hours; each path of two keys of 10 digits */
	hour(0, 0, "9999999999( 9999999999( 9999999999=i2 ) 0=i1 )");
	is_str(run(0, HOUR), "", "years ahead");
	is_str(run(0, 9000 * HOUR), "9999999999:1 29999999997:2", "both");
	forget();
	/* on both sides of 1970 */
	hour(0, -BASE - HOUR - 1, "0=i1 1=i2 3600000=i3 3600001=i4");
	hour(0, -BASE - 1, "2=i5 0=i6");
	is_str(run(-BASE - HOUR, -BASE), "-1543539600000:2 -1543536000001:6",
	    "before 1970");
	is_str(run(-BASE, -BASE + HOUR), "-1543536000000:4 -1543535999999:5",
	    "in 1970");
	is_str(run(-BASE - 2 * HOUR, HOUR), "-1543539600001:1 "
	    "-1543539600000:2 -1543536000001:6 -1543536000000:4 "
	    "-1543535999999:5", "over 1970");
	forget();
	hour(0, 0, "5=i1 10=i2 15=i3 3600005=i4");
	is_str(run(0, 10), "5:1", "until 10 ms");
	is_str(run(10, 11), "10:2", "until 11 ms");
	is_str(run(11, 3600005), "15:3", "until an hour and 5 ms");
	is_str(run(3600005, 3600006), "3600005:4", "until 6 ms");
	is_str(run(5, 3600006), "5:1 10:2 15:3 3600005:4", "all of them");
	end();
}

/* A range that begins and ends within hours. */
static void
test_range(void)
{
	begin(2);
	hour(0, -3599900, "0=i1 3599999=i2 3600000=i3 7199900=i4 10799950=i6 "
	    "10799949=i5");
	hour(0, 0, "99=i1"), hour(1, 0, "98=i2 101=i3 7200050=i4");
	hour(1, HOUR, "3600050=i5 3600049=i6 x=i1 7200000=i1");
	hour(0, 2 * HOUR, "50=i7 100=i8 x=i1");
	hour(1, 2 * HOUR + 100, "50=i7 100=i8 x=i1 y=i1");
	is_str(run(100, 2 * HOUR + 50), "100:3, 101:,3 3600000:4, "
	    "7200049:5,6", "from is in it, to is not");
	is_int((int64_t)(x.duplicates + x.rows), 4, "duplicates outside do "
	    "not count");
	is_str(run(99, 2 * HOUR + 51), "99:1, 100:3, 101:,3 3600000:4, "
	    "7200049:5,6 7200050:7,5", "a ms more on both sides");
	is_int((int64_t)x.duplicates, 3, "duplicates in it do");
	end();
}

static void
test_style(void)
{
	static const char expected[] = "2018-11-30T00:59:59.999Z,1,\r\n"
	    "2018-11-30T01:00:00.000Z,,\"a,b\"\r\n";

	begin(2);
	x.style = (struct csv_style){ .rfc3339 = true, .excel = true };
	hour(0, HOUR - 1, "0=i1"), hour(1, HOUR, "0=sa,b");
	is_int(run_raw(BASE, BASE + 2 * HOUR), EXACT_DONE, "done");
	is_mem(x.csv.data, x.csv.len, expected, sizeof(expected) - 1,
	    "RFC 3339 and CRLF");
	end();
}

/* The later document wins; in one, the later path. */
static void
test_duplicates(void)
{
	begin(1);
	hour(0, 0, "5=i1 5=i2 05=i3 6=i4");
	is_str(run(0, HOUR), "5:3 6:4", "in one document: the later place");
	is_int((int64_t)x.duplicates, 2, "two lost");
	forget();
	hour(0, HOUR, "5=i1 6=sold 7=i2");
	hour(0, HOUR + 1, "5=snew 4=i8 3=i9");
	hour(0, HOUR + 2, "1=i10 100=sx");
	is_str(run(HOUR, 2 * HOUR), "3600003:10 3600004:9 3600005:8 "
	    "3600006:new 3600007:2 3600102:x",
	    "across documents: the later document");
	is_int((int64_t)x.duplicates, 2, "two lost");
	hour(0, 2 * HOUR, "3600005=sa 3600006=sb 7200000=sc");
	hour(0, 2 * HOUR + 1, "3600004=sd 7200001=sx");
	hour(0, 3 * HOUR, "6=se 7=sf 3600001=sg"), hour(0, 4 * HOUR, "0=sh");
	is_str(run(2 * HOUR, 3 * HOUR), "", "nothing in this hour");
	is_int((int64_t)x.duplicates, 0, "nothing lost");
	is_str(run(3 * HOUR, 4 * HOUR), "10800005:d 10800006:e 10800007:f",
	    "the newly read wins over what reached here");
	is_int((int64_t)x.duplicates, 2, "which is lost");
	is_str(run(4 * HOUR, 5 * HOUR), "14400000:h 14400001:g 14400002:x",
	    "of three documents the last");
	is_int((int64_t)x.duplicates, 1, "each loser counted once");
	end();
	begin(2);
	hour(0, 0, "7=i1 3600007=i1"), hour(0, 1, "6=i2 3600006=i2");
	hour(0, 2, "5=i3 3600005=i3"), hour(0, 3, "4=i4 3600004=i4");
	hour(1, 0, "7=i5 3600007=i5");
	is_str(run(0, HOUR), "7:4,5", "four documents of one ms");
	is_int((int64_t)x.duplicates, 3, "three lost");
	is_str(run(0, 2 * HOUR), "7:4,5 3600007:4,5", "and an hour later");
	is_int((int64_t)x.duplicates, 6, "three more");
	forget();
	hour(0, 2 * HOUR, "2000( 20( 2=i8 1=i7 ) 10( 2=i6 1=i5 ) ) 1000( "
	    "1020( 2=i4 1=i3 ) 10( 2=i2 1=i1 ) ) 3000=i9");
	is_str(run(2 * HOUR, 3 * HOUR), "7201011:1, 7201012:2, 7202011:5, "
	    "7202012:6, 7202021:7, 7202022:8, 7203000:9,", "shuffled levels");
	is_int((int64_t)x.duplicates, 2, "the later path wins");
	end();
}

/* Many hours, each reaching into later ones, against a simple model. */
static void
test_model(void)
{
	enum { HOURS = 24, SPAN = 200 };
	static int value[HOURS * SPAN * 4];
	uint64_t r = 88172645463325252, points = 0, kept = 0, lost = 0;
	unsigned long bad = 0;
	char key[16], *p;
	int h, i, k, n = 0;

	/* An hour has SPAN possible times. */
	begin(1);
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
			add(0, BASE + (h * SPAN + i) * HOUR / SPAN);
		}
		if (run_raw(BASE + h * HOUR, BASE + (h + 1) * HOUR) !=
		    EXACT_DONE)
			bad_row(&bad, "hour %d: run", h);
		lost += x.duplicates;
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
	is_int((int64_t)(lost + kept), (int64_t)points,
	    "each point is a row's or counted");
	run_raw(BASE, BASE + FOREVER);
	ok(kept > HOURS * SPAN / 2 && kept == x.rows && kept == x.points,
	    "%" PRIu64 " rows", kept);
	is_int((int64_t)x.duplicates, (int64_t)lost, "and as many in one run");
	end();
}

/* reference(from_ms, to_ms, csv, duplicates): All rows, in one pass. */
static void
reference(int64_t from_ms, int64_t to_ms, struct buf *csv,
    uint64_t *duplicates)
{
	struct budget budget = { 0, ROOM };
	struct points columns[COLUMNS];
	struct series series[COLUMNS];
	const struct point *cells[COLUMNS];
	struct merge merge = { series, cells, x.columns };
	struct skips skips;
	uint64_t non_finite = 0;
	int64_t t_ms;
	size_t i;

	for (i = 0; i < x.columns; i++)
		points_init(&columns[i], &budget);
	*duplicates = 0;
	for (i = 0; i < x.n; i++) {
		const struct exact_doc *s = &x.docs[i];

		if (unwind_document(s->data, s->len, from_ms, to_ms,
		    &columns[s->column], &skips) != 0)
			abort();
	}
	for (i = 0; i < x.columns; i++) {
		if (points_sort(&columns[i]) != 0)
			abort();
		*duplicates += points_dedupe(&columns[i]);
		series[i].v = columns[i].v;
		series[i].n = columns[i].n;
	}
	buf_init(csv, ROOM);
	while (merge_next(&merge, &t_ms) == 0) {
		if (csv_row(csv, &x.style, t_ms, cells, x.columns,
		    &non_finite) != 0)
			abort();
	}
	for (i = 0; i < x.columns; i++)
		points_release(&columns[i]);
}

/* Random documents of ten hours, in the order of reading: hour by hour. */
static void
put_vehicle(void)
{
	int64_t t_ms;
	size_t c;
	int h, k;

	for (h = -1; h < 10; h++) {
		for (c = 0; c < x.columns; c++) {
			t_ms = BASE + h * HOUR + (int64_t)draw(100);
			for (k = (int)draw(4); k > 0; k--) {
				doc_hour(&d, t_ms);
				doc_random(&d, 0);
				doc_hour_end(&d);
				add(c, t_ms);
				t_ms += (int64_t)draw(20);
			}
		}
	}
}

/* Any lower bound of its points will do. */
static void
lower_bounds(void)
{
	size_t i;

	for (i = 0; i < x.n; i++)
		x.docs[i].next_ms -= draw(2) ? 0 : draw(2) ?
		    (int64_t)draw(100) * HOUR : INT64_C(1) << 60;
}

/* The rows of [from_ms, to_ms), range by range, together. */
static int
run_ranges(int64_t from_ms, int64_t to_ms, struct buf *whole,
    uint64_t *duplicates)
{
	int64_t at = from_ms, next;

	*duplicates = 0;
	while (at < to_ms) {
		next = draw(4) ? at + 1 + (int64_t)draw(4 * (uint64_t)HOUR) :
		    draw(2) ? at + 1 : INT64_MAX;
		if (next > to_ms)
			next = to_ms;
		if (run_raw(at, next) != EXACT_DONE)
			return -1;
		if (buf_add(whole, x.csv.data, x.csv.len) != 0)
			abort();
		*duplicates += x.duplicates;
		at = next;
	}
	return 0;
}

static void
test_random(void)
{
	enum { N = 200 };
	unsigned long bad = 0;
	struct buf whole, expected;
	uint64_t duplicates, found, rows = 0, lost = 0;
	int64_t from, to;
	int i;

	draw_from(2463534242);
	for (i = 0; i < N; i++) {
		from = BASE + (draw(2) ? 0 : (int64_t)draw((uint64_t)HOUR));
		to = draw(3) ? BASE + FOREVER : from +
		    (int64_t)draw(9 * (uint64_t)HOUR);
		begin(1 + draw(COLUMNS));
		x.style.excel = i & 1;
		put_vehicle();
		reference(from, to, &expected, &duplicates);
		lower_bounds();
		buf_init(&whole, ROOM);
		if (run_ranges(from, to, &whole, &found) != 0)
			bad_row(&bad, "%d: not done", i);
		if (whole.len != expected.len || (whole.len > 0 &&
		    memcmp(whole.data, expected.data, whole.len) != 0))
			bad_row(&bad, "%d: other rows", i);
		if (found != duplicates)
			bad_row(&bad, "%d: %" PRIu64 " duplicates, not %"
			    PRIu64, i, found, duplicates);
		if (run_raw(from, to) != EXACT_DONE ||
		    x.csv.len != expected.len || x.duplicates != duplicates)
			bad_row(&bad, "%d: in one run", i);
		rows += x.rows;
		lost += duplicates;
		buf_release(&whole);
		buf_release(&expected);
		end();
	}
	is_int((int64_t)bad, 0, "%d random vehicles, in random ranges", N);
	ok(rows > 100 * N && lost > 2 * N,
	    "%" PRIu64 " rows, %" PRIu64 " duplicates", rows, lost);
}

/* put_rows(n, step): An hour of n rows. */
static void
put_rows(size_t column, int n, int step)
{
	char key[16];
	int i;

	doc_hour(&d, BASE);
	for (i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "%d", i * step);
		doc_int32(&d, key, i % 1000);
	}
	doc_hour_end(&d);
	add(column, BASE);
}

/* Where the blocks have no room; and that it leaves nothing behind. */
static void
test_no_room(void)
{
	begin(1);
	put_rows(0, 60000, 60);
	is_str(run(0, HOUR), "long", "an hour of several blocks");
	ok(x.blocks.n >= 4 && x.rows == 60000 && x.points == 60000 &&
	    x.csv.len > 3 * BLOCK_BYTES, "%zu of them", x.blocks.n);
	blocks_release(&x.blocks);
	x.blocks.text.max = 100;
	is_str(run(0, HOUR), "too large", "no room for text");
	blocks_release(&x.blocks);
	blocks_init(&x.blocks);
	x.blocks.deflated.max = 100;
	is_str(run(0, HOUR), "too large", "no room for what is deflated");
	blocks_release(&x.blocks);
	blocks_init(&x.blocks);
	x.blocks.sealed = on_sealed;
	x.blocks.arg = &x;
	is_str(run(0, HOUR), "long", "again with room");
	is_int((int64_t)x.rows, 60000, "all rows");
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

/* same_as_reference(name): The rows of two hours, and the duplicates. */
static void
same_as_reference(const char *name)
{
	struct buf expected;
	uint64_t duplicates;

	reference(BASE, BASE + 2 * HOUR, &expected, &duplicates);
	is_int(run_raw(BASE, BASE + 2 * HOUR), EXACT_DONE, "%s: done", name);
	ok(x.csv.len > 0 && x.csv.len == expected.len && memcmp(x.csv.data,
	    expected.data, x.csv.len) == 0, "%s: the rows", name);
	is_int((int64_t)x.duplicates, (int64_t)duplicates, "%s: duplicates",
	    name);
	buf_release(&expected);
}

/*
 * An hour of a million points, more than fit at once: rows and duplicates are
 * the same as if they fitted.
 */
static void
test_large(void)
{
	begin(2);
	/* In the order of reading; by time this is the last. */
	doc_hour(&d, BASE + 1800000);
	doc_put(&d, "x=i1 y=i2 0=i3 3=i4 1799999=i5 3600000=i6");
	doc_hour_end(&d), add(0, BASE + 1800000);
	put_large(BASE, 0, 3, 110, 1);
	doc_put(&d, "x=i1"), doc_hour_end(&d), add(1, BASE);
	put_large(BASE + 3, 0, 3, 110, -1);
	doc_put(&d, "7200000=i7 x=t1 y=t1"), doc_hour_end(&d);
	add(1, BASE + 3);
	put_large(BASE + 4, 0, 3, 97, 1);
	doc_hour_end(&d), add(1, BASE + 4);
	same_as_reference("a million points");
	ok(x.csv.len > 32 * BLOCK_BYTES && x.rows > 500000 &&
	    x.duplicates > 300000, "%" PRIu64 " rows", x.rows);
	is_str(run(2 * HOUR, 4 * HOUR), "7200003:,7", "after it");
	end();
}

/* put_one_ms(n): n points of one ms, the last of them n - 1. */
static void
put_one_ms(int n)
{
	int i;

	doc_hour(&d, BASE);
	doc_int32(&d, "1", 5);
	for (i = 0; i < n; i++)
		doc_int32(&d, "7", i);
	doc_int32(&d, "9", 6);
	doc_hour_end(&d);
	add(0, BASE);
}

/* Points of one ms: no shorter window has fewer. */
static void
test_one_ms(void)
{
	begin(1);
	put_one_ms(400000);
	is_str(run(0, HOUR), "1:5 7:399999 9:6", "400,000 points of one ms");
	is_int((int64_t)x.duplicates, 399999, "all but one lost");
	forget();
	put_one_ms(2900000);
	is_str(run(0, HOUR), "too large", "2,900,000 points of one ms");
	is_str(run(0, 7), "1:5", "but the ms before it");
	forget();
	put_one_ms(3);
	is_str(run(0, HOUR), "1:5 7:2 9:6", "and again");
	/* beginning again: rows of whole blocks were made before */
	forget();
	put_rows(0, 60000, 60);
	doc_hour(&d, BASE + HOUR);
	for (int i = 0; i < 400000; i++)
		doc_int32(&d, "7", i);
	doc_hour_end(&d), add(0, BASE + HOUR);
	same_as_reference("after several blocks");
	is_int((int64_t)x.rows, 60001, "each row once");
	end();
}

/* put_shuffled(column, n, step): A level of n keys, in no order. */
static void
put_shuffled(size_t column, size_t n, size_t step)
{
	char key[16];
	size_t i;

	doc_hour(&d, BASE);
	for (i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "%zu", i * 7919 % n * step);
		doc_int32(&d, key, (int32_t)i);
	}
	doc_hour_end(&d);
	add(column, BASE);
}

/* A level whose keys have to be sorted all at once, whatever the window. */
static void
test_shuffled(void)
{
	size_t i;

	begin(2);
	put_shuffled(0, 50000, 72);
	same_as_reference("50,000 shuffled keys");
	forget();
	put_shuffled(0, 700001, 5);
	same_as_reference("700,001 shuffled keys");
	/* its keys fit, but not together with an hour of other points */
	put_shuffled(1, 1300001, 2);
	same_as_reference("two columns of shuffled keys");
	forget();
	doc_hour(&d, BASE);
	for (i = 0; i < 1100000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%zu", i * 3);
		doc_int32(&d, key, (int32_t)i);
	}
	doc_hour_end(&d), add(0, BASE);
	put_shuffled(1, 1500001, 2);
	same_as_reference("shuffled keys next to many points");
	forget();
	doc_hour(&d, BASE);
	for (i = 0; i < 2700000; i++)
		doc_bool(&d, i % 2 ? "0" : "1", 1);
	doc_hour_end(&d), add(0, BASE);
	is_str(run(0, HOUR), "too large", "2,700,000 shuffled keys");
	end();
}

/* Many columns, of one point each at one ms. */
static void
test_wide(void)
{
	enum { WIDE = 5000 };
	size_t c;

	begin(WIDE);
	for (c = 0; c < WIDE; c++)
		hour(c, 0, "5=i1 3=i2 x=i1");
	is_int(run_raw(BASE, BASE + HOUR), EXACT_DONE, "%d columns", WIDE);
	is_int((int64_t)x.rows, 2, "in two rows");
	is_int((int64_t)x.points, 2 * WIDE, "with all their points");
	end();
}

int
main(void)
{
	if ((deflater = deflater_new(DEFLATE_FAST)) == NULL ||
	    (exact = exact_new(deflater)) == NULL)
		abort();
	test_hour();
	test_reach();
	test_gaps();
	test_range();
	test_style();
	test_duplicates();
	test_model();
	test_random();
	test_wide();
	test_no_room();
	test_large();
	test_one_ms();
	test_shuffled();
	is_int((int64_t)broken, 0, "each block of all is well");
	exact_free(exact);
	deflater_free(deflater);
	return done_testing();
}
