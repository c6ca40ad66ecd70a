/*
 * GET /limits
 *   200 what POST /export accepts at most, by export.conf and the owner's entry
 *   503 no database, or a slow one, where owners are listed (Retry-After)
 */
#include <fcgiapp.h>
#include <json-c/json.h>

#include "lib/base/conf.h"
#include "lib/base/num.h"
#include "lib/jobs/jobs.h"
#include "fcgi/etag.h"
#include "fcgi/reply.h"
#include "fcgi/request.h"
#include "fcgi/resource.h"
#include "fcgi/spec.h"

/* The rate limit of nginx, which its configuration passes on; 0: it does not. */
static int64_t
rate_of(const struct request *r)
{
	int64_t rate = 0;

	return num_parse(r->rate, 0, INT32_MAX, &rate) == 0 ? rate : 0;
}

void
limits_get(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	const struct conf *conf = api->conf;
	const int64_t rate = rate_of(r);
	const struct {
		const char *name;
		int64_t value;
	} limits[] = {
		{ "rangeMaxDays", conf->range_max_days },
		{ "vehiclesMax", conf->vehicles_max },
		{ "parametersMax", conf->parameters_max },
		{ "documentsMax", conf->documents_max },
		{ "ownerJobsMax", r->may.limits.unfinished },
		{ "ownerJobsPerHour", r->may.limits.per_hour },
		{ "ownerBytesKept", r->may.limits.bytes_kept },
		{ "ownerRecordsMax", conf->owner_records_max },
		{ "queueMax", conf->queue_max },
		{ "requestsPerSecond", rate },
		{ "bodyMaxBytes", SPEC_BODY_MAX },
		{ "nameMaxBytes", SPEC_NAME_MAX },
		{ "linkTtlSeconds", conf->link_ttl_s },
		{ "retentionDays", conf->retention_days },
		{ "recordsDays", conf->records_days },
		{ "idempotencyKeySeconds", JOBS_KEY_S },
	};
	struct json_object *o = json_object_new_object();
	char etag[ETAG_SIZE];
	size_t i;

	(void)id;
	for (i = 0; o != NULL && i < sizeof(limits) / sizeof(limits[0]); i++)
		json_object_object_add(o, limits[i].name,
		    json_object_new_int64(limits[i].value));
	if (o != NULL)
		json_object_object_add(o, "deleteRemoves",
		    json_object_new_boolean(conf->s3_delete != 0));
	etag_of(o, 0, etag);
	reply_tagged(fcgx, r, "", etag, o);
}
