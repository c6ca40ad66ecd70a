#include "fcgi/spec.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "lib/jobs/job.h"
#include "fcgi/jobjson.h"

#include "t/tap.h"

#define RANGE "\"startDate\":\"2018-11-30\",\"endDate\":\"2018-12-01\""
#define DAY INT64_C(86400000)
#define START INT64_C(1543536000000)

static const struct spec_limits limits = { 3660, 3, 3 };

/* Bodies that are refused: status and pointer. */
static const struct {
	const char *body;
	int status;
	const char *pointer;
} refused[] = {
	/* no JSON, no object */
	{ "", 400, "" },
	{ " ", 400, "" },
	{ "startDate=2018-11-30", 400, "" },
	{ "{", 400, "" },
	{ "{" RANGE, 400, "" },
	{ "{" RANGE ",}", 400, "" },
	{ "{" RANGE "}}", 400, "" },
	{ "{" RANGE "} x", 400, "" },
	{ "{" RANGE "}{}", 400, "" },
	{ "{'startDate':'2018-11-30','endDate':'2018-12-01'}", 400, "" },
	{ "{" RANGE ",\"name\":\"\\ud800\"}", 400, "" },
	{ "{" RANGE ",\"name\":\"\\u0000\"}", 400, "" },
	{ "{" RANGE ",\"name\":\"\xff\"}", 400, "" },
	{ "{" RANGE ",\"name\":\"\n\"}", 400, "" },
	{ "{" RANGE ",\"name\":NaN}", 400, "" },
	{ "{/**/" RANGE "}", 400, "" },
	{ "\xef\xbb\xbf", 400, "" },
	{ "\xef\xbb\xbf\xef\xbb\xbf{" RANGE "}", 400, "" },
	{ " \xef\xbb\xbf{" RANGE "}", 400, "" },
	{ "\xef\xbb{" RANGE "}", 400, "" },
	{ "{\xef\xbb\xbf" RANGE "}", 400, "" },
	{ "[]", 400, "" },
	{ "[{" RANGE "}]", 400, "" },
	{ "\"2018-11-30\"", 400, "" },
	{ "null", 400, "" },
	{ "0", 400, "" },
	{ "true", 400, "" },
	/* dates */
	{ "{}", 400, "/startDate" },
	{ "{\"endDate\":\"2018-12-01\"}", 400, "/startDate" },
	{ "{\"startDate\":\"2018-11-30\"}", 400, "/endDate" },
	{ "{\"startDate\":1543536000000,\"endDate\":\"2018-12-01\"}", 400,
	    "/startDate" },
	{ "{\"startDate\":null,\"endDate\":\"2018-12-01\"}", 400,
	    "/startDate" },
	{ "{\"startDate\":[],\"endDate\":\"2018-12-01\"}", 400, "/startDate" },
	{ "{\"startDate\":\"\",\"endDate\":\"2018-12-01\"}", 400,
	    "/startDate" },
	{ "{\"startDate\":\"yesterday\",\"endDate\":\"2018-12-01\"}", 400,
	    "/startDate" },
	{ "{\"startDate\":\"2018-11-31\",\"endDate\":\"2018-12-01\"}", 400,
	    "/startDate" },
	{ "{\"startDate\":\"2018-11-30\\n\",\"endDate\":\"2018-12-01\"}", 400,
	    "/startDate" },
	{ "{\"startDate\":\"2018-11-30 \",\"endDate\":\"2018-12-01\"}", 400,
	    "/startDate" },
	{ "{\"startDate\":\"1969-12-31\",\"endDate\":\"2018-12-01\"}", 400,
	    "/startDate" },
	{ "{\"startDate\":\"2018-11-30\",\"endDate\":\"2100-01-02\"}", 400,
	    "/endDate" },
	{ "{\"startDate\":\"2018-11-30\",\"endDate\":false}", 400,
	    "/endDate" },
	{ "{\"startDate\":\"2018-11-30\",\"endDate\":\"2018-12-01T00:00\"}",
	    400, "/endDate" },
	{ "{\"startDate\":\"2018-11-30\",\"endDate\":\"2018-11-30\"}", 422,
	    "/endDate" },
	{ "{\"startDate\":\"2018-12-01\",\"endDate\":\"2018-11-30\"}", 422,
	    "/endDate" },
	{ "{\"startDate\":\"2018-11-30T00:00:00.001Z\",\"endDate\":"
	    "\"2018-11-30\"}", 422, "/endDate" },
	{ "{\"startDate\":\"2018-11-30T00:00:00+01:00\",\"endDate\":"
	    "\"2018-11-29T23:00:00Z\"}", 422, "/endDate" },
	{ "{\"startDate\":\"2000-01-01\",\"endDate\":\"2010-01-09\"}", 422,
	    "/endDate" },
	{ "{\"startDate\":\"2000-01-01\",\"endDate\":"
	    "\"2010-01-08T00:00:00.001Z\"}", 422, "/endDate" },
	{ "{\"startDate\":\"1970-01-01\",\"endDate\":\"2100-01-01\"}", 422,
	    "/endDate" },
	/* members */
	{ "{" RANGE ",\"colour\":1}", 400, "/colour" },
	{ "{" RANGE ",\"StartDate\":\"2018-11-30\"}", 400, "/StartDate" },
	{ "{" RANGE ",\"vehicle\":[\"a\"]}", 400, "/vehicle" },
	{ "{" RANGE ",\"_id\":null}", 400, "/_id" },
	{ "{" RANGE ",\"owner\":\"x\"}", 400, "/owner" },
	{ "{" RANGE ",\"state\":\"FINISHED\"}", 400, "/state" },
	{ "{" RANGE ",\"startDate\":\"2018-11-30\"}", 400, "" },
	{ "{" RANGE ",\"\\u0073tartDate\":\"2018-11-30\"}", 400, "" },
	{ "{" RANGE ",\"time\":\"ms\",\"time\":\"ms\"}", 400, "" },
	/* words */
	{ "{" RANGE ",\"time\":\"\"}", 400, "/time" },
	{ "{" RANGE ",\"time\":\"MS\"}", 400, "/time" },
	{ "{" RANGE ",\"time\":\"rfc3339 \"}", 400, "/time" },
	{ "{" RANGE ",\"time\":0}", 400, "/time" },
	{ "{" RANGE ",\"time\":[\"ms\"]}", 400, "/time" },
	{ "{" RANGE ",\"csv\":\"tsv\"}", 400, "/csv" },
	/* zones */
	{ "{" RANGE ",\"timeZone\":\"UTC\"}", 422, "/timeZone" },
	{ "{" RANGE ",\"timeZone\":\"UTC\",\"time\":\"ms\"}", 422, "/timeZone" },
	{ "{" RANGE ",\"timeZone\":1,\"time\":\"local\"}", 400, "/timeZone" },
	{ "{" RANGE ",\"timeZone\":[\"UTC\"],\"time\":\"local\"}", 400,
	    "/timeZone" },
	{ "{" RANGE ",\"timeZone\":\"\",\"time\":\"local\"}", 422, "/timeZone" },
	{ "{" RANGE ",\"timeZone\":\"../UTC\",\"time\":\"local\"}", 422,
	    "/timeZone" },
	{ "{" RANGE ",\"timeZone\":\"/etc/localtime\",\"time\":\"local\"}", 422,
	    "/timeZone" },
	{ "{" RANGE ",\"timeZone\":\"posix/UTC\",\"time\":\"local\"}", 422,
	    "/timeZone" },
	{ "{" RANGE ",\"timeZone\":\"UTC\",\"split\":\"none\"}", 422, "/timeZone" },
	/* formats */
	{ "{" RANGE ",\"format\":\"arrow\"}", 400, "/format" },
	{ "{" RANGE ",\"format\":\"Parquet\"}", 400, "/format" },
	{ "{" RANGE ",\"format\":1}", 400, "/format" },
	{ "{" RANGE ",\"format\":\"parquet\",\"time\":\"rfc3339\"}", 422, "/time" },
	{ "{" RANGE ",\"time\":\"local\",\"format\":\"parquet\"}", 422, "/time" },
	{ "{" RANGE ",\"format\":\"parquet\",\"csv\":\"excel\"}", 422, "/csv" },
	{ "{" RANGE ",\"csv\":\"excel-semicolon\",\"format\":\"parquet\","
	    "\"split\":\"day\"}", 422, "/csv" },
	{ "{" RANGE ",\"csv\":\"excel\",\"format\":\"parquet\",\"time\":\"local\"}", 422,
	    "/time" },
	{ "{" RANGE ",\"format\":\"parquet\",\"timeZone\":\"../UTC\"}", 422, "/timeZone" },
	{ "{" RANGE ",\"format\":\"csv\",\"timeZone\":\"UTC\"}", 422, "/timeZone" },
	{ "{" RANGE ",\"format\":null,\"timeZone\":\"UTC\"}", 422, "/timeZone" },
	{ "{" RANGE ",\"split\":\"week\"}", 400, "/split" },
	{ "{" RANGE ",\"split\":true}", 400, "/split" },
	{ "{" RANGE ",\"header\":\"label\"}", 400, "/header" },
	{ "{" RANGE ",\"header\":\"Unit\"}", 400, "/header" },
	{ "{" RANGE ",\"header\":1}", 400, "/header" },
	/* steps */
	{ "{" RANGE ",\"every\":10}", 400, "/every" },
	{ "{" RANGE ",\"every\":[\"10s\"]}", 400, "/every" },
	{ "{" RANGE ",\"every\":true}", 400, "/every" },
	{ "{" RANGE ",\"every\":\"\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"10\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"10S\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"1d\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"01s\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"-1s\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"1s\\u0000\"}", 400, "" },
	{ "{" RANGE ",\"every\":\"0s\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"99ms\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"96ms\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"101ms\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"7s\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"7m\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"5h\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"25h\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"48h\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"86400001ms\"}", 422, "/every" },
	{ "{" RANGE ",\"every\":\"99999999999999999999h\"}", 422, "/every" },
	{ "{" RANGE ",\"take\":\"mean\"}", 422, "/take" },
	{ "{" RANGE ",\"take\":\"last\",\"every\":null}", 422, "/take" },
	{ "{" RANGE ",\"take\":\"median\"}", 400, "/take" },
	{ "{" RANGE ",\"take\":\"Mean\",\"every\":\"1s\"}", 400, "/take" },
	{ "{" RANGE ",\"take\":1,\"every\":\"1s\"}", 400, "/take" },
	{ "{" RANGE ",\"hold\":\"5s\"}", 422, "/hold" },
	{ "{" RANGE ",\"hold\":\"0s\"}", 422, "/hold" },
	{ "{" RANGE ",\"hold\":5,\"every\":\"1s\"}", 400, "/hold" },
	{ "{" RANGE ",\"hold\":\"5\",\"every\":\"1s\"}", 422, "/hold" },
	{ "{" RANGE ",\"hold\":\"-1s\",\"every\":\"1s\"}", 422, "/hold" },
	{ "{" RANGE ",\"hold\":\"3601s\",\"every\":\"1s\"}", 422, "/hold" },
	{ "{" RANGE ",\"hold\":\"3600001ms\",\"every\":\"1s\"}", 422, "/hold" },
	{ "{" RANGE ",\"hold\":\"2h\",\"every\":\"24h\"}", 422, "/hold" },
	{ "{" RANGE ",\"csv\":true}", 400, "/csv" },
	{ "{" RANGE ",\"compression\":\"none\"}", 400, "/compression" },
	{ "{" RANGE ",\"compression\":1}", 400, "/compression" },
	{ "{" RANGE ",\"unknownVehicles\":\"ignore\"}", 400, "/unknownVehicles" },
	{ "{" RANGE ",\"unknownVehicles\":[]}", 400, "/unknownVehicles" },
	/* the name */
	{ "{" RANGE ",\"name\":5}", 400, "/name" },
	{ "{" RANGE ",\"name\":{}}", 400, "/name" },
	{ "{" RANGE ",\"name\":\"\"}", 422, "/name" },
	{ "{" RANGE ",\"name\":\"a\\nb\"}", 422, "/name" },
	{ "{" RANGE ",\"name\":\"\\u0001\"}", 422, "/name" },
	{ "{" RANGE ",\"name\":\"a\\u007f\"}", 422, "/name" },
	/* lists */
	{ "{" RANGE ",\"vehicles\":\"vehicle_1\"}", 400, "/vehicles" },
	{ "{" RANGE ",\"vehicles\":{}}", 400, "/vehicles" },
	{ "{" RANGE ",\"vehicles\":[]}", 422, "/vehicles" },
	{ "{" RANGE ",\"vehicles\":[1]}", 400, "/vehicles/0" },
	{ "{" RANGE ",\"vehicles\":[\"a\",null]}", 400, "/vehicles/1" },
	{ "{" RANGE ",\"vehicles\":[\"a\",\"b\",[\"c\"]]}", 400,
	    "/vehicles/2" },
	{ "{" RANGE ",\"vehicles\":[\"a\",\"b\",\"c\",\"d\"]}", 422,
	    "/vehicles" },
	{ "{" RANGE ",\"vehicles\":[\"a\",\"b\",\"a\"]}", 422,
	    "/vehicles/2" },
	{ "{" RANGE ",\"vehicles\":[\"a\",\"\\u0061\"]}", 422,
	    "/vehicles/1" },
	{ "{" RANGE ",\"vehicles\":[\"\"]}", 422, "/vehicles/0" },
	{ "{" RANGE ",\"vehicles\":[\"v\",\"a/b\"]}", 422, "/vehicles/1" },
	{ "{" RANGE ",\"vehicles\":[\"a\\\\b\"]}", 422, "/vehicles/0" },
	{ "{" RANGE ",\"vehicles\":[\"a.b\"]}", 422, "/vehicles/0" },
	{ "{" RANGE ",\"vehicles\":[\"a b\"]}", 422, "/vehicles/0" },
	{ "{" RANGE ",\"vehicles\":[\"a$b\"]}", 422, "/vehicles/0" },
	{ "{" RANGE ",\"vehicles\":[\"a\\\"b\"]}", 422, "/vehicles/0" },
	{ "{" RANGE ",\"parameters\":\"speed\"}", 400, "/parameters" },
	{ "{" RANGE ",\"parameters\":[]}", 422, "/parameters" },
	{ "{" RANGE ",\"parameters\":[\"a\",1.5]}", 400, "/parameters/1" },
	{ "{" RANGE ",\"parameters\":[\"a\",\"b\",\"c\",\"d\"]}", 422,
	    "/parameters" },
	{ "{" RANGE ",\"parameters\":[\"a\",\"b\",\"b\"]}", 422,
	    "/parameters/2" },
	{ "{" RANGE ",\"parameters\":[\"\"]}", 422, "/parameters/0" },
	{ "{" RANGE ",\"parameters\":[\"a$b\"]}", 422, "/parameters/0" },
	{ "{" RANGE ",\"parameters\":[\"speed\",\"system.profile\"]}", 422,
	    "/parameters/1" },
	{ "{" RANGE ",\"parameters\":[\".a\"]}", 422, "/parameters/0" },
};

