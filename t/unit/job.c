/*
 * Jobs and units without a server: the hash of a request, the ETA, ids, and the very
 * documents that are stored. Their fields and the order of them are what a validator,
 * indexes and workers of other versions rely on.
 */
#include "lib/jobs/job.h"

#include <stdlib.h>

#include <bson/bson.h>

#include "lib/base/timestamp.h"
#include "lib/jobs/transition.h"
#include "lib/jobs/unit.h"

#include "t/tap.h"

#define DAY INT64_C(86400000)
#define START INT64_C(1543536000000)

static char v1[] = "v1", v2[] = "v2", v12[] = "v1\n2:v2", speed[] = "speed",
    soc[] = "soc";
static char berlin[] = "Europe/Berlin", utc[] = "UTC";
static char *one[] = { v1 }, *other[] = { v2 }, *both[] = { v1, v2 },
    *swapped[] = { v2, v1 }, *glued[] = { v12 };
static char *p_one[] = { speed }, *p_other[] = { soc }, *p_both[] = { speed, soc };

/* One member of the request changed at a time; the first has none. */
static const struct {
	const char *what;
	struct export_spec spec;
} requests[] = {
#define RANGE .start_ms = START, .end_ms = START + DAY
	{ "the request", { RANGE, { one, 1 }, { p_one, 1 }, .time = SPEC_TIME_MS,
	    .csv = SPEC_CSV_RFC4180, .compression = SPEC_FAST, .hash = "" } },
	{ "startDate", { START + 1, START + DAY, { one, 1 }, { p_one, 1 },
	    .time = SPEC_TIME_MS, .csv = SPEC_CSV_RFC4180, .compression = SPEC_FAST, .hash = "" } },
	{ "endDate", { START, START + DAY + 1, { one, 1 }, { p_one, 1 },
	    .time = SPEC_TIME_MS, .csv = SPEC_CSV_RFC4180, .compression = SPEC_FAST, .hash = "" } },
	{ "another vehicle", { RANGE, { other, 1 }, { p_one, 1 }, .time = SPEC_TIME_MS,
	    .csv = SPEC_CSV_RFC4180, .compression = SPEC_FAST, .hash = "" } },
	{ "one vehicle more", { RANGE, { both, 2 }, { p_one, 1 }, .time = SPEC_TIME_MS,
	    .csv = SPEC_CSV_RFC4180, .compression = SPEC_FAST, .hash = "" } },
	{ "vehicles in another order", { RANGE, { swapped, 2 }, { p_one, 1 },
	    .time = SPEC_TIME_MS, .csv = SPEC_CSV_RFC4180, .compression = SPEC_FAST, .hash = "" } },
	{ "a name that reads as two", { RANGE, { glued, 1 }, { p_one, 1 },
	    .time = SPEC_TIME_MS, .csv = SPEC_CSV_RFC4180, .compression = SPEC_FAST, .hash = "" } },
	{ "all vehicles", { RANGE, { NULL, 0 }, { p_one, 1 }, .time = SPEC_TIME_MS,
	    .csv = SPEC_CSV_RFC4180, .compression = SPEC_FAST, .hash = "" } },
	{ "another parameter", { RANGE, { one, 1 }, { p_other, 1 },
	    .time = SPEC_TIME_MS, .csv = SPEC_CSV_RFC4180, .compression = SPEC_FAST, .hash = "" } },
	{ "one parameter more", { RANGE, { one, 1 }, { p_both, 2 },
	    .time = SPEC_TIME_MS, .csv = SPEC_CSV_RFC4180, .compression = SPEC_FAST, .hash = "" } },
	{ "all parameters", { RANGE, { one, 1 }, { NULL, 0 }, .time = SPEC_TIME_MS,
	    .csv = SPEC_CSV_RFC4180, .compression = SPEC_FAST, .hash = "" } },
	{ "time", { RANGE, { one, 1 }, { p_one, 1 }, .time = SPEC_TIME_RFC3339,
	    .csv = SPEC_CSV_RFC4180, .compression = SPEC_FAST, .hash = "" } },
	{ "csv", { RANGE, { one, 1 }, { p_one, 1 }, .time = SPEC_TIME_MS,
	    .csv = SPEC_CSV_EXCEL, .compression = SPEC_FAST, .hash = "" } },
	{ "a zone", { RANGE, { one, 1 }, { p_one, 1 }, .time = SPEC_TIME_LOCAL,
	    .time_zone = berlin } },
	{ "another zone", { RANGE, { one, 1 }, { p_one, 1 },
	    .time = SPEC_TIME_LOCAL, .time_zone = utc } },
	{ "steps", { RANGE, { one, 1 }, { p_one, 1 }, .every_ms = 1000 } },
	{ "longer steps", { RANGE, { one, 1 }, { p_one, 1 }, .every_ms = 60000 } },
	{ "take", { RANGE, { one, 1 }, { p_one, 1 }, .every_ms = 1000,
	    .take = SPEC_TAKE_MEAN } },
	{ "hold", { RANGE, { one, 1 }, { p_one, 1 }, .every_ms = 1000, .hold_ms = 1000 } },
	{ "a longer hold", { RANGE, { one, 1 }, { p_one, 1 }, .every_ms = 1000,
	    .hold_ms = 60000 } },
	{ "a file a day", { RANGE, { one, 1 }, { p_one, 1 }, .split = SPEC_SPLIT_DAY,
	    .time_zone = utc } },
	{ "a file a month", { RANGE, { one, 1 }, { p_one, 1 }, .split = SPEC_SPLIT_MONTH,
	    .time_zone = utc } },
	{ "units in headers", { RANGE, { one, 1 }, { p_one, 1 },
	    .header = SPEC_HEADER_UNIT } },
	{ "Parquet", { RANGE, { one, 1 }, { p_one, 1 }, .format = SPEC_FORMAT_PARQUET } },
	{ "Parquet with a zone", { RANGE, { one, 1 }, { p_one, 1 },
	    .format = SPEC_FORMAT_PARQUET, .time_zone = berlin } },
	{ "semicolons", { RANGE, { one, 1 }, { p_one, 1 },
	    .csv = SPEC_CSV_EXCEL_SEMICOLON } },
	{ "compression", { RANGE, { one, 1 }, { p_one, 1 }, .time = SPEC_TIME_MS,
	    .csv = SPEC_CSV_RFC4180, .compression = SPEC_SMALL, .hash = "" } },
	{ "unknownVehicles", { RANGE, { one, 1 }, { p_one, 1 },
	    .unknown = SPEC_UNKNOWN_SKIP } },
};
#define NREQUESTS (sizeof(requests) / sizeof(requests[0]))

