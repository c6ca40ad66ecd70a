#ifndef LIB_SERVERS_FAILURE_H
#define LIB_SERVERS_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

struct _bson_error_t;

/* Why an attempt at a job ended without a result. All tables: failure.c. */
enum failure {
	FAILURE_NONE,
	FAILURE_UNKNOWN_VEHICLE,
	FAILURE_SLICE_TOO_LARGE,
	FAILURE_BAD_JOB,
	FAILURE_ATTEMPTS,
	FAILURE_STORAGE_REFUSED,
	FAILURE_STORAGE,
	FAILURE_DATABASE,
	FAILURE_INTERNAL
};

/* failure_code(f): What a job's error.code says, "unknown_vehicle". */
const char *failure_code(enum failure f);

/* failure_of(code): The reverse; FAILURE_INTERNAL for what is no code. */
enum failure failure_of(const char *code);

/* failure_text(f): A sentence for the user: no host, no internals. */
const char *failure_text(enum failure f);

/* failure_permanent(f): Whether another attempt cannot help. */
bool failure_permanent(enum failure f);

/*
 * failure_s3(status, code, why):
 * What an answer of S3 that is no success means. status: of HTTP, 0 when no
 * whole answer came; code: the Code of its Error body, or "". *why is the
 * attempt's end if it comes to that. Returns whether to make the same request
 * again.
 */
bool failure_s3(long status, const char *code, enum failure *why);

/*
 * failure_mongo(error): Whether a read that ended so may be made again, from
 * behind the last document taken. error: of the library's error API 2.
 */
bool failure_mongo(const struct _bson_error_t *error);

#endif
