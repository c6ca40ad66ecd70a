#ifndef WORKER_ENGINE_ROWS_COLUMNS_H
#define WORKER_ENGINE_ROWS_COLUMNS_H

#include <stddef.h>

struct archive_parameter;
struct buf;
struct names;
struct nameset;

/* Whose units the names have: by name (bytewise), as in archive_types.h; may be none. */
struct columns_units {
	const struct archive_parameter *v;
	size_t n;
};

/*
 * columns_sort(list):
 * Sort a vehicle's parameters into the order of the CSV's columns, for an
 * export that requested none: speed, soc, current, odo and voltage first, in
 * this order, then the rest by byte values (FORMAT.md, 1). In place.
 */
void columns_sort(struct names *list);

/*
 * columns_name(parameters, units, separator, columns):
 * Name the columns of these parameters as in a CSV's header with this separator, not
 * yet quoted: no two the same, none of them `time` (FORMAT.md, 3), each with its unit
 * in brackets where there is one. columns was empty; the caller releases it. Returns
 * 0, -1: no memory.
 */
int columns_name(const struct names *parameters, const struct columns_units *units,
    char separator, struct names *columns);

/*
 * columns_add(columns, taken, text): Add the next name: text, with _2, _3, ... where that
 * is taken, as it is afterwards. text has room, and is used up. Returns 0, -1: no memory.
 */
int columns_add(struct names *columns, struct nameset *taken, struct buf *text);

#endif