/* A body without a NUL after it: ASan sees a byte read too much. */
static int
parse(const char *body, size_t len, struct job *job, struct spec_fault *fault)
{
	char *copy;
	int rc;

	if ((copy = malloc(len > 0 ? len : 1)) == NULL)
		abort();
	memcpy(copy, body, len);
	job_init(job);
	memset(fault, 'x', sizeof(*fault));
	fault->status = 0;
	rc = spec_parse(copy, len, &limits, job, fault);
	free(copy);
	return rc;
}

static void
test_refused(void)
{
	struct spec_fault fault;
	struct job job;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		rc = parse(refused[i].body, strlen(refused[i].body), &job,
		    &fault);
		job_release(&job);
		if (!ok(rc == -1 && fault.status == refused[i].status &&
		    memchr(fault.pointer, 0, sizeof(fault.pointer)) != NULL &&
		    strcmp(fault.pointer, refused[i].pointer) == 0 &&
		    memchr(fault.detail, 0, sizeof(fault.detail)) != NULL &&
		    fault.detail[0] != '\0', "%d '%s': %s", refused[i].status,
		    refused[i].pointer, refused[i].body))
			diag("%d: %d '%.63s' %.255s", rc, fault.status,
			    fault.pointer, fault.detail);
	}
	rc = parse("{" RANGE ",\"a/b~c\":1}", strlen("{" RANGE ",\"a/b~c\":1}"),
	    &job, &fault);
	job_release(&job);
	ok(rc == -1 && fault.status == 400 && (fault.pointer[0] == '\0' ||
	    strcmp(fault.pointer, "/a~1b~0c") == 0),
	    "a member with / and ~: no pointer, or an escaped one");
	rc = parse("{" RANGE "}\0", strlen("{" RANGE "}") + 1, &job, &fault);
	job_release(&job);
	ok(rc == -1 && fault.status == 400, "a NUL after it");
	rc = parse("{" RANGE "}", strlen("{" RANGE), &job, &fault);
	job_release(&job);
	ok(rc == -1 && fault.status == 400, "cut by len");
}

