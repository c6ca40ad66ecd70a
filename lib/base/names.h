#ifndef LIB_BASE_NAMES_H
#define LIB_BASE_NAMES_H

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

/* names_sort(list): Order by byte values. */
void names_sort(struct names *list);

/* names_release(list): Free the strings; the list is empty again. */
void names_release(struct names *list);

#endif
