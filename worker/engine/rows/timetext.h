#ifndef WORKER_ENGINE_ROWS_TIMETEXT_H
#define WORKER_ENGINE_ROWS_TIMETEXT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/timestamp.h"

/* The most that a row's time takes, and how much room timetext_put() wants. */
#define TIMETEXT_ROOM 32

/*
 * A row's time, as csv_row() writes it. What neighbours have in common (all but
 * the last 5 digits of the ms, all but the seconds of RFC 3339) is kept as text:
 * 3 ns a row instead of 10 and 60.
 */
struct timetext {
	int rfc3339;
	int64_t from_ms, to_ms;		/* times that share the text */
	char text[TIMETEXT_ROOM];
	size_t len;
};

void timetext_init(struct timetext *s, int rfc3339);

/* timetext_put(s, t_ms, to): Returns the length; up to TIMETEXT_ROOM bytes of to change. */
size_t timetext_put(struct timetext *s, int64_t t_ms, char *to);

#endif
