#include "worker/slice.h"

#include "worker/merge.h"
#include "worker/points.h"

#include "t/tap.h"
#include "t/unit/doc.h"

#define BASE INT64_C(1543536000000)
#define HOUR INT64_C(3600000)
#define ROOM ((size_t)1 << 28)
#define FOREVER (BASE + 1000 * HOUR)

static struct doc d;
static struct skips skips;
static char text[16384];
static uint64_t duplicates;

/*
 * rows(s): slice_rows() as a text: "time:cell,cell " a row, times relative to
 * BASE, ints and strings; "failed" where memory ended. Adds to duplicates.
 */
static const char *
rows(struct slice *s)
{
	struct merge *m;
	uint64_t lost = 0;
	size_t n = 0, i;
	int64_t t_ms;

	text[0] = '\0';
	if ((m = slice_rows(s, &lost)) == NULL)
		return "failed";
	duplicates += lost;
	while (merge_next(m, &t_ms) == 0 && n < sizeof(text) - 1000) {
		n += (size_t)snprintf(text + n, 32, "%" PRId64 ":",
		    t_ms - BASE);
		for (i = 0; i < m->n; i++) {
			const struct point *p = m->cells[i];

			if (p != NULL && p->type == LEAF_STRING)
				n += (size_t)snprintf(text + n, 300, "%.*s",
				    (int)le32(p->v.ref) - 1,
				    (const char *)p->v.ref + 4);
			else if (p != NULL && p->type == LEAF_DECIMAL128)
				n += (size_t)snprintf(text + n, 40, "D%" PRIu64,
				    le64(p->v.ref));
			else if (p != NULL)
				n += (size_t)snprintf(text + n, 40, "%d",
				    (int)p->v.bits);
			text[n++] = i + 1 < m->n ? ',' : ' ';
		}
		text[n] = '\0';
	}
	if (n > 0)
		text[n - 1] = '\0';
	return text;
}

/* add(s, column): A copy of d, gone when slice_add() returns. */
static int
add(struct slice *s, size_t column)
{
	uint8_t *copy = malloc(d.len);
	int rc;

	if (copy == NULL)
		abort();
	memcpy(copy, d.data, d.len);
	rc = slice_add(s, column, copy, d.len, BASE, FOREVER, &skips);
	memset(copy, 0xee, d.len);
	free(copy);
	return rc;
}

/* hour(base, "5=1 7=x ..."): d is a document of these; x...: a string. */
static void
hour(int64_t base, const char *points)
{
	char copy[1024], *p, *save = NULL, *value;

	doc_hour(&d, base);
	snprintf(copy, sizeof(copy), "%s", points);
	for (p = strtok_r(copy, " ", &save); p != NULL;
	    p = strtok_r(NULL, " ", &save)) {
		value = strchr(p, '=');
		*value++ = '\0';
		if (value[0] >= '0' && value[0] <= '9') {
			doc_int32(&d, p, atoi(value));
		} else if (value[0] == 'D') {
			doc_key(&d, 0x13, p);
			doc_le64(&d, (uint64_t)atoi(value + 1));
			doc_le64(&d, UINT64_C(0x3040000000000000));
		} else {
			doc_string(&d, p, value);
		}
	}
	doc_hour_end(&d);
}

static void
test_hour(void)
{
	struct slice *s = slice_new(3, ROOM);
	int64_t t_ms = 77;

	ok(s != NULL, "slice_new");
	is_int(slice_carried(s, &t_ms), 1, "nothing is carried");
	ok(slice_begin(s, BASE + HOUR) == 0, "slice_begin");
	is_str(rows(s), "", "an hour without documents");
	slice_begin(s, BASE + 2 * HOUR);
	hour(BASE + HOUR, "5=1 7=3 6=2"), add(s, 0);
	hour(BASE + HOUR, "7=x 1=y"), add(s, 2);
	is_int(skips_any(&skips), 0, "nothing skipped");
	is_str(rows(s), "3600001:,,y 3600005:1,, 3600006:2,, 3600007:3,,x",
	    "two columns, ordered");
	ok(duplicates == 0, "no duplicates");
	is_int(slice_carried(s, &t_ms), 1, "nothing is carried");
	slice_begin(s, BASE + 3 * HOUR);
	is_str(rows(s), "", "the hour before is forgotten");
	slice_begin(s, BASE + 4 * HOUR);
	hour(BASE + 3 * HOUR, "1=1 x=5 3599999=2"), add(s, 1);
	is_int((int64_t)skips.count[SKIP_BAD_KEY], 1, "skips are told");
	is_str(rows(s), "10800001:,1, 14399999:,2,", "and again");
	slice_free(s);
	slice_free(NULL);
}