static void
test_hash(void)
{
	char hashes[NREQUESTS][DIGEST_HEX_SIZE];
	struct export_spec spec;
	size_t i, k, same;

	for (i = 0; i < NREQUESTS; i++) {
		spec = requests[i].spec;
		if (spec_hash(&spec) != 0)
			strcpy(spec.hash, "none");
		memcpy(hashes[i], spec.hash, sizeof(hashes[i]));
		for (same = k = 0; k < i; k++)
			same += strcmp(hashes[i], hashes[k]) == 0;
		ok(same == 0 && strlen(hashes[i]) == 64, "a hash of its own: %s",
		    requests[i].what);
	}
	/* Stored with jobs, and compared with those of later versions. */
	is_str(hashes[0],
	    "1bef22b2ec2550bda90d605c3c1625c08e284634d887fc5aa8f4ffb7c44fc595",
	    "the hash of a request stays what it is");
	spec = requests[0].spec;
	ok(spec_hash(&spec) == 0 && spec_hash(&spec) == 0 &&
	    strcmp(spec.hash, hashes[0]) == 0, "not of the hash itself");
}

/* Claimed at 1 s, progress written at 11 s. */
static const struct {
	uint64_t documents, total;
	int64_t eta_ms;
} etas[] = {
	{ 1, 2, 21000 },		/* half is done: as long again */
	{ 1, 4, 41000 },
	{ 3, 4, 14333 },
	{ 4, 4, 11000 },
	{ 10, 1000, 1001000 },
	{ 0, 4, JOB_NO_TIME },
	{ 0, 0, JOB_NO_TIME },
	{ 5, 4, JOB_NO_TIME },		/* the count was wrong */
	{ UINT64_C(1) << 63, 0, JOB_NO_TIME },
	{ 1, UINT64_C(1) << 62, JOB_NO_TIME },	/* beyond what can be written */
};