static void
test_taken(void)
{
	struct spec_fault fault;
	struct job j;
	const char *body = "{" RANGE "}";

	ok(parse(body, strlen(body), &j, &fault) == 0, "the least");
	is_int(j.spec.start_ms, START, "startDate");
	is_int(j.spec.end_ms, START + DAY, "endDate");
	ok(j.spec.vehicles.n == 0, "no vehicles");
	ok(j.spec.parameters.n == 0, "no parameters");
	is_int(j.spec.time, SPEC_TIME_MS, "time");
	is_int(j.spec.csv, SPEC_CSV_RFC4180, "csv");
	is_int(j.spec.compression, SPEC_FAST, "compression");
	is_int(j.spec.unknown, SPEC_UNKNOWN_FAIL, "unknownVehicles");
	is_str(j.name, NULL, "no name");
	is_str(j.task.owner, NULL, "no owner");
	job_release(&j);

	body = " {\"name\":\"M\\u00f6we \xf0\x9f\x9a\x97 \\\"1\\\"\",\n"
	    "\"compression\":\"small\",\"csv\":\"excel\",\"time\":\"rfc3339\","
	    "\"parameters\":[\"soc\",\"a.b c-\xc3\xa9\"],\"unknownVehicles\":\"skip\","
	    "\"vehicles\":[\"vehicle_2\",\"vehicle_1\",\"V\"],"
	    "\"endDate\":\"2018-12-01T01:00:00.500+01:00\","
	    "\"startDate\":\"2018-11-30T23:59:59.999Z\"} \n";
	ok(parse(body, strlen(body), &j, &fault) == 0, "every member");
	is_int(j.spec.start_ms, START + DAY - 1, "startDate");
	is_int(j.spec.end_ms, START + DAY + 500, "endDate");
	ok(j.spec.vehicles.n == 3, "three vehicles");
	if (j.spec.vehicles.n == 3) {
		is_str(j.spec.vehicles.v[0], "vehicle_2", "as requested, 0");
		is_str(j.spec.vehicles.v[1], "vehicle_1", "as requested, 1");
		is_str(j.spec.vehicles.v[2], "V", "as requested, 2");
	}
	ok(j.spec.parameters.n == 2, "two parameters");
	if (j.spec.parameters.n == 2) {
		is_str(j.spec.parameters.v[0], "soc", "parameter 0");
		is_str(j.spec.parameters.v[1], "a.b c-\xc3\xa9", "parameter 1");
	}
	is_int(j.spec.time, SPEC_TIME_RFC3339, "time");
	is_int(j.spec.csv, SPEC_CSV_EXCEL, "csv");
	is_int(j.spec.compression, SPEC_SMALL, "compression");
	is_int(j.spec.unknown, SPEC_UNKNOWN_SKIP, "unknownVehicles");
	is_str(j.name, "M\xc3\xb6we \xf0\x9f\x9a\x97 \"1\"", "name");
	job_release(&j);

	body = "{" RANGE ",\"vehicles\":null,\"parameters\":null,\"format\":null,\"time\":null,"
	    "\"split\":null,\"timeZone\":null,\"every\":null,\"take\":null,\"hold\":null,"
	    "\"csv\":null,\"header\":null,\"compression\":null,"
	    "\"unknownVehicles\":null,\"name\":null}";
	ok(parse(body, strlen(body), &j, &fault) == 0 && j.spec.vehicles.n == 0 &&
	    j.spec.parameters.n == 0 && j.spec.time == SPEC_TIME_MS &&
	    j.spec.format == SPEC_FORMAT_CSV &&
	    j.spec.csv == SPEC_CSV_RFC4180 && j.spec.compression == SPEC_FAST &&
	    j.name == NULL, "a null is as if left out");
	is_str(j.spec.time_zone, NULL, "no zone");
	is_int(j.spec.every_ms, 0, "no steps");
	job_release(&j);
	body = "{" RANGE ",\"timeZone\":\"Asia/Kathmandu\",\"time\":\"local\","
	    "\"csv\":\"excel-semicolon\"}";
	ok(parse(body, strlen(body), &j, &fault) == 0 && j.spec.time ==
	    SPEC_TIME_LOCAL && j.spec.csv == SPEC_CSV_EXCEL_SEMICOLON, "local times");
	is_str(j.spec.time_zone, "Asia/Kathmandu", "their zone");
	job_release(&j);
	body = "{" RANGE ",\"timeZone\":null,\"time\":\"local\"}";
	ok(parse(body, strlen(body), &j, &fault) == 0, "local times, no zone");
	is_str(j.spec.time_zone, "UTC", "is UTC");
	job_release(&j);
	body = "{" RANGE ",\"split\":\"month\",\"timeZone\":\"Asia/Kathmandu\"}";
	ok(parse(body, strlen(body), &j, &fault) == 0 && j.spec.split ==
	    SPEC_SPLIT_MONTH && j.spec.time == SPEC_TIME_MS, "a file each month");
	is_str(j.spec.time_zone, "Asia/Kathmandu", "of that zone");
	job_release(&j);
	body = "{" RANGE ",\"split\":\"day\"}";
	ok(parse(body, strlen(body), &j, &fault) == 0 && j.spec.split ==
	    SPEC_SPLIT_DAY, "a file each day");
	is_str(j.spec.time_zone, "UTC", "of UTC");
	job_release(&j);
	body = "\xef\xbb\xbf{" RANGE "}";
	ok(parse(body, strlen(body), &j, &fault) == 0, "after a BOM");
	job_release(&j);
	body = "{\"startDate\":\"2018-11-30T00:00:00.000999+00:00\",\"endDate\":"
	    "\"2018-12-01T00:00:00.123456789Z\"}";
	ok(parse(body, strlen(body), &j, &fault) == 0, "fractions of any length");
	is_int(j.spec.start_ms, START, "startDate, cut to the ms");
	is_int(j.spec.end_ms, START + DAY + 123, "endDate, cut to the ms");
	job_release(&j);
	body = "{" RANGE ",\"time\":\"ms\",\"csv\":\"rfc4180\","
	    "\"compression\":\"fast\"}";
	ok(parse(body, strlen(body), &j, &fault) == 0 && j.spec.time == SPEC_TIME_MS
	    && j.spec.csv == SPEC_CSV_RFC4180 && j.spec.compression == SPEC_FAST,
	    "the defaults, given");
	job_release(&j);
	body = "{\"startDate\":\"2000-01-01\",\"endDate\":\"2010-01-08\"}";
	ok(parse(body, strlen(body), &j, &fault) == 0, "3,660 days");
	job_release(&j);
	body = "{\"startDate\":\"2018-11-30T00:00:00.000Z\",\"endDate\":"
	    "\"2018-11-30T00:00:00.001Z\"}";
	ok(parse(body, strlen(body), &j, &fault) == 0, "a ms");
	job_release(&j);
	body = "{\"startDate\":\"2099-12-31\",\"endDate\":\"2100-01-01\"}";
	ok(parse(body, strlen(body), &j, &fault) == 0, "the last day");
	job_release(&j);
}

