#ifndef LIB_BASE_TRIM_H
#define LIB_BASE_TRIM_H

/* trim(s): s without the white space at its ends, in its own place: what follows is cut. */
char *trim(char *s);

#endif
