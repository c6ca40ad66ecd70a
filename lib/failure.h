#ifndef LIB_FAILURE_H
#define LIB_FAILURE_H

#include <stdbool.h>

/* Why an attempt at a job ended without a result. One table, failure.c. */
enum failure {
	FAILURE_NONE,
	FAILURE_UNKNOWN_VEHICLE,
	FAILURE_SLICE_TOO_LARGE,
	FAILURE_BAD_JOB,
	FAILURE_STORAGE_REFUSED,
	FAILURE_ATTEMPTS,
	FAILURE_DATABASE,
	FAILURE_STORAGE,
	FAILURE_INTERNAL
};

/* failure_code(f): What a job's error.code says, "unknown_vehicle". */
const char *failure_code(enum failure f);

/* failure_text(f): A sentence for the user: no host, no internals. */
const char *failure_text(enum failure f);

/* failure_permanent(f): Whether another attempt cannot help. */
bool failure_permanent(enum failure f);

#endif
