#ifndef LIB_BASE_NAMES_H
#define LIB_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A list of names (vehicles, parameters, columns); the strings belong to it. A
 * zeroed struct is an empty list.
 */
struct names {
	char **v;
	size_t n;
};

/* names_add(list, text, len): Append a copy. Returns 0, -1: no memory. */
int names_add(struct names *list, const char *text, size_t len);

/*
 * names_sort(list): Order by byte values.
 * names_has(sorted, name): Whether it is in a list that is in this order.
 */
void names_sort(struct names *list);
bool names_has(const struct names *sorted, const char *name);

/* names_equal(a, b): Whether they are the same names in the same order. */
bool names_equal(const struct names *a, const struct names *b);

/* names_release(list): Free the strings; the list is empty again. */
void names_release(struct names *list);

#endif
