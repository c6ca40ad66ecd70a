#include "lib/servers/failure.h"

#include <string.h>

#include <mongoc/mongoc.h>

#include "t/tap.h"

static const struct {
	long status;
	const char *code;
	bool again;
	enum failure why;
} s3_rows[] = {
	{ 0, "", true, FAILURE_STORAGE },
	{ 500, "InternalError", true, FAILURE_STORAGE },
	{ 502, "", true, FAILURE_STORAGE },
	{ 503, "SlowDown", true, FAILURE_STORAGE },
	{ 504, "", true, FAILURE_STORAGE },
	{ 400, "RequestTimeout", true, FAILURE_STORAGE },
	/* a part that was damaged, or cut off, on its way */
	{ 400, "BadDigest", true, FAILURE_STORAGE },
	{ 400, "XAmzContentSHA256Mismatch", true, FAILURE_STORAGE },
	{ 400, "IncompleteBody", true, FAILURE_STORAGE },
	{ 403, "BadDigest", true, FAILURE_STORAGE },
	{ 408, "", true, FAILURE_STORAGE },
	{ 429, "", true, FAILURE_STORAGE },
	/* a 200 whose body is an Error */
	{ 200, "InternalError", true, FAILURE_STORAGE },
	{ 200, "", true, FAILURE_STORAGE },
	/* our clock is wrong, not our key */
	{ 403, "RequestTimeTooSkewed", true, FAILURE_STORAGE },
	/* a session that ended while the request was on its way */
	{ 400, "ExpiredToken", true, FAILURE_STORAGE },
	{ 403, "AccessDenied", false, FAILURE_STORAGE_REFUSED },
	{ 403, "InvalidAccessKeyId", false, FAILURE_STORAGE_REFUSED },
	{ 403, "SignatureDoesNotMatch", false, FAILURE_STORAGE_REFUSED },
	{ 403, "", false, FAILURE_STORAGE_REFUSED },
	{ 401, "", false, FAILURE_STORAGE_REFUSED },
	{ 404, "NoSuchBucket", false, FAILURE_STORAGE_REFUSED },
	/* the upload is gone: the next attempt has another */
	{ 404, "NoSuchUpload", false, FAILURE_STORAGE },
	{ 404, "", false, FAILURE_STORAGE },
	{ 400, "EntityTooSmall", false, FAILURE_STORAGE },
	{ 301, "PermanentRedirect", false, FAILURE_STORAGE_REFUSED },
	{ 307, "TemporaryRedirect", false, FAILURE_STORAGE_REFUSED },
	{ 400, "AuthorizationHeaderMalformed", false, FAILURE_STORAGE_REFUSED },
	{ 501, "NotImplemented", false, FAILURE_STORAGE_REFUSED },
	{ 999, "", false, FAILURE_STORAGE },
	{ 100000, "", false, FAILURE_STORAGE },
	{ -1, "", false, FAILURE_STORAGE },
	/* names that begin alike are others */
	{ 403, "SlowDownX", false, FAILURE_STORAGE_REFUSED },
};

static const struct {
	uint32_t domain, code;
	bool again;
} mongo_rows[] = {
	{ MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET, true },
	{ MONGOC_ERROR_SERVER_SELECTION,
	    MONGOC_ERROR_SERVER_SELECTION_FAILURE, true },
	{ MONGOC_ERROR_SERVER, 43, true },
	{ MONGOC_ERROR_SERVER, 50, true },
	{ MONGOC_ERROR_SERVER, 94, true },
	{ MONGOC_ERROR_SERVER, 134, true },
	{ MONGOC_ERROR_SERVER, 211, true },
	{ MONGOC_ERROR_SERVER, 237, true },
	{ MONGOC_ERROR_SERVER, 10107, true },
	{ MONGOC_ERROR_SERVER, 11600, true },
	{ MONGOC_ERROR_SERVER, 11602, true },
	{ MONGOC_ERROR_SERVER, 13435, true },
	{ MONGOC_ERROR_QUERY, 43, true },
	{ MONGOC_ERROR_CURSOR, 43, true },
	{ MONGOC_ERROR_SERVER, 13, false },
	{ MONGOC_ERROR_SERVER, 18, false },
	{ MONGOC_ERROR_SERVER, 11601, false },
	{ MONGOC_ERROR_SERVER, 2, false },
	{ MONGOC_ERROR_SERVER, 0, false },
	{ MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_AUTHENTICATE, true },
	{ MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_NOT_READY, false },
	{ MONGOC_ERROR_CURSOR, MONGOC_ERROR_CURSOR_INVALID_CURSOR, false },
	{ MONGOC_ERROR_BSON, 43, false },
};

int
main(void)
{
	bson_error_t error;
	enum failure f, why;
	size_t i;
	bool again;

	for (i = 0; i < sizeof(s3_rows) / sizeof(s3_rows[0]); i++) {
		again = failure_s3(s3_rows[i].status, s3_rows[i].code, &why);
		ok(again == s3_rows[i].again && why == s3_rows[i].why,
		    "S3 %ld %s: %s, %s", s3_rows[i].status, s3_rows[i].code,
		    s3_rows[i].again ? "again" : "given up",
		    failure_code(s3_rows[i].why));
	}
	for (i = 0; i < sizeof(mongo_rows) / sizeof(mongo_rows[0]); i++) {
		memset(&error, 0, sizeof(error));
		error.domain = mongo_rows[i].domain;
		error.code = mongo_rows[i].code;
		ok(failure_mongo(&error) == mongo_rows[i].again,
		    "MongoDB %u.%u: %s", error.domain, error.code,
		    mongo_rows[i].again ? "again" : "given up");
	}
	for (f = FAILURE_NONE; f <= FAILURE_INTERNAL; f++)
		ok(strlen(failure_code(f)) > 0 &&
		    strspn(failure_code(f), "abcdefghijklmnopqrstuvwxyz_") ==
		    strlen(failure_code(f)) && strlen(failure_text(f)) > 0,
		    "%s has a text", failure_code(f));
	return done_testing();
}