/* Steps, and how they are shown. */
static const struct {
	const char *members;
	int64_t every_ms;
	enum spec_take take;
	int64_t hold_ms;
	const char *shown;
} steps[] = {
	{ "\"every\":\"100ms\"", 100, SPEC_TAKE_LAST, 0, "100ms last 0s" },
	{ "\"every\":\"24h\"", DAY, SPEC_TAKE_LAST, 0, "24h last 0s" },
	{ "\"every\":\"1440m\"", DAY, SPEC_TAKE_LAST, 0, "24h last 0s" },
	{ "\"every\":\"86400000ms\"", DAY, SPEC_TAKE_LAST, 0, "24h last 0s" },
	{ "\"every\":\"60s\",\"take\":\"mean\"", 60000, SPEC_TAKE_MEAN, 0, "1m mean 0s" },
	{ "\"every\":\"90s\",\"take\":\"last\"", 90000, SPEC_TAKE_LAST, 0, "90s last 0s" },
	{ "\"hold\":\"60m\",\"take\":\"first\",\"every\":\"1000ms\"", 1000,
	    SPEC_TAKE_FIRST, 3600000, "1s first 1h" },
	{ "\"every\":\"1h\",\"take\":\"min\",\"hold\":\"1ms\"", 3600000,
	    SPEC_TAKE_MIN, 1, "1h min 1ms" },
	{ "\"every\":\"675ms\",\"take\":\"max\",\"hold\":\"0ms\"", 675,
	    SPEC_TAKE_MAX, 0, "675ms max 0s" },
	{ "\"every\":\"15m\",\"take\":null,\"hold\":\"7s\"", 900000,
	    SPEC_TAKE_LAST, 7000, "15m last 7s" },
};

