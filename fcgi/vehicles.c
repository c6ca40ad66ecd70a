/*
 * GET /vehicles?prefix=&limit=&after=
 *   200 a page of the catalogue    400 a parameter at fault
 * GET /vehicles/:v
 *   200 a vehicle and its parameters    404 none of this name
 * Both: 304 unchanged    503 no database (Retry-After)
 *
 * It shows what lib/jobs/catalogue.c has, and of parameters what lib/jobs/parameters.c
 * has; nothing here asks the vehicles' databases.
 */
#include <stdlib.h>
#include <string.h>

#include <fcgiapp.h>
#include <json-c/json.h>

#include "lib/base/names.h"
#include "lib/base/num.h"
#include "lib/jobs/catalogue.h"
#include "lib/jobs/parameters.h"
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

/* The names of a vehicle's parameters; -1: no memory. */
static int
names_of(struct json_object *list, struct names *names)
{
	struct json_object *name;
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++)
		if (json_object_object_get_ex(json_object_array_get_idx(list, i),
		    "name", &name) && names_add(names, json_object_get_string(name),
		    (size_t)json_object_get_string_len(name)) != 0)
			return -1;
	return 0;
}

static void
add_known(struct json_object *o, const struct parameters *known)
{
	const struct parameter *p = NULL;
	struct json_object *name;

	if (json_object_object_get_ex(o, "name", &name))
		p = parameters_get(known, json_object_get_string(name));
	if (p == NULL)
		return;
	if (p->unit != NULL)
		json_object_object_add(o, "unit", json_object_new_string(p->unit));
	if (p->label != NULL)
		json_object_object_add(o, "label", json_object_new_string(p->label));
	if (p->decimals >= 0)
		json_object_object_add(o, "decimals", json_object_new_int(p->decimals));
}

/* What is known of the vehicle's parameters goes to each of them. */
static enum catalogue_result
add_all_known(const struct api *api, struct json_object *vehicle)
{
	struct parameters known = { 0 };
	enum jobs_result rc = JOBS_OK;
	struct names names = { 0 };
	struct json_object *list;
	size_t i;

	if (!json_object_object_get_ex(vehicle, "parameters", &list) ||
	    !json_object_is_type(list, json_type_array))
		return CATALOGUE_OK;
	if (names_of(list, &names) != 0)
		rc = JOBS_ERROR;
	/* No names would be all of them. */
	else if (names.n > 0)
		rc = parameters_find(api->client, &names, &known);
	for (i = 0; rc == JOBS_OK && i < json_object_array_length(list); i++)
		add_known(json_object_array_get_idx(list, i), &known);
	parameters_release(&known);
	names_release(&names);
	return rc == JOBS_OK ? CATALOGUE_OK : CATALOGUE_ERROR;
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
	if (rc == CATALOGUE_OK && (rc = add_all_known(api, o)) != CATALOGUE_OK)
		json_object_put(o);
	answer_result(fcgx, r, rc, o);
}
