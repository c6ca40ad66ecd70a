#ifndef LIB_BASE_VERSION_H
#define LIB_BASE_VERSION_H

/* Of both programs, exportctl and the package: the Makefile reads it here. */
#define EXPORT_VERSION "1.0.0"

#endif
