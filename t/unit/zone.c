/* lib/base/zone.h, tzrule.h, tzif.h: tables of offsets, their text, rules, files. */
#include "lib/base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/timestamp.h"
#include "lib/base/tzif.h"
#include "lib/base/tzrule.h"

#include "t/tap.h"

#define ROWS_OF(table) (sizeof(table) / sizeof((table)[0]))

static void
test_spans(void)
{
	static const struct {
		int64_t t_ms, from_ms, to_ms, offset_ms;
	} rows[] = {
		{ INT64_MIN, INT64_MIN, -5000, 3208000 },
		{ -5001, INT64_MIN, -5000, 3208000 },
		{ -5000, -5000, 7000, -1000 },
		{ 6999, -5000, 7000, -1000 },
		{ 7000, 7000, INT64_MAX, 20700000 },
		{ INT64_MAX, 7000, INT64_MAX, 20700000 },
	};
	struct zone z = { .first_s = 3208 };
	struct zone_span span;
	size_t i;

	is_int(zone_add(&z, -5, -1) | zone_add(&z, 7, 20700), 0, "two changes");
	for (i = 0; i < ROWS_OF(rows); i++) {
		span = zone_span(&z, rows[i].t_ms);
		ok(span.from_ms == rows[i].from_ms && span.to_ms == rows[i].to_ms &&
		    span.offset_ms == rows[i].offset_ms, "span %zu", i);
	}
	zone_release(&z);
	span = zone_span(&z, 5);
	ok(span.from_ms == INT64_MIN && span.to_ms == INT64_MAX &&
	    span.offset_ms == 0, "released, it is UTC");
	for (i = 0; i < ZONE_CHANGES_MAX; i++)
		if (zone_add(&z, (int64_t)i, (int32_t)i) != 0)
			break;
	is_int((int64_t)i, ZONE_CHANGES_MAX, "as many changes as may be");
	is_int(zone_add(&z, (int64_t)i, 0), -1, "one too many");
	zone_release(&z);
}

static void
test_text(void)
{
	static const char *const good[] = { "0", "3600", "-89999", "93599",
	    "3600 1540688400 7200", "-18000 -5 0 0 -1 7 3208",
	    "0 -9223372036761176 0", "0 9223372036761176 1" };
	static const char *const bad[] = { "", " ", "a", "-", "-0", "00", "01",
	    "93600", "-90000", "0 ", " 0", "0 1", "0 1 ", "0  1 2", "0 1 2 ",
	    "0 1 2 1 3", "0 2 2 1 3", "0 1 93600", "0 1 2x", "+1", "0x1",
	    "99999999999999999999", "0 9223372036854775807 0",
	    "0 -9223372036854775807 0", "0 1 2\n", "0\t1 2", "0 1.5 2" };
	struct zone z = { 0 };
	char *text;
	size_t i;

	for (i = 0; i < ROWS_OF(good); i++) {
		is_int(zone_parse(good[i], &z), 0, "text: %s", good[i]);
		text = zone_text(&z);
		is_str(text, good[i], "text %zu, written again", i);
		free(text);
		zone_release(&z);
	}
	for (i = 0; i < ROWS_OF(bad); i++) {
		is_int(zone_parse(bad[i], &z), -1, "no such text: \"%s\"", bad[i]);
		zone_release(&z);
	}
}

