#ifndef WORKER_ENGINE_ROWS_COLUMNS_H
#define WORKER_ENGINE_ROWS_COLUMNS_H

struct names;

/*
 * columns_sort(list):
 * Sort a vehicle's parameters into the order of the CSV's columns, for an
 * export that requested none: speed, soc, current, odo and voltage first, in
 * this order, then the rest by byte values (FORMAT.md, 1). In place.
 */
void columns_sort(struct names *list);

/*
 * columns_name(parameters, separator, columns):
 * Name the columns of these parameters as in a CSV's header with this separator, not
 * yet quoted: no two the same, none of them `time` (FORMAT.md, 3). columns was empty; the
 * caller releases it. Returns 0, -1: no memory.
 */
int columns_name(const struct names *parameters, char separator,
    struct names *columns);

#endif