static void
test_eta(void)
{
	static char worker[] = "w";
	struct job j, none;
	size_t i;

	job_init(&j);
	j.task.state = JOB_STARTED;
	j.task.worker = worker;
	j.task.claimed_ms = 1000;
	j.task.progress_ms = 11000;
	for (i = 0; i < sizeof(etas) / sizeof(etas[0]); i++) {
		j.task.progress.documents = etas[i].documents;
		j.task.progress.documents_total = etas[i].total;
		is_int(job_eta_ms(&j), etas[i].eta_ms, "ETA at %llu of %llu",
		    (unsigned long long)etas[i].documents,
		    (unsigned long long)etas[i].total);
	}
	j.task.progress.documents = 1;
	j.task.progress.documents_total = 2;
	none = j;
	none.task.worker = NULL;
	is_int(job_eta_ms(&none), JOB_NO_TIME, "none: no worker holds it");
	none = j;
	none.task.state = JOB_NOT_STARTED;
	is_int(job_eta_ms(&none), JOB_NO_TIME, "none: it waits");
	none = j;
	none.task.progress_ms = 1000;
	is_int(job_eta_ms(&none), JOB_NO_TIME, "none: no time has passed");
	none = j;
	none.task.claimed_ms = JOB_NO_TIME;
	is_int(job_eta_ms(&none), JOB_NO_TIME, "none: not claimed");
	none = j;
	none.task.progress_ms = TIMESTAMP_MAX_MS - 1;
	is_int(job_eta_ms(&none), JOB_NO_TIME, "none: after 2100");
}

static void
test_ids(void)
{
	struct task a, b;

	task_init(&a, TASK_JOB);
	task_init(&b, TASK_JOB);
	ok(task_new_id(&a) == 0 && task_new_id(&b) == 0 &&
	    job_id_valid(a.id) && job_id_valid(b.id), "ids are valid");
	ok(strcmp(a.id, b.id) != 0, "and differ");
	ok(strncmp(a.id, b.id, 8) <= 0, "and sort by time");
	ok(!job_id_valid(""), "not an id: nothing");
	ok(!job_id_valid("5c00a1b2c3d4e5f60123456"), "one digit less");
	ok(!job_id_valid("5c00a1b2c3d4e5f6012345678"), "one digit more");
	ok(!job_id_valid("5c00a1b2c3d4e5f60123456g"), "another letter");
	ok(job_id_valid("5C00A1B2c3d4e5f601234567"), "capitals are digits");
}

static void
is_doc(const bson_t *doc, const char *expected, const char *what)
{
	char *text = bson_as_canonical_extended_json(doc, NULL);

	is_str(text, expected, "%s", what);
	bson_free(text);
}

#define ID "5c00a1b2c3d4e5f601234567"
#define DATE(ms) "{ \"$date\" : { \"$numberLong\" : \"" ms "\" } }"
#define LONG(n) "{ \"$numberLong\" : \"" n "\" }"
#define HEAD "{ \"_id\" : { \"$oid\" : \"" ID "\" }, \"owner\" : \"anna\", " \
	"\"state\" : \"NOT_STARTED\", \"startDate\" : " DATE("1543536000000") ", " \
	"\"endDate\" : " DATE("1543622400000") ", "
#define FORM "\"time\" : \"rfc3339\", \"csv\" : \"excel\", \"compression\" : \"small\", " \
	"\"unknownVehicles\" : \"fail\", "
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define TRACED "\"traceparent\" : \"" TRACE "\", "
#define TAIL "\"createdAt\" : " DATE("1543622400001") ", " \
	"\"dueAt\" : " DATE("1543622400002") ", " \
	"\"attempts\" : { \"$numberInt\" : \"0\" }, \"fence\" : " LONG("0") ", " \
	"\"cancelRequested\" : false, \"rank\" : " LONG("3") ", \"turn\" : " LONG("3") ", " TRACED \
	"\"progress\" : { \"phase\" : \"queued\", \"documents\" : " LONG("0") ", " \
	"\"documentsTotal\" : " LONG("0") ", \"rows\" : " LONG("0") ", " \
	"\"points\" : " LONG("0") ", \"bytesRead\" : " LONG("0") ", " \
	"\"bytesWritten\" : " LONG("0") " }"

