/*
 * Durations as people write them, and back. Knows no bound of what uses them.
 */
#include "lib/base/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The largest first: as duration_text() prefers them. */
static const struct {
	const char *name;
	int64_t ms;
} units[] = {
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};
#define NUNITS (sizeof(units) / sizeof(units[0]))

/* 0: there is no such unit. */
static int64_t
unit_ms(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < NUNITS; i++)
		if (strlen(units[i].name) == len &&
		    memcmp(units[i].name, name, len) == 0)
			return units[i].ms;
	return 0;
}

int
duration_parse(const char *text, size_t len, int64_t *ms)
{
	int64_t n = 0, unit;
	size_t i;

	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
		n = n * 10 + (text[i] - '0');
		if (n > DURATION_MAX_MS)
			return -1;
	}
	if (i == 0 || (i > 1 && text[0] == '0'))
		return -1;
	unit = unit_ms(text + i, len - i);
	if (unit == 0 || n > DURATION_MAX_MS / unit)
		return -1;
	*ms = n * unit;
	return 0;
}

void
duration_text(int64_t ms, char text[DURATION_SIZE])
{
	size_t i = 0;

	while (ms % units[i].ms != 0)
		i++;
	if (ms == 0)
		snprintf(text, DURATION_SIZE, "0s");
	else
		snprintf(text, DURATION_SIZE, "%" PRId64 "%s", ms / units[i].ms,
		    units[i].name);
}
