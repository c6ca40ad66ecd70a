/*
 * The body of POST /export, member by member, into a job's spec. Pure: what is
 * allowed comes in as limits, what is wrong goes out as a fault, and no server is
 * asked whether a vehicle exists.
 */
#include "fcgi/spec.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/base/duration.h"
#include "lib/base/jsonstrict.h"
#include "lib/base/timestamp.h"
#include "lib/base/utf8.h"
#include "lib/base/zone.h"
#include "lib/jobs/job.h"

/* Steps: at least this long; a column's last cell is held this long at most. */
#define EVERY_LEAST_MS 100
#define HOLD_MOST_MS HOUR_MS

struct parse {
	const struct spec_limits *limits;
	struct job *job;
	struct spec_fault *fault;
};

static int
spec_refuse(struct parse *p, int status, const char *pointer, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int
spec_refuse(struct parse *p, int status, const char *pointer, const char *fmt, ...)
{
	va_list ap;

	p->fault->status = status;
	snprintf(p->fault->pointer, sizeof(p->fault->pointer), "%s", pointer);
	va_start(ap, fmt);
	vsnprintf(p->fault->detail, sizeof(p->fault->detail), fmt, ap);
	va_end(ap);
	return -1;
}

static int
take_date(struct parse *p, struct json_object *v, const char *pointer,
    int64_t *t_ms)
{
	if (!json_object_is_type(v, json_type_string))
		return spec_refuse(p, 400, pointer, "a date must be a string");
	if (timestamp_parse(json_object_get_string(v),
	    (size_t)json_object_get_string_len(v), t_ms) != 0)
		return spec_refuse(p, 400, pointer, "not a date: YYYY-MM-DD or "
		    "RFC 3339 (2018-11-30T12:00:00Z), from 1970 to 2100");
	return 0;
}

static int
take_start(struct parse *p, struct json_object *v, const char *pointer)
{
	return take_date(p, v, pointer, &p->job->spec.start_ms);
}

static int
take_end(struct parse *p, struct json_object *v, const char *pointer)
{
	return take_date(p, v, pointer, &p->job->spec.end_ms);
}

/* Characters that no database's name may have (MongoDB manual, "Naming"). */
static bool
is_vehicle_name(const char *name, size_t len)
{
	return len >= 1 && len <= SPEC_VEHICLE_MAX &&
	    strpbrk(name, "/\\. \"$") == NULL;
}

static bool
is_parameter_name(const char *name, size_t len)
{
	return len >= 1 && len <= SPEC_PARAMETER_MAX &&
	    strchr(name, '$') == NULL && name[0] != '.' &&
	    name[len - 1] != '.' && strncmp(name, "system.", 7) != 0;
}

static int
take_names(struct parse *p, struct json_object *v, const char *pointer,
    int64_t max, bool (*ok)(const char *, size_t), struct names *list)
{
	char at[64];
	size_t n, i, k;

	if (!json_object_is_type(v, json_type_array))
		return spec_refuse(p, 400, pointer, "must be an array of names");
	n = json_object_array_length(v);
	if (n == 0)
		return spec_refuse(p, 422, pointer, "an empty list selects nothing; "
		    "omit the member to select all");
	if ((int64_t)n > max)
		return spec_refuse(p, 422, pointer, "%zu names; at most %lld are "
		    "allowed", n, (long long)max);
	for (i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(v, i);
		const char *name;
		size_t len;

		snprintf(at, sizeof(at), "%s/%zu", pointer, i);
		if (!json_object_is_type(e, json_type_string))
			return spec_refuse(p, 400, at, "a name must be a string");
		name = json_object_get_string(e);
		len = (size_t)json_object_get_string_len(e);
		if (!ok(name, len))
			return spec_refuse(p, 422, at, "not a valid database or "
			    "collection name");
		for (k = 0; k < i; k++)
			if (strcmp(list->v[k], name) == 0)
				return spec_refuse(p, 422, at, "duplicate of "
				    "item %zu", k);
		if (names_add(list, name, len) != 0)
			return -2;
	}
	return 0;
}

static int
take_vehicles(struct parse *p, struct json_object *v, const char *pointer)
{
	return take_names(p, v, pointer, p->limits->vehicles_max,
	    is_vehicle_name, &p->job->spec.vehicles);
}

static int
take_parameters(struct parse *p, struct json_object *v, const char *pointer)
{
	return take_names(p, v, pointer, p->limits->parameters_max,
	    is_parameter_name, &p->job->spec.parameters);
}

/* The index of a string in a table that NULL ends; -1 with the fault filled. */
static int
take_word(struct parse *p, struct json_object *v, const char *pointer,
    const char *const *words)
{
	char list[128] = "";
	size_t len = 0;
	int i;

	for (i = 0; words[i] != NULL; i++) {
		if (json_object_is_type(v, json_type_string) &&
		    strcmp(json_object_get_string(v), words[i]) == 0)
			return i;
		len += (size_t)snprintf(list + len, sizeof(list) - len,
		    "%s\"%s\"", i > 0 ? " or " : "", words[i]);
	}
	return spec_refuse(p, 400, pointer, "must be %s", list);
}

static bool
needs_zone(const struct export_spec *spec)
{
	return spec->time == SPEC_TIME_LOCAL || spec->split != SPEC_SPLIT_NONE;
}

static int
take_time_zone(struct parse *p, struct json_object *v, const char *pointer)
{
	const char *name = json_object_get_string(v);
	struct export_spec *spec = &p->job->spec;

	if (!json_object_is_type(v, json_type_string))
		return spec_refuse(p, 400, pointer, "must be a string");
	/* A name ends at its first NUL, which no zone has. */
	if (strlen(name) != (size_t)json_object_get_string_len(v) || !zone_is_name(name))
		return spec_refuse(p, 422, pointer, SPEC_ZONE_UNKNOWN);
	/* What it depends on was taken before. */
	if (!needs_zone(spec) && spec->format != SPEC_FORMAT_PARQUET)
		return spec_refuse(p, 422, pointer, "has a meaning only with "
		    "\"time\": \"local\", with \"split\" or with \"format\": \"parquet\"");
	spec->time_zone = strdup(name);
	return spec->time_zone == NULL ? -2 : 0;
}

/* *ms is -1 for a string that is no duration. Returns 0, -1 with the fault filled. */
static int
take_duration(struct parse *p, struct json_object *v, const char *pointer, int64_t *ms)
{
	if (!json_object_is_type(v, json_type_string))
		return spec_refuse(p, 400, pointer, "must be a string");
	if (duration_parse(json_object_get_string(v),
	    (size_t)json_object_get_string_len(v), ms) != 0)
		*ms = -1;
	return 0;
}

static int
take_every(struct parse *p, struct json_object *v, const char *pointer)
{
	int64_t ms;

	if (take_duration(p, v, pointer, &ms) != 0)
		return -1;
	if (ms < EVERY_LEAST_MS || ms > DAY_MS || DAY_MS % ms != 0)
		return spec_refuse(p, 422, pointer, "must be from 100ms to 24h and divide "
		    "a day, in ms, s, m or h: such as \"10s\" or \"15m\"");
	p->job->spec.every_ms = ms;
	return 0;
}

/* every was taken before. */
static int
needs_every(struct parse *p, const char *pointer)
{
	return p->job->spec.every_ms > 0 ? 0 : spec_refuse(p, 422, pointer,
	    "has a meaning only with \"every\"");
}

static int
take_take(struct parse *p, struct json_object *v, const char *pointer)
{
	int i = take_word(p, v, pointer, spec_take_names);

	p->job->spec.take = i < 0 ? SPEC_TAKE_LAST : (enum spec_take)i;
	return i < 0 ? -1 : needs_every(p, pointer);
}

static int
take_hold(struct parse *p, struct json_object *v, const char *pointer)
{
	int64_t ms;

	if (take_duration(p, v, pointer, &ms) != 0)
		return -1;
	if (ms < 0 || ms > HOLD_MOST_MS)
		return spec_refuse(p, 422, pointer, "must be at most 1h, in ms, s, m or h: "
		    "such as \"30s\"; \"0s\" is none");
	p->job->spec.hold_ms = ms;
	return needs_every(p, pointer);
}

static int
take_name(struct parse *p, struct json_object *v, const char *pointer)
{
	const char *text = json_object_get_string(v);
	size_t len;

	if (!json_object_is_type(v, json_type_string))
		return spec_refuse(p, 400, pointer, "must be a string");
	len = strlen(text);
	if (utf8_has_control(text, len))
		return spec_refuse(p, 422, pointer, "contains a control "
		    "character");
	if (len == 0 || len > SPEC_NAME_MAX)
		return spec_refuse(p, 422, pointer, "must be 1 to %d bytes long",
		    SPEC_NAME_MAX);
	return (p->job->name = strdup(text)) == NULL ? -2 : 0;
}

/* What is read by take, or is a word, whose index is an enum of the spec. */
struct member {
	const char *name, *pointer;
	bool required;
	int (*take)(struct parse *, struct json_object *, const char *);
	const char *const *words;
	size_t offset;
};

#define WORD(name, member, words) \
	{ name, "/" name, false, NULL, words, offsetof(struct export_spec, member) }

static const struct member members[] = {
	{ "startDate", "/startDate", true, take_start, NULL, 0 },
	{ "endDate", "/endDate", true, take_end, NULL, 0 },
	{ "vehicles", "/vehicles", false, take_vehicles, NULL, 0 },
	{ "parameters", "/parameters", false, take_parameters, NULL, 0 },
	WORD("format", format, spec_format_names),
	WORD("time", time, spec_time_names),
	WORD("split", split, spec_split_names),
	{ "timeZone", "/timeZone", false, take_time_zone, NULL, 0 },
	{ "every", "/every", false, take_every, NULL, 0 },
	{ "take", "/take", false, take_take, NULL, 0 },
	{ "hold", "/hold", false, take_hold, NULL, 0 },
	WORD("csv", csv, spec_csv_names),
	WORD("header", header, spec_header_names),
	WORD("compression", compression, spec_compression_names),
	WORD("unknownVehicles", unknown, spec_unknown_names),
	{ "name", "/name", false, take_name, NULL, 0 },
};
#define NMEMBERS (sizeof(members) / sizeof(members[0]))

/* The name goes into the pointer, escaped (RFC 6901, 3), if it is short enough. */
static int
unknown_member(struct parse *p, const char *name)
{
	char at[sizeof(p->fault->pointer)] = "/";
	size_t n = 1;

	for (; *name != '\0' && n + 3 < sizeof(at); name++) {
		if (*name == '~' || *name == '/') {
			at[n++] = '~';
			at[n++] = *name == '~' ? '0' : '1';
		} else {
			at[n++] = *name;
		}
	}
	at[n] = '\0';
	return spec_refuse(p, 400, *name == '\0' ? at : "", "unknown member");
}

static int
check_known(struct parse *p, struct json_object *root)
{
	struct json_object_iterator it = json_object_iter_begin(root);
	const struct json_object_iterator end = json_object_iter_end(root);
	size_t i;

	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		const char *name = json_object_iter_peek_name(&it);

		for (i = 0; i < NMEMBERS &&
		    strcmp(members[i].name, name) != 0; i++)
			;
		if (i < NMEMBERS)
			continue;
		return unknown_member(p, name);
	}
	return 0;
}