static const char *
shown_text(struct json_object *o, const char *name)
{
	struct json_object *v = json_object_object_get(o, name);

	return v != NULL ? json_object_get_string(v) : "none";
}

#define PARQUET ",\"format\":\"parquet\""

/* What came later is shown where it is not at its default. */
static void
test_choices(void)
{
	static const struct {
		const char *members, *shown;
		enum spec_header header;
		enum spec_format format;
	} rows[] = {
		{ "", "none none none none", SPEC_HEADER_NAME, SPEC_FORMAT_CSV },
		{ ",\"header\":\"name\",\"split\":\"none\",\"format\":\"csv\"",
		    "none none none none", SPEC_HEADER_NAME, SPEC_FORMAT_CSV },
		{ ",\"header\":\"unit\"", "none unit none none", SPEC_HEADER_UNIT,
		    SPEC_FORMAT_CSV },
		{ ",\"split\":\"day\",\"timeZone\":\"UTC\"", "none none day UTC",
		    SPEC_HEADER_NAME, SPEC_FORMAT_CSV },
		{ ",\"split\":\"month\"", "none none month UTC", SPEC_HEADER_NAME,
		    SPEC_FORMAT_CSV },
		{ PARQUET, "parquet none none none", SPEC_HEADER_NAME, SPEC_FORMAT_PARQUET },
		{ PARQUET ",\"time\":\"ms\",\"csv\":\"rfc4180\",\"compression\":\"small\"",
		    "parquet none none none", SPEC_HEADER_NAME, SPEC_FORMAT_PARQUET },
		{ PARQUET ",\"timeZone\":\"Asia/Kathmandu\"",
		    "parquet none none Asia/Kathmandu", SPEC_HEADER_NAME, SPEC_FORMAT_PARQUET },
		{ ",\"timeZone\":\"Asia/Kathmandu\"" PARQUET ",\"header\":\"unit\","
		    "\"split\":\"none\"", "parquet unit none Asia/Kathmandu",
		    SPEC_HEADER_UNIT, SPEC_FORMAT_PARQUET },
		{ PARQUET ",\"split\":\"day\",\"every\":\"1s\",\"hold\":\"5s\"",
		    "parquet none day UTC", SPEC_HEADER_NAME, SPEC_FORMAT_PARQUET },
	};
	struct json_object *o;
	struct spec_fault fault;
	char body[256], shown[96];
	struct job j;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(body, sizeof(body), "{" RANGE "%s}", rows[i].members);
		ok(parse(body, strlen(body), &j, &fault) == 0 &&
		    j.spec.header == rows[i].header && j.spec.format == rows[i].format,
		    "taken: %s", rows[i].members);
		o = jobjson_new(&j);
		snprintf(shown, sizeof(shown), "%s %s %s %s", shown_text(o, "format"),
		    shown_text(o, "header"), shown_text(o, "split"),
		    shown_text(o, "timeZone"));
		is_str(shown, rows[i].shown, "shown");
		json_object_put(o);
		job_release(&j);
	}
}