static void
test_names(void)
{
	static const char *const good[] = { "UTC", "Europe/Berlin",
	    "America/Argentina/Buenos_Aires", "Etc/GMT+12", "America/Port-au-Prince",
	    "GMT0", "posi", "Right/x" };
	static const char *const bad[] = { "", "/", "/UTC", "UTC/", "a//b", ".",
	    "..", "a/../b", "a/.b", "a b", "a\nb", "posix/UTC", "posixrules",
	    "right/UTC", "localtime", "zone.tab", "+1", "1", "_", "\xc3\xa4",
	    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm" };
	size_t i;

	for (i = 0; i < ROWS_OF(good); i++)
		ok(zone_is_name(good[i]), "a name: %s", good[i]);
	for (i = 0; i < ROWS_OF(bad); i++)
		ok(!zone_is_name(bad[i]), "no name: %zu", i);
}

/* Moments by Python's zoneinfo and calendar. */
static void
test_rules(void)
{
	static const struct {
		const char *text;
		int year;
		int64_t begin_s, end_s;
		int32_t standard_s, other_s;
	} rows[] = {
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 2018, 1521939600, 1540688400,
		    3600, 7200 },
		{ "IST-1GMT0,M10.5.0,M3.5.0/1", 2018, 1540688400, 1521939600,
		    3600, 0 },
		{ "<+0330>-3:30<+0430>,J79/24,J263/24", 2100, 4109257800,
		    4125151800, 12600, 16200 },
		{ "EST5EDT,0/0,J365/23", 2019, 1546318800, 1577847600, -18000,
		    -14400 },
		{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2024, 1711846800,
		    1729990800, -7200, -3600 },
		{ "AAA0BBB-0:30:15,J60,59", 2024, 1709258400, 1709170185, 0, 1815 },
	};
	static const char *const good[] = { "UTC0", "<+0545>-5:45", "ABC24",
	    "abc-24:59:59" };
	static const char *const bad[] = { "", "UTC", "UT0", "<+1>1", "UTC25",
	    "UTC0:60", "UTC0:00:60", "CET-1CEST", "CET-1CEST,", "CET-1CEST,M3.5.0",
	    "CET-1CEST,M3.5.0,", "CET-1CEST,M0.5.0,M10.5.0", "CET-1CEST,M13.5.0,M10.5.0",
	    "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.0.0,M10.5.0",
	    "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,M10.5.0", "CET-1CEST,366,1",
	    "CET-1CEST,M3.5.0/168,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0x", "<UTC0",
	    "UTC0\n", "CET-1<CEST,M3.5.0,M10.5.0", "UTC--1", "UTC+-1" };
	struct zone_change changes[2];
	struct tzrule rule;
	size_t i;

	for (i = 0; i < ROWS_OF(rows); i++) {
		is_int(tzrule_parse(rows[i].text, strlen(rows[i].text), &rule), 0,
		    "rule: %s", rows[i].text);
		tzrule_year(&rule, rows[i].year, changes);
		is_int(changes[1].at_s, rows[i].begin_s, "rule %zu: it begins", i);
		is_int(changes[0].at_s, rows[i].end_s, "rule %zu: it ends", i);
		is_int(changes[0].offset_s, rows[i].standard_s, "rule %zu: then", i);
		is_int(changes[1].offset_s, rows[i].other_s, "rule %zu: between", i);
	}
	for (i = 0; i < ROWS_OF(good); i++)
		ok(tzrule_parse(good[i], strlen(good[i]), &rule) == 0 &&
		    !rule.changes, "without changes: %s", good[i]);
	for (i = 0; i < ROWS_OF(bad); i++)
		is_int(tzrule_parse(bad[i], strlen(bad[i]), &rule), -1,
		    "no rule: %s", bad[i]);
}

/* A file: two blocks' headers, and of the second types, times and a footer. */
struct file {
	uint8_t data[512];
	size_t len;
};

static void
put(struct file *f, uint64_t n, size_t bytes)
{
	while (bytes-- > 0)
		f->data[f->len++] = bytes < 8 ? (uint8_t)(n >> 8 * bytes) : 0;
}

static void
put_header(struct file *f, char version, uint32_t leaps, uint32_t times,
    uint32_t types)
{
	memcpy(f->data + f->len, "TZif", 4);
	f->len += 4;
	put(f, (uint64_t)(unsigned char)version, 1);
	put(f, 0, 15);
	put(f, 0, 4);
	put(f, 0, 4);
	put(f, leaps, 4);
	put(f, times, 4);
	put(f, types, 4);
	put(f, 1, 4);
}