static int
check_range(struct parse *p)
{
	const struct export_spec *spec = &p->job->spec;

	if (spec->end_ms <= spec->start_ms)
		return spec_refuse(p, 422, "/endDate", "must be after startDate; "
		    "endDate itself is not exported");
	if (spec->end_ms - spec->start_ms > p->limits->range_max_days * DAY_MS)
		return spec_refuse(p, 422, "/endDate", "must be at most %lld days "
		    "after startDate", (long long)p->limits->range_max_days);
	return 0;
}

/* What says how a CSV is written is refused where there is none. */
static int
check_format(struct parse *p)
{
	const struct export_spec *spec = &p->job->spec;

	if (spec->format == SPEC_FORMAT_CSV)
		return 0;
	if (spec->time != SPEC_TIME_MS)
		return spec_refuse(p, 422, "/time", "has a meaning only with \"format\": "
		    "\"csv\": times in Parquet are UTC timestamps by themselves");
	if (spec->csv != SPEC_CSV_RFC4180)
		return spec_refuse(p, 422, "/csv", "has a meaning only with \"format\": "
		    "\"csv\"");
	return 0;
}

/* What follows from what was left out. */
static int
take_defaults(struct parse *p)
{
	struct export_spec *spec = &p->job->spec;

	if (needs_zone(spec) && spec->time_zone == NULL &&
	    (spec->time_zone = strdup("UTC")) == NULL)
		return -2;
	return 0;
}

