#ifndef WORKER_ENGINE_ROWS_TIMETEXT_H
#define WORKER_ENGINE_ROWS_TIMETEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/timestamp.h"

/* The longest time of a row, and the room that timetext_put() needs. */
#define TIMETEXT_ROOM 32

/*
 * A row's time, with the same bytes as csv_row() writes. What neighbours share
 * (all but the last 5 digits of the ms, all but the seconds in RFC 3339) is
 * kept as text: 3 ns a row instead of 10 and 60.
 */
struct timetext {
	bool rfc3339;
	int64_t from_ms, to_ms;		/* times that share text, half-open */
	char text[TIMETEXT_ROOM];	/* of from_ms */
	size_t len;
};

void timetext_init(struct timetext *s, bool rfc3339);

/*
 * timetext_put(s, t_ms, to):
 * Write a time without a NUL. Returns its length; TIMETEXT_ROOM bytes of to may
 * change.
 */
size_t timetext_put(struct timetext *s, int64_t t_ms, char *to);

#endif