/* Points behind the hour come in the hour that is theirs. */
static void
test_carry(void)
{
	struct slice *s = slice_new(2, ROOM);
	int64_t t_ms = 0;

	slice_begin(s, BASE + HOUR);
	hour(BASE, "5=1 3600000=late 3599999=2 7200005=later 10800000=3"
	    " 3600001=D42"), add(s, 0);
	hour(BASE, "7200005=44"), add(s, 1);
	is_str(rows(s), "5:1, 3599999:2,", "the hour's own");
	ok(slice_carried(s, &t_ms) == 0 && t_ms == BASE + HOUR,
	    "the earliest carried");
	slice_begin(s, BASE + 2 * HOUR);
	hour(BASE + HOUR, "7=8"), add(s, 1);
	is_str(rows(s), "3600000:late, 3600001:D42, 3600007:,8",
	    "carried, with their text, beside what is read");
	ok(slice_carried(s, &t_ms) == 0 && t_ms == BASE + 7200005,
	    "the next carried");
	slice_begin(s, BASE + 3 * HOUR);
	is_str(rows(s), "7200005:later,44", "carried twice, alone");
	ok(slice_carried(s, &t_ms) == 0 && t_ms == BASE + 3 * HOUR,
	    "the last carried");
	slice_begin(s, BASE + 4 * HOUR);
	is_str(rows(s), "10800000:3,", "at the first ms of its hour");
	is_int(slice_carried(s, &t_ms), 1, "nothing is left");
	/* hours between are left out when nothing is due */
	slice_begin(s, BASE + 5 * HOUR);
	hour(BASE + 4 * HOUR, "100000000=far"), add(s, 0);
	is_str(rows(s), "", "all of an hour lies beyond it");
	ok(slice_carried(s, &t_ms) == 0 && t_ms == BASE + 4 * HOUR +
	    100000000, "far ahead");
	slice_begin(s, BASE + 33 * HOUR);
	is_str(rows(s), "114400000:far,", "in a later slice");
	slice_free(s);
}

/* The later document wins, also over what was carried. */
static void
test_duplicates(void)
{
	struct slice *s = slice_new(1, ROOM);

	duplicates = 0;
	slice_begin(s, BASE + HOUR);
	hour(BASE, "5=1 5=2 05=3 6=4"), add(s, 0);
	is_str(rows(s), "5:3 6:4", "in one document: the later place");
	is_int((int64_t)duplicates, 2, "two lost");
	slice_begin(s, BASE + 2 * HOUR);
	duplicates = 0;
	hour(BASE + HOUR, "5=1 6=old 7=2"), add(s, 0);
	hour(BASE + HOUR + 1, "5=new 4=8 3=9"), add(s, 0);
	hour(BASE + HOUR + 2, "1=10 100=x"), add(s, 0);
	is_str(rows(s), "3600003:10 3600004:9 3600005:8 3600006:new 3600007:2 "
	    "3600102:x", "across documents: the later document");
	is_int((int64_t)duplicates, 2, "two lost");
	/* carried: from earlier documents, so the newly read win */
	duplicates = 0;
	slice_begin(s, BASE + 3 * HOUR);
	hour(BASE + 2 * HOUR, "3600005=a 3600006=b 7200000=c"), add(s, 0);
	hour(BASE + 2 * HOUR + 1, "3600004=d 7200001=x"), add(s, 0);
	is_str(rows(s), "", "nothing in this hour");
	slice_begin(s, BASE + 4 * HOUR);
	hour(BASE + 3 * HOUR, "6=e 7=f 3600001=g"), add(s, 0);
	is_str(rows(s), "10800005:d 10800006:e 10800007:f",
	    "the newly read wins over the carried");
	slice_begin(s, BASE + 5 * HOUR);
	hour(BASE + 4 * HOUR, "0=h"), add(s, 0);
	is_str(rows(s), "14400000:h 14400001:g 14400002:x",
	    "of three documents the last");
	is_int((int64_t)duplicates, 3, "each loser counted once");
	slice_free(s);
}

/* Many hours, each reaching into the next ones: against a plain model. */
static void
test_model(void)
{
	enum { HOURS = 24, SPAN = 200 };
	static int value[HOURS * SPAN * 4];
	struct slice *s = slice_new(1, ROOM);
	uint64_t x = 88172645463325252, points = 0, kept = 0;
	unsigned long bad = 0;
	char key[16];
	int h, i, n = 0;
	struct merge *m;
	int64_t t_ms;

	/* One ms stands for a place; an "hour" is SPAN of them. */
	duplicates = 0;
	for (h = 0; h < HOURS + 4; h++) {
		uint64_t lost = 0;

		if (slice_begin(s, BASE + (h + 1) * SPAN) != 0)
			abort();
		for (i = 0; i < 3 && h < HOURS; i++) {
			int k;

			doc_hour(&d, BASE + h * SPAN + i);
			for (k = 0; k < 100; k++) {
				int place;

				x ^= x << 13;
				x ^= x >> 7;
				x ^= x << 17;
				place = (int)(x % (3 * SPAN));
				snprintf(key, sizeof(key), "%d", place);
				doc_int32(&d, key, ++n);
				/* In a document the later of one key wins. */
				value[h * SPAN + i + place] = n;
				points++;
			}
			doc_hour_end(&d);
			if (add(s, 0) != 0)
				bad_row(&bad, "hour %d: add", h);
		}
		if ((m = slice_rows(s, &lost)) == NULL)
			abort();
		duplicates += lost;
		for (i = h * SPAN; i < (h + 1) * SPAN; i++) {
			if (value[i] == 0)
				continue;
			if (merge_next(m, &t_ms) != 0 || t_ms != BASE + i ||
			    (int)m->cells[0]->v.bits != value[i])
				bad_row(&bad, "hour %d: place %d", h, i);
			kept++;
		}
		if (merge_next(m, &t_ms) != 1)
			bad_row(&bad, "hour %d: more than there is", h);
	}
	is_int((int64_t)bad, 0, "24 hours that reach into each other");
	is_int((int64_t)duplicates, (int64_t)(points - kept),
	    "each point is a row's or counted");
	slice_free(s);
}

