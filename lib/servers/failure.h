#ifndef LIB_SERVERS_FAILURE_H
#define LIB_SERVERS_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

struct _bson_error_t;

/*
 * Why an attempt at a job ended without a result; the tables are in failure.c.
 */
enum failure {
	FAILURE_NONE,
	FAILURE_UNKNOWN_VEHICLE,
	FAILURE_SLICE_TOO_LARGE,
	FAILURE_BAD_JOB,
	FAILURE_RESULTS_FULL,
	FAILURE_CUT,
	FAILURE_ATTEMPTS,
	FAILURE_STORAGE_REFUSED,
	FAILURE_STORAGE,
	FAILURE_DATABASE,
	FAILURE_INTERNAL
};

/* failure_code(f): A job's error.code, "unknown_vehicle". */
const char *failure_code(enum failure f);

/* failure_of(code): The reverse; FAILURE_INTERNAL for any other text. */
enum failure failure_of(const char *code);

/* failure_text(f): A sentence for the user: no host, no internals. */
const char *failure_text(enum failure f);

/* failure_permanent(f): Whether another attempt cannot help. */
bool failure_permanent(enum failure f);

/*
 * failure_s3(status, code, why):
 * Judge an answer of S3 that is not a success. status: of HTTP, 0 without a
 * whole answer; code: the Code of its Error body, or "". *why is the reason if
 * the attempt ends by it. Returns whether to make the same request again.
 */
bool failure_s3(long status, const char *code, enum failure *why);

/*
 * failure_mongo(error): Whether a read that ended with this may be made again,
 * after the last document that was taken. error: of the library's error API 2.
 */
bool failure_mongo(const struct _bson_error_t *error);

#endif
