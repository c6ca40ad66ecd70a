#ifndef WORKER_ENGINE_ROWS_COLUMNS_H
#define WORKER_ENGINE_ROWS_COLUMNS_H

struct names;

/*
 * columns_sort(list):
 * Put the parameters of a vehicle in the order of the CSV's columns when none
 * were asked for: speed, soc, current, odo, voltage first, the rest bytewise.
 */
void columns_sort(struct names *list);

#endif
