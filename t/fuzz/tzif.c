/*
 * Any bytes: a table within the range, in order, each of whose changes is one, and whose
 * text reads back; or nothing. The input is 8 bytes of a range, then the file.
 */
#include "lib/base/tzif.h"

#include <string.h>

#include "lib/base/timestamp.h"
#include "lib/base/zone.h"

#include "t/fuzz/fuzz.h"

static void
check_table(const struct zone *z, int64_t from_ms, int64_t to_ms)
{
	int32_t before_s = z->first_s;
	size_t i;

	CHECK(z->n <= ZONE_CHANGES_MAX);
	for (i = 0; i < z->n; i++) {
		CHECK(z->v[i].at_s * 1000 > from_ms && z->v[i].at_s * 1000 < to_ms);
		CHECK(i == 0 || z->v[i].at_s > z->v[i - 1].at_s);
		CHECK(z->v[i].offset_s != before_s);
		CHECK(z->v[i].offset_s >= ZONE_OFFSET_MIN_S &&
		    z->v[i].offset_s <= ZONE_OFFSET_MAX_S);
		before_s = z->v[i].offset_s;
	}
}

static void
check_text(const struct zone *z)
{
	struct zone again = { 0 };
	char *text = zone_text(z);
	size_t i;

	CHECK(text != NULL && zone_parse(text, &again) == 0);
	CHECK(again.first_s == z->first_s && again.n == z->n);
	for (i = 0; i < z->n; i++)
		CHECK(again.v[i].at_s == z->v[i].at_s &&
		    again.v[i].offset_s == z->v[i].offset_s);
	free(text);
	zone_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, data + len };
	struct zone z = { 0 };
	const int64_t from_ms = (int64_t)take_int(&in, 4) * 86400 - 5000000000000;
	const int64_t to_ms = from_ms + 1 + (int64_t)take_int(&in, 4) * 1000;

	if (tzif_zone(in.at, (size_t)(in.end - in.at), from_ms, to_ms, &z) == 0) {
		check_table(&z, from_ms, to_ms);
		check_text(&z);
	}
	zone_release(&z);
	/* The same bytes as a table's text. */
	if (len > 0 && len < 4096) {
		char text[4096];

		memcpy(text, data, len);
		text[len] = '\0';
		if (zone_parse(text, &z) == 0)
			check_text(&z);
		zone_release(&z);
	}
	return 0;
}
