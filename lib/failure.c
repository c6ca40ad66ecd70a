#include "lib/failure.h"

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
	[FAILURE_STORAGE_REFUSED] = { "storage_refused", true,
	    "The storage refused the result. The operator has to look at it." },
	[FAILURE_ATTEMPTS] = { "attempts_exhausted", true,
	    "The export failed in every attempt." },
	[FAILURE_DATABASE] = { "database_unavailable", false,
	    "The telemetry database could not be read." },
	[FAILURE_STORAGE] = { "storage_unavailable", false,
	    "The result could not be stored." },
	[FAILURE_INTERNAL] = { "internal", false,
	    "The worker had to give up this attempt." },
};

const char *
failure_code(enum failure f)
{
	return table[f].code;
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
