/*
 * GET /limits
 *   200 what POST /export takes at most, as export.conf has it
 */
#include <fcgiapp.h>
#include <json-c/json.h>

#include "fcgi/reply.h"
#include "fcgi/resource.h"
#include "fcgi/spec.h"
#include "lib/conf.h"

void
limits_get(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	const struct conf *conf = api->conf;
	const struct {
		const char *name;
		int64_t value;
	} limits[] = {
		{ "rangeMaxDays", conf->range_max_days },
		{ "vehiclesMax", conf->vehicles_max },
		{ "parametersMax", conf->parameters_max },
		{ "bodyMaxBytes", SPEC_BODY_MAX },
		{ "nameMaxBytes", SPEC_NAME_MAX },
		{ "linkTtlSeconds", conf->link_ttl_s },
		{ "retentionDays", conf->retention_days },
	};
	struct json_object *o = json_object_new_object();
	size_t i;

	(void)r;
	(void)id;
	for (i = 0; o != NULL && i < sizeof(limits) / sizeof(limits[0]); i++)
		json_object_object_add(o, limits[i].name,
		    json_object_new_int64(limits[i].value));
	reply_json(fcgx, 200, "", o);
}