static char trace[] = TRACE, owner[] = "anna", name[] = "a name", key[] = "k-1";
static const struct export_spec stored_spec = { RANGE, { both, 2 }, { NULL, 0 },
	.time = SPEC_TIME_RFC3339, .csv = SPEC_CSV_EXCEL, .compression = SPEC_SMALL, .hash = "ab" };

static void
fill_task(struct task *t)
{
	memcpy(t->id, ID, sizeof(t->id));
	t->owner = owner;
	t->created_ms = START + DAY + 1;
	t->due_ms = START + DAY + 2;
	t->turn = 3;
	t->traceparent = trace;
}

static void
test_new_documents(void)
{
	bson_t doc = BSON_INITIALIZER;
	struct unit u;
	struct job j;

	job_init(&j);
	fill_task(&j.task);
	j.spec = stored_spec;
	j.name = name;
	j.idempotency_key = key;
	job_new_bson(&j, &doc);
	is_doc(&doc, HEAD "\"vehicles\" : [ \"v1\", \"v2\" ], " FORM
	    "\"name\" : \"a name\", \"requestHash\" : \"ab\", "
	    "\"idempotencyKey\" : \"k-1\", " TAIL " }", "a new job");
	bson_reinit(&doc);
	j.name = j.idempotency_key = NULL;
	j.spec.vehicles.n = 0;
	j.spec.parameters = (struct names){ p_both, 2 };
	job_new_bson(&j, &doc);
	is_doc(&doc, HEAD "\"parameters\" : [ \"speed\", \"soc\" ], " FORM
	    "\"requestHash\" : \"ab\", " TAIL " }", "with all vehicles, no name");
	bson_reinit(&doc);
	unit_init(&u);
	fill_task(&u.task);
	u.spec = stored_spec;
	memcpy(u.parent, "5c00a1b2c3d4e5f601234568", sizeof(u.parent));
	u.plan = 1;
	u.place = 2;
	u.documents = 400;
	u.read_time = (struct read_time){ 1543622400, 7 };
	u.csv_split_bytes = 65536;
	unit_new_bson(&u, &doc);
	is_doc(&doc, HEAD "\"vehicles\" : [ \"v1\", \"v2\" ], " FORM
	    "\"requestHash\" : \"ab\", " TAIL ", "
	    "\"job\" : { \"$oid\" : \"5c00a1b2c3d4e5f601234568\" }, "
	    "\"plan\" : " LONG("1") ", \"unit\" : " LONG("2") ", "
	    "\"documents\" : " LONG("400") ", "
	    "\"fromMs\" : " LONG("0") ", \"toMs\" : " LONG("0") ", "
	    "\"readTime\" : { \"$timestamp\" : { \"t\" : 1543622400, \"i\" : 7 } }, "
	    "\"csvSplitBytes\" : " LONG("65536") " }", "a new unit");
	is_int(unit_from_bson(&doc, &u), 0, "it can be read");
	is_str(u.task.traceparent, TRACE, "with the trace of its job");
	ok(u.read_time.s == 1543622400 && u.read_time.i == 7 &&
	    u.task.read_time.s == 0, "with the time that its plan reads at");
	unit_release(&u);
	bson_destroy(&doc);
}

