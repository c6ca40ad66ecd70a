/*
 * zones: The offsets of zones, and times of day by them, for the comparison with
 * Python's zoneinfo (t/0540-zones.t). From standard input: "zone NAME FROM TO", which
 * prints the table's text or "unknown"; then times of that zone, Unix ms, a line each,
 * which are printed as a row would have them: by itself, and after its neighbours.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/zone.h"
#include "lib/base/zonefile.h"
#include "worker/engine/rows/csv.h"
#include "worker/engine/rows/timetext.h"

static void
take_zone(const char *line, struct zone *zone)
{
	struct zone read = { 0 };
	char name[256], *text = NULL;
	int64_t from_ms, to_ms;

	zone_release(zone);
	if (sscanf(line, "zone %255s %" SCNd64 " %" SCNd64, name, &from_ms, &to_ms) != 3)
		errx(2, "%s", line);
	if (zonefile_read(name, from_ms, to_ms, &read) != ZONEFILE_OK ||
	    (text = zone_text(&read)) == NULL)
		puts("unknown");
	/* A worker has it from its text. */
	else if (zone_parse(text, zone) != 0)
		errx(1, "%s: not read again: %s", name, text);
	else
		puts(text);
	free(text);
	zone_release(&read);
}

int
main(void)
{
	struct zone zone = { 0 };
	const struct csv_style style = { .zone = &zone };
	char line[512], text[TIMETEXT_ROOM], other[TIMETEXT_ROOM];
	struct timetext times;
	int64_t t_ms;
	size_t len;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strncmp(line, "zone ", 5) == 0) {
			take_zone(line, &zone);
			timetext_init(&times, &style);
			continue;
		}
		t_ms = strtoll(line, NULL, 10);
		len = timetext_any(&style, t_ms, text);
		if (timetext_put(&times, t_ms, other) != len ||
		    memcmp(text, other, len) != 0)
			errx(1, "%s: two texts", line);
		printf("%.*s\n", (int)len, text);
	}
	zone_release(&zone);
	return 0;
}