static void
test_steps(void)
{
	struct json_object *o;
	struct spec_fault fault;
	char body[256], shown[64];
	struct job j;
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		snprintf(body, sizeof(body), "{" RANGE ",%s}", steps[i].members);
		ok(parse(body, strlen(body), &j, &fault) == 0 &&
		    j.spec.every_ms == steps[i].every_ms && j.spec.take == steps[i].take &&
		    j.spec.hold_ms == steps[i].hold_ms, "steps: %s", steps[i].members);
		o = jobjson_new(&j);
		snprintf(shown, sizeof(shown), "%s %s %s", shown_text(o, "every"),
		    shown_text(o, "take"), shown_text(o, "hold"));
		is_str(shown, steps[i].shown, "shown");
		json_object_put(o);
		job_release(&j);
	}
	parse("{" RANGE "}", strlen("{" RANGE "}"), &j, &fault);
	o = jobjson_new(&j);
	ok(!json_object_object_get_ex(o, "every", NULL) &&
	    !json_object_object_get_ex(o, "take", NULL) &&
	    !json_object_object_get_ex(o, "hold", NULL), "none are shown where there are none");
	json_object_put(o);
	job_release(&j);
}

/* long_row(member, n, list, status): A text of n bytes as the member's value. */
static void
long_row(const char *member, size_t n, int list, int status)
{
	static char body[4 * SPEC_BODY_MAX], text[2 * SPEC_BODY_MAX];
	struct spec_fault fault;
	char pointer[64];
	struct job job;
	int rc;

	memset(text, 'v', n);
	text[n] = '\0';
	snprintf(body, sizeof(body), "{" RANGE ",\"%s\":%s\"%s\"%s}", member,
	    list ? "[" : "", text, list ? "]" : "");
	snprintf(pointer, sizeof(pointer), "/%s%s", member, list ? "/0" : "");
	rc = parse(body, strlen(body), &job, &fault);
	job_release(&job);
	ok(status == 0 ? rc == 0 : rc == -1 && fault.status == status &&
	    strcmp(fault.pointer, pointer) == 0, "%s of %zu bytes: %s", member,
	    n, status == 0 ? "taken" : "refused");
}