/* What transitions write later is read, too. */
static void
test_read(void)
{
	bson_t *doc = BCON_NEW("_id", BCON_OID(&(bson_oid_t){ { 1 } }),
	    "owner", "anna", "state", "FAILED", "attempts", BCON_INT32(2),
	    "fence", BCON_INT64(5), "cancelRequested", BCON_BOOL(true),
	    "startedAt", BCON_DATE_TIME(1), "finishedAt", BCON_DATE_TIME(2),
	    "expiresAt", BCON_DATE_TIME(3), "claimedAt", BCON_DATE_TIME(4),
	    "progressAt", BCON_DATE_TIME(5), "worker", "w", "later", "x",
	    "object", "{", "key", "k", "size", BCON_INT64(6), "sha256", "s",
	    "etag", "e", "}", "error", "{", "code", "c", "message", "m d",
	    "detail", "d", "}");
	struct unit u;
	struct job j;

	is_int(job_from_bson(doc, &j), 0, "a job that has failed");
	ok(j.task.kind == TASK_JOB && j.task.state == JOB_FAILED &&
	    j.task.attempts == 2 && j.task.fence == 5 &&
	    j.task.cancel_requested, "state and counts");
	ok(j.started_ms == 1 && j.finished_ms == 2 && j.expires_ms == 3 &&
	    j.task.claimed_ms == 4 && j.task.progress_ms == 5 &&
	    j.task.created_ms == JOB_NO_TIME, "times, and one that is not set");
	is_str(j.task.worker, "w", "the worker");
	is_str(j.task.object.key, "k", "the object");
	is_str(j.task.object.sha256, "s", "its digest");
	is_str(j.task.object.etag, "e", "its tag");
	is_int(j.task.object.size, 6, "its size");
	is_str(j.task.error.code, "c", "the error");
	is_str(j.task.error.message, "m d", "its message");
	is_str(j.task.error.detail, "d", "its detail");
	job_release(&j);
	is_int(unit_from_bson(doc, &u), -1, "not a unit: no job");
	is_int(u.task.fence, 5, "what could be read is there");
	ok(u.task.kind == TASK_UNIT, "of a unit");
	is_int(u.read_time.s, 0, "without a time to read at: none");
	unit_release(&u);
	bson_destroy(doc);
}

static void
test_error(void)
{
	struct transition_args args = { .error_code = "c",
	    .error_message = "$m", .error_detail = "$d" };
	bson_t *update = transition_update(T_FAIL, &args), set;
	const uint8_t *data;
	bson_iter_t it, in;
	uint32_t len;

	if (!bson_iter_init(&it, update) ||
	    !bson_iter_find_descendant(&it, "0.$set.error", &in))
		abort();
	bson_iter_document(&in, &len, &data);
	bson_init_static(&set, data, len);
	is_doc(&set, "{ \"$literal\" : { \"code\" : \"c\", \"message\" : \"$m\", "
	    "\"detail\" : \"$d\" } }", "an error with its detail");
	bson_destroy(update);
	args.error_detail = NULL;
	update = transition_update(T_FAIL, &args);
	ok(!bson_iter_init(&it, update) || !bson_iter_find_descendant(&it,
	    "0.$set.error.$literal.detail", &in), "and one without");
	bson_destroy(update);
}

/* A zone's offsets are stored with the job, and are what they were. */
static void
test_zone(void)
{
	static struct zone_change changes[] = { { 1540688400, 3600 } };
	bson_t doc = BSON_INITIALIZER, bad = BSON_INITIALIZER;
	struct job j, again;
	bson_iter_t it;

	job_init(&j);
	fill_task(&j.task);
	j.spec = stored_spec;
	j.spec.time = SPEC_TIME_LOCAL;
	j.spec.time_zone = berlin;
	j.spec.zone = (struct zone){ .first_s = 7200, .v = changes, .n = 1 };
	job_new_bson(&j, &doc);
	ok(bson_iter_init_find(&it, &doc, "zoneOffsets") &&
	    BSON_ITER_HOLDS_UTF8(&it), "offsets are stored");
	is_str(bson_iter_utf8(&it, NULL), "7200 1540688400 3600", "as text");
	is_int(job_from_bson(&doc, &again), 0, "read again");
	is_str(again.spec.time_zone, "Europe/Berlin", "the zone");
	ok(again.spec.zone.first_s == 7200 && again.spec.zone.n == 1 &&
	    again.spec.zone.v[0].at_s == 1540688400 &&
	    again.spec.zone.v[0].offset_s == 3600, "its offsets");
	job_release(&again);
	bson_copy_to_excluding_noinit(&doc, &bad, "zoneOffsets", NULL);
	BSON_APPEND_UTF8(&bad, "zoneOffsets", "7200 1");
	is_int(job_from_bson(&bad, &again), -1, "offsets that are none");
	job_release(&again);
	bson_destroy(&bad);
	bson_destroy(&doc);
}