/* One run of hours; returns the call that failed, 0 for none. */
static int
run(size_t memory_max, char *out, size_t size)
{
	struct slice *s = slice_new(2, memory_max);
	char long_text[3000];
	int h, rc = 0;
	size_t n = 0;

	if (s == NULL)
		return 1;
	memset(long_text, 'z', sizeof(long_text));
	long_text[2999] = '\0';
	for (h = 0; h < 4 && rc == 0; h++) {
		if (slice_begin(s, BASE + (h + 1) * HOUR) != 0) {
			rc = 2;
			break;
		}
		doc_hour(&d, BASE + h * HOUR);
		doc_string(&d, "7200000", "carried text");
		doc_string(&d, "7200001", long_text + 2700);
		doc_int32(&d, "5", 1), doc_int32(&d, "4", 2);
		doc_int32(&d, "5", 3), doc_string(&d, "9", long_text + 2990);
		doc_hour_end(&d);
		if (add(s, 0) != 0)
			rc = 3;
		else if (add(s, 1) != 0)
			rc = 4;
		else if (strcmp(rows(s), "failed") == 0)
			rc = 5;
		else
			n += (size_t)snprintf(out + n, size - n, "%s|", text);
	}
	slice_free(s);
	return rc;
}

static void
test_budget(void)
{
	static char whole[32768], out[32768];
	unsigned long bad = 0, failures[6] = { 0 };
	size_t max;
	int rc, last = 0;

	if (run(ROOM, whole, sizeof(whole)) != 0)
		abort();
	for (max = 0; max < 1 << 20; max += max < 40000 ? 7 : 1009) {
		rc = run(max, out, sizeof(out));
		failures[rc]++;
		if (rc == 0 && strcmp(whole, out) != 0)
			bad_row(&bad, "memory of %zu: another result", max);
		if (rc != 0 && last == 1)
			bad_row(&bad, "memory of %zu fails, less did not", max);
		last = rc == 0;
	}
	is_int((int64_t)bad, 0, "memory ends at every place");
	ok(failures[3] > 0 && failures[4] > 0 && failures[5] > 0 &&
	    failures[0] > 0, "in either column, in the rows, and not at all");
}

/* A document too large for the memory; the slice is of use afterwards. */
static void
test_large(void)
{
	struct slice *s = slice_new(1, 1 << 20);
	size_t i;

	slice_begin(s, BASE + HOUR);
	doc_hour(&d, BASE);
	for (i = 0; i < 300; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%zu", i);
		doc_key(&d, 0x02, key);
		doc_le32(&d, 10001);
		memset(d.data + d.len, 'x', 10000);
		d.len += 10000;
		doc_byte(&d, 0);
	}
	doc_hour_end(&d);
	ok(add(s, 0) == -1, "a document of 3 MB in 1 MiB");
	ok(slice_begin(s, BASE + 2 * HOUR) == 0, "the next hour");
	hour(BASE + HOUR, "5=1");
	ok(add(s, 0) == 0, "a small document");
	is_str(rows(s), "3600005:1", "is there");
	/* Memory does not grow with the hours. */
	for (i = 2; i < 3000; i++) {
		if (slice_begin(s, BASE + (int64_t)(i + 1) * HOUR) != 0)
			break;
		hour(BASE + (int64_t)i * HOUR, "5=abcdefghijklmnopqrstuvwxyz "
		    "3600006=zyxwvutsrqponmlkjihgfedcba 7200007=carriedtwice");
		if (add(s, 0) != 0 || strcmp(rows(s), "failed") == 0)
			break;
	}
	is_int((int64_t)i, 3000, "3,000 hours in 1 MiB");
	slice_free(s);
}

int
main(void)
{
	test_hour();
	test_carry();
	test_duplicates();
	test_model();
	test_budget();
	test_large();
	return done_testing();
}
