#ifndef FCGI_SPEC_H
#define FCGI_SPEC_H

#include <stddef.h>
#include <stdint.h>

struct job;

/* The body of POST /export; 1,000 vehicles of the longest names fit. */
#define SPEC_BODY_MAX 131072
/* MongoDB's own limits of names, less what the other name needs. */
#define SPEC_VEHICLE_MAX 63
#define SPEC_PARAMETER_MAX 180
#define SPEC_NAME_MAX 100

/* Of a timeZone that there is not: a fault here, or where zones are read. */
#define SPEC_ZONE_UNKNOWN "unknown time zone: its name must be one of the IANA " \
	"database, such as Europe/Berlin"

/* What a request may ask for; settings of the same names. */
struct spec_limits {
	int64_t range_max_days;
	int64_t vehicles_max;
	int64_t parameters_max;
};

/* What is wrong with a request. */
struct spec_fault {
	int status;		/* 400: not understood, 422: understood, not possible */
	char pointer[64];	/* RFC 6901 pointer to the member; "" for the whole */
	char detail[256];
};

/*
 * spec_parse(text, len, limits, job, fault):
 * Read the body of POST /export into the request's part of job, which was
 * initialised and is released by the caller in any case. Of a time zone only the name
 * is read (lib/base/zonefile.h). Pure.
 * Returns 0; -1 with fault filled; -2 when memory ended.
 */
int spec_parse(const char *text, size_t len, const struct spec_limits *limits,
    struct job *job, struct spec_fault *fault);

#endif
