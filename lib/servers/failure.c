/*
 * What can fail, and what becomes of it. Each failure is handled at its own level
 * first: a request to S3 is made again (lib/servers/s3), a cursor reopened
 * (worker/reader), a message published again (lib/servers/queue); the job comes
 * last, with growing pauses, up to max_attempts.
 *
 * RabbitMQ is in no table, since nothing that it does fails a job: the message is
 * only a doorbell, and an idle worker looks for jobs anyway.
 *	no connection, channel or connection closed, no confirm within 2 s (an
 *	alarm, no quorum)	dropped, published again at the next host, once
 *	nack (queue full), message returned (not bound), connection.blocked
 *				logged; the job is stored, the answer is 202
 *	consumer cancelled (queue deleted or moved), consumer_timeout
 *				the worker's job goes on; afterwards it consumes again
 */
#include "lib/servers/failure.h"

#include <stddef.h>
#include <string.h>

#include <mongoc/mongoc.h>

/* The code and text of a job's error, and whether the job ends at once. */
static const struct {
	const char *code;
	bool permanent;
	const char *text;
} table[] = {
	[FAILURE_NONE] = { "none", false, "No error." },
	[FAILURE_UNKNOWN_VEHICLE] = { "unknown_vehicle", true,
	    "There is no vehicle of this name:" },
	[FAILURE_SLICE_TOO_LARGE] = { "slice_too_large", true,
	    "One hour of one vehicle holds more data than a worker may keep in "
	    "memory. Ask for fewer parameters." },
	[FAILURE_BAD_JOB] = { "bad_job", true,
	    "The stored job cannot be understood." },
	[FAILURE_RESULTS_FULL] = { "results_full", true,
	    "With this one your results would take up more room, or be more, than they "
	    "may. Delete some, or wait until they expire, then ask again." },
	/* Of a unit only: its job is cut elsewhere (worker/split.h). */
	[FAILURE_CUT] = { "cannot_cut", true,
	    "The data of a vehicle cannot be cut there." },
	[FAILURE_ATTEMPTS] = { "attempts_exhausted", true,
	    "The export failed in every attempt." },
	/* Not permanent: keys are replaced, buckets are created. */
	[FAILURE_STORAGE_REFUSED] = { "storage_refused", false,
	    "The storage refused the result. The operator has to look at it." },
	[FAILURE_STORAGE] = { "storage_unavailable", false,
	    "The result could not be stored." },
	[FAILURE_DATABASE] = { "database_unavailable", false,
	    "The telemetry database could not be read." },
	[FAILURE_INTERNAL] = { "internal", false,
	    "The worker had to give up this attempt." },
};

/*
 * S3: the first row that matches counts. After a lost answer to
 * CompleteMultipartUpload the object may exist; made again, the request may get
 * NoSuchUpload: lib/servers/s3 looks it up before it gives up.
 */
static const struct {
	long from, to;		/* status */
	const char *code;	/* NULL: any */
	bool again;
	enum failure why;
} s3_table[] = {
	{ 0, 0, NULL, true, FAILURE_STORAGE },	/* no answer, or half of one */
	{ 100, 599, "SlowDown", true, FAILURE_STORAGE },
	{ 100, 599, "RequestTimeout", true, FAILURE_STORAGE },
	{ 100, 599, "RequestTimeTooSkewed", true, FAILURE_STORAGE },
	/* Of the session: the next request is signed by a newer one. */
	{ 100, 599, "ExpiredToken", true, FAILURE_STORAGE },
	/* Damaged or cut off on its way. */
	{ 100, 599, "BadDigest", true, FAILURE_STORAGE },
	{ 100, 599, "XAmzContentSHA256Mismatch", true, FAILURE_STORAGE },
	{ 100, 599, "IncompleteBody", true, FAILURE_STORAGE },
	{ 100, 599, "NoSuchBucket", false, FAILURE_STORAGE_REFUSED },
	/* The bucket is in another region. */
	{ 100, 599, "AuthorizationHeaderMalformed", false,
	    FAILURE_STORAGE_REFUSED },
	{ 300, 399, NULL, false, FAILURE_STORAGE_REFUSED },
	/* A header that this server does not know. */
	{ 501, 501, NULL, false, FAILURE_STORAGE_REFUSED },
	{ 100, 599, "AccessDenied", false, FAILURE_STORAGE_REFUSED },
	{ 200, 299, NULL, true, FAILURE_STORAGE },	/* an Error in a 200 */
	{ 401, 401, NULL, false, FAILURE_STORAGE_REFUSED },
	{ 403, 403, NULL, false, FAILURE_STORAGE_REFUSED },	/* keys */
	{ 408, 408, NULL, true, FAILURE_STORAGE },
	{ 429, 429, NULL, true, FAILURE_STORAGE },
	{ 500, 599, NULL, true, FAILURE_STORAGE },
	{ 100, 999, NULL, false, FAILURE_STORAGE },
};