/* Steps are stored with job and unit where there are any; what is no duration is refused. */
static void
test_steps(void)
{
	static const int64_t bad[] = { -1, 0, DAY + 1, INT64_MAX };
	bson_t doc = BSON_INITIALIZER, bad_doc = BSON_INITIALIZER;
	struct job j, again;
	struct unit u;
	size_t i;

	job_init(&j);
	fill_task(&j.task);
	j.spec = stored_spec;
	j.spec.every_ms = 1000;
	job_new_bson(&j, &doc);
	ok(bson_has_field(&doc, "everyMs") && !bson_has_field(&doc, "take") &&
	    !bson_has_field(&doc, "holdMs"), "steps, and no default");
	is_int(job_from_bson(&doc, &again), 0, "read again");
	ok(again.spec.every_ms == 1000 && again.spec.take == SPEC_TAKE_LAST &&
	    again.spec.hold_ms == 0, "with the defaults");
	job_release(&again);
	bson_reinit(&doc);
	unit_init(&u);
	fill_task(&u.task);
	u.spec = stored_spec;
	u.spec.every_ms = DAY;
	u.spec.take = SPEC_TAKE_MAX;
	u.spec.hold_ms = 3600000;
	memcpy(u.parent, "5c00a1b2c3d4e5f601234568", sizeof(u.parent));
	unit_new_bson(&u, &doc);
	is_int(unit_from_bson(&doc, &u), 0, "a unit with steps");
	ok(u.spec.every_ms == DAY && u.spec.take == SPEC_TAKE_MAX &&
	    u.spec.hold_ms == 3600000, "all three");
	unit_release(&u);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bson_reinit(&bad_doc);
		bson_copy_to_excluding_noinit(&doc, &bad_doc, "everyMs", NULL);
		BSON_APPEND_INT64(&bad_doc, "everyMs", bad[i]);
		is_int(job_from_bson(&bad_doc, &again), -1, "everyMs of %" PRId64, bad[i]);
		job_release(&again);
	}
	bson_reinit(&bad_doc);
	bson_copy_to_excluding_noinit(&doc, &bad_doc, "take", NULL);
	BSON_APPEND_UTF8(&bad_doc, "take", "median");
	is_int(job_from_bson(&bad_doc, &again), -1, "a take of a later version");
	job_release(&again);
	bson_destroy(&bad_doc);
	bson_destroy(&doc);
}

/* A member that came later is stored where it is not at its default. */
static void
test_choices(void)
{
	bson_t doc = BSON_INITIALIZER, bad = BSON_INITIALIZER;
	struct job j, again;
	struct unit u;

	job_init(&j);
	fill_task(&j.task);
	j.spec = stored_spec;
	job_new_bson(&j, &doc);
	ok(!bson_has_field(&doc, "split") && !bson_has_field(&doc, "header") &&
	    !bson_has_field(&doc, "format"), "no default of split, header and format");
	bson_reinit(&doc);
	j.spec.split = SPEC_SPLIT_MONTH;
	j.spec.header = SPEC_HEADER_UNIT;
	j.spec.format = SPEC_FORMAT_PARQUET;
	job_new_bson(&j, &doc);
	is_int(job_from_bson(&doc, &again), 0, "split, header and format");
	ok(again.spec.split == SPEC_SPLIT_MONTH && again.spec.header == SPEC_HEADER_UNIT &&
	    again.spec.format == SPEC_FORMAT_PARQUET, "all three");
	job_release(&again);
	bson_copy_to_excluding_noinit(&doc, &bad, "header", NULL);
	BSON_APPEND_UTF8(&bad, "header", "label");
	is_int(job_from_bson(&bad, &again), -1, "a header of a later version");
	job_release(&again);
	bson_reinit(&bad);
	bson_copy_to_excluding_noinit(&doc, &bad, "format", NULL);
	BSON_APPEND_UTF8(&bad, "format", "arrow");
	is_int(job_from_bson(&bad, &again), -1, "a format of a later version");
	job_release(&again);
	unit_init(&u);
	fill_task(&u.task);
	u.spec = j.spec;
	memcpy(u.parent, "5c00a1b2c3d4e5f601234568", sizeof(u.parent));
	bson_reinit(&doc);
	unit_new_bson(&u, &doc);
	is_int(unit_from_bson(&doc, &u), 0, "a unit of Parquet");
	is_int(u.spec.format, SPEC_FORMAT_PARQUET, "as its job");
	unit_release(&u);
	bson_destroy(&bad);
	bson_destroy(&doc);
}

int
main(void)
{
	test_hash();
	test_eta();
	test_ids();
	test_new_documents();
	test_zone();
	test_steps();
	test_choices();
	test_read();
	test_error();
	return done_testing();
}
