/*
 * GET /vehicles?prefix=&limit=&after=
 *   200 a page of the catalogue    400 a parameter at fault
 * GET /vehicles/:v
 *   200 a vehicle and its parameters    404 none of this name
 * Both: 304 unchanged    503 no database (Retry-After)
 *
 * It shows what lib/jobs/catalogue.c has; nothing here asks the vehicles' databases.
 */
#include <stdlib.h>
#include <string.h>

#include <fcgiapp.h>
#include <json-c/json.h>

#include "lib/base/num.h"
#include "lib/jobs/catalogue.h"
#include "fcgi/etag.h"
#include "fcgi/query.h"
#include "fcgi/reply.h"
#include "fcgi/request.h"
#include "fcgi/resource.h"
#include "fcgi/spec.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

static void
answer_result(struct FCGX_Request *fcgx, const struct request *r,
    enum catalogue_result rc, struct json_object *o)
{
	char etag[ETAG_SIZE];

	switch (rc) {
	case CATALOGUE_OK:
		etag_of(o, 0, etag);
		reply_tagged(fcgx, r, "", etag, o);
		break;
	case CATALOGUE_NONE:
		reply_problem(fcgx, 404, "", NULL, "there is no such vehicle");
		break;
	case CATALOGUE_ERROR:
		reply_no_database(fcgx);
		break;
	}
}

/* The beginning of a name, "" without one; NULL: at fault, which was answered. */
static const char *
name_of(struct FCGX_Request *fcgx, const struct request *r, const char *name)
{
	const char *value = query_value(&r->args, name);

	if (value == NULL)
		return "";
	if (value[0] != '\0' && strlen(value) <= SPEC_VEHICLE_MAX)
		return value;
	reply_bad_parameter(fcgx, 400, name, "must be 1 to 63 bytes long");
	return NULL;
}

void
vehicles_list(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	const char *limit = query_value(&r->args, "limit");
	struct catalogue_page page = { .limit = LIMIT_DEFAULT };
	struct json_object *o = NULL;
	enum catalogue_result rc;

	(void)id;
	if (limit != NULL &&
	    num_parse(limit, 1, LIMIT_MAX, &page.limit) != 0) {
		reply_bad_parameter(fcgx, 400, "limit", "must be a number from "
		    "1 to 1000");
		return;
	}
	if ((page.prefix = name_of(fcgx, r, "prefix")) == NULL ||
	    (page.after = name_of(fcgx, r, "after")) == NULL)
		return;
	rc = catalogue_list(api->catalogue, &page, &o);
	answer_result(fcgx, r, rc, o);
}

void
vehicles_get(const struct api *api, struct FCGX_Request *fcgx,
    const struct request *r, const char *id)
{
	char name[sizeof(r->path_text)];
	enum catalogue_result rc = CATALOGUE_NONE;
	struct json_object *o = NULL;

	if (query_decode(id, strlen(id), false, name) == 0 &&
	    strlen(name) <= SPEC_VEHICLE_MAX)
		rc = catalogue_get(api->catalogue, name, &o);
	answer_result(fcgx, r, rc, o);
}