/*
 * MongoDB: the codes of the retryable reads specification, those that end a cursor, and
 * those of a server that has just started. All others, among them Unauthorized (13) and
 * Interrupted (11601: an operator's killOp), end the attempt. A write whose outcome is
 * unknown, also after WriteConcernTimeout (64), is read back where it was made
 * (worker/attempt).
 */
static const uint32_t mongo_table[] = {
	6,	/* HostUnreachable */
	7,	/* HostNotFound */
	43,	/* CursorNotFound */
	50,	/* MaxTimeMSExpired */
	89,	/* NetworkTimeout */
	91,	/* ShutdownInProgress */
	94,	/* NotYetInitialized */
	133,	/* FailedToSatisfyReadPreference */
	134,	/* ReadConcernMajorityNotAvailableYet */
	175,	/* QueryPlanKilled */
	189,	/* PrimarySteppedDown */
	202,	/* NetworkInterfaceExceededTimeLimit */
	211,	/* KeyNotFound: that of the cluster's time */
	237,	/* CursorKilled */
	262,	/* ExceededTimeLimit */
	9001,	/* SocketException */
	10107,	/* NotWritablePrimary */
	11600,	/* InterruptedAtShutdown */
	11602,	/* InterruptedDueToReplStateChange */
	13435,	/* NotPrimaryNoSecondaryOk */
	13436,	/* NotPrimaryOrSecondary */
};

const char *
failure_code(enum failure f)
{
	return table[f].code;
}

enum failure
failure_of(const char *code)
{
	int f = FAILURE_NONE;

	while (f < FAILURE_INTERNAL && strcmp(table[f].code, code) != 0)
		f++;
	return (enum failure)f;
}

const char *
failure_text(enum failure f)
{
	return table[f].text;
}

bool
failure_permanent(enum failure f)
{
	return table[f].permanent;
}

bool
failure_s3(long status, const char *code, enum failure *why)
{
	size_t i = 0;

	/* The last row matches any status. */
	while (i < sizeof(s3_table) / sizeof(s3_table[0]) - 1 &&
	    (status < s3_table[i].from || status > s3_table[i].to ||
	    (s3_table[i].code != NULL && strcmp(code, s3_table[i].code) != 0)))
		i++;
	*why = s3_table[i].why;
	return s3_table[i].again;
}

bool
failure_mongo(const bson_error_t *error)
{
	size_t i;

	if (error->domain == MONGOC_ERROR_STREAM ||
	    error->domain == MONGOC_ERROR_SERVER_SELECTION)
		return true;
	/*
	 * libmongoc says the same of a connection lost while it authenticates. The
	 * password was right when the job was claimed.
	 */
	if (error->domain == MONGOC_ERROR_CLIENT &&
	    error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE)
		return true;
	if (error->domain != MONGOC_ERROR_SERVER &&
	    error->domain != MONGOC_ERROR_QUERY &&
	    error->domain != MONGOC_ERROR_CURSOR)
		return false;
	for (i = 0; i < sizeof(mongo_table) / sizeof(mongo_table[0]); i++)
		if (error->code == mongo_table[i])
			return true;
	return false;
}