_Static_assert(sizeof(enum spec_time) == sizeof(int), "enums are ints");

static int
take_member(struct parse *p, struct json_object *v, const struct member *m)
{
	int i;

	if (m->take != NULL)
		return m->take(p, v, m->pointer);
	if ((i = take_word(p, v, m->pointer, m->words)) < 0)
		return -1;
	*(int *)((char *)&p->job->spec + m->offset) = i;
	return 0;
}

/* In the order of the table, so that a body with two faults always has the same one. */
static int
take_members(struct parse *p, struct json_object *root)
{
	struct json_object *v;
	size_t i;
	int rc;

	if ((rc = check_known(p, root)) != 0)
		return rc;
	for (i = 0; i < NMEMBERS; i++) {
		/* A null is as if the member were left out. */
		if (!json_object_object_get_ex(root, members[i].name, &v) ||
		    (v == NULL && !members[i].required)) {
			if (members[i].required)
				return spec_refuse(p, 400, members[i].pointer,
				    "is missing");
			continue;
		}
		if ((rc = take_member(p, v, &members[i])) != 0)
			return rc;
	}
	if ((rc = take_defaults(p)) != 0 || (rc = check_format(p)) != 0)
		return rc;
	return check_range(p);
}

/* NULL: not JSON, or no memory. The text was checked before: json-c takes too much. */
static struct json_object *
parse_text(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *root = NULL;
	char *joined = malloc(len + 1);

	if (tokener != NULL && joined != NULL) {
		len = jsonstrict_join(text, len, joined);
		root = json_tokener_parse_ex(tokener, joined, (int)len);
		if (root == NULL && json_tokener_get_error(tokener) ==
		    json_tokener_continue)
			root = json_tokener_parse_ex(tokener, "", -1);
	}
	free(joined);
	if (tokener != NULL)
		json_tokener_free(tokener);
	return root;
}

int
spec_parse(const char *text, size_t len, const struct spec_limits *limits,
    struct job *job, struct spec_fault *found)
{
	struct parse p = { limits, job, found };
	struct json_object *root;
	const char *wrong;
	size_t n;
	int rc;

	/* First that it is JSON at all, and strictly, then what it says. */
	memset(found, 0, sizeof(*found));
	/* RFC 8259, 8.1: a reader may pass over a BOM. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	if (len > SPEC_BODY_MAX)
		return spec_refuse(&p, 400, "", "the body has more than %d bytes", SPEC_BODY_MAX);
	if ((wrong = jsonstrict_check(text, len, &n)) != NULL)
		return spec_refuse(&p, 400, "", "not JSON: %s", wrong);
	root = parse_text(text, len);
	if (!json_object_is_type(root, json_type_object))
		rc = spec_refuse(&p, 400, "", "must be a JSON object");
	else if (n != (size_t)json_object_object_length(root))
		rc = spec_refuse(&p, 400, "", "duplicate member");
	else
		rc = take_members(&p, root);
	json_object_put(root);
	return rc;
}