/* Berlin's summer of 2018, and a first block of one type. */
static void
make_file(struct file *f, const char *footer)
{
	memset(f, 0, sizeof(*f));
	put_header(f, '2', 0, 0, 1);
	put(f, 0, 6 + 1);
	put_header(f, '2', 0, 2, 3);
	put(f, 1521939600, 8);
	put(f, 1540688400, 8);
	put(f, 1, 1);
	put(f, 2, 1);
	put(f, 3208, 4);
	put(f, 0, 2);
	put(f, 7200, 4);
	put(f, 256, 2);
	put(f, 3600, 4);
	put(f, 0, 2);
	put(f, 0, 1);
	memcpy(f->data + f->len, footer, strlen(footer));
	f->len += strlen(footer);
}

static void
is_zone(const struct file *f, int64_t from_ms, int64_t to_ms,
    const char *expected, const char *what)
{
	uint8_t *copy = malloc(f->len > 0 ? f->len : 1);
	struct zone z = { 0 };
	char *text = NULL;

	if (copy == NULL)
		abort();
	memcpy(copy, f->data, f->len);
	if (tzif_zone(copy, f->len, from_ms, to_ms, &z) == 0)
		text = zone_text(&z);
	is_str(text, expected, "file: %s", what);
	free(text);
	free(copy);
	zone_release(&z);
}

static void
test_files(void)
{
	struct file f;
	size_t i, wrong = 0;
	struct zone z;

	make_file(&f, "\n\n");
	is_zone(&f, 0, TIMESTAMP_MAX_MS, "3208 1521939600 7200 1540688400 3600",
	    "all of it, no rule");
	is_zone(&f, 1521939600000, 1540688400000, "7200", "between two changes");
	is_zone(&f, 1521939599999, 1540688400001,
	    "3208 1521939600 7200 1540688400 3600", "a ms before and after");
	is_zone(&f, 1540688400000, TIMESTAMP_MAX_MS, "3600", "after the last");
	is_zone(&f, -2000, -1000, "3208", "before 1970");
	make_file(&f, "\nCET-1CEST,M3.5.0,M10.5.0/3\n");
	is_zone(&f, 1540000000000, 1580000000000,
	    "7200 1540688400 3600 1553994000 7200 1572138000 3600", "by the rule");
	is_zone(&f, 253370764800000, 253402300799999,
	    "3600 253378198800 7200 253396947600 3600", "year 9999");
	for (i = 0; i < f.len; i++) {
		struct file cut = f;

		cut.len = i;
		memset(&z, 0, sizeof(z));
		wrong += tzif_zone(cut.data, cut.len, 0, TIMESTAMP_MAX_MS, &z) == 0;
		zone_release(&z);
	}
	is_int((int64_t)wrong, 0, "no file that is cut");
	make_file(&f, "\nCET-1CEST\n");
	is_zone(&f, 0, TIMESTAMP_MAX_MS, NULL, "a rule that is none");
	make_file(&f, "\nUTC0\n");
	f.data[4] = '\0';
	is_zone(&f, 0, 1, NULL, "version 1");
	make_file(&f, "\nUTC0\n");
	f.data[51 + 31] = 1;
	is_zone(&f, 0, 1, NULL, "leap seconds");
	make_file(&f, "\nUTC0\n");
	f.data[51 + 44 + 16] = 3;
	is_zone(&f, 0, TIMESTAMP_MAX_MS, NULL, "a type that there is not");
	make_file(&f, "\nUTC0\n");
	f.data[51 + 44 + 4] = 0;
	is_zone(&f, 0, TIMESTAMP_MAX_MS, "3208 11990160 7200 1540688400 3600",
	    "another moment");
	f.data[51 + 44] = 0x40;
	is_zone(&f, 0, TIMESTAMP_MAX_MS, NULL, "changes that do not ascend");
	make_file(&f, "\nUTC0\n");
	f.data[51 + 44 + 18] = 0x40;
	is_zone(&f, 0, 1, NULL, "an offset of years");
}

int
main(void)
{
	test_spans();
	test_text();
	test_names();
	test_rules();
	test_files();
	return done_testing();
}