static void
test_lengths(void)
{
	static char body[4 * SPEC_BODY_MAX];
	struct spec_fault fault;
	struct job job;
	size_t n, i, len;
	int good = 1, rc;

	long_row("vehicles", SPEC_VEHICLE_MAX, 1, 0);
	long_row("vehicles", SPEC_VEHICLE_MAX + 1, 1, 422);
	long_row("vehicles", 10000, 1, 422);
	long_row("parameters", SPEC_PARAMETER_MAX, 1, 0);
	long_row("parameters", SPEC_PARAMETER_MAX + 1, 1, 422);
	long_row("name", SPEC_NAME_MAX, 0, 0);
	long_row("name", SPEC_NAME_MAX + 1, 0, 422);
	long_row("name", 10000, 0, 422);
	long_row("time", 10000, 0, 400);
	/* Names of unknown members of every length fit the fault. */
	for (n = 0; n < 300; n++) {
		len = (size_t)snprintf(body, sizeof(body), "{" RANGE ",\"");
		for (i = 0; i < n; i++)
			body[len++] = n % 3 == 0 ? '/' : 'm';
		len += (size_t)snprintf(body + len, 16, "\":1}");
		rc = parse(body, len, &job, &fault);
		job_release(&job);
		good &= rc == -1 && fault.status == 400 &&
		    memchr(fault.pointer, 0, 64) != NULL &&
		    memchr(fault.detail, 0, 256) != NULL;
	}
	ok(good, "unknown members of 0 to 299 bytes");
	/* A list of 301 items is refused, without an overrun. */
	len = (size_t)snprintf(body, sizeof(body), "{" RANGE ",\"vehicles\":[");
	for (i = 0; i < 300; i++)
		len += (size_t)snprintf(body + len, 16, "\"v%zu\",", i);
	snprintf(body + len, 16, "1]}");
	rc = parse(body, strlen(body), &job, &fault);
	job_release(&job);
	ok(rc == -1 && (fault.status == 422 || fault.status == 400) &&
	    strncmp(fault.pointer, "/vehicles", 9) == 0, "too many vehicles");
	len = (size_t)snprintf(body, sizeof(body), "{" RANGE "}");
	memset(body + len, ' ', SPEC_BODY_MAX - len);
	ok(parse(body, SPEC_BODY_MAX, &job, &fault) == 0,
	    "a body of SPEC_BODY_MAX");
	job_release(&job);
}

int
main(void)
{
	test_refused();
	test_taken();
	test_steps();
	test_choices();
	test_lengths();
	return done_testing();
}
